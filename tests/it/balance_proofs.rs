//! Balance proofs: golden bytes both ways, what each broken form is answered, each byte flipped, and a
//! client who finds that its leaf was left out or lowered.

use data_encoding::HEXLOWER;
use ledger::digest::Digest;
use ledger::json::Json;
use ledger::note::VerifierKey;
use ledger::policy::Policy;
use ledger::proof::TlogProof;
use ledger::seal::{BalanceProof, Leaf, SealList, SumNode, SumTree, TreeLine, salt};
use ledger::verify::{ProofOptions, Report, Verdict, proof};
use std::collections::BTreeMap;
use tests::fuzz::corpus::AUDIT;
use tests::served::TestLedger;

use crate::seals::{SEALERS, SECRET, seal_row};

fn group(name: &str) -> &'static Json {
    AUDIT.get(name).expect("a group of the vectors")
}

fn text<'a>(json: &'a Json, pointer: &str) -> &'a str {
    json.pointer(pointer).and_then(Json::as_str).unwrap_or_else(|| panic!("{pointer} is text"))
}

fn list<'a>(json: &'a Json, pointer: &str) -> &'a [Json] {
    json.pointer(pointer).and_then(Json::as_array).unwrap_or_else(|| panic!("{pointer} is a list"))
}

/// A policy that asks for every witness of a group.
fn policy(group: &Json) -> Policy {
    let mut policy = format!("log {}\n", text(group, "/log_vkey"));
    let mut names = String::new();
    for (place, vkey) in list(group, "/witness_vkeys").iter().enumerate() {
        policy += &format!("witness w{place} {}\n", vkey.as_str().expect("a vkey"));
        names += &format!(" w{place}");
    }
    Policy::parse(&format!("{policy}group all all{names}\nquorum all\n")).expect("a policy")
}

fn judge(text: &str, policy: &Policy) -> Report {
    proof(text.as_bytes(), &ProofOptions { policy: Some(policy), ..ProofOptions::default() })
}

/// The golden tree's leaves, by custodian, class and asset.
fn golden_trees() -> BTreeMap<[&'static str; 3], SumTree> {
    let mut leaves: BTreeMap<[&str; 3], Vec<Leaf>> = BTreeMap::new();
    for account in list(group("golden_balance"), "/accounts") {
        let salt = HEXLOWER.decode(text(account, "/salt_hex").as_bytes()).expect("hex");
        let units = text(account, "/amount").parse().expect("units");
        let salt = salt.try_into().expect("16 bytes");
        let leaf = Leaf::new(text(account, "/account"), text(account, "/book"), units, salt).expect("a leaf");
        assert_eq!(leaf.hash().to_string(), text(account, "/leaf_hash_hex"));
        leaves
            .entry(["/custodian", "/class", "/asset"].map(|name| text(account, name)))
            .or_default()
            .push(leaf);
    }
    leaves.into_iter().map(|(names, leaves)| (names, SumTree::over(leaves).expect("a tree"))).collect()
}

#[test]
fn the_golden_proof_is_made_and_read() {
    let golden = group("golden_balance");
    let trees = golden_trees();
    let lines: Vec<TreeLine> =
        trees.iter().map(|([a, b, c], tree)| tree.line(a, b, c).expect("a line")).collect();
    let told: Vec<String> = lines.iter().map(TreeLine::to_string).collect();
    assert_eq!(told, list(golden, "/lines").iter().filter_map(Json::as_str).collect::<Vec<_>>());
    let lines = SealList::new(lines).expect("a list");
    assert_eq!(lines.root().to_string(), text(golden, "/lines_root_hex"));
    let secret = HEXLOWER.decode(text(golden, "/salt_key_hex").as_bytes()).expect("hex");
    for account in list(golden, "/accounts") {
        let made = salt(secret.as_slice().first_chunk().expect("32 bytes"), text(account, "/account"));
        assert_eq!(HEXLOWER.encode(&made), text(account, "/salt_hex"));
    }

    let written = text(golden, "/balance_proof");
    let (_, receipt) = written.split_once("\n\n").expect("a receipt");
    let names = ["custody-one", "cftc_4d_futures", "BTC"];
    let made = BalanceProof::make(
        "acme:btc:f",
        "posted",
        &trees[&names],
        names,
        &lines,
        text(golden, "/seal_record/payload").to_owned(),
        TlogProof::parse(receipt).expect("a receipt"),
    );
    assert_eq!(made.expect("a proof").to_string(), written);
    assert_eq!(BalanceProof::parse(written).expect("a proof").to_string(), written);

    let report = judge(written, &policy(golden));
    assert_eq!(report.verdict(), Verdict::Good, "{report}");
    let balance = report.balance.as_ref().expect("a balance");
    assert_eq!((balance.account.as_str(), balance.units, balance.size), ("acme:btc:f", 1_250_000_000, 9));
    assert_eq!(balance.as_of.to_string(), "2026-01-02T03:04:06.008Z");
    assert_eq!(report.cosigned_by.len(), 2, "{report}");
    assert_eq!(text(&report.to_json(), "/balance/amount"), "1250000000");
    // The ledger's key alone is enough; nobody's is not.
    let vkey = VerifierKey::parse(text(golden, "/log_vkey")).expect("a vkey");
    let by_key = ProofOptions { vkey: Some(&vkey), ..ProofOptions::default() };
    assert_eq!(proof(written.as_bytes(), &by_key).verdict(), Verdict::Good);
    assert_eq!(proof(written.as_bytes(), &ProofOptions::default()).verdict(), Verdict::Undecidable);
}

#[test]
fn broken_forms_are_answered_as_the_vectors_say() {
    let golden = group("golden_balance");
    let policy = policy(golden);
    for negative in list(golden, "/negatives") {
        let report = judge(text(negative, "/text"), &policy);
        assert_eq!(
            report.verdict().as_str(),
            text(negative, "/result"),
            "{}: {report}",
            text(negative, "/name")
        );
    }
    // A node that hashes the total alone would let 10 be shown for 10 + 7.
    let broken = golden.get("broken_form").expect("the broken form");
    let [left, right] = ["left", "right"].map(|side| SumNode {
        hash: Digest::parse_hex(text(broken, &format!("/{side}_hash_hex"))).expect("a digest"),
        sum: text(broken, &format!("/{side}_sum")).parse().expect("a sum"),
    });
    assert_eq!(
        SumNode::over(left, right).expect("a node").hash.to_string(),
        text(broken, "/this_format_node_hex")
    );
}

#[test]
fn a_proof_of_a_hundred_thousand_accounts_is_small() {
    let budget = group("balance_proof_budget");
    let written = text(budget, "/text");
    assert!(written.len() < 4_096, "{} bytes", written.len());
    let report = judge(written, &policy(budget));
    assert_eq!(report.verdict(), Verdict::Good, "{report}");
}

#[test]
fn no_flipped_byte_of_a_proof_is_good() {
    let golden = group("golden_balance");
    let (policy, written) = (policy(golden), text(golden, "/balance_proof").as_bytes());
    let options = ProofOptions { policy: Some(&policy), ..ProofOptions::default() };
    for at in 0..written.len() {
        for flip in [1 << (at % 8), 0x20] {
            let mut bytes = written.to_vec();
            bytes[at] ^= flip;
            assert_ne!(proof(&bytes, &options).verdict(), Verdict::Good, "byte {at} ^ {flip:#x}");
        }
        assert_ne!(proof(&written[..at], &options).verdict(), Verdict::Good, "cut at {at}");
    }
}

/// Whoever may, and nobody else; and what is served checks with the key alone.
#[test]
fn proofs_are_served_to_those_entitled() {
    let mut ledger = TestLedger::with_world();
    ledger.play(SEALERS);
    assert_eq!(ledger.read("acme", "/v1/seals/latest/balance-proof?account=acme.btc").status, 404, "no seal");
    let row = seal_row(&mut ledger, SECRET);
    ledger.play(&row);
    ledger.play("acme movement.instruct movement=m mode=immediate postings=acme.btc>acme.btc.p:1:BTC");
    let vkey = ledger.http().get("/v1/ledger").text("vkey");
    let vkey = VerifierKey::parse(&vkey).expect("a vkey");
    let path = "/v1/seals/latest/balance-proof?account=acme.btc";
    for (party, want) in [("acme", 200), ("pb", 200), ("aud", 200), ("zeta", 404), ("bank", 404)] {
        let served = ledger.read(party, path);
        assert_eq!(served.status, want, "{party}");
        if want == 200 {
            let options = ProofOptions { vkey: Some(&vkey), ..ProofOptions::default() };
            let report = proof(&served.body, &options);
            assert_eq!(report.verdict(), Verdict::Good, "{report}");
            let balance = report.balance.expect("a balance");
            assert_eq!((balance.account.as_str(), balance.units), ("acme.btc", 1_000_000_000));
        }
    }
    for (path, want) in [
        ("/v1/seals/latest/balance-proof", 400),
        ("/v1/seals/latest/balance-proof?account=ext.btc", 404),
        ("/v1/seals/latest/balance-proof?account=nobody", 404),
        ("/v1/seals/0/balance-proof?account=acme.btc", 404),
    ] {
        assert_eq!(ledger.read("pb", path).status, want, "{path}");
    }
    assert_eq!(ledger.http().get(path).status, 401);
}

/// A sealed total below the sum of the leaves: whichever way the operator builds it, each client whose
/// leaf was left out or lowered finds no proof, or one that does not hold.
#[test]
fn a_lowered_total_is_found_by_whom_it_leaves_out() {
    let names = ["bank", "uncleared", "BTC"];
    let leaf =
        |place: u128, units| Leaf::new(&format!("a{place}"), "posted", units, [7; 16]).expect("a leaf");
    let honest: Vec<Leaf> = (0..9).map(|place| leaf(place, 100 + place)).collect();
    for victim in 0..9_usize {
        let mut left_out = honest.clone();
        left_out.remove(victim);
        let tree = SumTree::over(left_out).expect("a tree");
        assert!(tree.prove(honest[victim].account(), "posted").is_err(), "no proof for {victim}");

        let mut lowered = honest.clone();
        lowered[victim] = leaf(victim as u128, 1);
        let tree = SumTree::over(lowered).expect("a tree");
        let line = tree.line(names[0], names[1], names[2]).expect("a line");
        let shown = tree.prove(honest[victim].account(), "posted").expect("a proof of the lowered leaf");
        assert_eq!(shown.leaf.units(), 1, "the client reads that it is not its balance");
        // Its own balance in place of the lowered one holds at no place of the tree.
        for index in 0..9 {
            let mut own = shown.clone();
            own.leaf = honest[victim].clone();
            own.index = index;
            assert!(own.check(&line).is_err());
        }
    }
}
