//! Prices, positions and rule books.

use std::sync::Arc;

use super::{Content, Entry, check_free};
use crate::command::{PositionReport, PriceSet, RegimeAdopt};
use crate::market::{AdoptedRegime, Portfolio, PriceDocument, Prices};
use crate::party::Role;
use crate::rejection::Rejection;
use crate::state::{Change, State};
use crate::time::Timestamp;

/// What a rule book requires is not the ledger's to know; the parameters of its breaker are, since
/// `breaker.step` is judged by them.
pub(super) fn adopt_regime(entry: &Entry, adopt: &RegimeAdopt) -> Result<Vec<Change>, Rejection> {
    let content = &entry.documents.content;
    if let Content::Unreadable(reason) = content {
        return Err(Rejection::DocumentDigest { digest: adopt.digest, reason: reason.clone() });
    }
    let breaker = if let Content::RuleBook(breaker) = content { breaker.clone() } else { None };
    let adopted = AdoptedRegime {
        id: adopt.regime.clone(),
        digest: adopt.digest,
        from: adopt.from,
        breaker,
        changed_seq: entry.seq,
    };
    Ok(vec![Change::Regime(Arc::new(adopted))])
}

/// Prices come whole: the last set recorded is the one in force.
pub(super) fn set_prices(state: &State, entry: &Entry, set: &PriceSet) -> Result<Vec<Change>, Rejection> {
    let content = &entry.documents.content;
    let document = if let Content::Prices(document) = content {
        Ok(document)
    } else {
        Err(unreadable(set, content.fault("not a price document")))
    };
    let mut priced = document.iter().flat_map(|document| &document.assets);
    if let Some((asset, _)) = priced.find(|(asset, _)| state.asset(asset).is_none()) {
        return Err(Rejection::UnknownReference {
            pointer: "/body/digest".to_owned(),
            what: format!("no asset {asset}: define it before it is priced"),
        });
    }
    if state.has_price_set(&set.set) {
        return Err(Rejection::IdTaken { id: set.set.to_string() });
    }
    check_free(state, "price set", set.set.as_str())?;
    check_not_ahead(set.as_of, entry.recorded_at, "the price set")?;
    if let Some(last) = state.prices().filter(|last| last.as_of > set.as_of) {
        return Err(Rejection::PriceStale {
            what: format!("set {}, now in force,", last.id),
            as_of: last.as_of,
        });
    }
    let document = document?;
    check_same(set, document)?;
    let prices = Prices {
        id: set.set.clone(),
        digest: set.digest,
        as_of: set.as_of,
        source: set.source.clone(),
        currency: document.currency.clone(),
        assets: document.assets.iter().cloned().collect(),
        fx: document.fx.iter().cloned().collect(),
        changed_seq: entry.seq,
    };
    Ok(vec![Change::Prices(Arc::new(prices))])
}

fn check_same(set: &PriceSet, document: &PriceDocument) -> Result<(), Rejection> {
    let count = u64::try_from(document.assets.len()).ok();
    let fault = if set.as_of != document.as_of {
        Some("its as_of differs")
    } else if set.source != document.source {
        Some("its source differs")
    } else if Some(set.count) != count {
        Some("its count of prices differs")
    } else {
        None
    };
    fault.map_or(Ok(()), |fault| Err(unreadable(set, fault)))
}

fn unreadable(set: &PriceSet, reason: &str) -> Rejection {
    Rejection::DocumentDigest { digest: set.digest, reason: reason.to_owned() }
}

/// Nothing is of a time that has not come.
fn check_not_ahead(as_of: Timestamp, recorded_at: Timestamp, what: &str) -> Result<(), Rejection> {
    if as_of > recorded_at { Err(Rejection::PriceStale { what: what.to_owned(), as_of }) } else { Ok(()) }
}

/// Positions are reported by the client whose they are, or by the operator.
pub(super) fn report_positions(
    state: &State,
    entry: &Entry,
    report: &PositionReport,
) -> Result<Vec<Change>, Rejection> {
    let author = state.need_party(&entry.command.author, "/author")?;
    let known = state.portfolio(&report.portfolio);
    let owner = known.and_then(|portfolio| portfolio.owner.clone());
    if author.role == Role::Client && known.is_some() && owner.as_ref() != Some(&author.id) {
        // Whose it is, is nobody else's business.
        return Err(Rejection::UnknownReference {
            pointer: "/body/portfolio".to_owned(),
            what: format!("no portfolio {} of yours", report.portfolio),
        });
    }
    if known.is_none() {
        check_free(state, "portfolio", report.portfolio.as_str())?;
    }
    check_not_ahead(report.as_of, entry.recorded_at, "the position report")?;
    let owner = owner.or_else(|| (author.role == Role::Client).then(|| author.id.clone()));
    let portfolio = Portfolio {
        id: report.portfolio.clone(),
        owner,
        digest: report.digest,
        as_of: report.as_of,
        count: report.count,
        author: author.id.clone(),
        changed_seq: entry.seq,
    };
    Ok(vec![Change::Portfolio(Arc::new(portfolio))])
}
