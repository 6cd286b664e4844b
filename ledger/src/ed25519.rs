//! Ed25519 as the ledger takes it: one spelling of a key, one verdict on a signature.
//!
//! Source: RFC 8032; audit specification §2. S below the group order, A and R canonical, on the
//! curve and not of small order, the equation without cofactor.

use std::fmt;

use data_encoding::HEXLOWER;
use ed25519_dalek::{Signature, VerifyingKey};

/// Bytes of a signature.
pub const SIGNATURE_LENGTH: usize = 64;

/// A public key that may verify.
///
/// Invariant: the canonical encoding of a point that is not of small order. Its `Display` is 64
/// lower-case hex digits.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// `None` if the bytes are no point, a point of small order, or not its canonical encoding.
    ///
    /// ```
    /// use ledger::ed25519::PublicKey;
    /// assert!(PublicKey::from_bytes(&[0; 32]).is_none()); // of order 4
    /// ```
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        let key = VerifyingKey::from_bytes(bytes).ok()?;
        let canonical = key.to_edwards().compress().as_bytes() == bytes;
        (canonical && !key.is_weak()).then_some(Self(key))
    }

    /// The 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// Whether `signature` is this key's over exactly `message`.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8; SIGNATURE_LENGTH]) -> bool {
        self.0.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(self.as_bytes()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_encoding_of_a_key() {
        let mut prime = [0xff; 32];
        (prime[0], prime[31]) = (0xed, 0x7f);
        for (what, low, want) in [
            ("y = 0, order 4", 0, false),
            ("y = 1, identity", 1, false),
            ("y = 3, a point", 3, true),
            ("y = 2, no point", 2, false),
        ] {
            let mut bytes = [0; 32];
            bytes[0] = low;
            assert_eq!(PublicKey::from_bytes(&bytes).is_some(), want, "{what}");
            let mut again = prime;
            again[0] += low;
            assert_eq!(PublicKey::from_bytes(&again), None, "{what}, written as y + p");
        }
    }
}
