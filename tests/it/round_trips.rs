//! Round trips: whatever a format can say is printed, and what is printed is read as the same.
//!
//! The other direction, that what is read prints back to the same bytes, is a law of each target of
//! [`tests::fuzz`]. Formats with round trips beside their code are not repeated here.

use ledger::checkpoint::{Checkpoint, SignedCheckpoint};
use ledger::cosignature::Cosigner;
use ledger::digest::Digest;
use ledger::fork::{ForkEvidence, ForkKind};
use ledger::key::{KeyId, PublicKey, SecretKey};
use ledger::market::PriceDocument;
use ledger::merkle::TreeHead;
use ledger::note::{KeyMaterial, KeyName, LogSigner, Note, VerifierKey};
use ledger::record::Record;
use ledger::time::Timestamp;
use proptest::prelude::*;

/// The last millisecond of the year 9999.
const TIME_MAX_MS: u64 = 253_402_300_799_999;
const SEQ_MAX: u64 = (1 << 63) - 1;

fn name() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9./-]{0,30}"
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn times_and_digests(ms in 0..=TIME_MAX_MS, bytes in any::<[u8; 32]>()) {
        let time = Timestamp::from_millis(ms).expect("a time");
        prop_assert_eq!(Timestamp::parse(&time.to_string()), Some(time));
        let digest = Digest(bytes);
        prop_assert_eq!(Digest::parse_hex(&digest.to_string()), Some(digest));
        prop_assert_eq!(Digest::parse_tagged(&digest.tagged()), Some(digest));
    }

    #[test]
    fn records(seq in 0..=SEQ_MAX, ms in 0..=TIME_MAX_MS, id in any::<[u8; 32]>(), envelope in any::<[u8; 32]>()) {
        let recorded_at = Timestamp::from_millis(ms).expect("a time");
        let record = Record { seq, recorded_at, command_id: Digest(id), envelope_sha256: Digest(envelope) };
        prop_assert_eq!(Record::parse(&record.to_string()), Some(record));
    }

    #[test]
    fn keys(seed in any::<[u8; 32]>(), name in name(), cosigns in any::<bool>()) {
        let key = SecretKey::from_seed(&seed);
        let public = key.public();
        prop_assert_eq!(PublicKey::parse(&public.to_base64()), Ok(public));
        prop_assert_eq!(KeyId::parse(&public.id().to_string()), Some(public.id()));
        prop_assert_eq!(SecretKey::from_pem(&key.to_pem()).expect("a key file").seed(), seed);
        let material = if cosigns { KeyMaterial::CosignatureV1(public) } else { KeyMaterial::Ed25519(public) };
        let vkey = VerifierKey::new(KeyName::new(&name).expect("a name"), material);
        prop_assert!(VerifierKey::parse(&vkey.to_string()) == Ok(vkey));
    }

    #[test]
    fn checkpoints(origin in name(), size in 1..=SEQ_MAX, root in any::<[u8; 32]>(), seconds in 0..=SEQ_MAX) {
        let head = TreeHead { size, root: Digest(root) };
        let checkpoint = Checkpoint::new(&origin, head).expect("a checkpoint");
        prop_assert_eq!(Checkpoint::parse(&checkpoint.to_string()), Ok(checkpoint));

        let signer = LogSigner::new(KeyName::new(&origin).expect("a name"), &[1; 32]);
        let witness = Cosigner::new(KeyName::new("witness.example/w").expect("a name"), &[2; 32]);
        let signed = SignedCheckpoint::sign(&origin, [&signer], head).expect("signed");
        let line = witness.cosign(signed.note().text(), seconds);
        let signed = signed.with_line(line).expect("two lines");
        let note = signed.to_string();
        let opened = SignedCheckpoint::open(&note, &origin, [signer.verifier()]);
        prop_assert_eq!(opened.as_ref(), Ok(&signed));
        let read = Note::parse(&note).expect("a note");
        let good = read.verify([signer.verifier(), witness.verifier()]).expect("two good lines");
        prop_assert_eq!(good.iter().filter_map(|line| line.time).collect::<Vec<_>>(), vec![seconds]);

        let evidence = ForkEvidence::new(ForkKind::SameSize, note.clone(), note);
        prop_assert_eq!(ForkEvidence::parse(&evidence.to_string()), Ok(evidence));
    }

    #[test]
    fn prices(rates in prop::collection::btree_map("[A-Z]{3,5}", (0_u64..1_000_000_000, 0_u32..9), 0..8), ms in 0..=TIME_MAX_MS) {
        use ledger::json::Json;
        let as_of = Timestamp::from_millis(ms).expect("a time");
        let decimal = |(units, places): (u64, u32)| rust_decimal::Decimal::new(units.try_into().expect("small"), places);
        let printed = rates.iter().map(|(name, rate)| (name.as_str(), Json::text(decimal(*rate).normalize().to_string())));
        let document = Json::object([
            ("as_of", Json::text(as_of.to_string())),
            ("assets", Json::object(printed)),
            ("currency", Json::text("USD")),
            ("fx", Json::object::<&str>([])),
            ("schema", Json::text("pledger.prices.v1")),
            ("source", Json::text("close")),
        ]);
        let read = PriceDocument::read(document.to_jcs().as_bytes()).expect("a price document");
        prop_assert_eq!(read.as_of, as_of);
        let read: Vec<_> = read.assets.iter().map(|(id, rate)| (id.as_str().to_owned(), *rate)).collect();
        let want: Vec<_> = rates.iter().map(|(name, rate)| (name.clone(), decimal(*rate))).collect();
        prop_assert_eq!(read, want);
    }
}
