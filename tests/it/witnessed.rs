//! A real ledger and its witnesses, over HTTP: what is shown, what stops it, and who is not fooled.

use std::thread;

use api::cli::verify::{VerifyArgs, verify};
use api::cosigning::settings::{ServeSettings, WitnessSettings};
use ledger::json::Json;
use ledger::merkle::TreeHead;
use ledger::note::{Note, VerifierKey};
use ledger::policy::{Policy, Witnessed};
use ledger::proof::TlogProof;
use ledger::verify::Verdict;
use ledger::witness::{AddCheckpoint, origin_hash};
use tests::http::{Answer, Http};
use tests::served::{TestLedger, copy_all};
use tests::witnessing::{Asked, Scripted, TestWitness, cosigner};
use tests::world::ORIGIN;

pub(crate) const HONEST: [&str; 3] = ["one.example/w", "two.example/w", "three.example/w"];
const LIAR: &str = "liar.example/w";
const BTC: &str = "pb asset.define asset=BTC kind=crypto decimals=8";

fn secs() -> u64 {
    api::app::now().millis() / 1_000
}

fn text(answer: &Answer) -> String {
    String::from_utf8(answer.body.clone()).expect("text")
}

pub(crate) fn vkey(ledger: &TestLedger) -> String {
    ledger.http().get("/v1/ledger").text("vkey")
}

/// Polls until it holds; a test that waits for ever is ended by its runner.
fn until(mut holds: impl FnMut() -> bool) {
    while !holds() {
        thread::yield_now();
    }
}

pub(crate) fn honest(ledger: &TestLedger, names: &[&str]) -> Vec<TestWitness> {
    let vkey = vkey(ledger);
    names.iter().map(|name| TestWitness::open(name, &[(ORIGIN, &vkey)])).collect()
}

pub(crate) fn lines(witnesses: &[TestWitness]) -> String {
    witnesses.iter().zip(1..).map(|(witness, place)| witness.line(&format!("w{place}"))).collect()
}

/// The policy's text: the log, these witness lines, and a group over all of them.
pub(crate) fn policy(ledger: &TestLedger, witnesses: &str, threshold: &str) -> String {
    let names: Vec<&str> = witnesses.lines().filter_map(|line| line.split(' ').nth(1)).collect();
    let members = names.join(" ");
    format!("log {}\n{witnesses}group g {threshold} {members}\nquorum g\n", vkey(ledger))
}

/// Puts a policy in force by the operator's command.
pub(crate) fn put_in_force(ledger: &mut TestLedger, policy: &str) {
    let name = format!("policy{}", ledger.http().get("/v1/ledger").text("size"));
    ledger.scribe.name_document(&name, policy);
    ledger.play(&format!("pb ledger.witness_policy policy=doc:{name}"));
    until(|| ledger.http().get("/readyz").json().get("witnessed").is_some());
}

fn witnessed(policy: &str, note: &str) -> Witnessed {
    Policy::parse(policy).expect("a policy").check(note).unwrap_or_else(|unmet| panic!("{unmet}\n{note}"))
}

/// A witness that cosigns whatever it is shown, now.
fn liar() -> Scripted {
    Scripted::serve(|asked: &Asked| {
        let Ok(request) = AddCheckpoint::parse(asked.body.as_bytes()) else {
            return Some((404, String::new()));
        };
        let note = Note::parse(&request.note).ok()?;
        Some((200, cosigner(LIAR).cosign(note.text(), secs()).to_string()))
    })
}

fn liar_line(liar: &Scripted) -> String {
    format!("witness liar {} {}\n", cosigner(LIAR).verifier(), liar.url())
}

fn settings(set: impl FnOnce(&mut WitnessSettings)) -> ServeSettings {
    let mut settings = ServeSettings::default();
    set(&mut settings.witness);
    settings
}

#[test]
fn what_is_shown_is_what_a_quorum_cosigned() {
    let mut ledger = TestLedger::open();
    let witnesses = honest(&ledger, &HONEST);
    let policy = policy(&ledger, &lines(&witnesses), "2");
    let none = ledger.line("pb party.register party=acme role=client public_key=key:acme");
    assert_eq!(none.text("stage"), "published", "nobody is asked: nobody is said to have cosigned");
    put_in_force(&mut ledger, &policy);

    let answer = ledger.send(BTC, "?wait=witnessed");
    assert_eq!((answer.status, answer.text("stage").as_str()), (201, "witnessed"), "{}", text(&answer));
    let proof = TlogProof::parse(&answer.text("proof")).expect("a proof");
    let receipt =
        proof.verify_policy(&Policy::parse(&policy).expect("a policy")).expect("it holds under the policy");
    assert_eq!(receipt.record.seq.to_string(), answer.text("seq"));

    // Every receipt read later is the witnessed one, and so is the public checkpoint.
    for seq in 0..4 {
        let proof = text(&ledger.http().get(&format!("/v1/records/{seq}/proof")));
        let proof = TlogProof::parse(&proof).expect("a proof");
        proof.verify_policy(&Policy::parse(&policy).expect("a policy")).expect("witnessed");
    }
    let id = answer.text("command_id");
    let again = ledger.read("pb", &format!("/v1/receipts/{id}"));
    assert_eq!(again.text("stage"), "witnessed");
    let shown = witnessed(&policy, &text(&ledger.http().get("/log/checkpoint")));
    assert_eq!(shown.checkpoint.head().size, 4);
    let signed = text(&ledger.http().get("/v1/checkpoints/signed"));
    assert_eq!(Note::parse(&signed).expect("a note").signatures().len(), 1, "the log's line alone");

    let metrics = text(&ledger.http().get("/metrics"));
    for name in
        ["pledger_witnessed_age_seconds ", "pledger_witnessed_size 4", "pledger_witness_answers_total{"]
    {
        assert!(metrics.contains(name), "{metrics}");
    }
    assert_eq!(ledger.http().get("/readyz").at("/witnessed/quorum"), "met");
    assert_eq!(ledger.verified().verdict(), Verdict::Good);
}

#[test]
fn it_stands_after_a_restart_and_never_moves_without_the_quorum() {
    let mut ledger = TestLedger::open();
    let mut witnesses = honest(&ledger, &HONEST);
    let policy = policy(&ledger, &lines(&witnesses), "2");
    put_in_force(&mut ledger, &policy);
    assert_eq!(ledger.send(BTC, "?wait=witnessed").text("stage"), "witnessed");
    let gone: Vec<Option<String>> = witnesses.iter_mut().map(TestWitness::end).collect();
    ledger.restart();
    let size = |ledger: &TestLedger| {
        let note = text(&ledger.http().get("/log/checkpoint"));
        witnessed(&policy, &note).checkpoint.head().size
    };
    assert_eq!(size(&ledger), 3, "what an earlier run showed");
    let alone = ledger.line("pb asset.define asset=ETH kind=crypto decimals=18");
    assert_eq!((alone.status, alone.text("stage").as_str()), (201, "published"), "commands are still taken");
    assert_eq!((ledger.http().get("/v1/ledger").text("size"), size(&ledger)), ("4".to_owned(), 3));
    ledger.restart();
    assert_eq!(size(&ledger), 3);
    let report = ledger.verified();
    assert_eq!(report.verdict(), Verdict::Good, "{report}");
    for (witness, url) in witnesses.iter_mut().zip(&gone) {
        witness.start_at(url.as_ref().expect("it ran"));
    }
    let after = ledger.send("pb asset.define asset=XRP kind=crypto decimals=6", "?wait=witnessed");
    assert_eq!((after.text("stage").as_str(), size(&ledger)), ("witnessed", 5));
}

/// Whatever the moment: what was shown as witnessed is shown again, and what was answered is there.
#[test]
fn a_crash_takes_nothing_back_that_was_witnessed() {
    let mut ledger = TestLedger::open();
    let witnesses = honest(&ledger, &HONEST);
    let policy = policy(&ledger, &lines(&witnesses), "2");
    put_in_force(&mut ledger, &policy);
    for (place, size) in (0..4).zip(3_u64..) {
        let line = format!("pb asset.define asset=A{place} kind=token decimals=2");
        // Two of four are followed by the crash at once, whether or not they are witnessed.
        let answer = ledger.send(&line, if place % 2 == 0 { "?wait=witnessed" } else { "" });
        let shown = witnessed(&policy, &text(&ledger.http().get("/log/checkpoint"))).checkpoint.head().size;
        let crashed = ledger.crashed();
        let again = witnessed(&policy, &text(&crashed.http().get("/log/checkpoint"))).checkpoint.head().size;
        assert!(again >= shown, "{again} < {shown}");
        assert!(answer.text("stage") != "witnessed" || shown == size, "{shown}");
        assert_eq!(crashed.http().get("/v1/ledger").text("size"), size.to_string());
        assert_eq!(crashed.http().get("/readyz").status, 200, "no witness knows more");
    }
}

#[test]
fn a_witness_that_misbehaves_holds_nobody_up() {
    let mut ledger = TestLedger::open();
    let good = honest(&ledger, &HONEST[..2]);
    type Says = Box<dyn FnMut(&Asked) -> Option<(u16, String)> + Send>;
    let text_of = |asked: &Asked| {
        let request = AddCheckpoint::parse(asked.body.as_bytes()).ok();
        request.and_then(|request| Note::parse(&request.note).ok()).map(|note| note.text().to_owned())
    };
    let scripts: [(&str, Says); 9] = [
        ("hangs up", Box::new(|_| None)),
        ("409 for ever", Box::new(|_| Some((409, "0\n".to_owned())))),
        ("409 and no size", Box::new(|_| Some((409, "soon".to_owned())))),
        ("403", Box::new(|_| Some((403, String::new())))),
        ("422", Box::new(|_| Some((422, "no\n".to_owned())))),
        ("500", Box::new(|_| Some((500, "x".repeat(100_000))))),
        ("another's text", Box::new(|_| Some((200, cosigner(LIAR).cosign("x\n", secs()).to_string())))),
        (
            "a time long ago",
            Box::new(move |asked| {
                Some((200, text_of(asked).map(|text| cosigner(LIAR).cosign(&text, 1_000).to_string())?))
            }),
        ),
        ("no note", Box::new(|_| Some((200, "thank you\n".to_owned())))),
    ];
    for (what, script) in scripts {
        let bad = Scripted::serve(script);
        let policy = policy(&ledger, &format!("{}{}", lines(&good), liar_line(&bad)), "2");
        put_in_force(&mut ledger, &policy);
        let size = ledger.http().get("/v1/ledger").text("size");
        let line = format!("pb asset.define asset=A{size} kind=token decimals=2");
        let answer = ledger.send(&line, "?wait=witnessed");
        assert_eq!(answer.text("stage"), "witnessed", "{what}");
        let shown = witnessed(&policy, &text(&ledger.http().get("/log/checkpoint")));
        let names: Vec<_> = shown.cosigned.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["w1", "w2"], "{what}");
        until(|| bad.asked().iter().any(|asked| asked.path == "/add-checkpoint"));
        assert_eq!(ledger.http().get("/readyz").status, 200, "{what}");
    }
    let kept = ledger.home().join("witness-refusals");
    let kept =
        std::fs::read_dir(kept).expect("422 is kept").next().expect("of one witness").expect("a folder");
    let file = std::fs::read_dir(kept.path()).expect("a folder").next().expect("a file").expect("a file");
    let file = std::fs::read_to_string(file.path()).expect("text");
    assert!(file.contains("\nold 0\n") && file.contains(ORIGIN) && file.ends_with("422\n\nno\n"), "{file}");
}

#[test]
fn without_its_quorum_for_too_long_it_takes_no_commands() {
    let mut ledger = TestLedger::open();
    let good = honest(&ledger, &HONEST[..2]);
    let policy = policy(&ledger, &lines(&good), "2");
    put_in_force(&mut ledger, &policy);
    assert_eq!(ledger.send(BTC, "?wait=witnessed").status, 201);
    drop(good);
    ledger.restart_with(settings(|witness| witness.stop_after_secs = 0));
    until(|| ledger.http().get("/readyz").status == 503);
    assert_eq!(ledger.http().get("/readyz").text("code"), "witness_lag");
    let refused = ledger.line("pb asset.define asset=ETH kind=crypto decimals=18");
    assert_eq!((refused.status, refused.text("code").as_str()), (503, "witness_lag"));
    assert!(refused.header("retry-after").is_some());
    assert_eq!(ledger.http().get("/v1/ledger").text("size"), "3", "not recorded");
    assert_eq!(ledger.http().get("/log/checkpoint").status, 200, "and still read");
    // With more patience it goes on.
    ledger.restart_with(ServeSettings::default());
    assert_eq!(ledger.line("pb asset.define asset=ETH kind=crypto decimals=18").status, 201);
}

/// The store is put back to what it was; a live witness knows better.
#[test]
fn a_store_that_was_rolled_back_is_only_read() {
    let mut ledger = TestLedger::open();
    let good = honest(&ledger, &HONEST[..2]);
    let policy = policy(&ledger, &lines(&good), "2");
    put_in_force(&mut ledger, &policy);
    assert_eq!(ledger.send(BTC, "?wait=witnessed").status, 201);
    let backup = tempfile::tempdir().expect("a folder");
    ledger.restart_after(|home| copy_all(home, backup.path()));
    let lost = ledger.send("pb asset.define asset=ETH kind=crypto decimals=18", "?wait=witnessed");
    assert_eq!(lost.text("stage"), "witnessed");
    ledger.restart_after(|home| {
        std::fs::remove_dir_all(home).expect("it goes");
        std::fs::create_dir(home).expect("a folder");
        copy_all(backup.path(), home);
    });
    let signed = text(&ledger.http().get("/v1/checkpoints/signed"));
    for _ in 0..2 {
        let ready = ledger.http().get("/readyz");
        assert_eq!((ready.status, ready.text("code").as_str()), (503, "witness_ahead"));
        let refused = ledger.line("pb asset.define asset=XRP kind=crypto decimals=6");
        assert_eq!((refused.status, refused.text("code").as_str()), (503, "witness_ahead"));
        assert_eq!(text(&ledger.http().get("/v1/checkpoints/signed")), signed, "nothing is signed");
        assert_eq!(ledger.read("pb", "/v1/assets").items(), 1, "and all can be read");
        ledger.restart();
    }
}

#[test]
fn a_witness_that_names_a_larger_size_stops_a_running_ledger() {
    let mut ledger = TestLedger::open();
    let ahead = Scripted::serve(|asked: &Asked| match asked.method.as_str() {
        "POST" => Some((409, "1000\n".to_owned())),
        _ => Some((404, String::new())),
    });
    let policy = policy(&ledger, &liar_line(&ahead), "all");
    ledger.scribe.name_document("policy", &policy);
    ledger.play("pb ledger.witness_policy policy=doc:policy");
    until(|| ledger.http().get("/readyz").status == 503);
    let refused = ledger.line(BTC);
    assert_eq!((refused.status, refused.text("code").as_str()), (503, "witness_ahead"));
    assert!(text(&refused).contains("liar saw 1000 records"), "{}", text(&refused));
    // The operator looked into it, found a witness that lies, and asks it no more.
    ledger.restart_with(settings(|witness| witness.ignored = vec!["liar".to_owned()]));
    assert_eq!(ledger.line(BTC).status, 201);
}

/// The forked log as an outsider meets it: its own tiles, and a checkpoint with every line its operator
/// could get.
fn disguised(forked: &TestLedger, note: String) -> Scripted {
    let http = Http::new(forked.url());
    Scripted::serve_bytes(Box::new(move |asked: &Asked| {
        if asked.path == "/log/checkpoint" {
            return Some((200, note.clone().into_bytes()));
        }
        let answer = http.get(&asked.path);
        Some((answer.status, answer.body))
    }))
}

fn judge(url: &str, policy: Option<&str>, vkey: &str) -> (Verdict, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("policy");
    std::fs::write(&file, policy.unwrap_or_default()).expect("a file");
    let report = verify(&VerifyArgs {
        url: Some(url.to_owned()),
        vkey: Some(vkey.to_owned()),
        policy: policy.map(|_| file),
        ..VerifyArgs::default()
    });
    let report = report.expect("arguments that can be read");
    (report.verdict(), report.to_string())
}

fn with_lines(note: &str, more: &[String]) -> String {
    format!("{note}{}", more.concat())
}

fn add_checkpoint(url: &str, note: &str, old: u64) -> Answer {
    let request = AddCheckpoint { old, path: Vec::new(), note: note.to_owned() };
    Http::new(url).send("POST", "/add-checkpoint", &[], request.to_string().as_bytes())
}

/// Two histories with one origin and one key go past three witnesses, of which one lies: a client with
/// the policy believes the one, and refuses the other for want of a quorum.
#[test]
fn a_forked_log_is_refused_because_of_the_quorum() {
    let mut ledger = TestLedger::open();
    let (good, bad) = (honest(&ledger, &HONEST[..2]), liar());
    let policy = policy(&ledger, &format!("{}{}", lines(&good), liar_line(&bad)), "2");
    put_in_force(&mut ledger, &policy);
    let common = ledger.send("pb asset.define asset=ETH kind=crypto decimals=18", "?wait=witnessed");
    assert_eq!(common.text("stage"), "witnessed");
    let vkey = vkey(&ledger);
    // Its operator lets a copy ask the liar alone: the honest would stop it at the start.
    let only_the_liar = settings(|witness| witness.ignored = vec!["w1".to_owned(), "w2".to_owned()]);
    let mut forked = ledger.copied(only_the_liar);
    assert_eq!(ledger.send(BTC, "?wait=witnessed").text("stage"), "witnessed");
    assert_eq!(forked.line("pb asset.define asset=USDC kind=stablecoin decimals=6").status, 201);

    let (verdict, told) = judge(ledger.url(), Some(&policy), &vkey);
    assert_eq!(verdict, Verdict::Good, "{told}");
    // The forked server itself never moves what it shows.
    until(|| bad.asked().iter().any(|asked| asked.path == "/add-checkpoint" && asked.body.contains("\n4\n")));
    let shown = witnessed(&policy, &text(&forked.http().get("/log/checkpoint")));
    assert_eq!(shown.checkpoint.head().size, 3, "the fork of size 4 has one line of three");

    // So its operator writes the checkpoint by hand, with every line there is to get.
    let signed = text(&forked.http().get("/v1/checkpoints/signed"));
    let gathered: Vec<Answer> =
        [bad.url(), good[0].url(), good[1].url()].iter().map(|url| add_checkpoint(url, &signed, 4)).collect();
    assert_eq!(gathered.iter().map(|answer| answer.status).collect::<Vec<_>>(), [200, 422, 422]);
    let note = with_lines(&signed, &[text(&gathered[0])]);
    let outside = disguised(&forked, note);
    let (verdict, told) = judge(outside.url(), None, &vkey);
    assert_eq!(verdict, Verdict::Good, "by the log's word alone nobody can tell: {told}");
    let (verdict, told) = judge(outside.url(), Some(&policy), &vkey);
    assert_eq!(verdict, Verdict::Undecidable, "{told}");
    assert!(told.contains("the quorum is not met") && told.contains("liar"), "{told}");

    // Both honest witnesses hold the proof of it.
    for witness in &good {
        let metrics = text(&witness.http().get("/metrics"));
        assert!(metrics.contains("pledger_witness_forks_total 1"), "{metrics}");
    }
}

/// What the arithmetic says, shown: under 2 of 3 one liar is enough if the operator keeps the honest apart;
/// under 3 of 3 it is not.
#[test]
fn a_split_view_needs_as_many_liars_as_lint_says() {
    let mut ledger = TestLedger::open();
    let (good, bad) = (honest(&ledger, &HONEST[..2]), liar());
    let all = format!("{}{}", lines(&good), liar_line(&bad));
    let (two, three) = (policy(&ledger, &all, "2"), policy(&ledger, &all, "3"));
    let vkey = vkey(&ledger);
    let mut forked = ledger.copied(ServeSettings::default());
    ledger.play(BTC);
    forked.play("pb asset.define asset=USDC kind=stablecoin decimals=6");
    let views = [(&ledger, &good[0]), (&forked, &good[1])].map(|(history, honest)| {
        let signed = text(&history.http().get("/v1/checkpoints/signed"));
        let lines = [honest.url(), bad.url()].map(|url| text(&add_checkpoint(url, &signed, 0)));
        disguised(history, with_lines(&signed, &lines))
    });
    for (policy, cost, verdict) in [(&two, 1, Verdict::Good), (&three, 3, Verdict::Undecidable)] {
        assert_eq!(Policy::parse(policy).expect("a policy").lint().split_view_cost, cost);
        for view in &views {
            let (judged, told) = judge(view.url(), Some(policy), &vkey);
            assert_eq!(judged, verdict, "{told}");
        }
    }
    let key = VerifierKey::parse(&vkey).expect("a vkey");
    let roots = views.map(|view| {
        let note = text(&Http::new(view.url()).get("/log/checkpoint"));
        let head: TreeHead =
            ledger::checkpoint::SignedCheckpoint::open(&note, ORIGIN, [&key]).expect("signed").head();
        head
    });
    assert!(roots[0].size == roots[1].size && roots[0].root != roots[1].root, "only comparing them tells");
}

#[test]
fn witnesses_are_asked_again_under_a_new_policy() {
    let mut ledger = TestLedger::open();
    let good = honest(&ledger, &HONEST);
    let first = policy(&ledger, &good[0].line("w1"), "all");
    put_in_force(&mut ledger, &first);
    assert_eq!(ledger.send(BTC, "?wait=witnessed").text("stage"), "witnessed");
    let second = policy(&ledger, &lines(&good[1..]), "2");
    ledger.scribe.name_document("second", &second);
    let answer = ledger.line("pb ledger.witness_policy policy=doc:second");
    assert_eq!(answer.status, 201);
    // Until the new policy is met, what was shown under the old one stands.
    let met = |ledger: &TestLedger, policy: &str| {
        let note = text(&ledger.http().get("/log/checkpoint"));
        Policy::parse(policy).expect("a policy").check(&note).is_ok()
    };
    until(|| met(&ledger, &second));
    let shown = ledger.http().get("/log/checkpoint");
    assert_eq!(shown.status, 200);
    for witness in &good[1..] {
        let path = format!("/{}/checkpoint", origin_hash(ORIGIN));
        assert_eq!(witness.http().get(&path).status, 200);
    }
    let vkeys = ledger.http().get("/v1/ledger").json();
    assert_eq!(vkeys.pointer("/witness_policy/text").and_then(Json::as_str), Some(second.as_str()));
}
