use proptest::prelude::*;

use super::*;
use crate::cosignature::Cosigner;

const TEXT: &str = "ledger.example/test\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";

fn name(text: &str) -> KeyName {
    KeyName::new(text).unwrap()
}

fn log() -> LogSigner {
    LogSigner::new(name("ledger.example/test"), &[1; 32])
}

fn witness() -> Cosigner {
    Cosigner::new(name("witness.example/w"), &[2; 32])
}

fn note() -> Note {
    Note::new(TEXT, vec![log().line(TEXT), witness().cosign(TEXT, 1_767_323_046)]).unwrap()
}

#[test]
fn names() {
    for good in ["a", "ledger.example/main", "Zürich", "—"] {
        assert_eq!(name(good).as_str(), good);
    }
    for bad in ["", " ", "a b", "a+b", "a\tb", "a\u{a0}b", "a\u{2003}b", "a\u{85}b", "a\nb", "a\u{7f}b"] {
        assert!(KeyName::new(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn both_kinds_of_key_verify_and_unknown_ones_are_skipped() {
    let (note, log, witness) = (note(), log(), witness());
    let (log, witness) = (log.verifier(), witness.verifier());
    let other = LogSigner::new(name("ledger.example/test"), &[3; 32]);
    let found = note.verify([log, witness, other.verifier()]).unwrap();
    let found: Vec<_> = found.iter().map(|good| (good.key, good.time)).collect();
    assert_eq!(found, [(log, None), (witness, Some(1_767_323_046))]);
    assert_eq!(note.verify([other.verifier()]), Err(NoteError::NoKnownSigner));
    assert_eq!(note.verify([]), Err(NoteError::NoKnownSigner));
    assert_eq!(Note::parse(&note.to_string()), Ok(note));
}

/// A post-quantum line stands beside the others and changes nothing until we can check it.
#[test]
fn ml_dsa_lines_are_skipped() {
    let key = VerifierKey::new(name("ledger.example/test"), KeyMaterial::MlDsa44([7; 1_312].into()));
    assert_eq!(VerifierKey::parse(&key.to_string()).as_ref(), Ok(&key));
    let note = note().sign(SignatureLine::by(&key, vec![9; 2_420])).unwrap();
    let note = Note::parse(&note.to_string()).unwrap();
    assert_eq!(note.verify([&key, log().verifier()]).unwrap().len(), 1);
    assert_eq!(note.verify([&key]), Err(NoteError::NoKnownSigner));
}

#[test]
fn one_wrong_line_of_a_known_key_refuses_the_note() {
    let (log, witness) = (log(), witness());
    let good = log.line(TEXT);
    let short = SignatureLine { signature: good.signature[1..].to_vec(), ..good.clone() };
    let elsewhere = log.line("another text\n");
    let as_log = SignatureLine { signature: witness.cosign(TEXT, 1).signature, ..good.clone() };
    let mut timed = witness.cosign(TEXT, 5);
    timed.signature[7] = 6;
    for wrong in [short, elsewhere, as_log, timed] {
        for lines in [vec![good.clone(), wrong.clone()], vec![wrong.clone(), good.clone()]] {
            let note = Note::new(TEXT, lines).unwrap();
            let refused = note.verify([log.verifier(), witness.verifier()]);
            assert_eq!(refused, Err(NoteError::BadSignature { name: wrong.name.clone() }));
        }
    }
}

#[test]
fn shapes_that_are_no_note() {
    let good = note().to_string();
    let line = log().line(TEXT).to_string();
    assert!(Note::parse(&good).is_ok());
    for bad in [
        String::new(),
        "\n".into(),
        TEXT.into(),
        format!("{TEXT}\n"),
        format!("{TEXT}{line}"),
        format!("{TEXT}\n\n{line}").replace("\n\n\n", "\n"),
        good.trim_end().into(),
        format!("{good}\n"),
        format!("{good}x\n"),
        good.replace("\n\n", "\r\n\r\n"),
        good.replace("— ledger", "- ledger"),
        good.replace("— ledger", "—  ledger"),
        good.replace("— ledger", "ledger"),
        good.replace("test ", "test  "),
        good.replace("test ", "test+ "),
        good.replace("=\n—", "\n—"),
        good.replace("ledger.example/test\n0", "ledger.example/test\t\n0"),
        format!("{TEXT}\n— a AAAAAA==\n"),
        format!("{TEXT}\n— a AAAA\n"),
        format!("{TEXT}\n— a AAAAAAB=\n"),
        format!("{TEXT}\n{}", line.repeat(101)),
    ] {
        assert!(matches!(Note::parse(&bad), Err(NoteError::Malformed { .. })), "{bad:?}");
    }
    assert!(Note::parse(&format!("{TEXT}\n{}", line.repeat(100))).is_ok());
    // The text may hold empty lines; the last one separates.
    let text = "a\n\n\nb\n";
    let note = Note::new(text, vec![log().line(text)]).unwrap();
    assert_eq!(Note::parse(&note.to_string()).unwrap().text(), text);
}

#[test]
fn vkeys_have_one_spelling() {
    let good = log().verifier().to_string();
    let (front, key) = good.rsplit_once('+').unwrap();
    let (name, id) = front.split_once('+').unwrap();
    assert_eq!(VerifierKey::parse(&good).unwrap().to_string(), good);
    let weak = BASE64.encode(&[&[1][..], &[0; 32]].concat());
    for bad in [
        name.to_owned(),
        front.to_owned(),
        format!("{name}+{}+{key}", id.to_uppercase()),
        format!("{name}x+{id}+{key}"),
        format!("+{id}+{key}"),
        format!("{good} "),
        format!("{name}+{id}+{}", key.replacen("AY", "BY", 1)),
        format!("{name}+{id}+"),
        format!("{name}+{id}+{weak}"),
    ] {
        assert!(VerifierKey::parse(&bad).is_err(), "{bad}");
    }
}

#[test]
fn secrets_are_not_printed() {
    let (log, witness) = (format!("{:?}", log()), format!("{:?}", witness()));
    assert!(log.len() < 60 && witness.len() < 60, "{log} {witness}");
}

proptest! {
    #[test]
    fn any_flipped_bit_of_a_note_is_seen(pick: prop::sample::Index, bit in 0_u8..8) {
        let (log, witness) = (log(), witness());
        let good = note().to_string();
        let mut bad = good.clone().into_bytes();
        let place = pick.index(bad.len());
        bad[place] ^= 1_u8 << bit;
        let opened = String::from_utf8(bad).ok().and_then(|bad| Note::parse(&bad).ok()).and_then(|bad| {
            let good = bad.verify([log.verifier(), witness.verifier()]).ok()?;
            Some((bad.text().to_owned(), good.len()))
        });
        // A flip in a name or an id makes a line unknown; then only the other signer is left.
        prop_assert!(opened.is_none() || opened == Some((TEXT.to_owned(), 1)), "{opened:?}");
    }

    #[test]
    fn parse_print_roundtrip(text in "[^\\p{Cc}]{0,40}\n", more in prop::collection::vec(any::<u8>(), 1..80)) {
        let line = SignatureLine { name: name("x"), id: [0, 1, 2, 3], signature: more };
        let note = Note::new(&text, vec![line; 3]).unwrap();
        prop_assert_eq!(Note::parse(&note.to_string()), Ok(note));
    }
}
