//! The public log: notes, checkpoints, tiles, proofs, policies, and what outsiders verify.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use data_encoding::BASE64;
use ledger::checkpoint::{Checkpoint, SignedCheckpoint};
use ledger::digest::Digest;
use ledger::export::{FrameKind, Frames, Header};
use ledger::fork::ForkEvidence;
use ledger::json::Json;
use ledger::note::{Note, SignatureLine, VerifierKey};
use ledger::policy::Policy;
use ledger::proof::TlogProof;
use ledger::seal::{BALANCE_PROOF, BalanceProof, TreeLine};
use ledger::tiles::{self, TilePath};
use ledger::verify::{Fetched, Options, ProofOptions, Verdict, proof, public};

use super::corpus::{AUDIT, audit, examples, texts_of};
use super::{Cost, Form, Reading, Target};

pub(super) const TARGETS: [Target; 13] = [
    Target { name: "note", form: Form::Bytes, cost: Cost::Middle, corpus: notes, read: read_note },
    Target {
        name: "checkpoint",
        form: Form::Bytes,
        cost: Cost::Light,
        corpus: checkpoints,
        read: read_checkpoint,
    },
    Target { name: "signature_line", form: Form::Bytes, cost: Cost::Light, corpus: lines, read: read_line },
    Target { name: "vkey", form: Form::Bytes, cost: Cost::Light, corpus: vkeys, read: read_vkey },
    Target {
        name: "witness_policy",
        form: Form::Bytes,
        cost: Cost::Middle,
        corpus: policies,
        read: read_policy,
    },
    Target { name: "tile_path", form: Form::Bytes, cost: Cost::Light, corpus: paths, read: read_path },
    Target { name: "entry_bundle", form: Form::Bytes, cost: Cost::Light, corpus: bundles, read: read_bundle },
    Target { name: "tlog_proof", form: Form::Bytes, cost: Cost::Middle, corpus: proofs, read: read_proof },
    Target {
        name: "fork_evidence",
        form: Form::Bytes,
        cost: Cost::Middle,
        corpus: evidence,
        read: read_evidence,
    },
    Target {
        name: "balance_proof",
        form: Form::Bytes,
        cost: Cost::Middle,
        corpus: balance_proofs,
        read: read_balance_proof,
    },
    Target { name: "export", form: Form::Bytes, cost: Cost::Middle, corpus: exports, read: read_export },
    Target {
        name: "tree_line",
        form: Form::Bytes,
        cost: Cost::Light,
        corpus: tree_lines,
        read: read_tree_line,
    },
    Target { name: "public_log", form: Form::Bytes, cost: Cost::Heavy, corpus: served, read: read_served },
];

const ORIGIN: &str = "ledger.example/golden";

static KEY: LazyLock<VerifierKey> = LazyLock::new(|| {
    let policy = audit("/golden_chain/policy/text");
    let vkey = policy.lines().find_map(|line| line.strip_prefix("log ")).expect("a log line");
    VerifierKey::parse(vkey.split(' ').next().expect("a word")).expect("a key")
});

static POLICY: LazyLock<Policy> =
    LazyLock::new(|| Policy::parse(audit("/golden_chain/policy/text")).expect("the golden policy"));

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

fn notes() -> Vec<Vec<u8>> {
    texts_of(&AUDIT, |text| text.contains("\n\n— ") && !text.starts_with("c2sp") && text.len() < 8 << 10)
}

fn read_note(bytes: &[u8]) -> Reading {
    let Some(text) = text(bytes) else { return Reading::Refused };
    let read = Note::parse(text);
    if let Ok(note) = &read {
        assert_eq!(note.to_string(), text);
        let witnesses = POLICY.witnesses().iter().map(|witness| &witness.key);
        if let Ok(good) = note.verify(witnesses.chain([&*KEY])) {
            assert!(!good.is_empty());
        }
    }
    if let Ok(opened) = SignedCheckpoint::open(text, ORIGIN, [&*KEY]) {
        assert_eq!((opened.to_string().as_str(), opened.checkpoint().origin()), (text, ORIGIN));
    }
    if let Ok(witnessed) = POLICY.check(text) {
        assert!(!witnessed.cosigned.is_empty(), "the golden policy asks for witnesses");
    }
    Reading::of(&read)
}

fn checkpoints() -> Vec<Vec<u8>> {
    let mut all = examples([
        audit("/golden_chain/checkpoint_text"),
        "a\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
    ]);
    all.push(format!("{}extension\n", audit("/golden_chain/checkpoint_text")).into_bytes());
    all
}

fn read_checkpoint(bytes: &[u8]) -> Reading {
    let Some(text) = text(bytes) else { return Reading::Refused };
    let read = Checkpoint::parse(text);
    if let Ok(checkpoint) = &read {
        let printed = checkpoint.to_string();
        assert!(text.starts_with(&printed), "extension lines follow what we write");
        assert_eq!(Checkpoint::parse(&printed).as_ref(), Ok(checkpoint));
    }
    Reading::of(&read)
}

fn lines() -> Vec<Vec<u8>> {
    let notes = notes();
    let lines = notes.iter().flat_map(|note| note.split_inclusive(|byte| *byte == b'\n'));
    lines.filter(|line| line.starts_with("— ".as_bytes())).map(<[u8]>::to_vec).collect()
}

fn read_line(bytes: &[u8]) -> Reading {
    let Some(text) = text(bytes) else { return Reading::Refused };
    let read = SignatureLine::parse(text);
    if let Ok(line) = &read {
        assert_eq!(line.to_string(), text);
    }
    Reading::of(&read)
}

fn vkeys() -> Vec<Vec<u8>> {
    texts_of(&AUDIT, |text| {
        !text.contains(['\n', ' ', '"']) && text.matches('+').count() >= 2 && text.contains('/')
    })
}

fn read_vkey(bytes: &[u8]) -> Reading {
    let Some(text) = text(bytes) else { return Reading::Refused };
    let read = VerifierKey::parse(text);
    if let Ok(key) = &read {
        assert_eq!(key.to_string(), text);
    }
    Reading::of(&read)
}

fn policies() -> Vec<Vec<u8>> {
    let mut all = texts_of(&AUDIT, |text| text.starts_with("log ") && text.contains("quorum"));
    let nested = "group g1 any w0 w1\ngroup g2 2 g1 w2\nquorum g2\n";
    all.push(
        [audit("/golden_chain/policy/text").split("group").next().unwrap_or_default(), nested]
            .concat()
            .into(),
    );
    all
}

fn read_policy(bytes: &[u8]) -> Reading {
    let Some(text) = text(bytes) else { return Reading::Refused };
    let read = Policy::parse(text);
    if let Ok(policy) = &read {
        let parties = policy.logs().iter().chain(policy.witnesses());
        assert!(parties.count() <= text.lines().count(), "each stands on a line");
        // Whatever it says of the golden note, it says it.
        let _ = policy.check(audit("/golden_chain/checkpoint_log_signed"));
    }
    Reading::of(&read)
}

fn paths() -> Vec<Vec<u8>> {
    examples([
        "tile/0/000",
        "tile/0/x001/x234/067",
        "tile/entries/000.p/3",
        "tile/63/999.p/255",
        "tile/entries/x018/x446/x744/x073/x709/x551/615",
        "tile/0/x000/001",
        "checkpoint",
    ])
}

fn read_path(bytes: &[u8]) -> Reading {
    let Some(text) = text(bytes) else { return Reading::Refused };
    let read = TilePath::parse(text);
    if let Some(path) = read {
        assert_eq!(path.to_string(), text);
        assert!((1..=256).contains(&path.width()));
        let _ = [0, 1, 256, 1 << 40, u64::MAX].map(|size| path.is_within(size));
    }
    Reading::of(&read.ok_or(()))
}

fn bundles() -> Vec<Vec<u8>> {
    vec![tile("tile/entries/000.p/3"), vec![0, 0, 0, 0], vec![0xff, 0xff]]
}

fn read_bundle(bytes: &[u8]) -> Reading {
    let read = (1..=4).find_map(|width| Some((width, tiles::entries(bytes, width).ok()?)));
    if let Some((width, leaves)) = &read {
        let mut again = Vec::new();
        leaves.iter().for_each(|leaf| tiles::push_entry(&mut again, leaf).expect("it was an entry"));
        assert_eq!(again, bytes);
        assert_eq!(tiles::cut(bytes, *width), Ok(bytes));
    }
    Reading::of(&read.ok_or(()))
}

fn proofs() -> Vec<Vec<u8>> {
    texts_of(&AUDIT, |text| text.starts_with("c2sp.org/tlog-proof@v1"))
}

fn read_proof(bytes: &[u8]) -> Reading {
    let Some(text) = text(bytes) else { return Reading::Refused };
    let read = TlogProof::parse(text);
    if let Ok(proof) = &read {
        assert_eq!(proof.to_string(), text);
        if let Ok(receipt) = proof.verify(ORIGIN, [&*KEY]) {
            assert_eq!(receipt.record.seq, proof.index);
        }
    }
    judge(bytes);
    Reading::of(&read)
}

/// `pledger verify --proof` says something of any file.
fn judge(bytes: &[u8]) {
    let options = ProofOptions { vkey: Some(&KEY), policy: Some(&POLICY), payload: None };
    let report = proof(bytes, &options);
    assert!(report.to_string().contains("RESULT "));
}

fn evidence() -> Vec<Vec<u8>> {
    texts_of(&AUDIT, |text| text.starts_with("pledger/fork-evidence/v1"))
}

fn read_evidence(bytes: &[u8]) -> Reading {
    let Some(text) = text(bytes) else { return Reading::Refused };
    let read = ForkEvidence::parse(text);
    if let Ok(evidence) = &read {
        assert_eq!(evidence.to_string(), text);
        let _ = evidence.verify(ORIGIN, [&*KEY]);
    }
    judge(bytes);
    Reading::of(&read)
}

fn balance_proofs() -> Vec<Vec<u8>> {
    texts_of(&AUDIT, |text| text.starts_with(BALANCE_PROOF))
}

fn read_balance_proof(bytes: &[u8]) -> Reading {
    let Some(text) = text(bytes) else { return Reading::Refused };
    let read = BalanceProof::parse(text);
    if let Ok(proof) = &read {
        assert_eq!(proof.to_string(), text);
    }
    judge(bytes);
    Reading::of(&read)
}

fn exports() -> Vec<Vec<u8>> {
    let text = AUDIT.get("export_b64").and_then(Json::as_str).expect("a golden export");
    vec![BASE64.decode(text.as_bytes()).expect("base64")]
}

/// Frame by frame: what is read was whole, and header and end have one spelling.
fn read_export(bytes: &[u8]) -> Reading {
    let Ok(mut frames) = Frames::new(bytes) else { return Reading::Refused };
    loop {
        match frames.read_next() {
            Err(error) => {
                assert!(error.seq().is_some(), "bytes in memory are always read");
                return Reading::Refused;
            }
            Ok(None) => return Reading::Accepted,
            Ok(Some(frame)) => {
                assert_eq!(Digest::of(&frame.bytes), frame.digest);
                if let Some(header) = Header::parse(&frame.bytes) {
                    assert_eq!(header.to_string().as_bytes(), frame.bytes);
                }
                if frame.kind == FrameKind::End {
                    return Reading::Accepted;
                }
            }
        }
    }
}

fn tree_lines() -> Vec<Vec<u8>> {
    let lines = AUDIT.pointer("/golden_balance/lines").and_then(Json::as_array).expect("lines");
    lines.iter().filter_map(|line| Some(line.as_str()?.as_bytes().to_vec())).collect()
}

fn read_tree_line(bytes: &[u8]) -> Reading {
    let Some(text) = text(bytes) else { return Reading::Refused };
    let read = TreeLine::parse(text);
    if let Ok(line) = &read {
        assert_eq!(line.to_string(), text);
    }
    Reading::of(&read)
}

fn tile(path: &str) -> Vec<u8> {
    let tiles = AUDIT.pointer("/golden_chain/tiles").and_then(|tiles| tiles.get(path)).and_then(Json::as_str);
    BASE64.decode(tiles.expect("a golden tile").as_bytes()).expect("base64")
}

/// What the golden log serves, by path.
static LOG: LazyLock<BTreeMap<&str, Vec<u8>>> = LazyLock::new(|| {
    let tiles = ["tile/0/000.p/3", "tile/entries/000.p/3"].map(|path| (path, tile(path)));
    let note = audit("/golden_chain/checkpoint_log_signed").as_bytes().to_vec();
    tiles.into_iter().chain([("checkpoint", note)]).collect()
});

/// One file of the log, its path on the first line.
fn served() -> Vec<Vec<u8>> {
    LOG.iter().map(|(path, bytes)| [path.as_bytes(), b"\n", bytes].concat()).collect()
}

/// `pledger verify --url` against a server that gives other bytes for one path.
fn read_served(bytes: &[u8]) -> Reading {
    let end = bytes.iter().position(|byte| *byte == b'\n');
    let (path, given) = bytes.split_at(end.map_or(bytes.len(), |end| end + 1));
    let path = path.strip_suffix(b"\n").unwrap_or(path);
    let fetch = |asked: &str| match LOG.get(asked) {
        Some(_) if asked.as_bytes() == path => Fetched::Bytes(given.to_vec()),
        Some(bytes) => Fetched::Bytes(bytes.clone()),
        None => Fetched::Missing,
    };
    let (report, _) = public(&fetch, &Options { vkey: Some(&KEY), ..Options::default() });
    if report.verdict() != Verdict::Good {
        return Reading::Refused;
    }
    let is_tile = path.starts_with(b"tile/");
    let changed = LOG.iter().any(|(name, bytes)| name.as_bytes() == path && bytes != given);
    assert!(!(is_tile && changed), "a tile is what the signed root covers");
    Reading::Accepted
}
