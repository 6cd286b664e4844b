//! Which accounts a kept record changed, read from the bytes beside it: what an index of histories
//! rests on, so that it can be made again from the journal alone.
//!
//! Errs on one side only: a record that changed an account is never said not to have.

use std::collections::HashSet;

use serde::Deserialize;

use crate::digest::Digest;
use crate::id::{AccountId, MovementId};

/// What a record changed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Touched {
    /// These accounts, each once, in the order of their ids.
    Accounts(Vec<String>),
    /// Accounts of these fingerprints, ascending: more than a receipt tells one by one.
    Fingerprints(Vec<u32>),
    /// Whoever asks has to look.
    Any,
}

/// What a receipt tells of one object.
#[derive(Deserialize)]
struct Told<'a> {
    kind: &'a str,
    #[serde(borrow)]
    id: Option<&'a str>,
    #[serde(borrow)]
    count: Option<&'a str>,
    #[serde(borrow)]
    settled: Option<&'a str>,
}

/// How the effects begin of a record whose accounts are only counted.
const COUNTED: &[u8] = b"[{\"count\":";

/// The movements that effects tell of, in their order; `None` if they are none.
pub(crate) fn movements(effects: &[u8]) -> Option<Vec<MovementId>> {
    let told = serde_json::from_slice::<Vec<Told>>(effects).ok()?;
    let ids = told.iter().filter(|told| told.kind == "movement");
    ids.map(|told| MovementId::parse(told.id?).ok()).collect()
}

/// An account's settled balance after the record, in units of its asset, if the effects tell it.
pub(crate) fn settled(effects: &[u8], account: &AccountId) -> Option<String> {
    let told = serde_json::from_slice::<Vec<Told>>(effects).ok()?;
    let own = told.iter().rfind(|told| told.kind == "account" && told.id == Some(account.as_str()));
    own?.settled.map(str::to_owned)
}

/// Whether the effects only count the accounts, so that [`Touched::read`] wants the documents.
pub(crate) fn is_counted(effects: &[u8]) -> bool {
    effects.starts_with(COUNTED)
}

impl Touched {
    /// Reads effects as a receipt tells them; `document` gives those that became durable with it.
    pub(crate) fn read<'d>(effects: &[u8], document: impl Fn(&Digest) -> Option<&'d [u8]>) -> Self {
        let Ok(told) = serde_json::from_slice::<Vec<Told>>(effects) else { return Self::Any };
        if is_counted(effects) {
            return counted(&told, document).map_or(Self::Any, Self::Fingerprints);
        }
        let ids = told.iter().filter(|told| told.kind == "account").map(|told| told.id.map(str::to_owned));
        let Some(mut ids) = ids.collect::<Option<Vec<_>>>() else { return Self::Any };
        ids.sort_unstable();
        ids.dedup();
        Self::Accounts(ids)
    }

    /// Whether the record may have changed the account.
    pub(crate) fn may_be(&self, account: &str) -> bool {
        match self {
            Self::Accounts(ids) => ids.binary_search_by(|id| id.as_str().cmp(account)).is_ok(),
            Self::Fingerprints(prints) => prints.binary_search(&fingerprint(account)).is_ok(),
            Self::Any => true,
        }
    }
}

/// Of an account's id; two accounts may share one.
pub(crate) fn fingerprint(account: &str) -> u32 {
    crc32c::crc32c(account.as_bytes())
}

/// The fingerprints of a batch's accounts, if its document is at hand and names exactly as many as
/// the effects count: then nothing else changed one.
fn counted<'d>(told: &[Told], document: impl Fn(&Digest) -> Option<&'d [u8]>) -> Option<Vec<u32>> {
    let count: usize = told.first()?.count?.parse().ok()?;
    let mut named = told.iter().filter(|told| told.kind == "document");
    let (Some(only), None) = (named.next(), named.next()) else { return None };
    let text = std::str::from_utf8(document(&Digest::parse_tagged(only.id?)?)?).ok()?;
    let mut ids = HashSet::new();
    for line in text.lines() {
        let posting: Ends = serde_json::from_str(line).ok()?;
        ids.extend([posting.from, posting.to]);
    }
    if ids.len() != count {
        return None;
    }
    let mut prints: Vec<u32> = ids.into_iter().map(fingerprint).collect();
    prints.sort_unstable();
    prints.dedup();
    Some(prints)
}

/// Between which accounts a line of a batch moves.
#[derive(Deserialize)]
struct Ends<'a> {
    from: &'a str,
    to: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effects_tell_accounts() {
        let document = b"{\"amount\":\"1\",\"asset\":\"X\",\"from\":\"a\",\"to\":\"b\"}\n\
                         {\"amount\":\"1\",\"asset\":\"X\",\"from\":\"b\",\"to\":\"c\"}\n";
        let digest = Digest::of(document);
        let find = |asked: &Digest| (*asked == digest).then_some(&document[..]);
        let named = format!("{{\"id\":\"{}\",\"kind\":\"document\"}}", digest.tagged());
        let other = format!("{{\"id\":\"{}\",\"kind\":\"document\"}}", Digest::of(b"").tagged());
        let accounts = |ids: &[&str]| Touched::Accounts(ids.iter().map(|id| (*id).to_owned()).collect());
        let mut prints = ["a", "b", "c"].map(fingerprint).to_vec();
        prints.sort_unstable();
        let counted =
            |count: u32, more: &str| format!("[{{\"count\":\"{count}\",\"kind\":\"accounts\"}}{more}]");
        for (effects, want) in [
            ("[]".to_owned(), accounts(&[])),
            (r#"[{"id":"p","kind":"party","role":"client"}]"#.to_owned(), accounts(&[])),
            (
                r#"[{"available":"0","id":"z","kind":"account"},{"id":"a","kind":"account"},{"id":"z","kind":"account"}]"#
                    .to_owned(),
                accounts(&["a", "z"]),
            ),
            (counted(3, &format!(",{named}")), Touched::Fingerprints(prints)),
            // An expired movement changed a fourth one, or the document is not at hand.
            (counted(4, &format!(",{named}")), Touched::Any),
            (counted(3, &format!(",{other}")), Touched::Any),
            (counted(3, &format!(",{named},{other}")), Touched::Any),
            (counted(3, ""), Touched::Any),
            ("[7]".to_owned(), Touched::Any),
            ("not JSON".to_owned(), Touched::Any),
        ] {
            assert_eq!(Touched::read(effects.as_bytes(), find), want, "{effects}");
        }
        assert!(accounts(&["a", "z"]).may_be("z") && !accounts(&["a", "z"]).may_be("b"));
        assert!(Touched::Any.may_be("b"));
        let account = AccountId::parse("a").expect("an id");
        let told = br#"[{"id":"a","kind":"account","settled":"-1"},{"id":"m","kind":"movement","status":"settled"},{"id":"a","kind":"account","settled":"-2.5"}]"#;
        assert_eq!(settled(told, &account).as_deref(), Some("-2.5"), "as the record left it");
        assert_eq!(movements(told).map(|ids| ids.len()), Some(1));
    }
}
