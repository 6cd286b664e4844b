//! A client's proof of its own balance: from the leaf to a root that a seal names, and from the seal's
//! record to a checkpoint that the log signed. It is checked without the ledger.
//!
//! Source: audit specification §11. The text has one spelling: what is read is printed again and
//! compared.

use std::fmt;

use data_encoding::{BASE64, HEXLOWER};

use super::line::entry_hash;
use super::{Leaf, NotIncluded, SealError, SealList, SumProof, SumStep, SumTree, TreeLine};
use crate::base64;
use crate::checkpoint::{parse_decimal, parse_hash};
use crate::command::{Body, Command, CommandError, SealPut};
use crate::digest::Digest;
use crate::envelope::{Purpose, pae};
use crate::merkle::{self, PATH_MAX, ProofError, Subtree, TreeHead};
use crate::profile::{self, ProfileError};
use crate::proof::TlogProof;

/// The first line.
pub const HEADER: &str = "pledger/balance-proof/v1";

/// A path has as many steps as a tree of 2^64 leaves is high, and no more.
const STEPS_MAX: usize = 64;

/// Why a text is no balance proof, or why none was made.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BalanceProofError {
    /// Not the one spelling of a balance proof.
    #[error("not a balance proof: {reason}")]
    Malformed {
        /// The first rule that does not hold.
        reason: &'static str,
    },
    /// The seal's list has no line for the account's tree.
    #[error("the seal has no tree for this account")]
    NoTree,
    /// The tree does not give the sealed line: other state, secret or list.
    #[error("the tree gives the line {got}, the seal's list has {expected}")]
    OtherTree {
        /// As sealed.
        expected: String,
        /// As made.
        got: String,
    },
    /// The account is not in the tree.
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// Why a seal's bytes are no seal's.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SealPayloadError {
    /// Not canonical bytes.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// Not a command that this program knows.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// Another command.
    #[error("it is {got}, not seal.put")]
    NotASeal {
        /// Its type.
        got: &'static str,
    },
}

/// A balance proof, not yet believed. Its `Display` is the text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BalanceProof {
    /// The balance, and the way to its tree's root.
    pub sum: SumProof,
    /// The tree's line.
    pub line: TreeLine,
    /// Which of the seal's lines it is, from 0.
    pub place: u64,
    /// The line's path to the seal's root.
    pub up: Vec<Digest>,
    /// The seal's payload, one line.
    pub seal: String,
    /// The receipt of the seal's record.
    pub receipt: TlogProof,
}

/// What a seal says, as the proof carries it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SealSaid {
    /// The ledger it is of.
    pub ledger: String,
    /// Its command id.
    pub command_id: Digest,
    /// What was sealed.
    pub put: SealPut,
}

impl BalanceProof {
    /// The proof of an account's leaf: `tree` is its tree, `list` the seal's lines, `seal` the seal's
    /// payload and `receipt` that of its record.
    ///
    /// # Errors
    /// [`BalanceProofError`]; nothing is made that would not check.
    pub fn make(
        account: &str,
        book: &str,
        tree: &SumTree,
        names: [&str; 3],
        list: &SealList,
        seal: String,
        receipt: TlogProof,
    ) -> Result<Self, BalanceProofError> {
        let place = list.lines().iter().position(|line| line.names() == names);
        let place = place.ok_or(BalanceProofError::NoTree)?;
        let [custodian, class, asset] = names;
        let (line, made) = (list.lines()[place].clone(), tree.line(custodian, class, asset)?);
        if line != made {
            let (expected, got) = (line.to_string(), made.to_string());
            return Err(BalanceProofError::OtherTree { expected, got });
        }
        let sum = tree.prove(account, book)?;
        let place = u64::try_from(place).map_err(|_| SealError::Overflow)?;
        Ok(Self { sum, line, place, up: path_of(list, place), seal, receipt })
    }

    /// Reads the text.
    ///
    /// # Errors
    /// [`BalanceProofError::Malformed`].
    pub fn parse(text: &str) -> Result<Self, BalanceProofError> {
        let malformed = |reason| BalanceProofError::Malformed { reason };
        let proof = read(text).map_err(malformed)?;
        if proof.to_string() == text { Ok(proof) } else { Err(malformed("another spelling")) }
    }

    /// Whether the leaf leads to the line's root and sum.
    ///
    /// # Errors
    /// [`NotIncluded`], the first that holds.
    pub fn check_sum(&self) -> Result<(), NotIncluded> {
        self.sum.check(&self.line)
    }

    /// Whether the line is one of those that the seal commits to.
    ///
    /// # Errors
    /// [`ProofError`].
    pub fn check_line(&self, put: &SealPut) -> Result<(), ProofError> {
        let head = TreeHead { size: put.trees, root: put.root };
        merkle::verify_inclusion(&entry_hash(&self.line), self.place, &head, &self.up)
    }

    /// What the seal says; its signature is not in the proof, its record is.
    ///
    /// # Errors
    /// [`SealPayloadError`].
    pub fn seal(&self) -> Result<SealSaid, SealPayloadError> {
        let payload = self.seal.as_bytes();
        let tree = profile::read(payload)?;
        let command = Command::read(&tree)?;
        let command_id = Digest::of(&pae(Purpose::Command.payload_type(), payload));
        let got = command.body.type_name();
        let Body::SealPut(put) = command.body else { return Err(SealPayloadError::NotASeal { got }) };
        Ok(SealSaid { ledger: command.ledger, command_id, put })
    }
}

/// The RFC 6962 path of a line.
fn path_of(list: &SealList, place: u64) -> Vec<Digest> {
    let hashes: Vec<Digest> = list.lines().iter().map(entry_hash).collect();
    let mut node = |node: Subtree| -> Result<Digest, std::convert::Infallible> {
        let leaves = hashes.iter().enumerate();
        let within = leaves.filter(|(index, _)| (*index as u64) >> node.level == node.index);
        Ok(merkle::root_of(within.map(|(_, hash)| *hash)))
    };
    match merkle::inclusion_path(place, list.trees(), &mut node) {
        Ok(path) => path,
        Err(never) => match never {},
    }
}

fn read(text: &str) -> Result<BalanceProof, &'static str> {
    let (head, receipt) = text.split_once("\n\n").ok_or("no empty line")?;
    let lines = &mut head.split('\n').peekable();
    if lines.next() != Some(HEADER) {
        return Err("the first line is not pledger/balance-proof/v1");
    }
    let account = field(lines, "account", "no account")?;
    let book = field(lines, "book", "no book")?;
    let units =
        field(lines, "amount", "no amount")?.parse().map_err(|_| "the amount is no decimal below 2^128")?;
    let salt = HEXLOWER.decode(field(lines, "salt", "no salt")?.as_bytes()).ok();
    let salt = salt.and_then(|salt| salt.try_into().ok()).ok_or("the salt is not 32 hex digits")?;
    let index = field(lines, "leaf", "no leaf")?;
    let index = parse_decimal(index).ok_or("the leaf's place is no decimal below 2^63")?;
    let leaf = Leaf::new(account, book, units, salt).map_err(|_| "no account's name, or no book's")?;
    let mut steps = Vec::new();
    while let Some(step) = lines.next_if(|line| line.starts_with("step ")) {
        steps.push(read_step(step).ok_or("a step is not a hash and a sum")?);
        if steps.len() > STEPS_MAX {
            return Err("more than 64 steps");
        }
    }
    let line = TreeLine::parse(field(lines, "tree", "no tree")?).map_err(|_| "the tree's line is none")?;
    let place =
        parse_decimal(field(lines, "line", "no line")?).ok_or("the line's place is no decimal below 2^63")?;
    let mut up = Vec::new();
    while let Some(hash) = lines.next_if(|line| line.starts_with("up ")) {
        up.push(hash.strip_prefix("up ").and_then(parse_hash).ok_or("a hash is not base64 of 32 bytes")?);
        if up.len() > PATH_MAX {
            return Err("more than 63 hashes");
        }
    }
    let seal = lines.next().and_then(|line| line.strip_prefix("seal ")).ok_or("no seal")?.to_owned();
    if lines.next().is_some() {
        return Err("a line after the seal");
    }
    let receipt = TlogProof::parse(receipt).map_err(|_| "what follows is no tlog-proof")?;
    Ok(BalanceProof { sum: SumProof { leaf, index, steps }, line, place, up, seal, receipt })
}

/// The value of the line that comes next and begins with that name.
fn field<'a>(
    lines: &mut impl Iterator<Item = &'a str>,
    name: &str,
    reason: &'static str,
) -> Result<&'a str, &'static str> {
    lines.next().and_then(|line| line.strip_prefix(name)?.strip_prefix(' ')).ok_or(reason)
}

fn read_step(line: &str) -> Option<SumStep> {
    let (hash, sum) = line.strip_prefix("step ")?.split_once(' ')?;
    let hash = base64::decode(hash).filter(|hash| hash.len() == 32)?;
    Some(SumStep { hash, sum: sum.parse().ok()? })
}

impl fmt::Display for BalanceProof {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let SumProof { leaf, index, steps } = &self.sum;
        writeln!(f, "{HEADER}\naccount {}\nbook {}", leaf.account(), leaf.book())?;
        writeln!(f, "amount {}\nsalt {}\nleaf {index}", leaf.units(), HEXLOWER.encode(leaf.salt()))?;
        for step in steps {
            writeln!(f, "step {} {}", BASE64.encode(&step.hash), step.sum)?;
        }
        writeln!(f, "tree {}\nline {}", self.line, self.place)?;
        for hash in &self.up {
            writeln!(f, "up {}", BASE64.encode(hash.as_bytes()))?;
        }
        write!(f, "seal {}\n\n{}", self.seal, self.receipt)
    }
}
