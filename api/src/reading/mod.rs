//! Reads of ledger objects: which state, how much of it, and who asks.
//!
//! Every read of an object goes through [`Reading`], so that `as_of_seq`, `as_of`, `min_seq`, `limit` and
//! `cursor` mean the same everywhere. Source: API specification §1.
//!
//! Whoever may read an object now may read it as it was: entitlement is judged by the newest published
//! state, and the object must have existed then. **Invariant:** only published states are read.

mod cursor;
mod parameters;
mod resource;
mod turns;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ledger::json::Json;
use ledger::past::{NEAR_MAX, Published, Way};
use ledger::state::State;
use ledger::store::StoreReader;
use ledger::time::Timestamp;
use tokio::sync::watch;

pub use cursor::Cursors;
pub use parameters::{instant, number};
pub use resource::{Filter, Resource, list, one};
pub use turns::{Turn, Turns};

use crate::app::{App, Reader, now};
use crate::handlers::{json, off_thread};
use crate::may::may_read;
use crate::problem::Problem;
use crate::session::Principal;
use cursor::Cursor;
use parameters::Parameters;

/// How long a read waits for the record it must have seen.
const MIN_SEQ_WAIT: Duration = Duration::from_secs(5);

const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 1_000;

/// A read as it is asked.
pub struct Reading {
    app: Arc<App>,
    principal: Principal,
    path: String,
    parameters: Parameters,
    if_none_match: Option<String>,
}

/// What a read is answered from.
pub struct View {
    /// Who asks.
    pub principal: Principal,
    /// The instant that readings of time (overdue, in force) are of.
    pub at: Timestamp,
    /// The durable records and documents.
    pub store: Arc<dyn StoreReader>,
    then: Arc<Published>,
    newest: Arc<Published>,
    if_none_match: Option<String>,
}

/// A view of a list, and which part of it is asked for.
pub struct Page {
    /// What it is read from.
    pub view: View,
    /// How many items at most.
    pub limit: usize,
    /// The last item told before, in the list's own words.
    pub after: Option<String>,
    app: Arc<App>,
    path: String,
    parameters: Parameters,
}

/// The point in time a read asks for.
enum AsOf {
    Newest,
    Seq(u64),
    Time(Timestamp),
}

impl FromRequestParts<Arc<App>> for Reading {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let Reader(principal) =
            <Reader as FromRequestParts<Arc<App>>>::from_request_parts(parts, app).await?;
        let parameters = Parameters::read(&parts.uri)?;
        let if_none_match = parts.headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
        Ok(Self {
            app: Arc::clone(app),
            principal,
            path: parts.uri.path().to_owned(),
            parameters,
            if_none_match: if_none_match.map(str::to_owned),
        })
    }
}

impl Reading {
    /// A parameter of the path's own.
    pub fn take(&mut self, name: &str) -> Option<String> {
        self.parameters.take(name)
    }

    /// The app, for what is read besides states.
    #[must_use]
    pub fn app(&self) -> Arc<App> {
        Arc::clone(&self.app)
    }

    /// The state that one object is read from.
    ///
    /// # Errors
    /// `query_invalid`, `as_of_out_of_range`, `seq_not_published`, `rate_limited`.
    pub async fn view(mut self) -> Result<View, Problem> {
        let (min_seq, as_of) = self.take_points()?;
        self.parameters.none_but(&[])?;
        wait_for(&self.app, min_seq).await?;
        let newest = self.app.published();
        self.view_at(newest, as_of).await
    }

    /// The part of a list that is asked for, with the list's own parameters.
    ///
    /// # Errors
    /// As [`Reading::view`], and `cursor_invalid`.
    pub async fn page(mut self, own: &[&str]) -> Result<Page, Problem> {
        let (app, path) = (Arc::clone(&self.app), self.path.clone());
        if let Some(text) = self.parameters.take("cursor") {
            if !self.parameters.is_empty() {
                return Err(Problem::cursor("it fixes everything, so no other parameter stands beside it"));
            }
            let cursor = app.cursors.open(&text, &path, &self.principal.party, now())?;
            let Cursor { as_of_seq, at, parameters, limit, after, .. } = cursor;
            let newest = app.published();
            let view = self.view_at(newest, AsOf::Seq(as_of_seq)).await?;
            return Ok(Page { view: View { at, ..view }, limit, after: Some(after), app, path, parameters });
        }
        let limit = match self.parameters.take("limit") {
            None => LIMIT_DEFAULT,
            Some(text) => number("limit", &text)?,
        };
        if !(1..=LIMIT_MAX).contains(&limit) {
            return Err(Problem::query(format!("limit is from 1 to {LIMIT_MAX}")));
        }
        let (min_seq, as_of) = self.take_points()?;
        self.parameters.none_but(own)?;
        let parameters = std::mem::take(&mut self.parameters);
        wait_for(&app, min_seq).await?;
        let view = self.view_at(app.published(), as_of).await?;
        Ok(Page { view, limit, after: None, app, path, parameters })
    }

    fn take_points(&mut self) -> Result<(Option<u64>, AsOf), Problem> {
        let min_seq = self.take("min_seq").map(|text| number("min_seq", &text)).transpose()?;
        let as_of = match (self.take("as_of_seq"), self.take("as_of")) {
            (None, None) => AsOf::Newest,
            (Some(seq), None) => AsOf::Seq(seq_of("as_of_seq", &seq)?),
            (None, Some(time)) => AsOf::Time(instant("as_of", &time)?),
            (Some(_), Some(_)) => return Err(Problem::query("give as_of_seq or as_of, not both")),
        };
        Ok((min_seq, as_of))
    }

    async fn view_at(self, newest: Arc<Published>, as_of: AsOf) -> Result<View, Problem> {
        let Self { app, principal, if_none_match, .. } = self;
        let store = Arc::clone(app.ledger.store());
        let recorded_at = |state: &State| state.recorded_at().unwrap_or_else(Timestamp::epoch);
        let (then, at) = match as_of {
            AsOf::Newest => (Arc::clone(&newest), now().max(recorded_at(&newest.state))),
            AsOf::Seq(seq) => {
                let then = state_after(&app, &principal, length_of(&newest.state, seq)?).await?;
                let at = recorded_at(&then.state);
                (then, at)
            }
            AsOf::Time(at) => {
                let seq = seq_at(&app, &newest.state, at).await?;
                (state_after(&app, &principal, length_of(&newest.state, seq)?).await?, at)
            }
        };
        Ok(View { principal, at, store, then, newest, if_none_match })
    }
}

/// A record's number that says a point in time: one below zero is a number all the same.
///
/// # Errors
/// `as_of_out_of_range`, `query_invalid`.
pub fn seq_of(name: &str, text: &str) -> Result<u64, Problem> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    match number(name, text) {
        Err(_) if is_number && (digits.len() < text.len() || digits.len() > 19) => {
            Err(Problem::as_of(format!("{name}={text} is no record's number")))
        }
        read => read,
    }
}

/// How many records there are after the one of that number, which is published.
fn length_of(newest: &State, seq: u64) -> Result<u64, Problem> {
    let last = newest.length().saturating_sub(1);
    match seq.checked_add(1) {
        Some(length) if length <= newest.length() => Ok(length),
        Some(_) | None => {
            let problem = Problem::as_of(format!("record {seq} is not published: the newest is {last}"));
            Err(problem.with("as_of_seq", Json::text(last.to_string())))
        }
    }
}

/// The last published record that was recorded no later than `at`, which has passed.
///
/// # Errors
/// `as_of_out_of_range`.
pub async fn seq_at(app: &Arc<App>, newest: &State, at: Timestamp) -> Result<u64, Problem> {
    let last = newest.length().saturating_sub(1);
    let recorded_at = newest.recorded_at().unwrap_or_else(Timestamp::epoch);
    if at > now().max(recorded_at) {
        return Err(Problem::as_of(format!("{at} has not come yet")));
    }
    if at >= recorded_at {
        return Ok(last);
    }
    let store = Arc::clone(app.ledger.store());
    let found = off_thread(move || store.seq_at(at)).await?.map_err(|error| Problem::unread(&error))?;
    found.ok_or_else(|| Problem::as_of(format!("{at} is before the first record")))
}

/// The published state after that many records.
///
/// # Errors
/// `rate_limited`; `internal` if what was published cannot be read back.
pub async fn state_after(app: &Arc<App>, reader: &Principal, length: u64) -> Result<Arc<Published>, Problem> {
    let records = match app.ledger.past().way_to(length) {
        Way::Here(state) => return Ok(state),
        Way::Records(records) => records,
    };
    let turn = if records <= NEAR_MAX { app.turns.short().await? } else { app.turns.long(&reader.party)? };
    let past = Arc::clone(app.ledger.past());
    let rebuilt = off_thread(move || {
        // The turn ends with the work, even if who asked has gone.
        let _turn = turn;
        past.rebuild(length)
    });
    rebuilt.await?.map_err(|error| Problem::unread(&error))
}

/// Waits until the record is published.
async fn wait_for(app: &Arc<App>, seq: Option<u64>) -> Result<(), Problem> {
    match seq {
        Some(seq) if !is_seen(app.ledger.lengths(), seq).await => Err(Problem::not_published()),
        Some(_) | None => Ok(()),
    }
}

async fn is_seen(mut lengths: watch::Receiver<u64>, seq: u64) -> bool {
    let seen = lengths.wait_for(|length| *length > seq);
    matches!(tokio::time::timeout(MIN_SEQ_WAIT, seen).await, Ok(Ok(_)))
}

impl View {
    /// The state that is read.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.then.state
    }

    /// The newest state, by which entitlement is judged.
    #[must_use]
    pub fn newest(&self) -> &State {
        &self.newest.state
    }

    /// Whether the reader may see the object of this state.
    pub fn may<R: Resource>(&self, then: &R) -> bool {
        let newest = self.newest();
        let now = R::find(newest, &then.id(), self.at).map_or(then, |found| &**found);
        may_read(&self.principal, now.object(newest), newest)
    }

    /// The object of that id, if it was there and the reader may see it.
    ///
    /// # Errors
    /// `not_found`; what one may not read looks the same.
    pub fn find<R: Resource>(&self, id: &str) -> Result<&Arc<R>, Problem> {
        let found = R::find(self.state(), id, self.at).filter(|found| self.may::<R>(found));
        found.ok_or_else(Problem::not_found)
    }

    /// An answer that says what it rests on.
    #[must_use]
    pub fn answer(&self, members: impl IntoIterator<Item = (&'static str, Json)>) -> Response {
        let mut all = rests_on(self.state());
        all.extend(members);
        json(StatusCode::OK, &Json::object(all))
    }

    /// The answer for one object, or that nothing has changed since the reader last asked.
    pub fn answer_tagged(&self, tag: &str, members: impl FnOnce() -> Vec<(&'static str, Json)>) -> Response {
        let tag = format!("\"{tag}\"");
        let mut response = if self.if_none_match.as_deref().is_some_and(|known| has_tag(known, &tag)) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            self.answer(members())
        };
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        if let Ok(value) = HeaderValue::from_str(&tag) {
            response.headers_mut().insert(header::ETAG, value);
        }
        response
    }
}

/// Whether an `If-None-Match` names the tag. Source: RFC 9110 §13.1.2.
fn has_tag(known: &str, tag: &str) -> bool {
    known.split(',').map(str::trim).any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag)
}

impl Page {
    /// The list's own parameters.
    #[must_use]
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// The app, for what is read besides states.
    #[must_use]
    pub fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// An answer with these items, and the cursor that goes on after the last of them.
    #[must_use]
    pub fn answer(
        &self,
        items: Vec<Json>,
        last: Option<String>,
        more: Vec<(&'static str, Json)>,
    ) -> Response {
        let mut members = more;
        members.push(("items", Json::array(items)));
        if let Some(after) = last {
            // The next page is read from the same state, which is then at hand.
            self.app.ledger.past().remember(&self.view.then);
            let cursor = Cursor {
                path: self.path.clone(),
                party: self.view.principal.party.clone(),
                as_of_seq: self.view.state().length().saturating_sub(1),
                at: self.view.at,
                parameters: self.parameters.clone(),
                limit: self.limit,
                after,
            };
            members.push(("next_cursor", Json::text(self.app.cursors.seal(&cursor, now()))));
        }
        self.view.answer(members)
    }
}

/// What an answer rests on: the newest record of the state it was read from, and the prices there.
fn rests_on(state: &State) -> Vec<(&'static str, Json)> {
    let mut members = Vec::new();
    if let (Some(seq), Some(at)) = (state.length().checked_sub(1), state.recorded_at()) {
        members.push(("as_of_seq", Json::text(seq.to_string())));
        members.push(("recorded_at", Json::text(at.to_string())));
    }
    if let Some(prices) = state.prices() {
        members.push(("prices_as_of", Json::text(prices.as_of.to_string())));
    }
    members
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_in_time_are_numbers_or_refused() {
        for (text, want) in [
            ("0", Ok(0)),
            ("12", Ok(12)),
            ("-1", Err("as_of_out_of_range")),
            ("99999999999999999999", Err("as_of_out_of_range")),
            ("-", Err("query_invalid")),
            ("", Err("query_invalid")),
            ("01", Err("query_invalid")),
            ("1.5", Err("query_invalid")),
            ("now", Err("query_invalid")),
        ] {
            assert_eq!(seq_of("as_of_seq", text).map_err(|problem| problem.code()), want, "{text}");
        }
    }

    /// Time is the runtime's and stands still: nothing waits for real.
    #[tokio::test(start_paused = true)]
    async fn waiting_ends_with_the_record_or_after_five_seconds() {
        let (length, lengths) = watch::channel(7);
        assert!(is_seen(lengths.clone(), 6).await, "there already");
        let begun = tokio::time::Instant::now();
        assert!(!is_seen(lengths.clone(), 7).await, "it does not come");
        assert_eq!(begun.elapsed(), MIN_SEQ_WAIT);
        let waiting = tokio::spawn(is_seen(lengths, 7));
        tokio::task::yield_now().await;
        length.send_replace(8);
        assert!(waiting.await.expect("it ran"), "it came");
    }

    #[test]
    fn tags_are_compared_weakly() {
        for (known, want) in [
            ("\"7\"", true),
            ("W/\"7\"", true),
            ("\"6\", \"7\"", true),
            ("*", true),
            ("\"77\"", false),
            ("7", false),
        ] {
            assert_eq!(has_tag(known, "\"7\""), want, "{known}");
        }
    }
}
