//! `pledger witness` over real HTTP, step by step. The ladder itself has a row for each rung beside its
//! code; here is what the server adds: answers, durability, evidence, limits.

use std::fs;
use std::path::Path;

use api::cli::init::{InitArgs, init};
use api::cli::witness_policy::{self, WitnessPolicyCommand};
use api::witness::settings::Settings;
use api::witness::{WitnessError, WitnessServer};
use ledger::checkpoint::SignedCheckpoint;
use ledger::digest::Digest;
use ledger::json::{self, Json};
use ledger::merkle::{Subtree, TreeHead, consistency_path, leaf_hash, root_of};
use ledger::note::{KeyName, LogSigner, Note, VerifierKey};
use ledger::policy::Policy;
use ledger::witness::{AddCheckpoint, origin_hash};
use tests::http::{Answer, Http};
use tests::process::WitnessProcess;
use tests::witnessing::{TestWitness, cosigner, write_settings};

const ORIGIN: &str = "ledger.example/conformance";
const NAME: &str = "witness.example/w1";

fn signer() -> LogSigner {
    LogSigner::new(KeyName::new(ORIGIN).expect("a name"), &[1; 32])
}

fn vkey() -> String {
    signer().verifier().to_string()
}

fn head(story: &str, size: u64) -> TreeHead {
    TreeHead { size, root: root_of(leaves(story, size)) }
}

fn leaves(story: &str, size: u64) -> Vec<Digest> {
    (0..size).map(|i| leaf_hash(format!("{story} {i}").as_bytes())).collect()
}

fn request(story: &str, old: u64, new: u64) -> String {
    let leaves = leaves(story, new);
    let at = |i: u64, level: u32| usize::try_from(i << level).expect("small");
    let path = consistency_path(old, new, &mut |node: Subtree| {
        let range = at(node.index, node.level)..at(node.index + 1, node.level);
        Ok::<_, ()>(root_of(leaves[range].iter().copied()))
    });
    let note = SignedCheckpoint::sign(ORIGIN, [&signer()], head(story, new)).expect("a checkpoint");
    AddCheckpoint { old, path: path.expect("a path"), note: note.to_string() }.to_string()
}

fn post(http: &Http, body: &str) -> Answer {
    http.send("POST", "/add-checkpoint", &[], body.as_bytes())
}

fn text(answer: &Answer) -> String {
    String::from_utf8(answer.body.clone()).expect("text")
}

/// Who cosigned, by a policy of this one witness.
fn cosigned(note: &str) -> Vec<(String, u64)> {
    let policy = format!("log {}\nwitness w {}\nquorum w\n", vkey(), cosigner(NAME).verifier());
    Policy::parse(&policy).expect("a policy").check(note).expect("cosigned").cosigned
}

fn metric(http: &Http, name: &str) -> String {
    let text = text(&http.get("/metrics"));
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ').map(str::to_owned));
    line.unwrap_or_else(|| panic!("no {name} in\n{text}"))
}

#[test]
fn a_log_grows_under_a_witness() {
    let mut witness = TestWitness::open(NAME, &[(ORIGIN, &vkey())]);
    let path = format!("/{}/checkpoint", origin_hash(ORIGIN));
    assert_eq!(witness.http().get(&path).status, 404, "before the first");
    assert_eq!(witness.http().get("/healthz").status, 200);
    let mut last = 0;
    for size in [1, 2, 2, 5, 8, 300] {
        let answer = post(&witness.http(), &request("a", last, size));
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/plain; charset=utf-8")));
        let shown = text(&witness.http().get(&path));
        assert!(shown.ends_with(&text(&answer)), "what was cosigned, with our line: {shown}");
        assert_eq!(shown.lines().nth(1), Some(size.to_string().as_str()));
        assert_eq!(cosigned(&shown).len(), 1);
        last = size;
        witness.restart();
        assert_eq!(text(&witness.http().get(&path)), shown, "it remembers");
    }
    let stale = post(&witness.http(), &request("a", 5, 300));
    assert_eq!((stale.status, stale.header("content-type")), (409, Some("text/x.tlog.size")));
    assert_eq!(text(&stale), "300\n");
}

#[test]
fn each_refusal_has_its_status_and_is_counted() {
    let witness = TestWitness::open(NAME, &[(ORIGIN, &vkey())]);
    let http = witness.http();
    assert_eq!(post(&http, &request("a", 0, 3)).status, 200);
    let stranger = request("a", 3, 5).replace(&format!("— {ORIGIN}"), "— stranger.example");
    let tall = "x".repeat(33 << 10);
    for (body, status) in [
        ("old three\n\n".to_owned(), 400),
        (request("a", 3, 5).replace(ORIGIN, "unknown.example"), 404),
        (stranger, 403),
        (request("a", 3, 5).replacen("old 3", "old 6", 1), 400),
        (request("a", 2, 5), 409),
        (request("b", 3, 5), 422),
        (format!("{}{tall}", request("a", 3, 5)), 413),
    ] {
        let answer = post(&http, &body);
        assert_eq!(answer.status, status, "{}", text(&answer));
        assert!(!text(&answer).contains('—'), "no signature");
    }
    for (status, count) in
        [(200, "1"), (400, "2"), (403, "1"), (404, "1"), (409, "1"), (413, "1"), (422, "1")]
    {
        assert_eq!(metric(&http, &format!("pledger_witness_requests_total{{status=\"{status}\"}}")), count);
    }
    assert_eq!(metric(&http, "pledger_witness_forks_total"), "0");
    assert_eq!(http.get("/add-checkpoint").status, 405);
    assert_eq!(http.get("/0000/checkpoint").status, 404);
}

#[test]
fn a_fork_is_kept_counted_and_proves_the_log_bad() {
    let mut witness = TestWitness::open(NAME, &[(ORIGIN, &vkey())]);
    assert_eq!(post(&witness.http(), &request("a", 0, 3)).status, 200);
    for _ in 0..2 {
        assert_eq!(post(&witness.http(), &request("b", 3, 3)).status, 422);
    }
    assert_eq!(post(&witness.http(), &request("c", 0, 3)).status, 409);
    assert_eq!(metric(&witness.http(), "pledger_witness_forks_total"), "2");
    witness.restart();
    assert_eq!(metric(&witness.http(), "pledger_witness_forks_total"), "2", "over all runs");
    let shown = text(&witness.http().get(&format!("/{}/checkpoint", origin_hash(ORIGIN))));
    assert!(shown.contains(&data_encoding::BASE64.encode(head("a", 3).root.as_bytes())), "the first stands");

    let folder = witness.dir.path().join("state.forks");
    let files: Vec<_> =
        fs::read_dir(folder).expect("a folder").map(|file| file.expect("a file").path()).collect();
    assert_eq!(files.len(), 2);
    let key = VerifierKey::parse(&vkey()).expect("a vkey");
    for file in files {
        let options = ledger::verify::ProofOptions { vkey: Some(&key), policy: None, payload: None };
        let report = ledger::verify::proof(&fs::read(file).expect("evidence"), &options);
        assert_eq!(report.verdict().exit_code(), 1, "{report}");
        assert!(report.to_string().contains("the log forked"), "{report}");
    }
}

/// A disk that is full, one that fails to sync, and a folder that is gone: no signature, and the next
/// request is judged by what was remembered before.
#[test]
fn what_cannot_be_remembered_is_not_signed() {
    let witness = TestWitness::open(NAME, &[(ORIGIN, &vkey())]);
    let http = witness.http();
    assert_eq!(post(&http, &request("a", 0, 3)).status, 200);
    let state = witness.dir.path().join("state");
    let before = fs::read(&state).expect("a state");
    let writing = witness.dir.path().join("state.writing");
    // Writing to the one gives ENOSPC, syncing the other EINVAL.
    for device in ["/dev/full", "/dev/null"] {
        std::os::unix::fs::symlink(device, &writing).expect("a link");
        let answer = post(&http, &request("a", 3, 5));
        assert_eq!(answer.status, 500, "{device}");
        assert!(!text(&answer).contains('—'), "no signature: {}", text(&answer));
        assert_eq!(fs::read(&state).expect("a state"), before, "the old state stands");
        fs::remove_file(&writing).expect("a link");
    }
    fs::create_dir(&writing).expect("a folder in the file's place");
    assert_eq!(post(&http, &request("a", 3, 5)).status, 500);
    fs::remove_dir(&writing).expect("a folder");
    assert_eq!(post(&http, &request("b", 3, 5)).status, 422, "another history is refused as before");
    assert_eq!(post(&http, &request("a", 3, 5)).status, 200, "and the same request holds once there is room");
}

/// kill -9 right after each answer, with what a crash may leave of a file being written.
#[test]
fn a_killed_witness_remembers_what_it_signed() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = write_settings(folder.path(), NAME, &[(ORIGIN, &vkey())]);
    let mut last = 0;
    for size in [1, 4, 9] {
        let witness = WitnessProcess::start(&settings, last == 0);
        let http = Http::new(witness.url());
        assert_eq!(post(&http, &request("a", last, size)).status, 200);
        witness.kill();
        fs::write(folder.path().join("state.writing"), b"pledger/witness-sta").expect("a torn file");
        let again = WitnessProcess::start(&settings, false);
        let http = Http::new(again.url());
        let forked = post(&http, &request("b", last, size + 1));
        assert_eq!((forked.status, text(&forked)), (409, format!("{size}\n")));
        again.kill();
        last = size;
    }
}

#[tokio::test]
async fn a_witness_without_its_state_does_not_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = write_settings(folder.path(), NAME, &[(ORIGIN, &vkey())]);
    let open = async |is_first| {
        let settings = Settings::read(&path).expect("a configuration");
        WitnessServer::open(settings, ([127, 0, 0, 1], 0).into(), is_first).await
    };
    assert!(matches!(open(false).await, Err(WitnessError::NoState { .. })));
    let first = open(true).await.expect("the first start");
    assert!(matches!(open(false).await, Err(WitnessError::InUse { .. })), "one process at a time");
    drop(first);
    assert!(matches!(open(true).await, Err(WitnessError::NotTheFirst { .. })));
    assert!(open(false).await.is_ok());
    let state = folder.path().join("state");
    let mut bytes = fs::read(&state).expect("a state");
    bytes.pop();
    fs::write(&state, &bytes).expect("a damaged state");
    assert!(matches!(open(false).await, Err(WitnessError::Memory { .. })));
    fs::remove_file(&state).expect("a file");
    assert!(matches!(open(false).await, Err(WitnessError::NoState { .. })), "lost is not new");
}

#[test]
fn configurations_that_are_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let good = fs::read_to_string(write_settings(folder.path(), NAME, &[(ORIGIN, &vkey())])).expect("a text");
    let path = folder.path().join("other.toml");
    let log = format!("[[log]]\norigin = \"{ORIGIN}\"\nvkeys = [\"{}\"]\n", vkey());
    let own =
        LogSigner::new(KeyName::new(ORIGIN).expect("a name"), &tests::witnessing::witness_key(NAME).seed());
    for (text, what) in [
        (format!("colour = \"red\"\n{good}"), "unknown member"),
        (good.replace("vkeys = [", "vkeys = [] #"), "no key"),
        (good.replace(&vkey(), &cosigner(NAME).verifier().to_string()), "a cosigner's key"),
        (good.replace(&vkey(), &own.verifier().to_string()), "its own key"),
        (good.replace(&vkey(), "ledger.example+00000000+AAAA"), "a wrong key"),
        (format!("{good}{log}"), "twice"),
        (good.replace("witness.pem", "nowhere.pem"), "no key file"),
        (good.replace(NAME, "two words"), "a name with a space"),
    ] {
        fs::write(&path, text).expect("a file");
        assert!(Settings::read(&path).is_err(), "{what}");
    }
}

#[test]
fn the_golden_chain_over_http() {
    let golden = json::read(include_bytes!("../golden/audit.json")).expect("JSON");
    let at = |pointer: &str| golden.pointer(pointer).and_then(Json::as_str).expect(pointer).to_owned();
    let chain = |member: &str| at(&format!("/golden_chain/{member}"));
    let origin = chain("origin");
    let vkey = chain("keys/2/vkey");
    let witness = TestWitness::open(NAME, &[(&origin, &vkey)]);
    let http = witness.http();
    let path = format!("/{}/checkpoint", chain("witness/origin_sha256_hex"));
    assert_eq!(http.get(&path).status, 404);
    let first = post(&http, &chain("witness/first_request"));
    assert_eq!(first.status, 200);
    // The time is today's, so the line is another one; it is good over the golden text.
    let note = format!("{}\n{}", chain("checkpoint_text"), text(&first));
    let key = cosigner(NAME).verifier().clone();
    assert_eq!(Note::parse(&note).expect("a note").verify([&key]).expect("good").len(), 1);
    assert_eq!(http.get(&path).status, 200);
    let stale = post(&http, &chain("witness/request_1_to_3"));
    assert_eq!(stale.status, 409);
    assert_eq!(
        stale.header("content-type").map(str::to_owned),
        Some(chain("witness/stale_response/content_type"))
    );
    assert_eq!(text(&stale), chain("witness/stale_response/body"));
}

#[test]
fn the_public_sequence_over_http() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/vectors/audit.json");
    if !Path::new(path).exists() {
        println!("skipped: ../shared not present");
        return;
    }
    let vectors = json::read(&fs::read(path).expect("a file")).expect("JSON");
    let group = vectors.pointer("/witness_add_checkpoint").expect("the group");
    let vkey = group.get("log_vkey").and_then(Json::as_str).expect("a vkey");
    let origin = VerifierKey::parse(vkey).expect("a vkey").name().to_string();
    let witness = TestWitness::open("example.com/witness", &[(&origin, vkey)]);
    for step in group.get("steps").and_then(Json::as_array).expect("steps") {
        let request = step.get("request").and_then(Json::as_str).expect("a request");
        let answer = post(&witness.http(), request);
        let Some(Json::Number(status)) = step.get("status_in_spec") else { panic!("a status") };
        assert_eq!(&answer.status.to_string(), status, "{}", text(&answer));
        if answer.status == 200 {
            assert!(text(&answer).starts_with("— example.com/witness "));
        }
    }
}

/// Three witnesses of three domains, and a quorum over them.
fn policy_text(vkey: &str, quorum: &str) -> String {
    let witness = |place: usize, name: &str| {
        format!("witness w{place} {} http://127.0.0.1:{}\n", cosigner(name).verifier(), 9_000 + place)
    };
    let names = ["one.example/w", "two.example/w", "three.example/w"];
    let witnesses: String = names.iter().enumerate().map(|(place, name)| witness(place, name)).collect();
    format!("log {vkey}\n{witnesses}{quorum}")
}

#[test]
fn lint_refuses_a_quorum_that_protects_from_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("policy");
    for (quorum, allow_weak_quorum, code, told) in [
        ("group g 2 w0 w1 w2\nquorum g\n", false, 0, "so many must lie for a split view"),
        ("group g 1 w0 w1 w2\nquorum g\n", false, 3, "warning: two quorums may share no witness"),
        ("group g 1 w0 w1 w2\nquorum g\n", true, 0, "share 0 witnesses"),
        ("quorum none\n", false, 3, "warning: nobody need cosign"),
        ("quorum w9\n", false, 2, ""),
    ] {
        fs::write(&file, policy_text(&vkey(), quorum)).expect("a file");
        for json in [false, true] {
            let mut out = Vec::new();
            let command = WitnessPolicyCommand::Lint { file: file.clone(), allow_weak_quorum, json };
            assert_eq!(witness_policy::execute(&command, &mut out), code, "{quorum}");
            let out = String::from_utf8(out).expect("text");
            let is_told =
                if json { code == 2 || json::read(out.as_bytes()).is_ok() } else { out.contains(told) };
            assert!(is_told, "{out}");
        }
    }
}

#[test]
fn a_ledger_is_opened_with_a_policy_that_its_checkpoints_can_meet() {
    let folder = tempfile::tempdir().expect("a folder");
    let log_key = folder.path().join("log.pem");
    let key = ledger::key::SecretKey::from_seed(&[7; 32]);
    api::home::write_key(&log_key, &key).expect("a key file");
    let vkey = api::home::vkey(ORIGIN, &key).expect("a vkey");
    let file = folder.path().join("policy");
    let mut attempt = 0;
    for (text, with_key, refused) in [
        ("no policy\n".to_owned(), true, Some("the keyword no is unknown")),
        (policy_text(&vkey, "group g 2 w0 w1 w2\nquorum g\n"), false, Some("it does not name this log")),
        (
            policy_text(&vkey, "group g any w0 w1 w2\nquorum g\n"),
            true,
            Some("two quorums may share no witness"),
        ),
        (policy_text(&vkey, "group g 2 w0 w1 w2\nquorum g\n"), true, None),
        (policy_text(&vkey, "quorum none\n"), true, None),
    ] {
        attempt += 1;
        fs::write(&file, &text).expect("a file");
        let made = init(&InitArgs {
            dir: folder.path().join(format!("ledger{attempt}")),
            origin: ORIGIN.to_owned(),
            operator: "pb".to_owned(),
            legal_name: "pb".to_owned(),
            key: None,
            log_key: with_key.then(|| log_key.clone()),
            witness_policy: Some(file.clone()),
            sandbox: false,
        });
        match (made, refused) {
            (Ok(made), None) => assert_eq!(made.get("vkey").and_then(Json::as_str), Some(vkey.as_str())),
            (Err(message), Some(refused)) => assert!(message.contains(refused), "{message}"),
            (made, refused) => panic!("{made:?}, {refused:?}"),
        }
    }
}
