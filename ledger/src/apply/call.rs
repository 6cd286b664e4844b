//! Calls: what may be demanded is computed here, and each step of a call's life is one transition of
//! [`crate::call::step`] with what it moves.
//!
//! Source: calls specification §2 and §5.

use std::sync::Arc;

use super::collateral::{self, exact};
use super::postings::{Working, check_custodians, resolve};
use super::{Entry, check_free, movement};
use crate::account::{Account, Book};
use crate::agreement::{Agreement, AgreementVersion};
use crate::call::{
    Actor, Call, CallCommand, CallLeg, CallRefusal, CallState, CallTerms, DisputeReason, FailReason,
    RejectReason, RetractReason, Step, Verb, step as call_step,
};
use crate::call_record::{CallEvent, CallRecord, ReservedItem};
use crate::command::{CallIssue, CallStep, PledgedItem, PostingText};
use crate::csa::{self, Action, ComputeError, Deadlines, Flavour, InFlight};
use crate::digest::Digest;
use crate::id::{CallId, MovementId, PartyId};
use crate::market::MarginStatement;
use crate::movement::{MovementStatus, Posting};
use crate::rejection::Rejection;
use crate::state::{Change, State};
use crate::valuation::{AssetKind, Item, ItemState, Side, Value};

pub(super) fn issue(state: &State, entry: &Entry, issue: &CallIssue) -> Result<Vec<Change>, Rejection> {
    let agreement = state.need_agreement(&issue.agreement, "/body/agreement")?;
    let statement = state.need_statement(&issue.statement, "/body/statement")?;
    if statement.agreement != agreement.id {
        return Err(Rejection::UnknownReference {
            pointer: "/body/statement".to_owned(),
            what: format!("statement {} is under agreement {}", statement.id, statement.agreement),
        });
    }
    let pledgor_side = agreement.side_of(&statement.pledgor).unwrap_or(Side::B);
    let secured = agreement.party(pledgor_side.other());
    let demands = match issue.leg {
        CallLeg::Delivery => secured,
        CallLeg::Return => &statement.pledgor,
    };
    if entry.command.author != *demands {
        return Err(Rejection::NotAuthorised {
            who_may: "the secured party for a delivery, the pledgor for a return",
        });
    }
    check_free(state, "call", issue.call.as_str())?;
    let version = in_force(agreement, entry, issue.version)?;
    let binding =
        collateral::binding_statement(state, agreement, version, &statement.pledgor, entry.recorded_at);
    if binding.is_none_or(|binding| binding.id != statement.id) {
        return Err(Rejection::StatementStale { statement: binding.map(|binding| binding.id.to_string()) });
    }
    collateral::check_fresh(state, version.signed.terms(), statement, entry.recorded_at)?;
    let figure = figure(state, entry, agreement, version, statement, issue)?;
    let deadlines = deadlines(version.signed.terms(), entry, issue)?;
    let terms = version.signed.terms();
    let call = Call::issue(
        CallTerms {
            id: issue.call.to_string(),
            leg: issue.leg,
            kind: issue.kind,
            raw: figure.raw,
            mta: figure.mta,
            multiple: terms.rounding().multiple.clone(),
            mode: match issue.leg {
                CallLeg::Delivery => terms.rounding().delivery,
                CallLeg::Return => terms.rounding().returns,
            },
            due_at: deadlines.due_at.max(issue.due),
            dispute_by: deadlines.dispute_by,
            grace_end: deadlines.grace_end.max(issue.due),
        },
        figure.amount,
    );
    let record = CallRecord {
        id: issue.call.clone(),
        parent: None,
        agreement: agreement.id.clone(),
        version: version.version,
        statement: statement.id.clone(),
        secured: secured.clone(),
        pledgor: statement.pledgor.clone(),
        currency: issue.currency.clone(),
        call,
        items: Vec::new(),
        pledge: None,
        movement: None,
        timeline: vec![event(entry)],
        changed_seq: entry.seq,
    };
    Ok(vec![Change::Call(Arc::new(record))])
}

fn in_force<'a>(
    agreement: &'a Agreement,
    entry: &Entry,
    given: u64,
) -> Result<&'a AgreementVersion, Rejection> {
    let version = agreement.in_force(entry.recorded_at).ok_or_else(|| Rejection::WrongState {
        state: "an agreement without a version in force".to_owned(),
        fits: "agreement.accept".to_owned(),
    })?;
    if version.version == given {
        return Ok(version);
    }
    Err(Rejection::WrongState {
        state: format!("version {} in force", version.version),
        fits: format!("call.issue under version {}", version.version),
    })
}

/// What the agreement makes of statement and collateral.
struct Figure {
    amount: Value,
    raw: Value,
    mta: Value,
}

fn figure(
    state: &State,
    entry: &Entry,
    agreement: &Agreement,
    version: &AgreementVersion,
    statement: &MarginStatement,
    issue: &CallIssue,
) -> Result<Figure, Rejection> {
    let terms = version.signed.terms();
    if issue.currency != terms.base_currency() {
        return Err(Rejection::EvidenceMismatch {
            expected: format!("amounts in {}", terms.base_currency()),
            got: issue.currency.clone(),
        });
    }
    let computed = compute(state, entry, agreement, version, statement)?;
    let secured = agreement.side_of(&statement.pledgor).unwrap_or(Side::B).other();
    let leg = computed.legs.into_iter().find(|leg| leg.secured == secured);
    let leg = leg.ok_or(Rejection::NotAuthorised { who_may: "a secured party of the agreement" })?;
    let (action, raw) = match issue.leg {
        CallLeg::Delivery => (Action::Call, leg.raw_delivery),
        CallLeg::Return => (Action::Return, leg.raw_return),
    };
    let given = Value::parse(&issue.amount.normalize().to_string())
        .map_err(|_| Rejection::AmountOverflow { what: "/body/amount".to_owned() })?;
    if leg.action != action || leg.amount != given {
        let expected = if leg.action == action {
            leg.amount.to_string()
        } else {
            format!("no {action} ({})", leg.reason)
        };
        return Err(Rejection::AmountOutOfRange { expected, got: given.to_string() });
    }
    Ok(Figure { amount: leg.amount, raw, mta: leg.mta })
}

/// The credit support computation of the ledger as it stands.
pub(crate) fn compute(
    state: &State,
    entry: &Entry,
    agreement: &Agreement,
    version: &AgreementVersion,
    statement: &MarginStatement,
) -> Result<csa::Computation, Rejection> {
    let terms = version.signed.terms();
    let pledgor_side = agreement.side_of(&statement.pledgor).unwrap_or(Side::B);
    let secured = pledgor_side.other();
    let (items, agreed) = posted_and_agreed(state, agreement, terms, &statement.pledgor);
    // What is agreed and not yet named by item counts as if it had lowered the exposure.
    let owed = &value(statement.exposure) - &agreed;
    let mut figures = csa::Figures::default();
    let seen_from_a = match pledgor_side {
        Side::B => owed,
        Side::A => -&owed,
    };
    match terms.flavour() {
        Flavour::Crypto247 => {
            figures.exposure = Some(seen_from_a);
            *figures.requirement.get_mut(secured) = Some(value(statement.requirement));
        }
        Flavour::Ny1994 | Flavour::Vm2016 => figures.exposure = Some(seen_from_a),
        Flavour::Im2018 => {
            let amount = &value(statement.requirement) - &agreed;
            let margin = csa::MarginFigure { amount, ia: Some(Value::zero()) };
            *figures.margin.get_mut(secured) = Some(margin);
            let none = csa::MarginFigure { amount: Value::zero(), ia: Some(Value::zero()) };
            *figures.margin.get_mut(pledgor_side) = Some(none);
        }
    }
    let market = collateral::market(state, terms, entry.recorded_at);
    csa::compute(terms, &figures, &market, &items).map_err(|error| match error {
        ComputeError::Valuation(errors) => collateral::of_valuations(state, &errors),
        ComputeError::ExposureMissing
        | ComputeError::MarginMissing { .. }
        | ComputeError::RequirementNotAsked => {
            Rejection::AmountOverflow { what: format!("the computation: {error}") }
        }
    })
}

fn value(decimal: rust_decimal::Decimal) -> Value {
    Value::truncated(&exact(decimal))
}

/// What is posted and on its way by item, and what is agreed but not yet pledged by value.
fn posted_and_agreed(
    state: &State,
    agreement: &Agreement,
    terms: &csa::Agreement,
    pledgor: &PartyId,
) -> (Vec<Item>, Value) {
    let side = agreement.side_of(pledgor).unwrap_or(Side::B);
    let mut items = Vec::new();
    for account in collateral::posted_accounts(state, pledgor) {
        items.push(collateral::item(state, account, account.available(), side));
    }
    let mut agreed = Value::zero();
    if terms.in_flight() == InFlight::SettledOnly {
        return (items, agreed);
    }
    let of_this = |call: &&Arc<CallRecord>| {
        call.agreement == agreement.id
            && call.pledgor == *pledgor
            && call.call.terms().leg == CallLeg::Delivery
    };
    for call in state.calls().filter(of_this) {
        match call.state() {
            CallState::Agreed => agreed = &agreed + call.amount(),
            CallState::Pledged | CallState::Accepted | CallState::InTransit => {
                items.extend(call.items.iter().enumerate().filter_map(|(place, reserved)| {
                    let account = state.account(&reserved.from)?;
                    let item = collateral::item(state, account, reserved.units, side);
                    let id = format!("{}/{place}", call.id);
                    Some(Item { id, state: ItemState::AgreedIn, ..item })
                }));
            }
            CallState::Issued
            | CallState::Acknowledged
            | CallState::Split
            | CallState::Disputed
            | CallState::Settled
            | CallState::Retracted
            | CallState::Superseded
            | CallState::Defaulted
            | CallState::Liquidating
            | CallState::ClosedOut => {}
        }
    }
    (items, agreed)
}

/// The times of the agreement's clock, counted from the record; without a clock, from `due` itself.
fn deadlines(terms: &csa::Agreement, entry: &Entry, issue: &CallIssue) -> Result<Deadlines, Rejection> {
    let Some(clock) = terms.clock() else {
        let due_at = issue.due.max(entry.recorded_at);
        return Ok(Deadlines { demand_day: None, due_at, dispute_by: due_at, grace_end: due_at });
    };
    let calendars = csa::Calendars::new();
    let mut latest: Option<Deadlines> = None;
    for kind in AssetKind::ALL {
        match clock.deadlines(*kind, &calendars, entry.recorded_at) {
            Ok(found) => {
                let later = latest.as_ref().is_none_or(|latest| latest.due_at < found.due_at);
                latest = if later { Some(found) } else { latest };
            }
            Err(csa::ClockError::KindWithoutClock { .. }) => {}
            Err(error) => {
                return Err(Rejection::UnknownReference {
                    pointer: "/body/agreement".to_owned(),
                    what: format!("the agreement's clock: {error}"),
                });
            }
        }
    }
    latest.ok_or(Rejection::TooLate { until: entry.recorded_at })
}

pub(super) fn step(
    state: &State,
    entry: &Entry,
    id: &CallId,
    asked: &CallStep,
) -> Result<Vec<Change>, Rejection> {
    let record = state.need_call(id, "/body/call")?;
    check_references(state, record, asked)?;
    let actor = actor(state, entry, record)?;
    let stepped = call_step(&record.call, &command(asked), actor, entry.recorded_at);
    let Step { call, halves } = stepped.map_err(|refusal| of_refusal(refusal, asked))?;
    let mut next = CallRecord { call, changed_seq: entry.seq, ..CallRecord::clone(record) };
    next.timeline.push(event(entry));
    let mut changes = match asked {
        CallStep::Pledge { items, value } => pledge(state, entry, &mut next, items, *value)?,
        CallStep::RejectPledge { .. } | CallStep::Retract { .. } | CallStep::Supersede { .. } => {
            free_items(state, entry, &mut next)
        }
        CallStep::Instruct { movement, postings } => instruct(state, entry, &mut next, movement, postings)?,
        CallStep::Settle { movement, evidence, .. } => settle(state, entry, &next, movement, *evidence)?,
        CallStep::Fail { movement, reason } => fail(state, entry, &mut next, movement, reason)?,
        CallStep::Acknowledge
        | CallStep::Agree { .. }
        | CallStep::Dispute { .. }
        | CallStep::AcceptPledge { .. } => Vec::new(),
    };
    for half in halves.into_iter().flat_map(|halves| *halves) {
        changes.push(Change::Call(Arc::new(half_record(state, entry, &next, half)?)));
    }
    changes.push(Change::Call(Arc::new(next)));
    Ok(changes)
}

/// What a step names besides the call is what the call is tied to.
fn check_references(state: &State, record: &CallRecord, asked: &CallStep) -> Result<(), Rejection> {
    let unknown =
        |pointer: &str, what: String| Err(Rejection::UnknownReference { pointer: pointer.to_owned(), what });
    match asked {
        CallStep::AcceptPledge { pledge } | CallStep::RejectPledge { pledge, .. }
            if record.pledge != Some(*pledge) =>
        {
            unknown("/body/pledge", format!("{pledge} is not the pledge that meets this call now"))
        }
        CallStep::Settle { movement, .. } | CallStep::Fail { movement, .. }
            if record.movement.as_ref() != Some(movement) =>
        {
            unknown("/body/movement", format!("{movement} does not carry this call over"))
        }
        CallStep::Supersede { by } => {
            let by = state.need_call(by, "/body/by")?;
            if by.agreement == record.agreement && by.id != record.id {
                Ok(())
            } else {
                unknown("/body/by", format!("{} is not another call under {}", by.id, record.agreement))
            }
        }
        CallStep::AcceptPledge { .. }
        | CallStep::RejectPledge { .. }
        | CallStep::Settle { .. }
        | CallStep::Fail { .. }
        | CallStep::Acknowledge
        | CallStep::Agree { .. }
        | CallStep::Dispute { .. }
        | CallStep::Retract { .. }
        | CallStep::Pledge { .. }
        | CallStep::Instruct { .. } => Ok(()),
    }
}

/// The author's part in the call. A stranger learns no more than that there is none of its own.
fn actor(state: &State, entry: &Entry, record: &CallRecord) -> Result<Actor, Rejection> {
    let author = &entry.command.author;
    if *author == record.secured {
        return Ok(Actor::Secured);
    }
    if *author == record.pledgor {
        return Ok(Actor::Pledgor);
    }
    let keeps = record.movement.as_ref().and_then(|id| state.movement(id));
    match keeps {
        Some(movement) => movement::check_keeper(state, entry, movement).map(|()| Actor::Custodian),
        None => Err(Rejection::UnknownReference {
            pointer: "/body/call".to_owned(),
            what: format!("no call {} of yours", record.id),
        }),
    }
}

fn command(asked: &CallStep) -> CallCommand {
    match asked {
        CallStep::Acknowledge => CallCommand::Acknowledge,
        CallStep::Agree { amount } => CallCommand::Agree { amount: Some(value(*amount)) },
        CallStep::Dispute { amount, reason, .. } => {
            CallCommand::Dispute { amount: Some(value(*amount)), reason: Some(reason.clone()) }
        }
        CallStep::Retract { reason } => CallCommand::Retract { reason: Some(reason.clone()) },
        CallStep::Supersede { by } => CallCommand::Supersede { by: Some(by.to_string()) },
        CallStep::Pledge { value: worth, .. } => CallCommand::Pledge { value: Some(value(*worth)) },
        CallStep::AcceptPledge { .. } => CallCommand::AcceptPledge,
        CallStep::RejectPledge { reason, .. } => CallCommand::RejectPledge { reason: Some(reason.clone()) },
        CallStep::Instruct { .. } => CallCommand::Instruct,
        CallStep::Settle { amount, .. } => CallCommand::Settle { amount: Some(value(*amount)) },
        CallStep::Fail { reason, .. } => CallCommand::Fail { reason: Some(reason.clone()) },
    }
}

fn of_refusal(refusal: CallRefusal, asked: &CallStep) -> Rejection {
    match refusal {
        CallRefusal::NotAuthorised { author, .. } => Rejection::NotAuthorised { who_may: author.as_str() },
        CallRefusal::KindNotDue { kind } => Rejection::KindNotDue { kind: kind.as_str() },
        CallRefusal::WrongState { state, fitting } => {
            let fits: Vec<_> = fitting.iter().map(|verb: &Verb| verb.as_str()).collect();
            Rejection::WrongState { state: state.to_string(), fits: fits.join(", ") }
        }
        CallRefusal::TooLate { dispute_by } => Rejection::TooLate { until: dispute_by },
        CallRefusal::TooEarly { grace_end } => Rejection::TooEarly { after: grace_end },
        CallRefusal::AmountOutOfRange { least, most } => {
            let got = match asked {
                CallStep::Agree { amount }
                | CallStep::Dispute { amount, .. }
                | CallStep::Settle { amount, .. } => amount.to_string(),
                CallStep::Acknowledge
                | CallStep::Retract { .. }
                | CallStep::Supersede { .. }
                | CallStep::Pledge { .. }
                | CallStep::AcceptPledge { .. }
                | CallStep::RejectPledge { .. }
                | CallStep::Instruct { .. }
                | CallStep::Fail { .. } => String::new(),
            };
            let expected = if least == most { most.to_string() } else { format!("{least} to {most}") };
            Rejection::AmountOutOfRange { expected, got }
        }
        CallRefusal::InsufficientValue { value, needed } => insufficient(&value, &needed),
        CallRefusal::ReasonUnknown { .. } | CallRefusal::MissingField { .. } => {
            Rejection::ReasonUnknown { known: known_reasons(asked) }
        }
    }
}

fn known_reasons(asked: &CallStep) -> String {
    let words: Vec<&str> = match asked {
        CallStep::Dispute { .. } => DisputeReason::ALL.iter().map(|reason| reason.as_str()).collect(),
        CallStep::RejectPledge { .. } => RejectReason::ALL.iter().map(|reason| reason.as_str()).collect(),
        CallStep::Retract { .. } => RetractReason::ALL.iter().map(|reason| reason.as_str()).collect(),
        CallStep::Fail { .. } => FailReason::ALL.iter().map(|reason| reason.as_str()).collect(),
        CallStep::Acknowledge
        | CallStep::Agree { .. }
        | CallStep::Supersede { .. }
        | CallStep::Pledge { .. }
        | CallStep::AcceptPledge { .. }
        | CallStep::Instruct { .. }
        | CallStep::Settle { .. } => Vec::new(),
    };
    words.join(", ")
}

fn insufficient(value: &Value, needed: &Value) -> Rejection {
    Rejection::InsufficientValue {
        needed: collateral::decimal(needed).unwrap_or(rust_decimal::Decimal::MAX),
        value: value.to_string(),
    }
}

/// Names and reserves what will be delivered or returned.
///
/// The value that the pledgor signs may not be more than what the ledger makes of the items now.
fn pledge(
    state: &State,
    entry: &Entry,
    record: &mut CallRecord,
    items: &[PledgedItem],
    claimed: rust_decimal::Decimal,
) -> Result<Vec<Change>, Rejection> {
    let book = source_book(record);
    let mut reserved = Vec::new();
    for (place, item) in items.iter().enumerate() {
        let pointer = format!("/body/items/{place}/from");
        let account = state.need_account(&item.from, &pointer)?;
        if account.owner != record.pledgor || account.book != book {
            let what = format!("no {book} account {} of {}", item.from, record.pledgor);
            return Err(Rejection::UnknownReference { pointer, what });
        }
        reserved.push(reserve_text(state, place, item, account)?);
    }
    let mut working = Working::new(state, entry.seq);
    for item in &reserved {
        working.hold(item)?;
    }
    let agreement = state.need_agreement(&record.agreement, "/body/call")?;
    let worth = worth(state, entry, agreement, record, &reserved)?;
    let claimed = value(claimed);
    if claimed > worth {
        return Err(insufficient(&worth, &claimed));
    }
    record.items = reserved;
    record.pledge = Some(entry.command_id);
    Ok(working.into_changes())
}

/// Deliveries come out of `available`, returns out of `posted`.
fn source_book(record: &CallRecord) -> Book {
    match record.call.terms().leg {
        CallLeg::Delivery => Book::Available,
        CallLeg::Return => Book::Posted,
    }
}

fn reserve_text(
    state: &State,
    place: usize,
    item: &PledgedItem,
    account: &Account,
) -> Result<ReservedItem, Rejection> {
    if account.asset != item.asset {
        return Err(Rejection::AssetMismatch { account: account.id.clone(), holds: account.asset.clone() });
    }
    let asset = state.need_asset(&item.asset, "/body/items")?;
    let pointer = format!("/body/items/{place}/amount");
    let units = item.amount.units(asset.decimals);
    let units = units.map_err(|error| Rejection::of_amount(error, &pointer, asset.decimals))?;
    if units == 0 {
        return Err(Rejection::AmountZero { pointer });
    }
    Ok(ReservedItem { from: item.from.clone(), asset: item.asset.clone(), units })
}

/// What the items would count under the call's own version, on top of nothing else.
fn worth(
    state: &State,
    entry: &Entry,
    agreement: &Agreement,
    record: &CallRecord,
    reserved: &[ReservedItem],
) -> Result<Value, Rejection> {
    let side = agreement.side_of(&record.pledgor).unwrap_or(Side::B);
    let version = agreement.versions.iter().find(|version| version.version == record.version);
    let Some(version) = version else { return Ok(Value::zero()) };
    let terms = version.signed.terms();
    let items: Vec<_> = reserved
        .iter()
        .enumerate()
        .filter_map(|(place, reserved)| {
            let account = state.account(&reserved.from)?;
            let item = collateral::item(state, account, reserved.units, side);
            Some(Item { id: format!("{place}"), ..item })
        })
        .collect();
    let market = collateral::market(state, terms, entry.recorded_at);
    let appraisals = crate::valuation::value_items(terms.schedule(), terms.groups(), &market, &items);
    let appraisals = appraisals.map_err(|errors| collateral::of_valuations(state, &errors))?;
    Ok(appraisals.iter().map(|appraisal| &appraisal.value).sum())
}

/// Frees what was reserved for the call.
fn free_items(state: &State, entry: &Entry, record: &mut CallRecord) -> Vec<Change> {
    let mut working = Working::new(state, entry.seq);
    for item in &record.items {
        working.unhold(item);
    }
    record.items.clear();
    record.pledge = None;
    working.into_changes()
}

/// The pending movement: exactly what was pledged, to where it then belongs.
fn instruct(
    state: &State,
    entry: &Entry,
    record: &mut CallRecord,
    id: &MovementId,
    texts: &[PostingText],
) -> Result<Vec<Change>, Rejection> {
    let postings = resolve(state, texts)?;
    check_free(state, "movement", id.as_str())?;
    check_same_items(state, record, &postings)?;
    let mut working = Working::new(state, entry.seq);
    for item in &record.items {
        working.unhold(item);
    }
    let mut freed = state.clone();
    for change in working.changes() {
        freed.put(&change);
    }
    for posting in &postings {
        working.reserve(posting)?;
    }
    collateral::guard_release(&freed, entry, &postings)?;
    check_custodians(state, &postings)?;
    record.movement = Some(id.clone());
    let pending = movement::pending(entry, id.clone(), postings, Some(record.id.clone()));
    let mut changes = working.into_changes();
    changes.push(Change::Movement(Arc::new(pending)));
    Ok(changes)
}

fn check_same_items(state: &State, record: &CallRecord, postings: &[Posting]) -> Result<(), Rejection> {
    let target = match record.call.terms().leg {
        CallLeg::Delivery => Book::Posted,
        CallLeg::Return => Book::Available,
    };
    for posting in postings {
        let to = state.need_account(&posting.to, "/body/postings")?;
        if to.owner != record.pledgor || to.book != target {
            return Err(Rejection::UnknownReference {
                pointer: "/body/postings".to_owned(),
                what: format!("no {target} account {} of {}", posting.to, record.pledgor),
            });
        }
    }
    let mut moved: Vec<_> = postings
        .iter()
        .map(|posting| ReservedItem {
            from: posting.from.clone(),
            asset: posting.asset.clone(),
            units: posting.units,
        })
        .collect();
    let mut pledged = record.items.clone();
    moved.sort();
    pledged.sort();
    if moved == pledged {
        return Ok(());
    }
    let print = |items: &[ReservedItem]| {
        let each = items.iter().map(|item| {
            let quantity = collateral::print_quantity(state, &item.asset, item.units);
            format!("{quantity} {} from {}", item.asset, item.from)
        });
        each.collect::<Vec<_>>().join(", ")
    };
    Err(Rejection::EvidenceMismatch { expected: print(&pledged), got: print(&moved) })
}

/// In this version a transfer settles whole.
fn settle(
    state: &State,
    entry: &Entry,
    record: &CallRecord,
    id: &MovementId,
    evidence: Digest,
) -> Result<Vec<Change>, Rejection> {
    let pending = state.need_movement(id, "/body/movement")?;
    movement::check_keeper(state, entry, pending)?;
    movement::check_pending(pending, "transfer.settle, transfer.fail")?;
    if record.state() != CallState::Settled {
        return Err(Rejection::AmountOutOfRange {
            expected: format!("{}, the whole", record.amount()),
            got: record.call.settled().to_string(),
        });
    }
    movement::settled(state, entry, pending, evidence)
}

fn fail(
    state: &State,
    entry: &Entry,
    record: &mut CallRecord,
    id: &MovementId,
    reason: &str,
) -> Result<Vec<Change>, Rejection> {
    let pending = state.need_movement(id, "/body/movement")?;
    movement::check_keeper(state, entry, pending)?;
    movement::check_pending(pending, "transfer.settle, transfer.fail")?;
    record.items.clear();
    record.pledge = None;
    record.movement = None;
    Ok(movement::given_up(state, pending, entry.seq, MovementStatus::Voided, Some(reason.to_owned())))
}

fn half_record(
    state: &State,
    entry: &Entry,
    parent: &CallRecord,
    half: Call,
) -> Result<CallRecord, Rejection> {
    let taken = || Rejection::IdTaken { id: half.id().to_owned() };
    let id = CallId::parse(half.id()).map_err(|_| taken())?;
    check_free(state, "call", id.as_str())?;
    Ok(CallRecord {
        id,
        parent: Some(parent.id.clone()),
        call: half,
        timeline: vec![event(entry)],
        ..parent.clone()
    })
}

fn event(entry: &Entry) -> CallEvent {
    CallEvent {
        seq: entry.seq,
        recorded_at: entry.recorded_at,
        author: entry.command.author.clone(),
        type_name: entry.command.body.type_name().to_owned(),
        command_id: entry.command_id,
    }
}
