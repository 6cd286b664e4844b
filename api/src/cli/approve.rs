//! `pledger approve` and `pledger refuse`: what waits for you, shown from its own bytes.
//!
//! The bytes come from the server and are believed only if they hash to the command id, which the
//! maker can tell by another channel. The approval signs that id, so nothing else can be applied.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use ledger::digest::Digest;
use ledger::envelope::{Envelope, Purpose, pae};
use ledger::id::PartyId;
use ledger::json::Json;
use ledger::profile;

use super::sign::{confirmed, reading};
use super::submit::refused;
use super::{fail, print};
use crate::client::{Client, ClientError, Draft, default_expiry, fresh_idempotency_key};
use crate::home::read_key;

/// Arguments of `pledger approve` and `pledger refuse`.
#[derive(Args, Debug)]
pub struct ApproveArgs {
    /// The command's id: 64 hex digits, as its maker told it.
    command_id: String,
    /// The server, such as `http://127.0.0.1:8080`.
    #[arg(long)]
    url: String,
    /// The party you act for.
    #[arg(long)]
    party: String,
    /// Your key file; the key needs the use `approval`, and `session` to read what waits.
    #[arg(long)]
    key: PathBuf,
    /// Why.
    #[arg(long)]
    reason: Option<String>,
    /// Sign without asking.
    #[arg(long)]
    yes: bool,
}

enum Failed {
    Usage(String),
    Client(ClientError),
}

impl From<ClientError> for Failed {
    fn from(error: ClientError) -> Self {
        Self::Client(error)
    }
}

/// Says `type_name` of the command; gives the exit code.
pub fn execute(args: &ApproveArgs, type_name: &str, stdout: &mut dyn Write) -> u8 {
    match say(args, type_name) {
        Ok(Some(receipt)) => print(stdout, &receipt),
        Ok(None) => fail(3, "not signed"),
        Err(Failed::Usage(message)) => fail(2, &message),
        Err(Failed::Client(error)) => refused(&error, stdout),
    }
}

fn say(args: &ApproveArgs, type_name: &str) -> Result<Option<Json>, Failed> {
    let usage = |message: &str| Failed::Usage(message.to_owned());
    let id = Digest::parse_hex(&args.command_id).ok_or_else(|| usage("a command id is 64 hex digits"))?;
    let party = PartyId::parse(&args.party).map_err(|error| usage(&error.to_string()))?;
    let key = read_key(&args.key).map_err(|error| usage(&error.to_string()))?;
    let mut client = Client::new(&args.url);
    let ledger = client.get("/v1/ledger")?;
    let origin = client.told("/v1/ledger", &ledger, "origin")?;
    client.sign_in(&origin, &party, &key)?;
    let held = client.get(&format!("/v1/approvals/{id}"))?;
    eprintln!("{}", shown(&held, id).map_err(Failed::Usage)?);
    if !(args.yes || confirmed().map_err(Failed::Usage)?) {
        return Ok(None);
    }
    let fresh = fresh_idempotency_key().map_err(|error| usage(&error.to_string()))?;
    let draft = Draft {
        type_name,
        ledger: &origin,
        author: party.as_str(),
        idempotency_key: &fresh,
        expires_at: default_expiry(),
        effective_at: None,
    };
    let reason = args.reason.iter().map(|reason| ("reason", Json::text(reason)));
    let body = Json::object([("command_id", Json::text(id.to_string()))].into_iter().chain(reason));
    let envelope = Envelope::sign(Purpose::Approval, &draft.payload(body), &[&key]);
    Ok(Some(client.submit(envelope.to_string().as_bytes())?))
}

/// What waits, read from the bytes that hash to its id; never from what the server says about them.
fn shown(held: &Json, id: Digest) -> Result<String, String> {
    let text = |pointer: &str| held.pointer(pointer).and_then(Json::as_str);
    let payload = text("/approval/payload").ok_or_else(|| {
        format!("it no longer waits: it is {}", text("/approval/status").unwrap_or("decided"))
    })?;
    if Digest::of(&pae(Purpose::Command.payload_type(), payload.as_bytes())) != id {
        return Err(
            "the server shows other bytes than those of this id: sign nothing, raise alarm".to_owned()
        );
    }
    let tree = profile::read(payload.as_bytes()).map_err(|error| error.to_string())?;
    let hex = id.to_string();
    Ok(format!("{}\ncommand id {} … {}", reading(&tree.to_json(), 0), &hex[..8], &hex[56..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A front end that shows one command and has another one signed is found out.
    #[test]
    fn only_the_bytes_of_the_id_are_shown() {
        let payload = r#"{"type":"x"}"#;
        let held =
            |payload: &str| Json::object([("approval", Json::object([("payload", Json::text(payload))]))]);
        let id = Digest::of(&pae(Purpose::Command.payload_type(), payload.as_bytes()));
        assert!(shown(&held(payload), id).is_ok_and(|text| text.contains("type")));
        assert!(shown(&held(r#"{"type":"y"}"#), id).is_err_and(|message| message.contains("other bytes")));
        let decided = Json::object([("approval", Json::object([("status", Json::text("applied"))]))]);
        assert!(shown(&decided, id).is_err_and(|message| message.contains("applied")));
    }
}
