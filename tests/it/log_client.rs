//! The second client of `tests/conformance` against logs that are really served.
//!
//! It shares no code with the ledger, so what both agree on is what the specification says.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::thread;

use api::cli::init::{InitArgs, init};
use api::serving::Serving;
use ledger::digest::Digest;
use ledger::json::Json;
use ledger::log::{LogConfig, LogOpening, LogReader, LogWriter};
use ledger::note::{KeyName, LogSigner, VerifierKey};
use ledger::record::Record;
use ledger::tiles::TilePath;
use ledger::time::Timestamp;

/// Has the client check the log that is served under `base_url`, and the checkpoint `saved` earlier
/// against it.
///
/// # Panics
/// If the client does not prove the log good; its report is the message.
pub fn check(base_url: &str, vkey: &str, saved: Option<&Path>) {
    let output = run(base_url, vkey, saved);
    assert!(output.status.success(), "{}", report(&output));
}

fn run(base_url: &str, vkey: &str, saved: Option<&Path>) -> Output {
    let mut command = client();
    command.args(["--url", base_url, "--vkey", vkey]);
    if let Some(saved) = saved {
        command.arg("--old").arg(saved);
    }
    output(&mut command)
}

fn client() -> Command {
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/conformance/log_client.py");
    let mut command = Command::new("python3");
    command.arg(program);
    command
}

fn output(command: &mut Command) -> Output {
    command
        .output()
        .unwrap_or_else(|error| panic!("python3: {error}; tests/run installs what the tests need"))
}

fn report(output: &Output) -> String {
    let texts = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    format!("{}\n{}\n{}", output.status, texts[0], texts[1])
}

#[test]
fn the_client_passes_the_vectors_itself() {
    let ours = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/audit.json");
    let with_public_groups = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/vectors/audit.json");
    let mut command = client();
    command.args(["--self-test", ours]);
    if Path::new(with_public_groups).exists() {
        command.arg(with_public_groups);
    } else {
        println!("skipped: the public groups, for ../shared is not present");
    }
    let output = output(&mut command);
    assert!(output.status.success(), "{}", report(&output));
}

#[test]
fn the_client_reads_what_the_log_publishes() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut log = open(&folder.path().join("log"));
    let served = serve(log.reader());
    let url = format!("http://{served}");
    let saved = folder.path().join("saved");

    for size in [0, 1, 255, 256, 257, 700] {
        log.append((log.size()..size).map(|seq| leaf(seq, "honest"))).expect("an append");
        log.publish().expect("a checkpoint");
        check(&url, &vkey(), saved.exists().then_some(&saved));
        let checkpoint = log.reader().checkpoint().expect("published");
        std::fs::write(&saved, checkpoint.to_string()).expect("a file");
    }
}

#[test]
fn the_client_tells_a_fork_from_a_stranger() {
    let folder = tempfile::tempdir().expect("a folder");
    let saved = folder.path().join("saved");
    let [honest, forked] = ["honest", "forked"].map(|story| {
        let mut log = open(&folder.path().join(story));
        log.append((0..300).map(|seq| leaf(seq, story))).expect("an append");
        log.publish().expect("a checkpoint");
        log
    });
    let checkpoint = honest.reader().checkpoint().expect("published");
    std::fs::write(&saved, checkpoint.to_string()).expect("a file");
    let url = format!("http://{}", serve(forked.reader()));

    let proven_bad = run(&url, &vkey(), Some(&saved));
    assert_eq!(proven_bad.status.code(), Some(1), "{}", report(&proven_bad));
    assert!(report(&proven_bad).contains("one size, two roots"), "{}", report(&proven_bad));

    let stranger = signer(2).verifier().to_string();
    let undecidable = run(&url, &stranger, None);
    assert_eq!(undecidable.status.code(), Some(2), "{}", report(&undecidable));
}

#[test]
fn the_client_checks_a_served_ledger() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path().join("ledger");
    let made = init(&InitArgs {
        dir: dir.clone(),
        origin: "ledger.example/main".to_owned(),
        operator: "pb-one".to_owned(),
        legal_name: "PB One LLC".to_owned(),
        key: None,
        log_key: None,
        witness_policy: None,
        sandbox: false,
    });
    let made = made.expect("a ledger");
    let vkey = made.get("vkey").and_then(Json::as_str).expect("the log's key");

    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let serving = runtime.block_on(Serving::open(&dir, ([127, 0, 0, 1], 0).into(), &[])).expect("a server");
    let url = serving.url();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = runtime.spawn(serving.run(async move { drop(stopped.await) }));
    check(&url, vkey, None);
    drop(stop);
    runtime.block_on(running).expect("no panic").expect("it stops when it is told to");
}

fn signer(seed: u8) -> LogSigner {
    LogSigner::new(KeyName::new("ledger.example/conformance").expect("a key name"), &[seed; 32])
}

fn vkey() -> String {
    let verifier: VerifierKey = signer(1).verifier().clone();
    verifier.to_string()
}

fn open(directory: &Path) -> LogWriter {
    let directory: PathBuf = directory.to_owned();
    let config = LogConfig {
        directory,
        signer: Arc::new(signer(1)),
        further_signers: Vec::new(),
        earlier_keys: Vec::new(),
    };
    LogOpening::fresh(config).and_then(LogOpening::finish).expect("an empty log opens")
}

fn leaf(seq: u64, story: &str) -> Vec<u8> {
    let digest = |what: &str| Digest::of(format!("{story} {what} {seq}").as_bytes());
    let recorded_at = Timestamp::from_millis(1_767_323_045_678 + seq / 3).expect("a time");
    Record { seq, recorded_at, command_id: digest("command"), envelope_sha256: digest("envelope") }.leaf()
}

/// Serves the public paths of a log and nothing else, as long as the test runs.
fn serve(log: LogReader) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let log = log.clone();
            // A client that goes away ends its connection, and only that.
            thread::spawn(move || answer_all(stream, &log));
        }
    });
    address
}

fn answer_all(mut stream: TcpStream, log: &LogReader) -> io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    while let Some(request) = lines.next() {
        let request = request?;
        for header in lines.by_ref() {
            if header?.is_empty() {
                break;
            }
        }
        stream.write_all(&response(&request, log))?;
    }
    Ok(())
}

fn response(request: &str, log: &LogReader) -> Vec<u8> {
    let mut words = request.split(' ');
    let (method, path) = (words.next(), words.next().unwrap_or_default());
    let found = path.strip_prefix("/log/").and_then(|path| {
        if path == "checkpoint" {
            let checkpoint = log.checkpoint()?.to_string();
            return Some(("text/plain; charset=utf-8", "no-cache", checkpoint.into_bytes()));
        }
        let bytes = log.tile(TilePath::parse(path)?).expect("the log's files are whole")?;
        Some(("application/octet-stream", "public, max-age=31536000, immutable", bytes))
    });
    let Some((content_type, caching, body)) = found else {
        return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec();
    };
    let mut response = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nCache-Control: {caching}\r\n\
         Access-Control-Allow-Origin: *\r\nX-Content-Type-Options: nosniff\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    if method == Some("GET") {
        response.extend(body);
    }
    response
}
