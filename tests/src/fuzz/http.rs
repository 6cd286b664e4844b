//! Requests as bytes on a socket: whatever comes, the server answers or hangs up, and goes on.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use ledger::digest::Digest;

use super::corpus::audit;
use super::{Cost, Form, Reading, Target};
use crate::served::TestLedger;

pub(super) const TARGETS: [Target; 1] =
    [Target { name: "http", form: Form::Bytes, cost: Cost::Middle, corpus: requests, read: ask }];

thread_local! {
    static SERVED: TestLedger = TestLedger::with_world();
}

fn request(line: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    format!("{line} HTTP/1.1\r\nHost: ledger.example\r\nConnection: close\r\n{headers}{length}\r\n{body}")
        .into()
}

fn requests() -> Vec<Vec<u8>> {
    let envelope = audit("/envelopes/stored");
    let session = audit("/other_types/session/envelope_jcs");
    let document = format!("PUT /v1/documents/{}", Digest::of(b"a document"));
    let bearer = "Authorization: Bearer AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\r\n";
    vec![
        request("GET /healthz", "", ""),
        request("GET /v1/ledger", "", ""),
        request("GET /v1/accounts", bearer, ""),
        request("GET /v1/accounts/acme.btc?at=3", bearer, ""),
        request("GET /v1/session/challenge", "", ""),
        request("GET /v1/consistency?from=1&to=3", "", ""),
        request("GET /v1/checkpoints/3", "", ""),
        request("GET /v1/records/2/proof", bearer, ""),
        request("GET /log/checkpoint", "Accept-Encoding: gzip\r\n", ""),
        request("GET /log/tile/entries/000.p/3", "", ""),
        request("HEAD /log/tile/0/000.p/3", "", ""),
        request("POST /v1/commands?wait=durable", "Idempotency-Key: AAAAAAAAAAAAAAAAAAAAAA\r\n", envelope),
        request("POST /v1/commands", "Content-Type: application/json\r\n", "{\"payload\":1}"),
        request("POST /v1/session", "", session),
        request(&document, bearer, "a document"),
        b"POST /v1/commands HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n".to_vec(),
    ]
}

/// The longest body that is waited for; a request that says it has more is not sent.
const BODY_BYTES_MAX: usize = 60_000;

/// What the request says its body has in bytes; the largest, if it says so more than once.
fn said_length(request: &[u8]) -> Option<usize> {
    let text = String::from_utf8_lossy(request).to_ascii_lowercase();
    let said = text.split("content-length:").skip(1);
    said.map(|rest| {
        let digits: String = rest.trim_start().chars().take_while(char::is_ascii_digit).collect();
        digits.parse().unwrap_or(usize::MAX)
    })
    .max()
}

/// Sends the request, the end of its head, as much as its body still wants, and then what is no
/// request, so that the server need not wait for more; and reads to the end.
fn ask(bytes: &[u8]) -> Reading {
    let wanted = said_length(bytes).unwrap_or(0);
    if wanted > BODY_BYTES_MAX {
        return Reading::Refused;
    }
    let request = [bytes, b"\r\n\r\n0\r\n\r\n", &vec![0; wanted + 16]].concat();
    SERVED.with(|served| {
        let address = served.url().strip_prefix("http://").expect("an address");
        let mut stream = TcpStream::connect(address).expect("it listens");
        // It may answer and hang up before it has read all.
        let sent = stream.write_all(&request);
        let mut answer = Vec::new();
        let read = stream.read_to_end(&mut answer);
        if answer.is_empty() {
            return Reading::Refused;
        }
        let status =
            answer.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok()?.parse::<u16>().ok());
        let status =
            status.unwrap_or_else(|| panic!("no status: {} {sent:?} {read:?}", answer.escape_ascii()));
        assert!(answer.starts_with(b"HTTP/1.") && status < 500, "{}", answer.escape_ascii());
        if status < 400 { Reading::Accepted } else { Reading::Refused }
    })
}
