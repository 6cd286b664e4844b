//! `pledger init`: makes a ledger's directory, its log key, and record 0.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use ledger::digest::Digest;
use ledger::envelope::{Envelope, Purpose};
use ledger::intake;
use ledger::json::Json;
use ledger::key::SecretKey;
use ledger::policy::Policy;
use ledger::sequencer::{Outcome, Request};
use ledger::store::StoredDocument;

use super::{fail, print};
use crate::client::{Draft, default_expiry, fresh_idempotency_key};
use crate::home::{self, HomeError, read_key, write_key};

/// Arguments of `pledger init`.
#[derive(Args, Clone, Debug)]
pub struct InitArgs {
    /// The directory to make the ledger in.
    #[arg(long)]
    pub dir: PathBuf,
    /// The ledger's origin: its schema-less URL, such as `ledger.example/main`.
    #[arg(long)]
    pub origin: String,
    /// The party id of the operator.
    #[arg(long)]
    pub operator: String,
    /// The operator's legal name.
    #[arg(long)]
    pub legal_name: String,
    /// The operator's key file; a new key is written there if there is none. `DIR/keys/<operator>.pem`
    /// if not given.
    #[arg(long)]
    pub key: Option<PathBuf>,
    /// The log's key file, of `pledger keys new --purpose log`; a new key if not given.
    #[arg(long)]
    pub log_key: Option<PathBuf>,
    /// A tlog-policy file for witnesses, which names the log's key; `quorum none` if not given.
    #[arg(long)]
    pub witness_policy: Option<PathBuf>,
    /// Accept prices and statements of the past; said on every answer.
    #[arg(long)]
    pub sandbox: bool,
}

/// Does what was asked; gives the exit code.
pub fn execute(args: &InitArgs, stdout: &mut dyn Write) -> u8 {
    match init(args) {
        Ok(made) => print(stdout, &made),
        Err(message) => fail(2, &message),
    }
}

/// Makes the ledger and gives what an operator needs to know of it.
///
/// Record 0 is made and checked before the first file is written: what is refused leaves nothing behind
/// that would stand in the way of the next attempt.
///
/// # Errors
/// What went wrong, for a person.
pub fn init(args: &InitArgs) -> Result<Json, String> {
    let key_file =
        args.key.clone().unwrap_or_else(|| args.dir.join("keys").join(format!("{}.pem", args.operator)));
    if key_file == home::log_key_path(&args.dir) {
        return Err(format!("{} is the log key's place: give --key another file", key_file.display()));
    }
    let known = key_file.exists();
    let key = if known { read_key(&key_file) } else { new_key() }.map_err(|error| error.to_string())?;
    let log_key =
        args.log_key.as_deref().map_or_else(new_key, read_key).map_err(|error| error.to_string())?;
    let vkey = home::vkey(&args.origin, &log_key).map_err(|error| error.to_string())?;
    let policy = match &args.witness_policy {
        Some(file) => witness_policy(file, &vkey).map_err(|error| format!("{}: {error}", file.display()))?,
        None => format!("log {vkey}\nquorum none\n").into_bytes(),
    };
    let request = first_command(args, &key, &vkey, policy)?;
    let opened = home::create(&args.dir, &args.origin, &log_key).map_err(|error| error.to_string())?;
    if !known {
        // Before record 0 names it: a key that is nowhere could never sign again.
        write_key(&key_file, &key).map_err(|error| error.to_string())?;
    }
    let handle = opened.handle;
    let sequencer = std::thread::spawn(move || opened.sequencer.run());
    let outcome = block_on(handle.submit(request))?;
    block_on(handle.stop())?;
    let ended = sequencer.join().map_err(|_| "the sequencer panicked".to_owned())?;
    ended.map_err(|error| error.to_string())?;
    match outcome.map_err(|error| error.to_string())? {
        Outcome::Accepted(_) => Ok(Json::object([
            ("origin", Json::text(&args.origin)),
            ("vkey", Json::text(vkey)),
            ("operator", Json::text(&args.operator)),
            ("operator_key", Json::text(key_file.display().to_string())),
            ("keyid", Json::text(key.public().id().to_string())),
        ])),
        Outcome::Rejected(rejection) => Err(format!("{}: {rejection}", rejection.code())),
        Outcome::Repeated(_) | Outcome::StorageFull | Outcome::ClockUnsound => {
            Err("record 0 was not recorded: is the disk full?".to_owned())
        }
    }
}

/// A policy that this log's checkpoints can meet, and that protects: as `ledger.witness_policy` asks for.
fn witness_policy(file: &Path, vkey: &str) -> Result<Vec<u8>, String> {
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    let policy = Policy::parse(&text).map_err(|error| error.to_string())?;
    if !policy.logs().iter().any(|log| log.key.to_string() == vkey) {
        return Err(format!(
            "it does not name this log: make the log's key first (pledger keys new --purpose log), write `log {vkey}`, \
             and give --log-key"
        ));
    }
    if !policy.needs_no_witness() && policy.split_view_cost() == 0 {
        return Err("two quorums may share no witness: see pledger witness-policy lint".to_owned());
    }
    Ok(text.into_bytes())
}

fn block_on<F: Future>(future: F) -> Result<F::Output, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.map(|runtime| runtime.block_on(future)).map_err(|error| error.to_string())
}

fn new_key() -> Result<SecretKey, HomeError> {
    SecretKey::generate().map_err(HomeError::Randomness)
}

fn first_command(args: &InitArgs, key: &SecretKey, vkey: &str, policy: Vec<u8>) -> Result<Request, String> {
    let digest = Digest::of(&policy);
    let uses = ["approval", "command", "price", "session"];
    let mut body = vec![
        ("operator", Json::text(&args.operator)),
        ("legal_name", Json::text(&args.legal_name)),
        ("public_key", Json::text(key.public().to_base64())),
        ("uses", Json::array(uses.map(Json::text))),
        ("log_vkey", Json::text(vkey)),
        ("witness_policy", Json::text(digest.tagged())),
    ];
    if args.sandbox {
        body.push(("sandbox", Json::Bool(true)));
    }
    let draft = Draft {
        type_name: "ledger.open",
        ledger: &args.origin,
        author: &args.operator,
        idempotency_key: &fresh_idempotency_key().map_err(|error| error.to_string())?,
        expires_at: default_expiry(),
        effective_at: None,
    };
    let envelope = Envelope::sign(Purpose::Command, &draft.payload(Json::object(body)), &[key]);
    let nobody = ledger::state::State::new(&args.origin);
    let signed =
        intake::take_in(envelope.to_string().as_bytes(), &nobody).map_err(|error| error.to_string())?;
    let mut documents = ledger::apply::Documents::default();
    documents.fresh.insert(digest, u64::try_from(policy.len()).unwrap_or(u64::MAX));
    Ok(Request { signed, documents, bytes: vec![StoredDocument { digest, bytes: policy.into() }] })
}
