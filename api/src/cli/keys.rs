//! `pledger keys`: key files, PKCS#8 PEM as openssl writes them.

use std::io::Write;
use std::path::PathBuf;

use clap::Subcommand;
use ledger::cosignature::Cosigner;
use ledger::digest::Digest;
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
        /// What the key is for: `party`, or `log` or `witness` with `--name`.
        #[arg(long, default_value = "party")]
        purpose: Purpose,
        /// The name of a log key, which is the ledger's origin, or of a witness key.
        #[arg(long)]
        name: Option<String>,
    },
    /// Show the public half of a key file.
    Show {
        /// The key file.
        file: PathBuf,
        /// Show it as the key of that name: the vkey.
        #[arg(long)]
        name: Option<String>,
        /// What the key of that name is for.
        #[arg(long, default_value = "log", requires = "name")]
        purpose: Purpose,
    },
}

/// What a key is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub enum Purpose {
    /// Commands, sessions, approvals and prices of a party.
    Party,
    /// Checkpoints of one ledger.
    Log,
    /// Cosignatures of a witness.
    Witness,
}

/// Does what was asked; gives the exit code.
pub fn execute(command: &KeysCommand, stdout: &mut dyn Write) -> u8 {
    match command {
        KeysCommand::New { purpose: Purpose::Log, name: None, .. } => {
            fail(2, "a log key has a name: give --name ORIGIN")
        }
        KeysCommand::New { purpose: Purpose::Witness, name: None, .. } => {
            fail(2, "a witness key has a name: give --name, a schema-less URL")
        }
        KeysCommand::New { out, name, purpose } => {
            let key = match SecretKey::generate() {
                Ok(key) => key,
                Err(error) => return fail(2, &format!("the system gave no randomness: {error}")),
            };
            match write_key(out, &key) {
                Ok(()) => show(&key, name.as_deref(), *purpose, stdout),
                Err(error) => fail(2, &format!("{error}: choose another --out")),
            }
        }
        KeysCommand::Show { file, name, purpose } => match read_key(file) {
            Ok(key) => show(&key, name.as_deref(), *purpose, stdout),
            Err(error) => fail(2, &error.to_string()),
        },
    }
}

fn show(key: &SecretKey, name: Option<&str>, purpose: Purpose, stdout: &mut dyn Write) -> u8 {
    let public = key.public();
    let mut members =
        vec![("keyid", Json::text(public.id().to_string())), ("public_key", Json::text(public.to_base64()))];
    if let Some(name) = name {
        let name = match KeyName::new(name) {
            Ok(name) => name,
            Err(error) => return fail(2, &error.to_string()),
        };
        let vkey = match purpose {
            Purpose::Party | Purpose::Log => LogSigner::new(name, &key.seed()).verifier().to_string(),
            Purpose::Witness => Cosigner::new(name, &key.seed()).verifier().to_string(),
        };
        members.push(("fingerprint", Json::text(fingerprint(&vkey))));
        members.push(("vkey", Json::text(vkey)));
    }
    super::print(stdout, &Json::object(members))
}

/// What two people read aloud to each other: the SHA-256 of the vkey in 16 groups of four hex digits.
fn fingerprint(vkey: &str) -> String {
    let hex = Digest::of(vkey.as_bytes()).to_string();
    let (groups, _) = hex.as_bytes().as_chunks::<4>();
    let groups: Vec<_> = groups.iter().map(|group| String::from_utf8_lossy(group)).collect();
    groups.join(" ")
}
