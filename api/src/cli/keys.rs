//! `pledger keys`: key files, PKCS#8 PEM as openssl writes them.

use std::io::Write;
use std::path::PathBuf;

use clap::Subcommand;
use ledger::json::Json;
use ledger::key::SecretKey;
use ledger::note::{KeyName, LogSigner};

use super::fail;
use crate::home::{read_key, write_key};

/// Verbs on key files.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Make a key and write it to a file that only you can read.
    New {
        /// The file to write; it must not exist.
        #[arg(long)]
        out: PathBuf,
        /// What the key is for: `party`, or `log` with `--name ORIGIN`.
        #[arg(long, default_value = "party")]
        purpose: Purpose,
        /// The name of a log key: the ledger's origin.
        #[arg(long)]
        name: Option<String>,
    },
    /// Show the public half of a key file.
    Show {
        /// The key file.
        file: PathBuf,
        /// Show it as the log key of that name: the vkey.
        #[arg(long)]
        name: Option<String>,
    },
}

/// What a key is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub enum Purpose {
    /// Commands, sessions, approvals and prices of a party.
    Party,
    /// Checkpoints of one ledger.
    Log,
}

/// Does what was asked; gives the exit code.
pub fn execute(command: &KeysCommand, stdout: &mut dyn Write) -> u8 {
    match command {
        KeysCommand::New { purpose: Purpose::Log, name: None, .. } => {
            fail(2, "a log key has a name: give --name ORIGIN")
        }
        KeysCommand::New { out, name, .. } => {
            let key = match SecretKey::generate() {
                Ok(key) => key,
                Err(error) => return fail(2, &format!("the system gave no randomness: {error}")),
            };
            match write_key(out, &key) {
                Ok(()) => show(&key, name.as_deref(), stdout),
                Err(error) => fail(2, &format!("{error}: choose another --out")),
            }
        }
        KeysCommand::Show { file, name } => match read_key(file) {
            Ok(key) => show(&key, name.as_deref(), stdout),
            Err(error) => fail(2, &error.to_string()),
        },
    }
}

fn show(key: &SecretKey, name: Option<&str>, stdout: &mut dyn Write) -> u8 {
    let public = key.public();
    let mut members =
        vec![("keyid", Json::text(public.id().to_string())), ("public_key", Json::text(public.to_base64()))];
    if let Some(name) = name {
        match KeyName::new(name) {
            Ok(name) => {
                let vkey = LogSigner::new(name, &key.seed()).verifier().to_string();
                members.push(("vkey", Json::text(vkey)));
            }
            Err(error) => return fail(2, &error.to_string()),
        }
    }
    super::print(stdout, &Json::object(members))
}
