//! `pledger submit`: sends a signed command, with the documents it names.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use ledger::id::PartyId;

use super::sign::read_file;
use super::{fail, print};
use crate::client::{Client, ClientError};
use crate::home::read_key;

/// Arguments of `pledger submit`.
#[derive(Args, Debug)]
pub struct SubmitArgs {
    /// The envelope: a file, or `-` for standard input.
    #[arg(default_value = "-")]
    envelope: PathBuf,
    /// The server, such as `http://127.0.0.1:8080`.
    #[arg(long)]
    url: String,
    /// How far it must have come before the answer: durable, published or witnessed.
    #[arg(long, default_value = "published")]
    wait: String,
    /// A document to upload first; may be repeated. Needs `--party` and `--key` for the session.
    #[arg(long = "document", requires_all = ["party", "key"])]
    documents: Vec<PathBuf>,
    /// The party that uploads.
    #[arg(long)]
    party: Option<String>,
    /// Its key file.
    #[arg(long)]
    key: Option<PathBuf>,
}

/// Does what was asked; gives the exit code.
pub fn execute(args: &SubmitArgs, stdout: &mut dyn Write) -> u8 {
    let envelope = match read_file(&args.envelope) {
        Ok(envelope) => envelope,
        Err(message) => return fail(2, &message),
    };
    let mut client = Client::new(&args.url);
    if let Err(code) = upload(args, &mut client) {
        return code;
    }
    match client.post(&format!("/v1/commands?wait={}", args.wait), &envelope) {
        Ok(receipt) => print(stdout, &receipt),
        Err(error) => refused(&error, stdout),
    }
}

fn upload(args: &SubmitArgs, client: &mut Client) -> Result<(), u8> {
    let (Some(party), Some(key)) = (&args.party, &args.key) else { return Ok(()) };
    let party = PartyId::parse(party).map_err(|error| fail(2, &error.to_string()))?;
    let key = read_key(key).map_err(|error| fail(2, &error.to_string()))?;
    let refuse = |error: ClientError| refused(&error, &mut std::io::stdout());
    let ledger = client.get("/v1/ledger").map_err(refuse)?;
    let origin = client.told("/v1/ledger", &ledger, "origin").map_err(refuse)?;
    client.sign_in(&origin, &party, &key).map_err(refuse)?;
    for document in &args.documents {
        let bytes = read_file(document).map_err(|message| fail(2, &message))?;
        client.upload(&bytes).map_err(refuse)?;
    }
    Ok(())
}

/// Prints the problem and says by the exit code what kind it is.
pub(super) fn refused(error: &ClientError, stdout: &mut dyn Write) -> u8 {
    match error {
        ClientError::Unreachable { .. } => fail(6, &format!("{error}: is the server running?")),
        ClientError::Problem { status, problem } => {
            print(stdout, problem);
            match status {
                404 => 4,
                409 => 5,
                429 | 503 => 6,
                400 | 413 | 415 => 2,
                _ => 3,
            }
        }
    }
}
