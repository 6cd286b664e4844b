//! Whose signatures make a checkpoint believed: logs, witnesses, groups and a quorum.
//!
//! Source: C2SP tlog-policy; audit specification §8. A policy is a document of the ledger; this
//! module reads it and judges notes by it, and asks nobody.

use std::collections::HashMap;

use crate::checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint};
use crate::note::{KeyMaterial, Note, NoteError, VerifierKey};

mod lint;

pub use self::lint::{Lint, Warning};

/// Why a text is no policy.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("policy line {line}: {reason}")]
pub struct PolicyError {
    /// The line, from 1; the last one if something is missing.
    pub line: usize,
    /// What is wrong with it.
    pub reason: String,
}

/// Why a checkpoint does not meet a policy.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Unmet {
    /// It is malformed, wrongly signed, or not signed by a log of the policy.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// Too few witnesses cosigned.
    #[error("the quorum is not met: cosigned by {}", if cosigned_by.is_empty() { "nobody".to_owned() } else { cosigned_by.join(", ") })]
    Quorum {
        /// The policy's names of those who did.
        cosigned_by: Vec<String>,
    },
}

impl From<NoteError> for Unmet {
    fn from(error: NoteError) -> Self {
        Self::Checkpoint(error.into())
    }
}

/// A log or witness line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Party {
    /// A witness's name in the policy; a log's origin.
    pub name: String,
    /// Its key.
    pub key: VerifierKey,
    /// Where it can be reached.
    pub url: Option<String>,
}

/// A policy that has been read.
///
/// Invariant: names are unique and known before use, each is a member at most once, thresholds are
/// 1 to the number of members, no key stands twice, the quorum is a known name or none.
#[derive(Clone, Debug)]
pub struct Policy {
    logs: Vec<Party>,
    witnesses: Vec<Party>,
    groups: Vec<Group>,
    quorum: Option<Member>,
}

/// A witness or group, by its place.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum Member {
    Witness(usize),
    Group(usize),
}

#[derive(Clone, Debug)]
struct Group {
    threshold: usize,
    members: Vec<Member>,
}

/// A checkpoint that meets a policy.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Witnessed {
    /// The checkpoint.
    pub checkpoint: SignedCheckpoint,
    /// The witnesses' names in the policy's order, each with its time in seconds since 1970.
    pub cosigned: Vec<(String, u64)>,
}

impl Policy {
    /// Reads a policy file.
    ///
    /// # Errors
    /// [`PolicyError`] at the first line that breaks a rule.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let mut reader = Reader::default();
        let mut line = 0;
        for content in text.split_terminator('\n') {
            line += 1;
            reader.read(content).map_err(|reason| PolicyError { line, reason })?;
        }
        let missing = PolicyError { line, reason: "there is no quorum line".to_owned() };
        let Reader { logs, witnesses, groups, quorum, .. } = reader;
        Ok(Self { logs, witnesses, groups, quorum: quorum.ok_or(missing)? })
    }

    /// The logs, any of which may have signed.
    #[must_use]
    pub fn logs(&self) -> &[Party] {
        &self.logs
    }

    /// The witnesses, in the order in which cosignatures are written.
    #[must_use]
    pub fn witnesses(&self) -> &[Party] {
        &self.witnesses
    }

    /// Whether nobody need cosign (`quorum none`).
    #[must_use]
    pub fn needs_no_witness(&self) -> bool {
        self.quorum.is_none()
    }

    /// Judges a note: signed by a log of the policy whose key name is its origin, no known line
    /// wrong, and cosigned by the quorum.
    ///
    /// # Errors
    /// [`Unmet`].
    pub fn check(&self, note: &str) -> Result<Witnessed, Unmet> {
        let note = Note::parse(note)?;
        let keys = self.logs.iter().chain(&self.witnesses).map(|party| &party.key);
        let good = note.verify(keys)?;
        let by_log = good.iter().find(|found| self.logs.iter().any(|log| log.key == *found.key));
        let origin = by_log.ok_or(NoteError::NoKnownSigner)?.key.name().clone();
        let times: HashMap<usize, u64> = good
            .iter()
            .filter_map(|found| {
                let place = self.witnesses.iter().position(|witness| witness.key == *found.key)?;
                Some((place, found.time?))
            })
            .collect();
        let checkpoint = Checkpoint::parse(note.text())?;
        let checkpoint = SignedCheckpoint::of_origin(checkpoint, note, origin.as_str())?;
        let cosigned = |place: usize| Some((self.witnesses[place].name.clone(), *times.get(&place)?));
        let cosigned: Vec<_> = (0..self.witnesses.len()).filter_map(cosigned).collect();
        if self.is_met_by(&|witness| times.contains_key(&witness)) {
            Ok(Witnessed { checkpoint, cosigned })
        } else {
            Err(Unmet::Quorum { cosigned_by: cosigned.into_iter().map(|(name, _)| name).collect() })
        }
    }

    /// Whether these witnesses, by their places in [`Policy::witnesses`], make a quorum.
    #[must_use]
    pub fn is_met_by(&self, cosigned: &impl Fn(usize) -> bool) -> bool {
        self.quorum.is_none_or(|quorum| self.is_met(quorum, cosigned))
    }

    /// The latest time since which a quorum has cosigned, from the times of witnesses by their places;
    /// `None` if they make none.
    #[must_use]
    pub fn met_since(&self, times: &[(usize, u64)]) -> Option<u64> {
        let met_at = |since: u64| {
            self.is_met_by(&|place| times.iter().any(|(of, time)| *of == place && *time >= since))
        };
        times.iter().map(|(_, time)| *time).filter(|time| met_at(*time)).max()
    }

    fn is_met(&self, member: Member, cosigned: &impl Fn(usize) -> bool) -> bool {
        match member {
            Member::Witness(witness) => cosigned(witness),
            Member::Group(group) => {
                let Group { threshold, members } = &self.groups[group];
                members.iter().filter(|member| self.is_met(**member, cosigned)).count() >= *threshold
            }
        }
    }

    /// Witnesses that must lie together before two histories can both meet the quorum: the fewest
    /// that any two satisfying sets share. 0 means that two quorums may be disjoint.
    ///
    /// For k of n witnesses it is 2k − n. Each name is a member once, so groups share nobody.
    ///
    /// ```
    /// # use ledger::policy::Policy;
    /// assert_eq!(Policy::parse("quorum none\n")?.split_view_cost(), 0);
    /// # Ok::<(), ledger::policy::PolicyError>(())
    /// ```
    #[must_use]
    pub fn split_view_cost(&self) -> usize {
        self.quorum.map_or(0, |quorum| self.cost(quorum))
    }

    fn cost(&self, member: Member) -> usize {
        match member {
            Member::Witness(_) => 1,
            Member::Group(group) => {
                let Group { threshold, members } = &self.groups[group];
                let shared = (2 * threshold).saturating_sub(members.len());
                let mut costs: Vec<usize> = members.iter().map(|member| self.cost(*member)).collect();
                costs.sort_unstable();
                costs.iter().take(shared).sum()
            }
        }
    }
}

/// What has been read so far.
#[derive(Default)]
struct Reader {
    logs: Vec<Party>,
    witnesses: Vec<Party>,
    groups: Vec<Group>,
    names: HashMap<String, Member>,
    members: Vec<Member>,
    quorum: Option<Option<Member>>,
}

impl Reader {
    fn read(&mut self, line: &str) -> Result<(), String> {
        if line.chars().any(|c| c.is_ascii_control() && c != '\t') {
            return Err("a control character".into());
        }
        let words: Vec<&str> = line.split([' ', '\t']).filter(|word| !word.is_empty()).collect();
        match words[..] {
            [] => Ok(()),
            [first, ..] if first.starts_with('#') => Ok(()),
            ["log", vkey] => self.log(vkey, None),
            ["log", vkey, url] => self.log(vkey, Some(url)),
            ["witness", name, vkey] => self.witness(name, vkey, None),
            ["witness", name, vkey, url] => self.witness(name, vkey, Some(url)),
            ["group", name, threshold, ref members @ ..] => self.group(name, threshold, members),
            ["quorum", name] => self.quorum(name),
            ["log" | "witness" | "group" | "quorum", ..] => Err("the wrong number of words".into()),
            [keyword, ..] => Err(format!("the keyword {keyword} is unknown")),
        }
    }

    fn log(&mut self, vkey: &str, url: Option<&str>) -> Result<(), String> {
        let key = self.key(vkey)?;
        if matches!(key.material(), KeyMaterial::CosignatureV1(_)) {
            return Err("a log's key is of type 01 or 06".into());
        }
        let name = key.name().to_string();
        self.logs.push(Party { name, key, url: url.map(str::to_owned) });
        Ok(())
    }

    fn witness(&mut self, name: &str, vkey: &str, url: Option<&str>) -> Result<(), String> {
        let key = self.key(vkey)?;
        if matches!(key.material(), KeyMaterial::Ed25519(_)) {
            return Err("a witness's key is of type 04 or 06".into());
        }
        self.declare(name, Member::Witness(self.witnesses.len()))?;
        self.witnesses.push(Party { name: name.to_owned(), key, url: url.map(str::to_owned) });
        Ok(())
    }

    /// Reads a key that no earlier line has: a key in two rows would count twice, and a witness and
    /// a log never share one.
    fn key(&self, vkey: &str) -> Result<VerifierKey, String> {
        let key = VerifierKey::parse(vkey).map_err(|error| error.to_string())?;
        let known = self.logs.iter().chain(&self.witnesses);
        if known.into_iter().any(|party| party.key.public_bytes() == key.public_bytes()) {
            return Err(format!("the key of {} stands on an earlier line", key.name()));
        }
        Ok(key)
    }

    fn declare(&mut self, name: &str, member: Member) -> Result<(), String> {
        if name == "none" {
            return Err("the name none is taken".into());
        }
        match self.names.insert(name.to_owned(), member) {
            Some(_) => Err(format!("the name {name} stands on an earlier line")),
            None => Ok(()),
        }
    }

    fn group(&mut self, name: &str, threshold: &str, members: &[&str]) -> Result<(), String> {
        let count = members.len();
        let threshold = match threshold {
            "any" => 1,
            "all" => count,
            k => k.parse().ok().filter(|n: &usize| n.to_string() == k).ok_or("not any, all or a number")?,
        };
        if !(1..=count).contains(&threshold) {
            return Err(format!("{threshold} of {count} members"));
        }
        let mut group = Vec::with_capacity(count);
        for member in members {
            let place = *self.names.get(*member).ok_or(format!("the name {member} is unknown"))?;
            if self.members.contains(&place) {
                return Err(format!("{member} is a member already"));
            }
            self.members.push(place);
            group.push(place);
        }
        self.declare(name, Member::Group(self.groups.len()))?;
        self.groups.push(Group { threshold, members: group });
        Ok(())
    }

    fn quorum(&mut self, name: &str) -> Result<(), String> {
        if self.quorum.is_some() {
            return Err("a second quorum line".into());
        }
        self.quorum = Some(match name {
            "none" => None,
            name => Some(*self.names.get(name).ok_or(format!("the name {name} is unknown"))?),
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests;
