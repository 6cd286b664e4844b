//! Ed25519 keys: strict where it matters, at registration and at each signature.
//!
//! Source: audit specification §2. `verify_strict` refuses S not below the group order,
//! non-canonical encodings and small-order points, and uses the equation without cofactor.

use std::fmt;

use data_encoding::{BASE64, HEXLOWER};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::base64;

/// What a key is not good enough for.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum KeyError {
    /// Not 32 bytes in padded standard base64 without spare bits.
    #[error("a public key is 32 bytes in padded base64")]
    Malformed,
    /// Of small order, not on the curve, or not canonically encoded: anyone could sign for it.
    #[error("a weak key: of small order or not a canonical point")]
    Weak,
}

/// An Ed25519 public key that was found fit to be registered.
#[derive(Clone, Copy, Eq, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "[u8; 32]", into = "[u8; 32]")]
pub struct PublicKey {
    key: VerifyingKey,
    /// Found once: a replay asks for it with every record.
    id: KeyId,
}

impl PublicKey {
    /// Takes 32 bytes.
    ///
    /// # Errors
    /// [`KeyError::Weak`].
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, KeyError> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::Weak)?;
        // Decompression takes non-canonical encodings; printing again shows them.
        let canonical = key.to_edwards().compress().as_bytes() == bytes;
        if key.is_weak() || !canonical { Err(KeyError::Weak) } else { Ok(Self::of(key)) }
    }

    fn of(key: VerifyingKey) -> Self {
        let digest = Sha256::digest(key.as_bytes());
        let id = KeyId(digest[..8].try_into().expect("a SHA-256 digest has 32 bytes"));
        Self { key, id }
    }

    /// Reads the base64 that bodies of commands carry.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let bytes = base64::decode(text).ok_or(KeyError::Malformed)?;
        Self::from_bytes(&bytes.try_into().map_err(|_| KeyError::Malformed)?)
    }

    /// The 32 bytes.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 32] {
        self.key.to_bytes()
    }

    /// The 32 bytes, borrowed.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// Padded base64.
    #[must_use]
    pub fn to_base64(self) -> String {
        BASE64.encode(&self.to_bytes())
    }

    /// The name that envelopes give the key.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// Whether `signature` is this key's over exactly `message`.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.key.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "PublicKey({})", self.id())
    }
}

impl TryFrom<[u8; 32]> for PublicKey {
    type Error = KeyError;
    fn try_from(bytes: [u8; 32]) -> Result<Self, KeyError> {
        Self::from_bytes(&bytes)
    }
}

impl From<PublicKey> for [u8; 32] {
    fn from(key: PublicKey) -> Self {
        key.to_bytes()
    }
}

/// `ed25519:` and the first 16 hex digits of the key's SHA-256.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct KeyId([u8; 8]);

impl KeyId {
    /// Reads the one spelling.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let hex = text.strip_prefix("ed25519:")?;
        Some(Self(HEXLOWER.decode(hex.as_bytes()).ok()?.try_into().ok()?))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "ed25519:{}", HEXLOWER.encode(&self.0))
    }
}

/// A signing key. It has no `Debug` and is wiped when dropped.
pub struct SecretKey(SigningKey);

impl SecretKey {
    /// Takes a 32-byte seed (RFC 8032).
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// A fresh key from the system's randomness.
    ///
    /// # Errors
    /// If the system has none to give.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed)?;
        Ok(Self::from_seed(&seed))
    }

    /// Reads a PKCS#8 PEM text, as `openssl genpkey -algorithm ed25519` writes it.
    ///
    /// # Errors
    /// [`KeyError::Malformed`].
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        use ed25519_dalek::pkcs8::DecodePrivateKey as _;
        SigningKey::from_pkcs8_pem(pem).map(Self).map_err(|_| KeyError::Malformed)
    }

    /// The PKCS#8 PEM text of the key: a secret; write it to a file only its owner can read.
    ///
    /// # Panics
    /// Never: an Ed25519 key always encodes.
    #[must_use]
    pub fn to_pem(&self) -> String {
        use ed25519_dalek::pkcs8::{EncodePrivateKey as _, KeypairBytes};
        // Version 1, without the public key: OpenSSL 3.0 and what is built on it refuse version 2.
        let bytes = KeypairBytes { secret_key: self.0.to_bytes(), public_key: None };
        let pem = bytes.to_pkcs8_pem(Default::default()).expect("an Ed25519 key always encodes");
        pem.as_str().to_owned()
    }

    /// The 32-byte seed: a secret, for signers of another format over the same key.
    #[must_use]
    pub fn seed(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey::of(self.0.verifying_key())
    }

    /// Signs exactly these bytes (pure Ed25519).
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
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
            assert_eq!(PublicKey::from_bytes(&bytes).is_ok(), want, "{what}");
            let mut again = prime;
            again[0] += low;
            assert_eq!(PublicKey::from_bytes(&again), Err(KeyError::Weak), "{what}, written as y + p");
        }
    }

    #[test]
    fn pem_roundtrip() {
        let key = SecretKey::from_seed(&[9; 32]);
        let again = SecretKey::from_pem(&key.to_pem()).unwrap();
        assert_eq!(again.public(), key.public());
        assert!(SecretKey::from_pem("-----BEGIN PRIVATE KEY-----").is_err());
    }
}
