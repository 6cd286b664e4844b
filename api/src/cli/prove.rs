//! `pledger prove`: a client's offline proof of its own balance in a seal.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use ledger::id::{AccountId, PartyId};

use super::fail;
use super::submit::refused;
use crate::balance::SealAtHand;
use crate::client::{Answer, Client, ClientError};
use crate::home::read_key;
use crate::offline::Offline;

/// Arguments of `pledger prove`.
#[derive(Args, Debug)]
#[command(group = clap::ArgGroup::new("source").required(true).args(["dir", "url"]))]
pub struct ProveArgs {
    /// The account whose balance is proven.
    #[arg(long)]
    account: String,
    /// A ledger's directory that no process writes to, or a copy of one.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// A server, such as `http://127.0.0.1:8080`.
    #[arg(long, requires_all = ["party", "key"])]
    url: Option<String>,
    /// The party that asks the server.
    #[arg(long)]
    party: Option<String>,
    /// Its key file.
    #[arg(long)]
    key: Option<PathBuf>,
    /// The record of the seal; the newest if not given.
    #[arg(long)]
    seal: Option<u64>,
    /// Write the proof to this file instead of to standard output.
    #[arg(long)]
    out: Option<PathBuf>,
}

/// Does what was asked; gives the exit code.
pub fn execute(args: &ProveArgs, stdout: &mut dyn Write) -> u8 {
    let proof = match (&args.dir, &args.url) {
        (Some(_), _) => from_directory(args).map_err(|message| fail(2, &message)),
        (None, Some(url)) => from_server(args, url, stdout),
        (None, None) => Err(fail(2, "give --dir or --url")),
    };
    let proof = match proof {
        Ok(proof) => proof,
        Err(code) => return code,
    };
    let written = match &args.out {
        Some(file) => std::fs::write(file, &proof).map_err(|error| format!("{}: {error}", file.display())),
        None => stdout.write_all(proof.as_bytes()).map_err(|error| error.to_string()),
    };
    written.map_or_else(|message| fail(2, &message), |()| 0)
}

fn from_directory(args: &ProveArgs) -> Result<String, String> {
    let account = AccountId::parse(&args.account).map_err(|error| error.to_string())?;
    let dir = args.dir.as_deref().ok_or("give --dir")?;
    let offline = Offline::open(dir)?;
    let newest = offline.state_at(offline.head.size)?;
    let seal = match args.seal {
        Some(seq) => newest.state.seal(&seq).ok_or(format!("record {seq} is no seal"))?,
        None => newest.state.last_seal().ok_or("no seal is recorded yet")?,
    };
    let account = newest.state.account(&account).ok_or(format!("there is no account {account}"))?;
    let at_size = offline.state_at(seal.size)?;
    let at_hand = SealAtHand::make(&at_size.state, seal, offline.store.as_ref());
    let at_hand = at_hand.map_err(|error| error.to_string())?;
    let proof = at_hand.prove(account, offline.receipt(seal.seq)?);
    Ok(proof.map_err(|error| error.to_string())?.to_string())
}

fn from_server(args: &ProveArgs, url: &str, stdout: &mut dyn Write) -> Result<String, u8> {
    let client = signed_in(url, args.party.as_deref(), args.key.as_deref(), stdout)?;
    let seal = args.seal.map_or_else(|| "latest".to_owned(), |seq| seq.to_string());
    let path = format!("/v1/seals/{seal}/balance-proof?account={}", args.account);
    let Answer { status, body } = client.send("GET", &path, None).map_err(|error| refused(&error, stdout))?;
    if status != 200 {
        let problem = ledger::json::read(&body).map_err(|error| fail(6, &error.to_string()))?;
        return Err(refused(&ClientError::Problem { status, problem }, stdout));
    }
    String::from_utf8(body).map_err(|error| fail(2, &error.to_string()))
}

/// A client with a session.
pub(super) fn signed_in(
    url: &str,
    party: Option<&str>,
    key: Option<&std::path::Path>,
    stdout: &mut dyn Write,
) -> Result<Client, u8> {
    let (Some(party), Some(key)) = (party, key) else {
        return Err(fail(2, "the server answers a session: give --party and --key"));
    };
    let party = PartyId::parse(party).map_err(|error| fail(2, &error.to_string()))?;
    let key = read_key(key).map_err(|error| fail(2, &error.to_string()))?;
    let mut client = Client::new(url);
    let opened = client.get("/v1/ledger").and_then(|ledger| {
        let origin = client.told("/v1/ledger", &ledger, "origin")?;
        client.sign_in(&origin, &party, &key)
    });
    opened.map_err(|error| refused(&error, stdout))?;
    Ok(client)
}
