//! `pledger sign`: shows what the bytes say, asks, and signs exactly those bytes.

use std::io::{BufRead as _, IsTerminal as _, Read as _, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use ledger::command::{Body, Command};
use ledger::envelope::{Envelope, PAE_MAX};
use ledger::json::{self, Json};
use ledger::key::SecretKey;
use ledger::profile;
use ledger::time::Timestamp;

use super::fail;
use crate::client::{Draft, default_expiry, fresh_idempotency_key};
use crate::home::read_key;

/// Arguments of `pledger sign`.
#[derive(Args, Debug)]
pub struct SignArgs {
    /// The command's type, such as `movement.instruct`.
    #[arg(long = "type", required_unless_present = "payload")]
    type_name: Option<String>,
    /// The ledger's origin.
    #[arg(long, required_unless_present = "payload")]
    ledger: Option<String>,
    /// The party that asks.
    #[arg(long, required_unless_present = "payload")]
    author: Option<String>,
    /// The body: a JSON file, or `-` for standard input.
    #[arg(long, required_unless_present = "payload")]
    body: Option<PathBuf>,
    /// A whole payload instead, signed as it is.
    #[arg(long, conflicts_with_all = ["type_name", "ledger", "author", "body"])]
    payload: Option<PathBuf>,
    /// When it expires; ten minutes from now if not given.
    #[arg(long)]
    expires_at: Option<String>,
    /// The business date, where it differs.
    #[arg(long)]
    effective_at: Option<String>,
    /// The author's own name for the command; 16 random bytes if not given.
    #[arg(long)]
    idempotency_key: Option<String>,
    /// The author's key file.
    #[arg(long)]
    key: PathBuf,
    /// The new key's file, where the command brings one: it signs second.
    #[arg(long)]
    new_key: Option<PathBuf>,
    /// Sign without asking.
    #[arg(long)]
    yes: bool,
}

/// Does what was asked; gives the exit code.
pub fn execute(args: &SignArgs, stdout: &mut dyn Write) -> u8 {
    match sign(args) {
        Ok(Some(envelope)) => match writeln!(stdout, "{envelope}") {
            Ok(()) => 0,
            Err(error) => fail(2, &error.to_string()),
        },
        Ok(None) => fail(3, "not signed"),
        Err(message) => fail(2, &message),
    }
}

fn sign(args: &SignArgs) -> Result<Option<Envelope>, String> {
    let payload = match &args.payload {
        Some(file) => read_file(file)?,
        None => draft(args)?,
    };
    let tree = profile::read(&payload).map_err(|error| error.to_string())?;
    let command = Command::read(&tree).map_err(|error| error.to_string())?;
    let keys = [Some(&args.key), args.new_key.as_ref()].into_iter().flatten();
    let keys = keys.map(|file| read_key(file).map_err(|error| error.to_string()));
    let keys: Vec<SecretKey> = keys.collect::<Result<_, _>>()?;
    let envelope =
        Envelope::sign(Body::purpose(command.body.type_name()), &payload, &keys.iter().collect::<Vec<_>>());
    if envelope.pae().len() > PAE_MAX {
        return Err(format!("{} bytes to sign, at most {PAE_MAX}", envelope.pae().len()));
    }
    eprintln!("{}\ncommand id {}", reading(&tree.to_json(), 0), envelope.id());
    Ok((args.yes || confirmed()?).then_some(envelope))
}

fn draft(args: &SignArgs) -> Result<Vec<u8>, String> {
    let body = args.body.as_deref().ok_or("give --body")?;
    let body = json::read(&read_file(body)?).map_err(|error| error.to_string())?;
    let time = |text: &Option<String>| match text {
        Some(text) => Timestamp::parse(text).map(Some).ok_or_else(|| format!("{text} is not a time")),
        None => Ok(None),
    };
    let fresh = fresh_idempotency_key().map_err(|error| error.to_string())?;
    let draft = Draft {
        type_name: args.type_name.as_deref().unwrap_or_default(),
        ledger: args.ledger.as_deref().unwrap_or_default(),
        author: args.author.as_deref().unwrap_or_default(),
        idempotency_key: args.idempotency_key.as_deref().unwrap_or(&fresh),
        expires_at: time(&args.expires_at)?.unwrap_or_else(default_expiry),
        effective_at: time(&args.effective_at)?,
    };
    Ok(draft.payload(body))
}

/// Every member of what is to be signed, in plain lines: nothing is summarised away.
pub(super) fn reading(tree: &Json, depth: usize) -> String {
    let indent = "  ".repeat(depth);
    match tree {
        Json::Object(members) => members
            .iter()
            .map(|(name, value)| format!("\n{indent}{name}: {}", reading(value, depth + 1)))
            .collect(),
        Json::Array(elements) => elements
            .iter()
            .enumerate()
            .map(|(place, value)| format!("\n{indent}{}. {}", place + 1, reading(value, depth + 1)))
            .collect(),
        Json::String(text) => text.clone(),
        Json::Bool(_) | Json::Number(_) | Json::Null => tree.to_string(),
    }
}

pub(super) fn confirmed() -> Result<bool, String> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return Err("nobody to ask: sign on a terminal, or with --yes".to_owned());
    }
    eprint!("Sign this? [y/N] ");
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer).map_err(|error| error.to_string())?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// A file's bytes, or standard input's for `-`.
pub fn read_file(path: &Path) -> Result<Vec<u8>, String> {
    if path.as_os_str() == "-" {
        let mut bytes = Vec::new();
        std::io::stdin().read_to_end(&mut bytes).map_err(|error| error.to_string())?;
        return Ok(bytes);
    }
    std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}
