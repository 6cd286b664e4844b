//! Seals and attestations: what the ledger takes, what `verify` makes again, and who reads it.

use ledger::account::{AccountStatus, Book};
use ledger::checkpoint::Checkpoint;
use ledger::cosignature::Cosigner;
use ledger::digest::Digest;
use ledger::json::Json;
use ledger::note::{KeyName, Note};
use ledger::seal::{Leaf, SealList, SumTree, salt};
use ledger::verify::{CheckId, CheckResult, Verdict};
use std::collections::BTreeMap;
use tests::driver::Driver;
use tests::served::TestLedger;

use crate::flow::play_on;

/// A secret of 32 bytes: a document's name, whose bytes are the document.
pub const SECRET: &str = "the-secret-of-the-first-seal-...";
const SECOND: &str = "the-secret-of-the-second-seal...";

pub const SEALERS: &str = "
    pb key.add public_key=key:sealer uses=seal
    acme key.add public_key=key:acmes uses=seal
    pb movement.instruct movement=rich mode=two_phase postings=ext.btc>acme.btc:10:BTC,ext.btc>zeta.btc:7:BTC
    bank movement.settle movement=rich evidence=doc:rich
";

/// A seal's members over the present state, under the names that rows use.
fn present(driver: &mut Driver, secret: &str) -> [(&'static str, String); 3] {
    let list = driver.state.seal_list(secret.as_bytes().first_chunk().expect("32 bytes")).expect("a list");
    driver.scribe.name_document("list", &list.to_string());
    let size = driver.state.length().to_string();
    [("ROOT", list.root().to_string()), ("TREES", list.trees().to_string()), ("SIZE", size)]
}

fn filled(text: &str, names: &[(&str, String)]) -> String {
    names.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
}

/// Every refusal of a seal, in the order of precedence, and of the key that signs it.
#[test]
fn seals_are_refused_in_order() {
    let mut driver = Driver::with_world(false);
    driver.play(SEALERS);
    driver.scribe.name_document("none", "");
    driver.scribe.name_document("prose", "a list\n");
    let names = present(&mut driver, SECRET);
    let [_, _, (_, size)] = &names;
    let (after, empty) = ((size.parse::<u64>().expect("a number") + 1).to_string(), Digest::of(b""));
    let seal = format!(
        "seal.put as_of=-0 kind=cadence list=doc:list root=ROOT salts=doc:{SECRET} size=SIZE trees=TREES"
    );
    let with = |from: &str, to: &str| seal.replace(from, to);
    let rows = [
        // A key for seals signs seals alone, and no other key signs them.
        ("pb key.add public_key=key:both uses=command,seal".to_owned(), "body_schema"),
        ("pb/sealer asset.define asset=NEW kind=token decimals=0".to_owned(), "use_not_allowed"),
        ("pb/sealer prices set=p2 BTC=1".to_owned(), "use_not_allowed"),
        (format!("pb {seal}"), "use_not_allowed"),
        (format!("acme/acmes {seal}"), "not_authorised"),
        (format!("pb/sealer {}", with("cadence", "weekly")), "body_schema"),
        (format!("pb/sealer {}", with("root=ROOT", "root=sha256:ROOT")), "body_schema"),
        (format!("pb/sealer {}", with("doc:list", "digest:list")), "unknown_reference"),
        (format!("pb/sealer {}", with("size=SIZE", "size=0")), "amount_out_of_range"),
        (format!("pb/sealer {}", with("size=SIZE", &format!("size={after}"))), "amount_out_of_range"),
        (format!("pb/sealer {}", with("as_of=-0", "as_of=-1")), "evidence_mismatch"),
        (format!("pb/sealer {}", with("as_of=-0", "as_of=+1")), "evidence_mismatch"),
        (format!("pb/sealer {}", with("root=ROOT", &format!("root={empty}"))), "evidence_mismatch"),
        (format!("pb/sealer {}", with("doc:list", "doc:prose")), "document_digest"),
        (format!("pb/sealer {}", with("trees=TREES", "trees=1")), "document_digest"),
        (format!("pb/sealer {}", with(SECRET, "short")), "document_digest"),
        (format!("pb/sealer {}", with(SECRET, "rich")), "document_digest"),
        (
            format!(
                "pb/sealer seal.put as_of=-0 kind=cadence list=doc:none root={empty} salts=doc:{SECRET} size=SIZE trees=0"
            ),
            "amounts_do_not_sum",
        ),
    ];
    for (line, code) in rows {
        play_on(&mut driver, &format!("{} => {code}", filled(&line, &names)));
    }
    // With anybody's balance another, it is no seal of this state.
    let told = driver.scribe.document("list");
    let other = String::from_utf8(told).expect("text").replacen(" 0 ", " 1 ", 1);
    let other_root = SealList::read(other.as_bytes()).expect("a list").root();
    driver.scribe.name_document("other", &other);
    let line = with("doc:list", "doc:other").replace("ROOT", &other_root.to_string());
    play_on(&mut driver, &format!("pb/sealer {} => amounts_do_not_sum", filled(&line, &names)));
    play_on(&mut driver, &format!("pb/sealer {}", filled(&seal, &names)));

    assert_eq!(driver.state.last_seal().map(|seal| seal.size.to_string()), Some(size.clone()));
    // A size never falls, and a secret seals once.
    let again = filled(&seal, &names);
    play_on(&mut driver, &format!("pb/sealer {again} => document_digest"));
    let fresh = again.replace(SECRET, SECOND);
    let lower = fresh.replace(&format!("size={size}"), "size=5");
    play_on(&mut driver, &format!("pb/sealer {lower} => amount_out_of_range"));
    driver.wait(1_000);
    play_on(&mut driver, &format!("pb/sealer {fresh} => evidence_mismatch"));
    // Of an earlier size only form and order are told here: `verify` makes the trees again.
    let earlier = fresh.replace("as_of=-0", "as_of=-1000").replace("doc:list", "doc:none");
    let list = SealList::read(&driver.scribe.document("list")).expect("a list");
    let earlier = earlier.replace(&list.root().to_string(), &empty.to_string());
    let earlier = earlier.replace(&format!("trees={}", list.trees()), "trees=0");
    play_on(&mut driver, &format!("pb/sealer {}", earlier.replace("cadence", "final")));
    let third = again.replace(SECRET, "yet-another-secret-of-32-bytes-.");
    play_on(&mut driver, &format!("pb/sealer {third} => wrong_state"));
}

/// The lines of a seal over the accounts as they are served, as an auditor makes them.
fn list_of(ledger: &mut TestLedger, secret: &str) -> SealList {
    let secret = secret.as_bytes().first_chunk().expect("32 bytes");
    let decimals = BTreeMap::from([("BTC", 8), ("USDC", 6), ("TOK", 30)]);
    let accounts = ledger.read("pb", "/v1/accounts").json();
    let accounts = accounts.get("items").and_then(Json::as_array).expect("a list").to_vec();
    let mut trees: BTreeMap<[String; 3], Vec<Leaf>> = BTreeMap::new();
    for account in &accounts {
        let text = |name: &str| account.get(name).and_then(Json::as_str).expect("a member").to_owned();
        let (id, book) = (text("id"), text("book"));
        if book == Book::External.as_str() || text("status") == AccountStatus::Closed.as_str() {
            continue;
        }
        let settled = text("settled");
        let settled = ledger::decimal::DecimalText::parse(&settled).expect("a quantity");
        let units = settled.units(decimals[text("asset").as_str()]).expect("units");
        let leaf = Leaf::new(&id, &book, units, salt(secret, &id)).expect("a leaf");
        trees.entry([text("custodian"), text("class"), text("asset")]).or_default().push(leaf);
    }
    let lines = trees.into_iter().map(|([custodian, class, asset], leaves)| {
        SumTree::over(leaves).and_then(|tree| tree.line(&custodian, &class, &asset)).expect("a line")
    });
    SealList::new(lines.collect()).expect("a list")
}

/// A row that seals the state as it is served.
pub fn seal_row(ledger: &mut TestLedger, secret: &str) -> String {
    let list = list_of(ledger, secret);
    let size: u64 = ledger.http().get("/v1/ledger").text("size").parse().expect("a size");
    let as_of = ledger.http().get(&format!("/v1/records/{}", size - 1)).text("recorded_at");
    ledger.scribe.name_document("list", &list.to_string());
    format!(
        "pb/sealer seal.put as_of={as_of} kind=close_of_day list=doc:list root={} salts=doc:{secret} size={size} trees={}",
        list.root(),
        list.trees()
    )
}

/// Each reads the lines of its own; the secret of the salts is for auditors alone.
#[test]
fn seals_are_read_by_line() {
    let mut ledger = TestLedger::with_world();
    ledger.play(SEALERS);
    let row = seal_row(&mut ledger, SECRET);
    ledger.play(&row);
    let seq = ledger.read("pb", "/v1/seals").at("/items/0/seq");
    let lines = |ledger: &mut TestLedger, party: &str| -> Vec<String> {
        let seal = ledger.read(party, &format!("/v1/seals/{seq}"));
        assert_eq!(seal.at("/seal/kind"), "close_of_day", "{party}");
        let seal = seal.json();
        let lines = seal.pointer("/seal/lines").and_then(Json::as_array).expect("lines").to_vec();
        let told =
            |line: &Json, name: &str| line.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
        lines
            .iter()
            .map(|line| ["custodian", "asset", "count", "sum"].map(|name| told(line, name)).join(" "))
            .collect()
    };
    let btc = "bank BTC 4 1700000000".to_owned();
    assert!(lines(&mut ledger, "pb").contains(&btc));
    assert_eq!(lines(&mut ledger, "pb"), lines(&mut ledger, "aud"));
    assert_eq!(lines(&mut ledger, "zeta"), [btc]);
    assert_eq!(lines(&mut ledger, "vault"), ["vault BTC 1 0"]);
    assert_eq!(lines(&mut ledger, "bank").len(), 4);
    assert_eq!(lines(&mut ledger, "acme").len(), 5);
    for path in ["/v1/seals/0", "/v1/seals/x", "/v1/seals/99999"] {
        assert_eq!(ledger.read("pb", path).status, 404, "{path}");
    }
    assert_eq!(ledger.http().get("/v1/seals").status, 401);

    let salts = format!("/v1/documents/{}", Digest::of(SECRET.as_bytes()));
    // Naming it opens it to nobody, whoever names it.
    ledger.play(&format!(
        "pb document.put digest=digest:{SECRET} media_type=x size=32 purpose=leak readers=acme
         aud document.put digest=digest:{SECRET} media_type=x size=32 purpose=leak readers=acme"
    ));
    for (party, want) in [("aud", 200), ("pb", 404), ("acme", 404), ("bank", 404)] {
        assert_eq!(ledger.read(party, &salts).status, want, "{party}");
    }
}

/// `verify` makes each seal again from the state at its size: an honest one is proven good, and one that
/// was taken because the ledger had moved on is proven bad by its record.
#[test]
fn seals_are_made_again() {
    let mut ledger = TestLedger::with_world();
    ledger.play(SEALERS);
    let row = seal_row(&mut ledger, SECRET);
    // The seal is of a size that the log has left behind.
    ledger.play("acme movement.instruct movement=m mode=immediate postings=acme.btc>acme.btc.p:1:BTC");
    ledger.play(&row);
    let report = ledger.verified();
    assert_eq!(report.verdict(), Verdict::Good, "{report}");
    let check = report.check(CheckId::SealsRecomputed).expect("it is asked for");
    assert_eq!((check.result, check.count), (CheckResult::Pass, 1), "{report}");

    let row = seal_row(&mut ledger, SECOND);
    let false_list = String::from_utf8(ledger.scribe.document("list")).expect("text");
    let false_list = false_list.replacen(" 1700000000 ", " 1600000000 ", 1);
    let root = SealList::read(false_list.as_bytes()).expect("a list").root();
    let honest = SealList::read(&ledger.scribe.document("list")).expect("a list").root();
    ledger.scribe.name_document("list", &false_list);
    let row = row.replace(&honest.to_string(), &root.to_string());
    // While the state at hand is the one it speaks of, it is not taken.
    assert_eq!(ledger.line(&row).text("code"), "amounts_do_not_sum");
    ledger.play("acme movement.instruct movement=m2 mode=immediate postings=acme.btc>acme.btc.p:1:BTC");
    ledger.play(&row);
    let seq = ledger.read("pb", "/v1/seals").at("/items/1/seq").parse().expect("a number");
    let report = ledger.verified();
    assert_eq!(report.verdict(), Verdict::Bad, "{report}");
    let check = report.check(CheckId::SealsRecomputed).expect("it is asked for");
    assert_eq!(check.result, CheckResult::Fail, "{report}");
    assert_eq!(check.finding.as_ref().and_then(|finding| finding.first_seq), Some(seq), "{report}");
}

/// An auditor's line under a checkpoint, as a row has it.
pub fn replay_line(name: &str, text: &str) -> String {
    let cosigner = Cosigner::new(KeyName::new(name).expect("a name"), &[7; 32]);
    cosigner.cosign(text, 1_790_000_000).to_string().trim_end().replace(' ', "~")
}

/// Every refusal of an attestation, in the order of precedence.
#[test]
fn attestations_are_refused_in_order() {
    let mut driver = Driver::with_world(false);
    let (root, line) = (Digest::of(b"root"), replay_line("aud/pledger-replay", "x\n"));
    let put = format!(
        "attestation.put attestation=a1 size=5 root={root} line={line} statement=replayed report=doc:report"
    );
    let length = driver.state.length();
    let cut = line.get(..line.len() - 8).expect("ASCII but for the dash");
    let rows = [
        (format!("pb {put}"), "not_authorised"),
        (format!("acme {put}"), "not_authorised"),
        (format!("aud {}", put.replace(&line, &replay_line("aud/witness", "x\n"))), "body_schema"),
        (format!("aud {}", put.replace(&line, cut)), "body_schema"),
        (format!("aud {}", put.replace(&line, "good")), "body_schema"),
        (format!("aud {}", put.replace("statement=replayed", "statement=")), "body_schema"),
        (format!("aud {}", put.replace("doc:", "digest:")), "unknown_reference"),
        (format!("aud {}", put.replace("size=5", "size=0")), "amount_out_of_range"),
        (format!("aud {}", put.replace("size=5", &format!("size={}", length + 1))), "amount_out_of_range"),
    ];
    for (line, code) in rows {
        play_on(&mut driver, &format!("{line} => {code}"));
    }
    play_on(&mut driver, &format!("aud {}", put.replace("size=5", &format!("size={length}"))));
    play_on(&mut driver, &format!("aud {} => id_taken", put.replace("a1", "A1").replace("size=5", "size=0")));
    // A key's name and id are its first user's.
    driver.play("pb party.register party=aud2 role=auditor public_key=key:aud2");
    let second = put.replace("a1", "a2");
    play_on(&mut driver, &format!("aud2 {second} => evidence_mismatch"));
    play_on(
        &mut driver,
        &format!("aud2 {}", second.replace(&line, &replay_line("aud2/pledger-replay", "x\n"))),
    );
    play_on(&mut driver, &format!("aud {}", put.replace("a1", "a3")));
}

/// Anyone reads them, and finds the auditor's line under the checkpoint whose root it attests, and under
/// no other.
#[test]
fn attestations_are_public() {
    let mut ledger = TestLedger::with_world();
    let size = ledger.http().get("/v1/ledger").text("size");
    let path = format!("/v1/checkpoints/{size}");
    let note = String::from_utf8(ledger.http().get(&path).body).expect("text");
    let text = Note::parse(&note).expect("a note").text().to_owned();
    let root = Checkpoint::parse(&text).expect("a checkpoint").head().root;
    let line = replay_line("aud/pledger-replay", &text);
    let other = replay_line("aud2/pledger-replay", &text);
    ledger.play(&format!(
        "aud attestation.put attestation=a1 size={size} root={root} line={line} statement=all~good report=doc:report
         aud attestation.put attestation=a2 size={size} root={} line={other} statement=no report=doc:report",
        Digest::of(b"another tree")
    ));
    let read = ledger.http().get("/v1/attestations");
    assert_eq!((read.status, read.items()), (200, 2));
    for (pointer, want) in [
        ("/items/0/id", "a1"),
        ("/items/0/auditor", "aud"),
        ("/items/0/statement", "all good"),
        ("/items/0/line", &line.replace('~', " ")),
        ("/items/0/root", &root.to_string()),
    ] {
        assert_eq!(read.at(pointer), want, "{pointer}");
    }
    let attested = String::from_utf8(ledger.http().get(&path).body).expect("text");
    assert_eq!(attested, format!("{note}{}\n", line.replace('~', " ")));
}
