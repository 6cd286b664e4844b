//! What one object of the state costs in memory.
//!
//! A process of its own makes a state with the real transition and says how much of it is resident.
//! Two of them, one with twice the objects, give the bytes of one object: what a process needs anyway
//! falls out of the difference, what the allocator adds to each object does not. Figures are Linux's
//! (`/proc/self/smaps_rollup`); where there is none, nothing is said.

use std::fs;
use std::path::Path;
use std::process::Command as Process;

use clap::ValueEnum;
use ledger::apply::{self, Documents, Entry};
use ledger::command::Command;
use ledger::digest::Digest;
use ledger::json::Json;
use ledger::key::KeyId;
use ledger::profile::Tree;
use ledger::state::State;
use ledger::time::Timestamp;

use super::book::{Asked, Book, ORIGIN, STEP_MS};

/// What the state has many of.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Kind {
    /// Open accounts.
    Accounts,
    /// Movements that wait for the custodian.
    OpenMovements,
    /// Movements that are done.
    SettledMovements,
    /// Idempotency keys of commands that have not expired.
    IdempotencyKeys,
}

/// Bytes of one object, from two processes of this program; `None` where the system does not tell.
///
/// # Errors
/// If such a process does not run, for a person.
pub fn bytes_of_one(program: &Path, kind: Kind, objects: u64) -> Result<Option<u64>, String> {
    let (Some(few), Some(many)) = (measured(program, kind, objects)?, measured(program, kind, 2 * objects)?)
    else {
        return Ok(None);
    };
    Ok(Some(many.saturating_sub(few) * 1_024 / objects.max(1)))
}

fn measured(program: &Path, kind: Kind, objects: u64) -> Result<Option<u64>, String> {
    let name = kind.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
    let mut process = Process::new(program);
    process.args(["bench", "state-memory", "--of", &name, "--objects", &objects.to_string()]);
    let output = process.output().map_err(|error| format!("{}: {error}", program.display()))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().parse().ok())
}

/// Makes a state with so many objects and gives the process's resident KiB, if the system tells them.
///
/// # Errors
/// What a command was refused for: then the benchmark is wrong.
pub fn resident_with(kind: Kind, objects: u64) -> Result<Option<u64>, String> {
    let ledger = grown(kind, objects)?;
    let resident = resident_kib();
    // Held until it is measured.
    drop(ledger);
    Ok(resident)
}

/// A state with so many accounts besides those of the setting.
pub(super) fn state_with_accounts(accounts: u64) -> Result<State, String> {
    Ok(grown(Kind::Accounts, accounts)?.state)
}

fn grown(kind: Kind, objects: u64) -> Result<Ledger, String> {
    let mut ledger = Ledger::new()?;
    let movement = |number: u64| format!("m-{}", &Digest::of(&number.to_be_bytes()).to_string()[..24]);
    for number in 0..objects {
        let (type_name, author, body) = match kind {
            Kind::Accounts => ("account.open", "harbor", opened_account(number)),
            Kind::OpenMovements => {
                let ends = ["vault.BTC.external", "client-0.BTC.available"];
                ("movement.instruct", "client-0", moved(&movement(number), "two_phase", ends))
            }
            Kind::SettledMovements => {
                let ends = ["client-0.BTC.available", "client-0.BTC.posted"];
                let ends = if number.is_multiple_of(2) { ends } else { [ends[1], ends[0]] };
                ("movement.instruct", "harbor", moved(&movement(number), "immediate", ends))
            }
            Kind::IdempotencyKeys => {
                let step = if number.is_multiple_of(2) { "party.suspend" } else { "party.resume" };
                (step, "harbor", texts(&[("party", "client-1"), ("reason", "measured")]))
            }
        };
        ledger.record(type_name, author, body, kind == Kind::IdempotencyKeys, None)?;
    }
    Ok(ledger)
}

fn opened_account(number: u64) -> Json {
    let (book, id) = if number.is_multiple_of(2) { ("available", "a") } else { ("posted", "p") };
    texts(&[
        ("account", &format!("client-0.BTC.{id}.{number}")),
        ("owner", "client-0"),
        ("asset", "BTC"),
        ("custodian", "vault"),
        ("book", book),
        ("class", "uncleared"),
    ])
}

fn moved(movement: &str, mode: &str, [from, to]: [&str; 2]) -> Json {
    let posting = texts(&[("from", from), ("to", to), ("asset", "BTC"), ("amount", "0.00000001")]);
    let body = [
        ("movement", Json::text(movement)),
        ("mode", Json::text(mode)),
        ("postings", Json::array([posting])),
    ];
    Json::object(body)
}

fn texts(members: &[(&str, &str)]) -> Json {
    Json::object(members.iter().map(|(name, value)| (*name, Json::text(*value))))
}

/// A state that grows by commands nobody signed: who signs costs no memory.
struct Ledger {
    state: State,
    signers: Vec<(String, KeyId)>,
    now: Timestamp,
}

impl Ledger {
    /// With the benchmark's setting, and funds in one account.
    fn new() -> Result<Self, String> {
        let book = Book::new(1, 0)?;
        let mut ledger = Self { state: State::new(ORIGIN), signers: Vec::new(), now: Book::start() };
        // Setting and the first deposit with its settlement, which ends the fourth turn of business.
        for seq in 0.. {
            let Asked { type_name, author, body, document } = book.ask(seq);
            if let Some(key) = book.envelope(seq).0.key_ids().next().flatten()
                && ledger.signers.iter().all(|(name, _)| *name != author)
            {
                ledger.signers.push((author.clone(), key));
            }
            ledger.record(type_name, &author, body, false, document)?;
            if type_name == "movement.settle" {
                return Ok(ledger);
            }
        }
        Err("the benchmark has no settlement".to_owned())
    }

    /// Records a command whose idempotency key is held for a week, or only until the next record.
    fn record(
        &mut self,
        type_name: &str,
        author: &str,
        body: Json,
        is_key_held: bool,
        document: Option<Vec<u8>>,
    ) -> Result<(), String> {
        let seq = self.state.length();
        let later = |ms| self.now.plus_millis(ms).unwrap_or(self.now);
        let command_id = Digest::of(&seq.to_le_bytes());
        let key = data_encoding::BASE64URL_NOPAD.encode(&command_id.as_bytes()[..16]);
        let expires_at = later(if is_key_held { 6 * 86_400_000 } else { 1 });
        let payload = Json::object([
            ("type", Json::text(type_name)),
            ("ledger", Json::text(ORIGIN)),
            ("author", Json::text(author)),
            ("idempotency_key", Json::text(key)),
            ("expires_at", Json::text(expires_at.to_string())),
            ("body", body),
        ]);
        let command = Tree::of(&payload).ok_or("a body with a number")?;
        let command = Command::read(&command).map_err(|error| error.to_string())?;
        let payload = payload.to_jcs();
        let signer = self.signers.iter().find(|(name, _)| name == author).map(|(_, key)| *key);
        let mut documents = Documents::default();
        if let Some(document) = document {
            documents.fresh.insert(Digest::of(&document), document.len() as u64);
        }
        let entry = Entry {
            seq,
            recorded_at: self.now,
            command_id,
            signer: signer.ok_or("an author without a key")?,
            command: &command,
            payload: payload.as_bytes(),
            documents: &documents,
        };
        let step = if is_key_held { 1 } else { STEP_MS };
        apply::advance(&mut self.state, &entry)
            .map_err(|rejection| format!("{type_name}: {}: {rejection}", rejection.code()))?;
        self.now = self.now.plus_millis(step).unwrap_or(self.now);
        Ok(())
    }
}

fn resident_kib() -> Option<u64> {
    let rollup = fs::read_to_string("/proc/self/smaps_rollup").ok()?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Rss:"))?;
    line.split_whitespace().next()?.parse().ok()
}
