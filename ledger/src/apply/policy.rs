//! Policies: setting them, and what they say of a command that would hold otherwise.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::facts::Facts;
use super::velocity::{check_limit, moved_value};
use super::{Content, Entry, check_free};
use crate::approval::{
    Condition, DestinationRule, Hours, Lineage, Need, Policy, PolicyDocument, PolicyFault, Principal, Quorum,
    Rule, RuleResult, Scope, fits,
};
use crate::command::{Body, PolicySet, Provenance};
use crate::decimal::Exact;
use crate::id::PartyId;
use crate::party::Role;
use crate::rejection::Rejection;
use crate::state::{Change, Effects, State};
use crate::time::Timestamp;

/// What policies say of a command.
pub(super) enum Decision {
    /// The author's signature is enough.
    Allowed,
    /// All of these besides.
    Held(Vec<Need>),
}

/// A policy of a scope, the first or the next version.
pub(super) fn set(state: &State, entry: &Entry, set: &PolicySet) -> Result<Vec<Change>, Rejection> {
    let author = state.need_party(&entry.command.author, "/author")?;
    let (owns, who_may) = match &set.scope {
        Scope::Everyone => (author.role == Role::Operator, "the operator"),
        Scope::Party(party) => (*party == author.id, "the party whose scope it is"),
    };
    if !owns {
        return Err(Rejection::NotAuthorised { who_may });
    }
    let document = read_policy(entry, set);
    if let Ok(document) = &document {
        check_principals(state, document)?;
    }
    let before = state.policy_of(&set.scope);
    if before.is_none_or(|before| before.id != set.policy) {
        check_free(state, "policy", set.policy.as_str())?;
    }
    let version = before.map_or(1, |before| before.version + 1);
    let same = before.is_none_or(|before| before.id == set.policy);
    if !same || set.version != version {
        let at =
            before.map_or_else(|| "none".to_owned(), |one| format!("{} version {}", one.id, one.version));
        let id = before.map_or(&set.policy, |before| &before.id);
        return Err(Rejection::WrongState { state: at, fits: format!("{id} version {version}") });
    }
    let document = document?;
    let policy = Policy {
        id: set.policy.clone(),
        scope: set.scope.clone(),
        version,
        digest: set.rules,
        document: document.clone(),
        changed_seq: entry.seq,
    };
    Ok(vec![Change::Policy(Arc::new(policy))])
}

fn read_policy<'a>(entry: &Entry<'a>, set: &PolicySet) -> Result<&'a PolicyDocument, Rejection> {
    let unreadable =
        |reason: &str| Rejection::DocumentDigest { digest: set.rules, reason: reason.to_owned() };
    let content = &entry.documents.content;
    let Content::Policy(read) = content else { return Err(unreadable(content.fault("not a policy"))) };
    read.as_ref().as_ref().map_err(|fault| match fault {
        PolicyFault::Form(reason) => unreadable(reason),
        PolicyFault::Unsafe(reason) => Rejection::QuorumUnsafe { reason: reason.clone() },
    })
}

/// Principals are registered parties, their keys those parties' own.
fn check_principals(state: &State, document: &PolicyDocument) -> Result<(), Rejection> {
    for principal in document.principals() {
        let party = state.need_party(&principal.party, "/body/rules/principals")?;
        if let Some(unknown) = principal.keys.iter().find(|key| party.key(**key).is_none()) {
            return Err(Rejection::UnknownReference {
                pointer: "/body/rules/principals".to_owned(),
                what: format!("no key {unknown} of {}", party.id),
            });
        }
    }
    Ok(())
}

/// What the policies in force say of a command whose effects are known.
///
/// # Errors
/// `velocity_exceeded` and refusals of prices by a limit; `policy_refused`.
pub(super) fn decide(state: &State, entry: &Entry, effects: &Effects) -> Result<Decision, Rejection> {
    // What is moved is asked for by policies alone.
    let none = state.policies().next().is_none();
    let facts = if none { Facts::default() } else { Facts::of(state, entry, effects)? };
    for policy in state.policies() {
        for limit in policy.document.limits() {
            check_limit(state, entry, policy, limit, &facts.outflows)?;
        }
    }
    let needs = if let Body::PolicySet(set) = &entry.command.body {
        change_needs(state, entry, set, effects)?
    } else if let Body::OverrideGrant(_) = &entry.command.body {
        highest_needs(state, entry)?
    } else {
        ruled_needs(state, entry, &entry.command.body, &facts)?
    };
    let mut needs = needs;
    if needs.is_empty()
        && let Some(what) = wants_second(state, entry)
    {
        let by = format!("no policy asks a quorum for {what}, which none may do alone: that");
        return Err(Rejection::PolicyRefused { by });
    }
    needs.extend(state.must_approve(&entry.command.body).map(contact_need));
    Ok(if needs.is_empty() { Decision::Allowed } else { Decision::Held(needs) })
}

fn ruled_needs(state: &State, entry: &Entry, body: &Body, facts: &Facts) -> Result<Vec<Need>, Rejection> {
    let own = Scope::Party(entry.command.author.clone());
    let mut needs = Vec::new();
    for policy in [own, Scope::Everyone].iter().filter_map(|scope| state.policy_of(scope)) {
        let type_name = body.type_name();
        if !policy.document.names(type_name) {
            continue;
        }
        let decides = |rule: &&Rule| holds(state, entry, &rule.when, type_name, facts);
        let rule = policy.document.rules().iter().find(decides);
        let rule = rule.expect("the last rule of a policy has no condition");
        let by = format!("{} version {}, rule {}", policy.id, policy.version, rule.name);
        match &rule.result {
            RuleResult::Allow => {}
            RuleResult::Refuse => return Err(Rejection::PolicyRefused { by }),
            RuleResult::Approve(quorum) => needs.push(need(state, entry, policy, quorum, by)?),
        }
    }
    Ok(needs)
}

/// The recovery contact that a party named: its own approval, whatever the policies say.
fn contact_need(contact: PartyId) -> Need {
    let contact = Principal { name: format!("recovery contact {contact}"), party: contact, keys: Vec::new() };
    Need { by: "the recovery contact".to_owned(), k: 1, of: vec![contact] }
}

/// What needs a second principal whether a policy says so or not. Source: API specification §2,
/// custody specification §2 and §4.
fn wants_second(state: &State, entry: &Entry) -> Option<&'static str> {
    if let Body::OverrideGrant(_) = &entry.command.body {
        return Some("an override");
    }
    if let Body::AddressAllow(_) = &entry.command.body {
        return Some("an address's allowance");
    }
    if let Body::BreakWriteOff(_) = &entry.command.body {
        return Some("a write-off");
    }
    if let Body::KeyRecover(_) = &entry.command.body {
        return Some("a recovery");
    }
    if let Body::MovementSettle(settle) = &entry.command.body {
        let relayed = state
            .custody_statements()
            .any(|one| one.digest == settle.evidence && one.provenance == Provenance::Relayed);
        let operator = state.party(&entry.command.author).is_some_and(|party| party.role == Role::Operator);
        return (operator && relayed).then_some("a settlement by a relayed statement");
    }
    None
}

/// A change needs the quorum of what it replaces and its own, which so is shown to exist.
fn change_needs(
    state: &State,
    entry: &Entry,
    set: &PolicySet,
    effects: &Effects,
) -> Result<Vec<Need>, Rejection> {
    let after = effects
        .0
        .iter()
        .find_map(|change| if let Change::Policy(policy) = change { Some(policy) } else { None });
    let before = state.policy_of(&set.scope);
    let needs = before.into_iter().chain(after).map(|policy| {
        let by = format!("{} version {}, change", policy.id, policy.version);
        need(state, entry, policy, policy.document.change(), by)
    });
    needs.collect()
}

/// An exception needs the highest quorum that there is: that of a change of the policies it is under.
fn highest_needs(state: &State, entry: &Entry) -> Result<Vec<Need>, Rejection> {
    let own = Scope::Party(entry.command.author.clone());
    let policies = [own, Scope::Everyone].into_iter().filter_map(|scope| state.policy_of(&scope));
    let needs = policies.map(|policy| {
        let by = format!("{} version {}, change", policy.id, policy.version);
        need(state, entry, policy, policy.document.change(), by)
    });
    needs.collect()
}

/// The principals of a quorum without whoever may be the maker.
fn need(
    state: &State,
    entry: &Entry,
    policy: &Policy,
    quorum: &Quorum,
    by: String,
) -> Result<Need, Rejection> {
    let maker = maker(state, entry);
    let all = policy.document.principals();
    let of: Vec<_> =
        policy.document.members(&quorum.group).filter(|one| !one.may_be(&maker, all)).cloned().collect();
    if usize::try_from(quorum.k).map_or(true, |k| k > of.len()) {
        // It could never be approved: waiting would only look like it.
        let by = format!(
            "{by}: {} of {}, of whom {} are others than the maker,",
            quorum.k,
            quorum.group,
            of.len()
        );
        return Err(Rejection::PolicyRefused { by });
    }
    Ok(Need { by, k: quorum.k, of })
}

fn maker(state: &State, entry: &Entry) -> Lineage {
    let author = &entry.command.author;
    state.party(author).map_or_else(
        || Lineage { party: author.clone(), keys: vec![entry.signer] },
        |party| party.lineage(entry.signer),
    )
}

/// Whether every condition holds. What cannot be told, as a value without a price, does not.
fn holds(state: &State, entry: &Entry, when: &Condition, type_name: &str, facts: &Facts) -> bool {
    let types = when.types.as_ref().is_none_or(|types| types.iter().any(|one| fits(one, type_name)));
    let assets = when.assets.as_ref().is_none_or(|some| facts.moved.keys().all(|one| some.contains(one)));
    let classes = when.classes.as_ref().is_none_or(|some| facts.classes.iter().all(|one| some.contains(one)));
    let amounts = when.amounts.as_ref().is_none_or(|most| {
        facts.moved.iter().all(|(asset, units)| super::velocity::within(state, most, asset, units))
    });
    let value = when.value.as_ref().is_none_or(|most| {
        let moved: BTreeMap<_, _> = facts.moved.iter().map(|(asset, units)| (asset, units.clone())).collect();
        moved_value(state, entry.recorded_at, &moved, most)
            .is_ok_and(|value: Exact| value <= super::collateral::exact(most.most))
    });
    let rolling = when.rolling.as_ref().is_none_or(|rolling| {
        super::velocity::rolls_within(state, entry, rolling.window_ms, &rolling.measure, &facts.outflows)
    });
    let destination = when.destination.is_none_or(|rule| match rule {
        DestinationRule::Inside => !facts.leaves,
        DestinationRule::Allowed => !facts.leaves || facts.destination,
    });
    let hours = when.hours.is_none_or(|hours| is_within(hours, entry.recorded_at));
    types && assets && classes && amounts && value && rolling && destination && hours
}

/// From 22:00 until 06:00 is over midnight.
fn is_within(hours: Hours, at: Timestamp) -> bool {
    let minute = at.millis() / 60_000 % (24 * 60);
    let (from, until) = (u64::from(hours.from), u64::from(hours.until));
    if from <= until { (from..until).contains(&minute) } else { minute >= from || minute < until }
}
