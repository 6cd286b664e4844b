//! What a policy protects from, and what about it is weak though it is allowed.
//!
//! Source: audit specification §§8 and 17.

use std::fmt;

use super::{Member, Party, Policy};

/// Organisations that a quorum should rest on.
const WITNESSES_MIN: usize = 3;

/// What a policy comes to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Lint {
    /// Witnesses that are named.
    pub witnesses: usize,
    /// The fewest witnesses that make a quorum; 0 if nobody need cosign.
    pub quorum_min: usize,
    /// Witnesses that must be lost before no quorum is left; 0 if nobody need cosign.
    pub loss_max: usize,
    /// Witnesses that must lie together for a split view: [`Policy::split_view_cost`].
    pub split_view_cost: usize,
    /// What is weak, in the order of [`Warning`].
    pub warnings: Vec<Warning>,
}

/// What is weak about a policy.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Warning {
    /// Nobody need cosign.
    NoQuorum,
    /// Two sets that share no witness both satisfy it: two histories can be vouched for at once, and
    /// no witness lied.
    Disjoint,
    /// No log is named, so no checkpoint meets it.
    NoLog,
    /// Fewer than three witnesses are in the quorum.
    Few {
        /// How many.
        witnesses: usize,
    },
    /// A witness whose name is of the log's domain: it is the operator's own, or looks like it.
    OfTheLog {
        /// The witness's name in the policy.
        witness: String,
        /// The domain.
        domain: String,
    },
    /// Two witnesses of one domain: hardly two organisations.
    OneDomain {
        /// Their names in the policy.
        witnesses: [String; 2],
        /// The domain.
        domain: String,
    },
    /// A witness of which no quorum needs anything.
    Idle {
        /// Its name in the policy.
        witness: String,
    },
    /// A witness that the log cannot reach by this policy.
    NoUrl {
        /// Its name in the policy.
        witness: String,
    },
}

impl Lint {
    /// Whether two quorums may be disjoint: refused unless somebody insists.
    #[must_use]
    pub fn is_weak(&self) -> bool {
        self.split_view_cost == 0
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::NoQuorum => write!(f, "nobody need cosign: a second history would be believed"),
            Self::Disjoint => {
                write!(
                    f,
                    "two quorums may share no witness: two histories can be vouched for and nobody lied"
                )
            }
            Self::NoLog => write!(f, "no log is named: no checkpoint meets this policy"),
            Self::Few { witnesses } => {
                write!(
                    f,
                    "{witnesses} in the quorum: use three, of three organisations, hosts and jurisdictions"
                )
            }
            Self::OfTheLog { witness, domain } => {
                write!(
                    f,
                    "{witness} is of the log's own domain {domain}: it counts for nothing against the log"
                )
            }
            Self::OneDomain { witnesses: [a, b], domain } => {
                write!(f, "{a} and {b} are both of {domain}: they may lie together")
            }
            Self::Idle { witness } => write!(f, "{witness} is in no group that the quorum needs"),
            Self::NoUrl { witness } => write!(f, "{witness} has no URL: the log cannot ask it"),
        }
    }
}

impl Policy {
    /// Computes what the policy comes to.
    #[must_use]
    pub fn lint(&self) -> Lint {
        let counted: Vec<usize> = (0..self.witnesses.len()).filter(|place| self.counts(*place)).collect();
        let split_view_cost = self.split_view_cost();
        let mut warnings = Vec::new();
        match self.quorum {
            None => warnings.push(Warning::NoQuorum),
            Some(_) if split_view_cost == 0 => warnings.push(Warning::Disjoint),
            Some(_) => {}
        }
        if self.logs.is_empty() {
            warnings.push(Warning::NoLog);
        }
        if self.quorum.is_some() && counted.len() < WITNESSES_MIN {
            warnings.push(Warning::Few { witnesses: counted.len() });
        }
        let named = || counted.iter().map(|place| &self.witnesses[*place]);
        for witness in named() {
            let shared = self.logs.iter().find_map(|log| shared_domain(log, witness));
            warnings.extend(shared.map(|domain| Warning::OfTheLog { witness: witness.name.clone(), domain }));
        }
        for (place, a) in named().enumerate() {
            warnings.extend(named().skip(place + 1).filter_map(|b| {
                let domain = shared_domain(a, b)?;
                Some(Warning::OneDomain { witnesses: [a.name.clone(), b.name.clone()], domain })
            }));
        }
        for (place, witness) in self.witnesses.iter().enumerate() {
            let witness_name = || witness.name.clone();
            if self.quorum.is_some() && !counted.contains(&place) {
                warnings.push(Warning::Idle { witness: witness_name() });
            } else if witness.url.is_none() {
                warnings.push(Warning::NoUrl { witness: witness_name() });
            }
        }
        let (quorum_min, loss_max) = self
            .quorum
            .map_or((0, 0), |quorum| (self.fewest(quorum, Of::Meeting), self.fewest(quorum, Of::Missing)));
        Lint { witnesses: self.witnesses.len(), quorum_min, loss_max, split_view_cost, warnings }
    }

    /// Whether a witness is under the quorum at all.
    fn counts(&self, witness: usize) -> bool {
        self.quorum.is_some_and(|quorum| self.is_under(quorum, witness))
    }

    fn is_under(&self, member: Member, witness: usize) -> bool {
        match member {
            Member::Witness(place) => place == witness,
            Member::Group(group) => {
                self.groups[group].members.iter().any(|member| self.is_under(*member, witness))
            }
        }
    }

    /// The fewest witnesses that meet a member, or without whom it cannot be met. Each name is a member
    /// once, so groups share nobody and their costs add up.
    fn fewest(&self, member: Member, of: Of) -> usize {
        match member {
            Member::Witness(_) => 1,
            Member::Group(group) => {
                let group = &self.groups[group];
                let needed = match of {
                    Of::Meeting => group.threshold,
                    Of::Missing => group.members.len() - group.threshold + 1,
                };
                let mut costs: Vec<usize> =
                    group.members.iter().map(|member| self.fewest(*member, of)).collect();
                costs.sort_unstable();
                costs.iter().take(needed).sum()
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Of {
    Meeting,
    Missing,
}

/// The domain that two parties' names are of: one host, one below the other, or the same last two labels.
/// A list of public suffixes would know more; this only warns.
fn shared_domain(a: &Party, b: &Party) -> Option<String> {
    let (a, b) = (host(a.key.name().as_str()), host(b.key.name().as_str()));
    let below =
        |a: &str, b: &str| a.strip_suffix(b).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    if below(&a, &b) {
        return Some(b);
    }
    if below(&b, &a) {
        return Some(a);
    }
    let last_two = |host: &str| {
        let mut labels: Vec<&str> = host.rsplit('.').take(2).collect();
        labels.reverse();
        (labels.len() == 2).then(|| labels.join("."))
    };
    last_two(&a).filter(|domain| last_two(&b).as_ref() == Some(domain))
}

/// The host of a schema-less URL, in lower case, without its port.
fn host(name: &str) -> String {
    let host = name.split('/').next().unwrap_or_default();
    host.split(':').next().unwrap_or_default().to_ascii_lowercase()
}
