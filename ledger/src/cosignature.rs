//! What a witness signs: that at a time it had seen no larger tree, and that this one extends the
//! earlier ones.
//!
//! Source: C2SP tlog-cosignature v1.0.1, `cosignature/v1`; audit specification §7.

use std::fmt;

use ed25519_dalek::{Signer, SigningKey};

use crate::key::PublicKey;
use crate::note::key::public;
use crate::note::{KeyMaterial, KeyName, SignatureLine, VerifierKey};

/// The latest time, 2^63 − 1 seconds.
const TIME_MAX: u64 = (1 << 63) - 1;

/// The signed bytes: the header, the time in seconds since 1970, the note's whole text.
#[must_use]
pub fn message(text: &str, time: u64) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}

/// The time of a good cosignature `time ‖ signature` over the text; `None` if it is wrong.
pub(crate) fn verify(key: &PublicKey, text: &str, blob: &[u8]) -> Option<u64> {
    let (time, signature) = blob.split_first_chunk()?;
    let time = u64::from_be_bytes(*time);
    let good = time <= TIME_MAX && key.verifies(message(text, time).as_bytes(), signature.try_into().ok()?);
    good.then_some(time)
}

/// A key of type 0x04 that cosigns checkpoints and signs nothing else.
pub struct Cosigner {
    key: SigningKey,
    verifier: VerifierKey,
}

impl Cosigner {
    /// The key grown from a seed of 32 secret bytes.
    #[must_use]
    pub fn new(name: KeyName, seed: &[u8; 32]) -> Self {
        let key = SigningKey::from_bytes(seed);
        let verifier = VerifierKey::new(name, KeyMaterial::CosignatureV1(public(&key)));
        Self { key, verifier }
    }

    /// The public side.
    #[must_use]
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// The cosignature line under a checkpoint's text, at `time` seconds since 1970.
    ///
    /// # Panics
    /// If the time is above 2^63 − 1.
    #[must_use]
    pub fn cosign(&self, text: &str, time: u64) -> SignatureLine {
        assert!(time <= TIME_MAX, "a time in seconds is below 2^63");
        let signature = self.key.sign(message(text, time).as_bytes());
        SignatureLine::by(&self.verifier, [&time.to_be_bytes()[..], &signature.to_bytes()].concat())
    }
}

impl fmt::Debug for Cosigner {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "Cosigner({:?})", self.verifier)
    }
}
