//! The log's formats against vectors: those of the public specifications, read where the shared
//! folder is present, and our own golden bytes, which change only with a format's version.

use std::sync::Arc;

use data_encoding::{BASE64, HEXLOWER};
use ledger::checkpoint::{SignedCheckpoint, parse_hash};
use ledger::cosignature::{Cosigner, message};
use ledger::digest::Digest;
use ledger::fork::{ForkError, ForkEvidence};
use ledger::json::{self, Json};
use ledger::key::PublicKey;
use ledger::log::{LogConfig, LogOpening};
use ledger::merkle::{self, EMPTY_ROOT, TreeHead, leaf_hash, root_of, verify_consistency, verify_inclusion};
use ledger::note::{KeyMaterial, KeyName, LogSigner, Note, VerifierKey};
use ledger::policy::Policy;
use ledger::proof::TlogProof;
use ledger::record::Record;
use ledger::tiles::{self, TileKind, TilePath};
use ledger::witness::{AddCheckpoint, Memory, Refusal, TrustedLog, decide, origin_hash};

const GOLDEN: &str = include_str!("../../tests/golden/audit.json");

/// Groups that we may read but not copy; `None` where the folder is not there.
fn shared() -> Option<Json> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/vectors/audit.json");
    let Ok(bytes) = std::fs::read(path) else {
        println!("skipped: ../shared not present");
        return None;
    };
    Some(json::read(&bytes).expect("the vectors are JSON"))
}

fn golden(pointer: &str) -> Json {
    json::read(GOLDEN.as_bytes()).expect("JSON").pointer(pointer).expect(pointer).clone()
}

fn member<'a>(value: &'a Json, key: &str) -> &'a Json {
    value.get(key).unwrap_or_else(|| panic!("no member {key}"))
}

fn text<'a>(value: &'a Json, key: &str) -> &'a str {
    member(value, key).as_str().unwrap_or_else(|| panic!("{key} is no string"))
}

/// A number, in our own groups written as a string; `None` for a negative one.
fn number(value: &Json, key: &str) -> Option<u64> {
    let (Json::Number(text) | Json::String(text)) = member(value, key) else { panic!("{key} is no number") };
    text.parse().ok()
}

/// An array, or nothing where the source has `null`.
fn list<'a>(value: &'a Json, key: &str) -> &'a [Json] {
    let value = member(value, key);
    if *value == Json::Null { &[] } else { value.as_array().unwrap_or_else(|| panic!("{key} is no array")) }
}

fn strings<'a>(value: &'a Json, key: &str) -> Vec<&'a str> {
    list(value, key).iter().map(|item| item.as_str().expect("a string")).collect()
}

fn hex_hashes(value: &Json, key: &str) -> Vec<Digest> {
    strings(value, key).into_iter().map(|hex| Digest::parse_hex(hex).expect("a hash")).collect()
}

fn base64(text: &str) -> Vec<u8> {
    BASE64.decode(text.as_bytes()).expect("base64")
}

fn array<const N: usize>(hex: &str) -> [u8; N] {
    HEXLOWER.decode(hex.as_bytes()).expect("hex").try_into().expect("the right length")
}

fn vkey(text: &str) -> VerifierKey {
    VerifierKey::parse(text).expect("a vkey")
}

fn tree_of_eight(shared: &Json) -> Vec<Digest> {
    let inputs = strings(member(shared, "rfc6962_tree"), "leaf_inputs_hex");
    inputs.iter().map(|hex| leaf_hash(&HEXLOWER.decode(hex.as_bytes()).expect("hex"))).collect()
}

fn head_of(leaves: &[Digest]) -> TreeHead {
    TreeHead { size: leaves.len() as u64, root: root_of(leaves.iter().copied()) }
}

fn upto(leaves: &[Digest], size: u64) -> &[Digest] {
    &leaves[..usize::try_from(size).expect("small")]
}

#[test]
fn rfc6962_tree() {
    let Some(shared) = shared() else { return };
    let leaves = tree_of_eight(&shared);
    for vector in list(member(&shared, "rfc6962_tree"), "roots_hex") {
        let size = number(vector, "size").unwrap();
        assert_eq!(head_of(upto(&leaves, size)).root.to_string(), text(vector, "root"), "{size}");
    }
}

#[test]
fn ct_paths_and_consistency() {
    let Some(shared) = shared() else { return };
    let leaves = tree_of_eight(&shared);
    for vector in list(member(&shared, "ct_paths"), "vectors") {
        // Leaf 0 of a list from 1 is no leaf.
        let Some(index) = number(vector, "leaf_index") else { continue };
        let head = head_of(upto(&leaves, number(vector, "tree_size").unwrap()));
        let leaf = leaves[usize::try_from(index).unwrap()];
        assert_eq!(verify_inclusion(&leaf, index, &head, &hex_hashes(vector, "proof_hex")), Ok(()));
    }
    for vector in list(member(&shared, "ct_consistency"), "vectors") {
        let [old, new] = ["size1", "size2"].map(|key| head_of(upto(&leaves, number(vector, key).unwrap())));
        assert_eq!(verify_consistency(&old, &new, &hex_hashes(vector, "proof_hex")), Ok(()));
    }
}

/// Hashes of another length than 32 bytes cannot even be written down: a refusal.
fn hashes(vector: &Json) -> Option<Vec<Digest>> {
    strings(vector, "proof").into_iter().map(parse_hash).collect()
}

#[test]
fn merkle_inclusion() {
    let Some(shared) = shared() else { return };
    for vector in list(member(&shared, "merkle_inclusion"), "vectors") {
        let judge = || {
            let head =
                TreeHead { size: number(vector, "treeSize")?, root: parse_hash(text(vector, "root"))? };
            let leaf = parse_hash(text(vector, "leafHash"))?;
            verify_inclusion(&leaf, number(vector, "leafIdx")?, &head, &hashes(vector)?).ok()
        };
        assert_eq!(judge().is_none(), member(vector, "wantErr") == &Json::Bool(true), "{vector:?}");
    }
}

/// The source calls a proof from the empty tree useless and refuses it; none of these is one that
/// we accept.
#[test]
fn merkle_consistency() {
    let Some(shared) = shared() else { return };
    for vector in list(member(&shared, "merkle_consistency"), "vectors") {
        let head = |size, root| {
            Some(TreeHead { size: number(vector, size)?, root: parse_hash(text(vector, root))? })
        };
        let judge =
            || verify_consistency(&head("size1", "root1")?, &head("size2", "root2")?, &hashes(vector)?).ok();
        assert_eq!(judge().is_none(), member(vector, "wantErr") == &Json::Bool(true), "{vector:?}");
    }
}

#[test]
fn signed_notes() {
    let Some(shared) = shared() else { return };
    for vector in list(&shared, "signed_notes") {
        let (key, note) = (vkey(text(vector, "vkey")), text(vector, "note"));
        let read = Note::parse(note).unwrap();
        assert_eq!(read.to_string(), note);
        assert_eq!(read.verify([&key]).unwrap().len(), 1, "{}", text(vector, "name"));
        if let Some(origin) = vector.get("origin").and_then(Json::as_str) {
            SignedCheckpoint::open(note, origin, [&key]).unwrap();
        }
        let forged =
            note.replacen("\n5\n", "\n6\n", 1).replacen("This", "That", 1).replacen("\n8\n", "\n9\n", 1);
        let forged = forged.replacen("6476701", "6476702", 1);
        assert!(Note::parse(&forged).unwrap().verify([&key]).is_err());
    }
}

#[test]
fn cosignatures_v1() {
    let Some(shared) = shared() else { return };
    let group = member(&shared, "cosignatures_v1");
    for vector in list(group, "vectors") {
        let key = vkey(text(vector, "vkey"));
        let note = Note::parse(text(vector, "note")).unwrap();
        let good = note.verify([&key]).unwrap();
        assert!(good.len() == 1 && good[0].time.is_some());
    }
    let example = member(group, "spec_example_without_key");
    let note = Note::parse(text(example, "note")).unwrap();
    let decoded = member(example, "decodes_to");
    let ids: Vec<String> = note.signatures().iter().map(|line| HEXLOWER.encode(&line.id())).collect();
    assert_eq!(ids, [text(decoded, "log_key_id"), text(decoded, "witness_key_id")]);
    let time = note.signatures()[1].signature().first_chunk().copied().map(u64::from_be_bytes);
    assert_eq!(time, number(decoded, "timestamp"));
}

#[test]
fn vkeys() {
    let Some(shared) = shared() else { return };
    let group = member(&shared, "vkeys");
    for vector in list(group, "good") {
        let written = text(vector, "vkey");
        let key = vkey(written);
        let kind = match key.material() {
            KeyMaterial::Ed25519(_) => 1,
            KeyMaterial::CosignatureV1(_) => 4,
            KeyMaterial::MlDsa44(_) => 6,
        };
        assert_eq!((key.to_string().as_str(), Some(kind)), (written, number(vector, "type")));
    }
    for bad in strings(group, "bad") {
        assert!(VerifierKey::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn tile_paths() {
    let Some(shared) = shared() else { return };
    let group = member(&shared, "tile_paths");
    for vector in list(group, "vectors") {
        let kind = if member(vector, "level").as_str() == Some("entries") {
            TileKind::Entries
        } else {
            TileKind::Hashes(u8::try_from(number(vector, "level").unwrap()).unwrap())
        };
        let width = u16::try_from(number(vector, "width").unwrap()).unwrap();
        let path = TilePath::new(kind, number(vector, "index").unwrap(), width).unwrap();
        assert_eq!(path.to_string(), text(vector, "path"));
        assert_eq!(TilePath::parse(text(vector, "path")), Some(path));
    }
    let sizes = member(group, "size_70000");
    for (level, full, partial) in [
        (0, number(sizes, "full_level0").unwrap(), "partial_level0_width"),
        (1, number(sizes, "full_level1").unwrap(), "partial_level1_width"),
        (2, 0, "partial_level2_width"),
    ] {
        let kind = TileKind::Hashes(level);
        assert_eq!(kind.count(70_000) / 256, full);
        assert_eq!(Some(u64::from(kind.width(full, 70_000))), number(sizes, partial));
    }
    assert_eq!(TilePath::partials(70_000).len(), 4);
}

#[test]
fn tessera_log() {
    let Some(shared) = shared() else { return };
    let group = member(&shared, "tessera_log");
    let key = vkey(text(group, "vkey"));
    let leaves = strings(group, "leaves");
    let hashes: Vec<Digest> = leaves.iter().map(|leaf| leaf_hash(leaf.as_bytes())).collect();
    for note in strings(group, "checkpoints") {
        let head = SignedCheckpoint::open(note, key.name().as_str(), [&key]).unwrap().head();
        assert_eq!(head, head_of(upto(&hashes, head.size)));
    }
    let bundle = HEXLOWER.decode(text(group, "entry_bundle_tile_entries_000.p_15_hex").as_bytes()).unwrap();
    let read: Vec<&[u8]> = leaves.iter().map(|leaf| leaf.as_bytes()).collect();
    assert_eq!(tiles::entries(&bundle, 15), Ok(read));
}

#[test]
fn tlog_proof() {
    let Some(shared) = shared() else { return };
    let group = member(&shared, "tlog_proof");
    for vector in list(group, "format_only") {
        let proof = TlogProof::parse(text(vector, "text")).unwrap();
        let path: Option<Vec<_>> = strings(vector, "hashes").into_iter().map(parse_hash).collect();
        let checkpoint = text(vector, "checkpoint").to_owned();
        let want = TlogProof {
            extra: None,
            index: number(vector, "index").unwrap(),
            path: path.unwrap(),
            checkpoint,
        };
        assert_eq!((&proof, proof.to_string().as_str()), (&want, text(vector, "text")));
    }
    for bad in strings(group, "malformed") {
        assert!(TlogProof::parse(bad).is_err(), "{bad}");
    }
    for vector in list(group, "valid") {
        let key = vkey(text(vector, "vkey"));
        let proof = TlogProof::parse(text(vector, "text")).unwrap();
        let head = SignedCheckpoint::open(&proof.checkpoint, key.name().as_str(), [&key]).unwrap().head();
        assert_eq!(proof.shows(text(vector, "leaf").as_bytes(), &head), Ok(()));
        assert!(proof.shows(b"another", &head).is_err());
    }
}

/// A witness without state, asked in order.
#[test]
fn witness_add_checkpoint() {
    let Some(shared) = shared() else { return };
    let group = member(&shared, "witness_add_checkpoint");
    let key = vkey(text(group, "log_vkey"));
    let logs = [TrustedLog::new(key.name().as_str(), vec![key.clone()]).unwrap()];
    let own = Cosigner::new(KeyName::new("example.com/witness").unwrap(), &[1; 32]);
    let mut memory = Memory::default();
    for step in list(group, "steps") {
        let decided = decide(&logs, &own, &memory, text(step, "request").as_bytes(), 1_748_000_000);
        let status = match decided {
            Ok(accepted) => {
                assert!(accepted.answer.to_string().contains(text(step, "body_contains")));
                memory = memory.with(&accepted.origin, accepted.seen);
                200
            }
            Err(Refusal::Request(_) | Refusal::Checkpoint { .. }) => 400,
            Err(Refusal::UnknownLog { .. }) => 404,
            Err(Refusal::Signature(_)) => 403,
            Err(Refusal::Stale { .. }) => 409,
            Err(Refusal::Inconsistent { .. }) => 422,
        };
        assert_eq!(Some(status), number(step, "status_in_spec"));
    }
    assert_eq!(memory.seen(key.name().as_str()).map(|seen| seen.head().size), Some(1));
}

/// The golden chain's requests and answers, to the byte.
#[test]
fn golden_chain_witness() {
    let chain = golden("/golden_chain");
    let expected = member(&chain, "witness");
    let origin = text(&chain, "origin");
    assert_eq!(origin_hash(origin), text(expected, "origin_sha256_hex"));
    let keys = list(&chain, "keys");
    let of = |name: &str| {
        let key = keys.iter().find(|key| key.get("name").and_then(Json::as_str) == Some(name));
        array::<32>(text(key.expect(name), "seed_hex"))
    };
    let log = LogSigner::new(KeyName::new(origin).unwrap(), &of(origin));
    let own = Cosigner::new(KeyName::new("witness.example/w1").unwrap(), &of("witness.example/w1"));
    let logs = [TrustedLog::new(origin, vec![log.verifier().clone()]).unwrap()];
    let (first, answer) = (text(expected, "first_request"), text(expected, "first_response_w1"));
    let blob = base64(answer.trim_end().rsplit(' ').next().unwrap());
    let time = u64::from_be_bytes(blob[4..12].try_into().unwrap());
    let empty = Memory::default();
    let accepted = decide(&logs, &own, &empty, first.as_bytes(), time).unwrap();
    assert_eq!(accepted.answer.to_string(), answer);
    assert_eq!(AddCheckpoint::parse(first.as_bytes()).unwrap().to_string(), first);

    // From size 1 the proof is what is asked for; a witness that has seen all three is asked in vain.
    let hashes: Vec<Digest> =
        list(&chain, "records").iter().map(|record| leaf_hash(text(record, "leaf").as_bytes())).collect();
    let one = SignedCheckpoint::sign(origin, [&log], head_of(&hashes[..1])).unwrap();
    let seen_one = decide(&logs, &own, &empty, format!("old 0\n\n{one}").as_bytes(), time).unwrap();
    let from_one = text(expected, "request_1_to_3");
    let after = decide(&logs, &own, &empty.with(origin, seen_one.seen), from_one.as_bytes(), time).unwrap();
    assert_eq!(after.answer.to_string(), answer);
    let stale = decide(&logs, &own, &empty.with(origin, after.seen), first.as_bytes(), time).unwrap_err();
    assert_eq!(number(member(expected, "stale_response"), "status"), Some(409));
    let Refusal::Stale { seen, fork: None } = stale else { panic!("{stale:?}") };
    assert_eq!(format!("{seen}\n"), text(member(expected, "stale_response"), "body"));
}

#[test]
fn golden_chain() {
    let chain = golden("/golden_chain");
    let records = list(&chain, "records");
    let leaves: Vec<Vec<u8>> = records.iter().map(|record| text(record, "leaf").into()).collect();
    let hashes: Vec<Digest> = leaves.iter().map(|leaf| leaf_hash(leaf)).collect();
    for (record, hash) in records.iter().zip(&hashes) {
        assert_eq!(hash.to_string(), text(record, "leaf_hash_hex"));
        let envelope = Digest::of(text(record, "envelope_jcs").as_bytes());
        let read = Record::parse(text(record, "leaf")).unwrap();
        assert_eq!((Some(read.seq), read.envelope_sha256), (number(record, "seq"), envelope));
    }
    let heads: Vec<TreeHead> = (0..=3).map(|size| head_of(&hashes[..size])).collect();
    let roots: Vec<String> = heads.iter().map(|head| head.root.to_string()).collect();
    assert_eq!(roots, strings(&chain, "roots_hex_by_size"));
    let source = &mut |node: merkle::Subtree| {
        let at = |i: u64| usize::try_from(i << node.level).expect("small");
        Ok::<_, ()>(root_of(hashes[at(node.index)..at(node.index + 1)].iter().copied()))
    };
    for (key, path) in [
        ("inclusion_of_2_in_3_hex", merkle::inclusion_path(2, 3, source)),
        ("inclusion_of_0_in_3_hex", merkle::inclusion_path(0, 3, source)),
        ("consistency_1_to_3_hex", merkle::consistency_path(1, 3, source)),
        ("consistency_2_to_3_hex", merkle::consistency_path(2, 3, source)),
    ] {
        assert_eq!(path, Ok(hex_hashes(&chain, key)), "{key}");
    }
    let mut bundle = Vec::new();
    leaves.iter().for_each(|leaf| tiles::push_entry(&mut bundle, leaf).unwrap());
    let files = member(&chain, "tiles");
    assert_eq!(base64(text(files, "tile/entries/000.p/3")), bundle);
    assert_eq!(base64(text(files, "tile/0/000.p/3")), hashes.iter().flat_map(|h| h.0).collect::<Vec<_>>());
}

/// Keys, notes and proofs of the chain, made again from the seeds and read back.
#[test]
fn golden_chain_signatures() {
    let chain = golden("/golden_chain");
    let origin = text(&chain, "origin");
    let key = |name: &str| {
        let keys = list(&chain, "keys").iter();
        let found = keys.into_iter().find(|key| text(key, "seed_text").ends_with(name)).expect("a key");
        let name = found.get("name").and_then(Json::as_str).and_then(|name| KeyName::new(name).ok());
        (name.expect("a name"), array(text(found, "seed_hex")), text(found, "vkey").to_owned())
    };
    let (name, seed, log_vkey) = key("/log");
    let log = LogSigner::new(name, &seed);
    assert_eq!(log.verifier().to_string(), log_vkey);
    let cosigners = ["/witness-1", "/witness-2", "/auditor"].map(|who| {
        let (name, seed, vkey) = key(who);
        let cosigner = Cosigner::new(name, &seed);
        assert_eq!(cosigner.verifier().to_string(), vkey);
        cosigner
    });

    let roots = hex_hashes(&chain, "roots_hex_by_size");
    let signed = SignedCheckpoint::sign(origin, [&log], TreeHead { size: 3, root: roots[3] }).unwrap();
    let body = signed.note().text().to_owned();
    assert_eq!(body, text(&chain, "checkpoint_text"));
    assert_eq!(signed.to_string(), text(&chain, "checkpoint_log_signed"));
    let times = ["cosignature_time_w1", "cosignature_time_w2"].map(|key| number(&chain, key).unwrap());
    assert_eq!(message(&body, times[0]), text(&chain, "cosigned_bytes_w1"));
    let lines = [cosigners[0].cosign(&body, times[0]), cosigners[1].cosign(&body, times[1])];
    assert_eq!(lines[0].to_string(), text(member(&chain, "witness"), "first_response_w1"));
    let [one, two] = lines;
    let only_one = signed.with_line(one).unwrap();
    let cosigned = only_one.clone().with_line(two).unwrap();
    assert_eq!(cosigned.to_string(), text(&chain, "checkpoint_cosigned"));
    let auditor = ledger::note::SignatureLine::parse(text(&chain, "auditor_cosignature_line")).unwrap();
    let with_auditor = cosigned.clone().with_line(auditor).unwrap();
    assert_eq!(with_auditor.note().verify([cosigners[2].verifier()]).unwrap()[0].line, 3);

    let policy_text = text(member(&chain, "policy"), "text");
    assert_eq!(Digest::of(policy_text.as_bytes()).to_string(), text(member(&chain, "policy"), "sha256"));
    let policy = Policy::parse(policy_text).unwrap();
    assert_eq!(policy.split_view_cost(), 2);
    let [w1, w2] = [("w1".to_owned(), times[0]), ("w2".to_owned(), times[1])];
    assert_eq!(policy.check(&cosigned.to_string()).unwrap().cosigned, [w1, w2]);
    assert!(policy.check(&only_one.to_string()).is_err());

    let written = text(&chain, "tlog_proof_of_2");
    let proof = TlogProof::parse(written).unwrap();
    assert_eq!(proof.to_string(), written);
    let leaf = Record::parse(text(&list(&chain, "records")[2], "leaf")).unwrap();
    assert_eq!(proof.verify(origin, [log.verifier()]).unwrap().record, leaf);
    assert_eq!(proof.verify_policy(&policy).unwrap().cosigned.len(), 2);
    let request = text(member(&chain, "witness"), "request_1_to_3");
    let (path, note) = request.split_once("\n\n").unwrap();
    let path: Vec<Digest> = path.split('\n').skip(1).map(|hash| parse_hash(hash).unwrap()).collect();
    let new = SignedCheckpoint::open(note, origin, [log.verifier()]).unwrap().head();
    assert_eq!(verify_consistency(&TreeHead { size: 1, root: roots[1] }, &new, &path), Ok(()));
    let origin_hash = text(member(&chain, "witness"), "origin_sha256_hex");
    assert_eq!(Digest::of(origin.as_bytes()).to_string(), origin_hash);
}

/// The same chain through the log itself: files, tiles, checkpoint and receipt are those bytes.
#[test]
fn golden_chain_through_the_log() {
    let chain = golden("/golden_chain");
    let key = &list(&chain, "keys")[2];
    let signer =
        Arc::new(LogSigner::new(KeyName::new(text(key, "name")).unwrap(), &array(text(key, "seed_hex"))));
    let directory = tempfile::tempdir().unwrap();
    let config = LogConfig {
        directory: directory.path().to_owned(),
        signer,
        further_signers: Vec::new(),
        earlier_keys: Vec::new(),
    };
    let mut log = LogOpening::fresh(config).unwrap().finish().unwrap();
    let leaves: Vec<&str> = list(&chain, "records").iter().map(|record| text(record, "leaf")).collect();
    log.append(&leaves).unwrap();
    assert_eq!(log.publish().unwrap().to_string(), text(&chain, "checkpoint_log_signed"));
    let reader = log.reader();
    log.sync_static().unwrap();
    for (name, bytes) in member(&chain, "tiles").as_object().unwrap() {
        let bytes = base64(bytes.as_str().unwrap());
        assert_eq!(reader.tile(TilePath::parse(name).unwrap()).unwrap().as_ref(), Some(&bytes));
        assert_eq!(std::fs::read(directory.path().join(name)).unwrap(), bytes);
    }
    let cosigned = text(&chain, "checkpoint_cosigned");
    let cosigned =
        SignedCheckpoint::open(cosigned, text(&chain, "origin"), [&vkey(text(key, "vkey"))]).unwrap();
    let receipt = reader.tlog_proof_under(2, leaves[2].as_bytes(), &cosigned).unwrap();
    assert_eq!(receipt.to_string(), text(&chain, "tlog_proof_of_2"));
}

/// Balance proofs end with the receipt of their seal.
#[test]
fn receipts_inside_balance_proofs() {
    for (group, proof, quorum) in
        [("/golden_balance", "balance_proof", "all w0 w1"), ("/balance_proof_budget", "text", "all w0 w1 w2")]
    {
        let group = golden(group);
        let witnesses = strings(&group, "witness_vkeys").into_iter().enumerate();
        let witnesses: String = witnesses.map(|(i, vkey)| format!("witness w{i} {vkey}\n")).collect();
        let log = text(&group, "log_vkey");
        let policy = format!("log {log}\n{witnesses}group g {quorum}\nquorum g\n");
        let (_, receipt) = text(&group, proof).split_once("\n\n").unwrap();
        let receipt = TlogProof::parse(receipt).unwrap();
        assert_eq!(
            receipt.verify_policy(&Policy::parse(&policy).unwrap()).unwrap().record.seq,
            receipt.index
        );
    }
}

#[test]
fn record_leaves() {
    let group = golden("/record_leaves");
    for good in strings(&group, "good") {
        assert_eq!(Record::parse(good).unwrap().to_string(), good);
    }
    for bad in list(&group, "bad") {
        assert_eq!(Record::parse(text(bad, "leaf")), None, "{}", text(bad, "name"));
    }
}

#[test]
fn ed25519_strict() {
    let group = golden("/ed25519_strict");
    let message = base64(text(&group, "message_b64"));
    for weak in strings(&group, "weak_public_keys_hex") {
        assert!(PublicKey::from_bytes(&array(weak)).is_err(), "{weak}");
    }
    for vector in list(&group, "vectors") {
        let signature = array(text(vector, "sig_hex"));
        let good = PublicKey::from_bytes(&array(text(vector, "public_hex")))
            .is_ok_and(|key| key.verifies(&message, &signature));
        assert_eq!(&Json::Bool(good), member(vector, "ok"), "{}", text(vector, "name"));
    }
}

#[test]
fn fork_evidence() {
    for vector in golden("/fork_evidence").as_array().unwrap() {
        let key = vkey(text(vector, "vkey"));
        let evidence = ForkEvidence::parse(text(vector, "text")).unwrap();
        assert_eq!(evidence.to_string(), text(vector, "text"));
        let result = match evidence.verify(key.name().as_str(), [&key]) {
            Ok(_) => "fork",
            Err(ForkError::NoFork { .. }) => "no_fork",
            Err(ForkError::Malformed { .. } | ForkError::Side(_)) => "undecidable",
        };
        assert_eq!(result, text(vector, "result"), "{}", text(vector, "name"));
    }
    let good = golden("/fork_evidence/0/text");
    let good = good.as_str().unwrap();
    for bad in [
        String::new(),
        good.trim_end().to_owned(),
        format!("{good}\n"),
        good.replace("v1", "v2"),
        good.replace("same_size", "other"),
        good.replace("\na ", "\nb "),
        good.replace("\na ", "\na  "),
    ] {
        assert!(matches!(ForkEvidence::parse(&bad), Err(ForkError::Malformed { .. })), "{bad}");
    }
}

#[test]
fn the_empty_root_is_the_hash_of_nothing() {
    assert_eq!(EMPTY_ROOT, Digest::of(b""));
}
