//! Kinds of objects that are read one by one and in lists, all in the same way.

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::Path;
use axum::response::Response;
use ledger::json::Json;
use ledger::state::State;
use ledger::time::Timestamp;

use super::{Page, Reading, View};
use crate::handlers::off_thread;
use crate::may::Object;
use crate::problem::Problem;

/// A filter of a list.
pub struct Filter {
    /// The parameter.
    pub name: &'static str,
    /// Whether a text can be its value at all: a word that none has would give an empty list.
    pub takes: fn(&str) -> bool,
}

impl Filter {
    /// By an id or a text of the author's choice.
    #[must_use]
    pub const fn id(name: &'static str) -> Self {
        Self { name, takes: |_| true }
    }

    /// By one of the ledger's own words.
    #[must_use]
    pub const fn word(name: &'static str, takes: fn(&str) -> bool) -> Self {
        Self { name, takes }
    }
}

/// A kind of object that is read.
pub trait Resource: Send + Sync + Sized + 'static {
    /// The member that holds one in an answer.
    const NAME: &'static str;
    /// What its list can be narrowed by.
    const FILTERS: &'static [Filter];

    /// Every one, in the order of ids.
    fn all(state: &State, at: Timestamp) -> Box<dyn Iterator<Item = &Arc<Self>> + '_>;

    /// The one of that id.
    fn find<'a>(state: &'a State, id: &str, at: Timestamp) -> Option<&'a Arc<Self>>;

    /// What entitlement is judged of.
    fn object<'a>(&'a self, state: &'a State) -> Object<'a>;

    /// Its id.
    fn id(&self) -> Cow<'_, str>;

    /// What changes whenever the object does: the record that changed it last.
    fn tag(&self, at: Timestamp) -> String;

    /// Whether it passes one of its filters.
    ///
    /// # Errors
    /// If that has to be read from disk and cannot.
    fn passes(&self, filter: &str, value: &str, view: &View) -> Result<bool, Problem>;

    /// Its members.
    fn json(&self, view: &View) -> Json;
}

/// `GET` of one object.
///
/// # Errors
/// `not_found`, also for what one may not read; those of [`Reading::view`].
pub async fn one<R: Resource>(reading: Reading, Path(id): Path<String>) -> Result<Response, Problem> {
    let view = reading.view().await?;
    let found = view.find::<R>(&id)?;
    Ok(view.answer_tagged(&found.tag(view.at), || vec![(R::NAME, found.json(&view))]))
}

/// `GET` of a list.
///
/// # Errors
/// Those of [`Reading::page`].
pub async fn list<R: Resource>(reading: Reading) -> Result<Response, Problem> {
    let names: Vec<&str> = R::FILTERS.iter().map(|filter| filter.name).collect();
    let page = reading.page(&names).await?;
    for filter in R::FILTERS {
        if let Some(value) = page.parameters().get(filter.name).filter(|value| !(filter.takes)(value)) {
            return Err(Problem::query(format!("{}={value} is none of its words", filter.name)));
        }
    }
    off_thread(move || answer::<R>(&page)).await?
}

fn answer<R: Resource>(page: &Page) -> Result<Response, Problem> {
    let view = &page.view;
    let mut items = Vec::new();
    let mut last = None;
    for one in R::all(view.state(), view.at) {
        if page.after.as_deref().is_some_and(|after| *one.id() <= *after) || !is_asked::<R>(page, one)? {
            continue;
        }
        if items.len() == page.limit {
            return Ok(page.answer(items, last, Vec::new()));
        }
        items.push(one.json(view));
        last = Some(one.id().into_owned());
    }
    Ok(page.answer(items, None, Vec::new()))
}

fn is_asked<R: Resource>(page: &Page, one: &R) -> Result<bool, Problem> {
    if !page.view.may(one) {
        return Ok(false);
    }
    for (name, value) in page.parameters().iter() {
        if !one.passes(name, value, &page.view)? {
            return Ok(false);
        }
    }
    Ok(true)
}
