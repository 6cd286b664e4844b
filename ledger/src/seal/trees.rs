//! All the trees of one seal, and the salts of their leaves.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use super::{Leaf, SealError, SealList, SumTree};

/// Bytes that SHA-256 takes in at once.
const BLOCK: usize = 64;

/// The secret of one seal, ready to salt each of its accounts.
pub struct SaltKey {
    inner: Sha256,
    outer: Sha256,
}

impl SaltKey {
    /// Takes the secret of a seal.
    #[must_use]
    pub fn new(secret: &[u8; 32]) -> Self {
        let padded = |with: u8| {
            let mut block = [with; BLOCK];
            block.iter_mut().zip(secret).for_each(|(byte, key)| *byte ^= key);
            Sha256::new_with_prefix(block)
        };
        Self { inner: padded(0x36), outer: padded(0x5c) }
    }

    /// The salt of an account's leaf: the first half of HMAC-SHA256 (RFC 2104) of its id under the
    /// secret.
    #[must_use]
    pub fn salt(&self, account: &str) -> [u8; 16] {
        let inner = self.inner.clone().chain_update(account.as_bytes()).finalize();
        let outer = self.outer.clone().chain_update(inner).finalize();
        *outer.first_chunk().expect("a SHA-256 digest has 32 bytes")
    }
}

/// The salt of one account's leaf, as [`SaltKey::salt`].
#[must_use]
pub fn salt(secret: &[u8; 32], account: &str) -> [u8; 16] {
    SaltKey::new(secret).salt(account)
}

/// The trees of one seal, in the order of their lines.
#[derive(Clone, Debug)]
pub struct SealTrees(Vec<([String; 3], SumTree)>);

impl SealTrees {
    /// One tree for each custodian, property class and asset that has a leaf.
    ///
    /// # Errors
    /// [`SealError`], as for one tree.
    pub fn over(leaves: BTreeMap<[&str; 3], Vec<Leaf>>) -> Result<Self, SealError> {
        let trees =
            leaves.into_iter().map(|(names, leaves)| Ok((names.map(str::to_owned), SumTree::over(leaves)?)));
        Ok(Self(trees.collect::<Result<_, _>>()?))
    }

    /// The lines of the seal.
    ///
    /// # Errors
    /// [`SealError::BadValue`] for names that cannot stand in a line.
    pub fn list(&self) -> Result<SealList, SealError> {
        let lines = self.0.iter().map(|([custodian, class, asset], tree)| tree.line(custodian, class, asset));
        SealList::new(lines.collect::<Result<_, _>>()?)
    }

    /// The tree of a custodian, property class and asset.
    #[must_use]
    pub fn tree(&self, names: [&str; 3]) -> Option<&SumTree> {
        self.0.iter().find(|(own, _)| own.each_ref().map(String::as_str) == names).map(|(_, tree)| tree)
    }
}
