//! Cursors: where a list goes on, opaque and authenticated, so that no reader makes one up.
//!
//! The key lives as long as the process: after a restart a list is begun again.

use data_encoding::BASE64URL_NOPAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use ledger::id::PartyId;
use ledger::json::{self, Json};
use ledger::time::Timestamp;
use sha2::Sha256;

use super::parameters::{Parameters, number};
use crate::problem::Problem;

const LIFE_MS: u64 = 24 * 3_600 * 1_000;
const TAG_BYTES: usize = 32;

/// What makes cursors and knows them again.
pub struct Cursors {
    key: [u8; 32],
}

/// Everything that a cursor fixes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Cursor {
    /// The list.
    pub path: String,
    /// Whose it is.
    pub party: PartyId,
    /// The state it is read from.
    pub as_of_seq: u64,
    /// The instant it is read at.
    pub at: Timestamp,
    /// Its filters.
    pub parameters: Parameters,
    /// Items a page.
    pub limit: usize,
    /// The last item told, in the list's own words.
    pub after: String,
}

impl Cursors {
    /// With a key of its own.
    ///
    /// # Errors
    /// If the system has no randomness to give.
    pub fn new() -> Result<Self, getrandom::Error> {
        let mut key = [0; 32];
        getrandom::fill(&mut key)?;
        Ok(Self { key })
    }

    /// The cursor's text, good for 24 hours from `now`.
    #[must_use]
    pub fn seal(&self, cursor: &Cursor, now: Timestamp) -> String {
        let text = |text: String| Json::text(text);
        let members = [
            ("path", text(cursor.path.clone())),
            ("party", text(cursor.party.to_string())),
            ("as_of_seq", text(cursor.as_of_seq.to_string())),
            ("at", text(cursor.at.to_string())),
            ("parameters", cursor.parameters.to_json()),
            ("limit", text(cursor.limit.to_string())),
            ("after", text(cursor.after.clone())),
            ("made_at", text(now.to_string())),
        ];
        let mut bytes = Json::object(members).to_jcs().into_bytes();
        let tag = self.mac(&bytes).finalize().into_bytes();
        bytes.extend_from_slice(&tag);
        BASE64URL_NOPAD.encode(&bytes)
    }

    /// What a text fixes for this list and party.
    ///
    /// # Errors
    /// `cursor_invalid` for what was not made here, for another, or more than 24 hours ago.
    pub fn open(&self, text: &str, path: &str, party: &PartyId, now: Timestamp) -> Result<Cursor, Problem> {
        let refused = Problem::cursor;
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes());
        let bytes = bytes.map_err(|_| refused("it is none of this server's"))?;
        let body = bytes.len().checked_sub(TAG_BYTES).map(|at| bytes.split_at(at));
        let (body, tag) = body.ok_or_else(|| refused("it is none of this server's"))?;
        self.mac(body).verify_slice(tag).map_err(|_| refused("it is none of this server's"))?;
        let (cursor, made_at) = read(body).ok_or_else(Problem::internal)?;
        if cursor.path != path || cursor.party != *party {
            return Err(refused("it is of another list or another's"));
        }
        // Made here, so a clock that went back since makes it no older.
        if now.millis_since(made_at).is_some_and(|age| age > LIFE_MS) {
            return Err(refused("it is older than 24 hours"));
        }
        Ok(cursor)
    }

    fn mac(&self, bytes: &[u8]) -> Hmac<Sha256> {
        let mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of any length");
        mac.chain_update(b"pledger/cursor/v1\n").chain_update(bytes)
    }
}

fn read(body: &[u8]) -> Option<(Cursor, Timestamp)> {
    let tree = json::read(body).ok()?;
    let text = |name: &str| tree.get(name).and_then(Json::as_str);
    let cursor = Cursor {
        path: text("path")?.to_owned(),
        party: PartyId::parse(text("party")?).ok()?,
        as_of_seq: number("as_of_seq", text("as_of_seq")?).ok()?,
        at: Timestamp::parse(text("at")?)?,
        parameters: Parameters::from_json(tree.get("parameters")?)?,
        limit: number("limit", text("limit")?).ok()?,
        after: text("after")?.to_owned(),
    };
    Some((cursor, Timestamp::parse(text("made_at")?)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_good_where_and_while_it_was_made_for() {
        let cursors = Cursors::new().expect("randomness");
        let now = Timestamp::parse("2026-01-05T09:00:00.000Z").expect("a time");
        let later = |ms| now.plus_millis(ms).expect("a time");
        let acme = PartyId::parse("acme").expect("an id");
        let cursor = Cursor {
            path: "/v1/accounts".to_owned(),
            party: acme.clone(),
            as_of_seq: 7,
            at: now,
            parameters: Parameters::read(&"/?book=posted".parse().expect("a path")).expect("one"),
            limit: 3,
            after: "a\"b\u{e9}".to_owned(),
        };
        let text = cursors.seal(&cursor, now);
        let open = |text: &str, path: &str, party: &str, at: Timestamp| {
            let party = PartyId::parse(party).expect("an id");
            cursors.open(text, path, &party, at).map_err(|problem| problem.code())
        };
        assert_eq!(open(&text, "/v1/accounts", "acme", later(LIFE_MS)), Ok(cursor.clone()));
        let bad = Err("cursor_invalid");
        assert_eq!(open(&text, "/v1/accounts", "acme", later(LIFE_MS + 1)), bad, "expired");
        assert_eq!(open(&text, "/v1/movements", "acme", now), bad, "another list");
        assert_eq!(open(&text, "/v1/accounts", "zeta", now), bad, "another's");
        let others = Cursors::new().expect("randomness").seal(&cursor, now);
        assert_eq!(open(&others, "/v1/accounts", "acme", now), bad, "another server's");
        for garbled in ["", "AAAA", "%", &text[1..], &text[..text.len() - 2]] {
            assert_eq!(open(garbled, "/v1/accounts", "acme", now), bad, "{garbled}");
        }
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).expect("its own alphabet");
        for place in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[place] ^= 1;
            let changed = BASE64URL_NOPAD.encode(&changed);
            assert_eq!(open(&changed, "/v1/accounts", "acme", now), bad, "byte {place}");
        }
    }
}
