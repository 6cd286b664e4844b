//! An account's balance, postings and statement: in the order of records, or by business date as known
//! at the record the read is as of.

use std::sync::Arc;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use ledger::account::Account;
use ledger::decimal::print_scaled;
use ledger::history::{self, HistoryError, Line, Lines, Mark};
use ledger::json::Json;
use ledger::movement::MovementStatus;
use ledger::receipt;
use ledger::store::{StoreReader, Unindexed};
use ledger::time::Timestamp;
use num_bigint::BigInt;

use super::{off_thread, texts};
use crate::problem::Problem;
use crate::reading::{Page, Reading, Resource as _, View, instant, number, seq_at, seq_of};

/// The most postings that are put in the order of their business dates.
const BY_DATE_MAX: usize = 100_000;

/// `GET /v1/accounts/{id}/balances`; with `effective_at`, what had settled by that business date.
///
/// # Errors
/// `not_found`, also for what one may not read; those of [`Reading::view`].
pub async fn balance(mut reading: Reading, Path(id): Path<String>) -> Result<Response, Problem> {
    let effective_at = reading.take("effective_at").map(|text| instant("effective_at", &text)).transpose()?;
    let app = reading.app();
    let view = reading.view().await?;
    let account = Arc::clone(view.find::<Account>(&id)?);
    let Some(effective_at) = effective_at else {
        return Ok(view.answer_tagged(&account.tag(view.at), || {
            let mut members = named(&account);
            members.extend(texts(receipt::balances(view.state(), &account)));
            members
        }));
    };
    let turn = app.turns.short().await?;
    off_thread(move || {
        let _turn = turn;
        let lines = by_date(&view, &account)?;
        let mut members = named(&account);
        members.extend(texts([
            ("effective_at", effective_at.to_string()),
            ("settled", print(&view, &account, &settled_by(&lines, effective_at))),
        ]));
        Ok(view.answer(members))
    })
    .await?
}

/// `GET /v1/accounts/{id}/postings`.
///
/// # Errors
/// `not_found`, also for what one may not read; those of [`Reading::page`].
pub async fn postings(reading: Reading, Path(id): Path<String>) -> Result<Response, Problem> {
    let page = reading.page(&["effective_at", "status"]).await?;
    let account = Arc::clone(page.view.find::<Account>(&id)?);
    let turn = page.app().turns.short().await?;
    off_thread(move || {
        let _turn = turn;
        let part = match page.parameters().get("effective_at") {
            Some(text) => {
                let until = instant("effective_at", text)?;
                dated(&page, by_date(&page.view, &account)?, |line| line.effective_at <= until)?
            }
            None => recorded(&page, &account, Mark::default())?,
        };
        Ok(answer(&page, &account, part, Vec::new()))
    })
    .await?
}

/// `GET /v1/accounts/{id}/statement`: what was there at one point, what came and went, what was there
/// at the other.
///
/// # Errors
/// `not_found`, also for what one may not read; those of [`Reading::page`].
pub async fn statement(reading: Reading, Path(id): Path<String>) -> Result<Response, Problem> {
    let page = reading.page(&["from_seq", "from", "effective_from", "effective_at", "status"]).await?;
    let account = Arc::clone(page.view.find::<Account>(&id)?);
    let between = Between::read(&page).await?;
    let turn = page.app().turns.short().await?;
    off_thread(move || {
        let _turn = turn;
        match between {
            Between::Records { opening } => statement_by_record(&page, &account, opening),
            Between::Dates { from, until } => statement_by_date(&page, &account, from, until),
        }
    })
    .await?
}

/// The two points of a statement; without a first one it begins with the account.
enum Between {
    /// After that many records, and the record the read is as of.
    Records { opening: u64 },
    /// Two business dates.
    Dates { from: Option<Timestamp>, until: Timestamp },
}

impl Between {
    async fn read(page: &Page) -> Result<Self, Problem> {
        let given = |name: &str| page.parameters().get(name);
        if let Some(until) = given("effective_at") {
            if given("from_seq").or(given("from")).is_some() {
                return Err(Problem::query("beside effective_at a statement begins at effective_from"));
            }
            let from = given("effective_from").map(|text| instant("effective_from", text)).transpose()?;
            let until = instant("effective_at", until)?;
            if from.is_some_and(|from| from > until) {
                return Err(Problem::query("effective_from is later than effective_at"));
            }
            return Ok(Self::Dates { from, until });
        }
        let first = match (given("from_seq"), given("from"), given("effective_from")) {
            (None, None, None) => return Ok(Self::Records { opening: 0 }),
            (Some(seq), None, None) => seq_of("from_seq", seq)?,
            (None, Some(at), None) => seq_at(page.app(), page.view.newest(), instant("from", at)?).await?,
            (_, _, Some(_)) => return Err(Problem::query("effective_from needs effective_at")),
            (Some(_), Some(_), None) => return Err(Problem::query("give from_seq or from, not both")),
        };
        match first.checked_add(1).filter(|length| *length <= page.view.state().length()) {
            Some(opening) => Ok(Self::Records { opening }),
            None => Err(Problem::as_of("the statement would begin after its end")),
        }
    }
}

fn statement_by_record(page: &Page, account: &Account, opening: u64) -> Result<Response, Problem> {
    let state = page.view.state();
    let before =
        tell(page.view.store.as_ref(), |store| history::settled_after(store, state, account, opening))?;
    let part = recorded(page, account, Mark { seq: opening, read: 0, settled: before.clone() })?;
    let point = |length: u64, settled: &BigInt| {
        let mut members = texts([("settled", print(&page.view, account, settled))]);
        members.extend(length.checked_sub(1).map(|seq| ("seq", Json::text(seq.to_string()))));
        Json::object(members)
    };
    let points = vec![
        ("opening", point(opening, &before)),
        ("closing", point(state.length(), &history::settled(account))),
    ];
    Ok(answer(page, account, part, points))
}

fn statement_by_date(
    page: &Page,
    account: &Account,
    from: Option<Timestamp>,
    until: Timestamp,
) -> Result<Response, Problem> {
    let lines = by_date(&page.view, account)?;
    let point = |at: Option<Timestamp>| {
        let settled = at.map_or(BigInt::ZERO, |at| settled_by(&lines, at));
        let mut members = texts([("settled", print(&page.view, account, &settled))]);
        members.extend(at.map(|at| ("effective_at", Json::text(at.to_string()))));
        Json::object(members)
    };
    let points = vec![("opening", point(from)), ("closing", point(Some(until)))];
    let within = |line: &Line| from.is_none_or(|from| line.effective_at > from) && line.effective_at <= until;
    Ok(answer(page, account, dated(page, lines, within)?, points))
}

/// Lines of a page, and where the next one begins.
struct Part {
    lines: Vec<Line>,
    next: Option<String>,
}

/// A page in the order of records, from `start` on or from where the cursor stands.
fn recorded(page: &Page, account: &Account, start: Mark) -> Result<Part, Problem> {
    let start = match &page.after {
        Some(text) => read_mark(text).ok_or_else(Problem::internal)?,
        None => start,
    };
    let status = status(page)?;
    tell(page.view.store.as_ref(), |store| {
        let mut all = Lines::from(store, page.view.state(), account, start.clone());
        let mut part = Part { lines: Vec::new(), next: None };
        let mut mark = start.clone();
        while let Some(line) = all.next().transpose()? {
            if status.is_some_and(|status| line.status != status) {
                continue;
            }
            if part.lines.len() == page.limit {
                part.next = Some(print_mark(&mark));
                break;
            }
            part.lines.push(line);
            mark = all.mark().clone();
        }
        Ok(part)
    })
}

/// A page in the order of business dates.
fn dated(page: &Page, lines: Vec<Line>, within: impl Fn(&Line) -> bool) -> Result<Part, Problem> {
    let told = match &page.after {
        Some(text) => text.parse().map_err(|_| Problem::internal())?,
        None => 0_usize,
    };
    let status = status(page)?;
    let asked = |line: &Line| within(line) && status.is_none_or(|status| line.status == status);
    let mut rest = lines.into_iter().filter(asked).skip(told);
    let lines: Vec<Line> = rest.by_ref().take(page.limit).collect();
    let next = rest.next().map(|_| told.saturating_add(lines.len()).to_string());
    Ok(Part { lines, next })
}

fn status(page: &Page) -> Result<Option<MovementStatus>, Problem> {
    let read = |text| {
        MovementStatus::parse(text)
            .ok_or_else(|| Problem::query(format!("status={text} is none of its words")))
    };
    page.parameters().get("status").map(read).transpose()
}

fn by_date(view: &View, account: &Account) -> Result<Vec<Line>, Problem> {
    tell(view.store.as_ref(), |store| history::by_date(store, view.state(), account, BY_DATE_MAX))
}

fn settled_by(lines: &[Line], at: Timestamp) -> BigInt {
    lines.iter().rev().find(|line| line.effective_at <= at).map_or(BigInt::ZERO, |line| line.settled.clone())
}

/// Asks with the index; if what it found does not add up, without it.
fn tell<T>(
    store: &dyn StoreReader,
    ask: impl Fn(&dyn StoreReader) -> Result<T, HistoryError>,
) -> Result<T, Problem> {
    let told = match ask(store) {
        Err(error @ HistoryError::Disagrees { .. }) => {
            tracing::error!(%error, "the index misses records: the journal is read instead");
            ask(&Unindexed(store))
        }
        told => told,
    };
    told.map_err(|error| match error {
        HistoryError::TooLong { lines } => {
            let detail = format!("the account has more than {lines} postings");
            let help = "read it in the order of records: leave effective_at out";
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "compute_budget", detail, help)
        }
        HistoryError::Store(_) | HistoryError::Disagrees { .. } | HistoryError::Unreadable { .. } => {
            Problem::unread(&error)
        }
    })
}

fn answer(page: &Page, account: &Account, part: Part, points: Vec<(&'static str, Json)>) -> Response {
    let mut members = named(account);
    members.extend(points);
    let lines = part.lines.iter().map(|line| line_json(&page.view, account, line)).collect();
    page.answer(lines, part.next, members)
}

fn named(account: &Account) -> Vec<(&'static str, Json)> {
    texts([("account", account.id.to_string()), ("asset", account.asset.to_string())])
}

fn line_json(view: &View, account: &Account, line: &Line) -> Json {
    Json::object(texts([
        ("seq", line.seq.to_string()),
        ("recorded_at", line.recorded_at.to_string()),
        ("effective_at", line.effective_at.to_string()),
        ("movement", line.movement.to_string()),
        ("status", line.status.to_string()),
        ("amount", print(view, account, &line.amount)),
        ("settled", print(view, account, &line.settled)),
    ]))
}

fn print(view: &View, account: &Account, units: &BigInt) -> String {
    let decimals = view.state().asset(&account.asset).map_or(0, |asset| asset.decimals);
    print_scaled(units, decimals.into())
}

fn print_mark(mark: &Mark) -> String {
    format!("{} {} {}", mark.seq, mark.read, mark.settled)
}

fn read_mark(text: &str) -> Option<Mark> {
    let mut words = text.split(' ');
    let seq = number("seq", words.next()?).ok()?;
    let read = number("read", words.next()?).ok()?;
    Some(Mark { seq, read, settled: words.next()?.parse().ok()? })
}
