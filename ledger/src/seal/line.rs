//! One line of a seal, and the list of them that a seal commits to.

use std::fmt;

use super::{SealError, SumNode, is_name};
use crate::digest::Digest;
use crate::merkle::{leaf_hash, root_of};

/// `<custodian> <class> <asset> <count> <sum> <root hex>`.
///
/// Invariant: names are printable ASCII without spaces, the count is at least one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TreeLine {
    names: [String; 3],
    count: u64,
    root: SumNode,
}

impl TreeLine {
    pub(super) fn new(names: [&str; 3], count: u64, root: SumNode) -> Result<Self, SealError> {
        if count > 0 && names.iter().all(|name| is_name(name)) {
            Ok(Self { names: names.map(str::to_owned), count, root })
        } else {
            Err(SealError::BadValue)
        }
    }

    /// Reads the one spelling of a line, without its line feed.
    ///
    /// # Errors
    /// [`SealError::BadValue`] for any other text.
    pub fn parse(text: &str) -> Result<Self, SealError> {
        let parts: Vec<&str> = text.split(' ').collect();
        let [custodian, class, asset, count, sum, root] = parts[..] else {
            return Err(SealError::BadValue);
        };
        let hash = Digest::parse_hex(root).ok_or(SealError::BadValue)?;
        let sum = sum.parse().map_err(|_| SealError::BadValue)?;
        let count = count.parse().map_err(|_| SealError::BadValue)?;
        let line = Self::new([custodian, class, asset], count, SumNode { hash, sum })?;
        if line.to_string() == text { Ok(line) } else { Err(SealError::BadValue) }
    }

    /// Custodian, property class and asset.
    #[must_use]
    pub fn names(&self) -> [&str; 3] {
        self.names.each_ref().map(String::as_str)
    }

    /// How many leaves.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Root hash and sum.
    #[must_use]
    pub fn root(&self) -> SumNode {
        self.root
    }
}

impl fmt::Display for TreeLine {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let [custodian, class, asset] = &self.names;
        write!(f, "{custodian} {class} {asset} {} {} {}", self.count, self.root.sum, self.root.hash)
    }
}

/// What stands before a line in the tree over the lines.
const ENTRY: &str = "pledger/sum-tree/v1\n";

/// The hash of a line in the tree over the lines.
pub(super) fn entry_hash(line: &TreeLine) -> Digest {
    leaf_hash(format!("{ENTRY}{line}\n").as_bytes())
}

/// The lines of one seal.
///
/// Invariant: in strictly ascending order of custodian, class and asset.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SealList(Vec<TreeLine>);

impl SealList {
    /// Lines in the order that a list has.
    ///
    /// # Errors
    /// [`SealError::DuplicateId`] for two of one custodian, class and asset.
    pub fn new(mut lines: Vec<TreeLine>) -> Result<Self, SealError> {
        lines.sort_by(|one, other| one.names.cmp(&other.names));
        if lines.windows(2).any(|pair| pair[0].names == pair[1].names) {
            return Err(SealError::DuplicateId);
        }
        Ok(Self(lines))
    }

    /// Reads the list document: each line in its one spelling, with its line feed, in order.
    ///
    /// # Errors
    /// The first line that is none or stands out of order, for a person.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "not UTF-8".to_owned())?;
        let mut lines: Vec<TreeLine> = Vec::new();
        for (place, text) in text.split_inclusive('\n').enumerate() {
            let number = place + 1;
            let text = text.strip_suffix('\n').ok_or(format!("line {number} has no line feed"))?;
            let line = TreeLine::parse(text).map_err(|error| format!("line {number}: {error}"))?;
            if lines.last().is_some_and(|last| last.names >= line.names) {
                return Err(format!("line {number} is not after the one before it"));
            }
            lines.push(line);
        }
        Ok(Self(lines))
    }

    /// The lines.
    #[must_use]
    pub fn lines(&self) -> &[TreeLine] {
        &self.0
    }

    /// How many lines.
    #[must_use]
    pub fn trees(&self) -> u64 {
        u64::try_from(self.0.len()).unwrap_or(u64::MAX)
    }

    /// The RFC 6962 root over the lines, that a seal names.
    #[must_use]
    pub fn root(&self) -> Digest {
        root_of(self.0.iter().map(entry_hash))
    }
}

/// The list document.
impl fmt::Display for SealList {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        self.0.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}
