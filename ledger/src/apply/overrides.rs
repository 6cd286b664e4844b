//! Overrides: granted, revoked, and used where a rule would refuse.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Entry, check_free};
use crate::command::{OverrideGrant, OverrideRevoke};
use crate::id::{AccountId, OverrideId};
use crate::movement::Posting;
use crate::overrides::{OVERRIDE_MAX_MS, OverridableRule, Override, OverrideUse};
use crate::rejection::Rejection;
use crate::state::{Change, State};
use crate::time::Timestamp;

/// It ends, and soon.
pub(super) fn grant(state: &State, entry: &Entry, grant: &OverrideGrant) -> Result<Vec<Change>, Rejection> {
    let account = state.need_account(&grant.object, "/body/object")?;
    let asset = state.need_asset(&account.asset, "/body/object")?;
    check_free(state, "override", grant.id.as_str())?;
    let Some(ahead) = grant.until.millis_since(entry.recorded_at).filter(|ahead| *ahead > 0) else {
        return Err(Rejection::TooLate { until: grant.until });
    };
    let pointer = "/body/limit";
    let limit = grant.limit.units(asset.decimals);
    let limit = limit.map_err(|error| Rejection::of_amount(error, pointer, asset.decimals))?;
    if limit == 0 {
        return Err(Rejection::AmountZero { pointer: pointer.to_owned() });
    }
    if ahead > OVERRIDE_MAX_MS {
        return Err(Rejection::AmountOutOfRange {
            expected: "an end at most 7 days after the record".to_owned(),
            got: grant.until.to_string(),
        });
    }
    let granted = Override {
        id: grant.id.clone(),
        rule: grant.rule,
        account: account.id.clone(),
        limit,
        reason: grant.reason.clone(),
        until: grant.until,
        author: entry.command.author.clone(),
        granted_seq: entry.seq,
        granted_at: entry.recorded_at,
        revoked: None,
        uses: Vec::new(),
        changed_seq: entry.seq,
    };
    Ok(vec![Change::Override(Arc::new(granted))])
}

pub(super) fn revoke(
    state: &State,
    entry: &Entry,
    revoke: &OverrideRevoke,
) -> Result<Vec<Change>, Rejection> {
    let granted = state.need_override(&revoke.id, "/body/override")?;
    let wrong = |standing: String| {
        Err(Rejection::WrongState { state: standing, fits: "nothing: grant another".to_owned() })
    };
    if let Some((seq, _)) = &granted.revoked {
        return wrong(format!("revoked by record {seq}"));
    }
    if !granted.is_live(entry.recorded_at) {
        return wrong(format!("used up or over since {}", granted.until));
    }
    let revoked = Some((entry.seq, revoke.reason.clone()));
    let granted = Override { revoked, changed_seq: entry.seq, ..Override::clone(granted) };
    Ok(vec![Change::Override(Arc::new(granted))])
}

/// What live overrides let through while one command is judged.
///
/// A rule is asked first and an override only if the rule refuses, so none is used up in vain. What is
/// used becomes effects of the same record, or nothing if the command is refused after all.
pub(super) struct Waivers<'a> {
    state: &'a State,
    seq: u64,
    at: Timestamp,
    /// Rules already lifted for what goes out of an account by this command.
    lifted: BTreeSet<(OverridableRule, AccountId)>,
    used: BTreeMap<OverrideId, Override>,
}

impl<'a> Waivers<'a> {
    pub(super) fn new(state: &'a State, entry: &Entry) -> Self {
        let (lifted, used) = (BTreeSet::new(), BTreeMap::new());
        Self { state, seq: entry.seq, at: entry.recorded_at, lifted, used }
    }

    /// Lifts a rule for postings: each account they go out of has one live override of the rule that
    /// still holds all that goes out of it. All or nothing.
    pub(super) fn lift(&mut self, rule: OverridableRule, postings: &[&Posting]) -> bool {
        let mut leaving: BTreeMap<&AccountId, u128> = BTreeMap::new();
        for posting in postings {
            let sum = leaving.entry(&posting.from).or_default();
            let Some(more) = sum.checked_add(posting.units) else { return false };
            *sum = more;
        }
        let mut chosen = Vec::new();
        for (account, units) in leaving {
            if self.lifted.contains(&(rule, account.clone())) {
                continue;
            }
            let Some(granted) = self.find(rule, account, units) else { return false };
            chosen.push((granted, account.clone(), units));
        }
        for (mut granted, account, units) in chosen {
            granted.uses.push(OverrideUse { seq: self.seq, units });
            granted.changed_seq = self.seq;
            self.lifted.insert((rule, account));
            self.used.insert(granted.id.clone(), granted);
        }
        true
    }

    /// The first by end and id, so that what lapses first is used first.
    fn find(&self, rule: OverridableRule, account: &AccountId, units: u128) -> Option<Override> {
        let fits = |granted: &&Arc<Override>| {
            granted.rule == rule
                && granted.account == *account
                && granted.is_live(self.at)
                && granted.remaining() >= units
        };
        let found = self.state.overrides().filter(fits);
        found.min_by_key(|granted| granted.until).map(|granted| Override::clone(granted))
    }

    /// What was used, as it is afterwards.
    pub(super) fn into_changes(self) -> impl Iterator<Item = Change> {
        self.used.into_values().map(|granted| Change::Override(Arc::new(granted)))
    }
}
