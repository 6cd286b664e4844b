//! Sessions: reading, preview and upload by a signed challenge. A session never changes the ledger.
//!
//! Source: API specification §5.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use data_encoding::BASE64URL_NOPAD;
use ledger::digest::Digest;
use ledger::envelope::{Envelope, Purpose};
use ledger::id::PartyId;
use ledger::json::Json;
use ledger::key::KeyId;
use ledger::party::{KeyUse, Role};
use ledger::profile::{self, Tree};
use ledger::state::State;
use ledger::time::Timestamp;

const CHALLENGE_LIFE: Duration = Duration::from_secs(60);
const IDLE_MAX: Duration = Duration::from_secs(15 * 60);
const LIFE_MAX: Duration = Duration::from_secs(8 * 3_600);

/// Challenges and sessions held at once, so that strangers cannot fill the memory.
const CHALLENGES_MAX: usize = 10_000;
const SESSIONS_MAX: usize = 10_000;

/// Who reads.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Principal {
    /// The party.
    pub party: PartyId,
    /// Its role.
    pub role: Role,
}

/// Why no session is given.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SessionRefusal {
    /// Not an envelope with a session payload.
    Malformed,
    /// The challenge was not given, was used, or is too old.
    Challenge,
    /// Signed for another origin, ledger or time, or by no key that may.
    Invalid,
    /// Too many at once.
    Full,
}

struct Session {
    party: PartyId,
    key: KeyId,
    opened: Instant,
    used: Instant,
}

/// The challenges given and the sessions open. Tokens are kept hashed.
#[derive(Default)]
pub struct Sessions {
    challenges: Mutex<HashMap<String, Instant>>,
    open: Mutex<HashMap<Digest, Session>>,
}

impl Sessions {
    /// 32 random bytes, good once and for a minute.
    ///
    /// # Errors
    /// [`SessionRefusal::Full`].
    pub fn challenge(&self) -> Result<String, SessionRefusal> {
        let challenge = random_text().ok_or(SessionRefusal::Full)?;
        let mut challenges = lock(&self.challenges);
        challenges.retain(|_, given| given.elapsed() < CHALLENGE_LIFE);
        if challenges.len() >= CHALLENGES_MAX {
            return Err(SessionRefusal::Full);
        }
        challenges.insert(challenge.clone(), Instant::now());
        Ok(challenge)
    }

    /// Opens a session by a signed challenge and gives its token.
    ///
    /// # Errors
    /// [`SessionRefusal`].
    pub fn open(
        &self,
        body: &[u8],
        audiences: &[String],
        state: &State,
        now: Timestamp,
    ) -> Result<String, SessionRefusal> {
        let envelope = Envelope::parse(body).map_err(|_| SessionRefusal::Malformed)?;
        if envelope.purpose() != Some(Purpose::Session) || envelope.signatures.len() != 1 {
            return Err(SessionRefusal::Malformed);
        }
        let payload = profile::read(&envelope.payload).map_err(|_| SessionRefusal::Malformed)?;
        let asked = SessionOpen::read(&payload).ok_or(SessionRefusal::Malformed)?;
        // Used up by the attempt, whatever comes of it.
        let given = lock(&self.challenges).remove(&asked.challenge);
        if given.is_none_or(|given| given.elapsed() >= CHALLENGE_LIFE) {
            return Err(SessionRefusal::Challenge);
        }
        let timely = asked.expires_at > now;
        if asked.ledger != state.origin() || !audiences.contains(&asked.audience) || !timely {
            return Err(SessionRefusal::Invalid);
        }
        let party = state.party(&asked.author).ok_or(SessionRefusal::Invalid)?;
        let message = envelope.pae();
        let key = party.keys.iter().find(|key| {
            let signed = &envelope.signatures[0];
            key.stands_at(now)
                && key.uses.contains(&KeyUse::Session)
                && key.public.id().to_string() == signed.keyid
                && key.public.verifies(&message, &signed.sig)
        });
        let key = key.ok_or(SessionRefusal::Invalid)?.public.id();
        self.insert(Session { party: asked.author, key, opened: Instant::now(), used: Instant::now() })
    }

    fn insert(&self, session: Session) -> Result<String, SessionRefusal> {
        let token = random_text().ok_or(SessionRefusal::Full)?;
        let mut open = lock(&self.open);
        open.retain(|_, session| session.is_alive());
        if open.len() >= SESSIONS_MAX {
            return Err(SessionRefusal::Full);
        }
        open.insert(Digest::of(token.as_bytes()), session);
        Ok(token)
    }

    /// Whose session the token is, if it is open and its key is not revoked.
    pub fn principal(&self, token: &str, state: &State) -> Option<Principal> {
        let digest = Digest::of(token.as_bytes());
        let mut open = lock(&self.open);
        let session = open.get_mut(&digest)?;
        let party = state.party(&session.party)?;
        let key_stands = party.key(session.key).is_some_and(|key| key.revoked_seq.is_none());
        if !session.is_alive() || !key_stands {
            open.remove(&digest);
            return None;
        }
        session.used = Instant::now();
        Some(Principal { party: party.id.clone(), role: party.role })
    }

    /// Ends a session.
    pub fn close(&self, token: &str) {
        lock(&self.open).remove(&Digest::of(token.as_bytes()));
    }
}

impl Session {
    fn is_alive(&self) -> bool {
        self.used.elapsed() < IDLE_MAX && self.opened.elapsed() < LIFE_MAX
    }
}

/// What a session payload says: exactly these members.
struct SessionOpen {
    ledger: String,
    author: PartyId,
    audience: String,
    challenge: String,
    expires_at: Timestamp,
}

impl SessionOpen {
    fn read(payload: &Tree) -> Option<Self> {
        let text = |name: &str| payload.get(name).and_then(Tree::as_str);
        let exact = payload.as_object()?.len() == 6 && text("type")? == "session.open";
        exact.then_some(())?;
        Some(Self {
            ledger: text("ledger")?.to_owned(),
            author: PartyId::parse(text("author")?).ok()?,
            audience: text("audience")?.to_owned(),
            challenge: text("challenge")?.to_owned(),
            expires_at: Timestamp::parse(text("expires_at")?)?,
        })
    }
}

/// The payload that opens a session.
#[must_use]
pub fn session_payload(
    ledger: &str,
    author: &PartyId,
    audience: &str,
    challenge: &str,
    expires_at: Timestamp,
) -> Vec<u8> {
    let members = [
        ("type", "session.open".to_owned()),
        ("ledger", ledger.to_owned()),
        ("author", author.to_string()),
        ("audience", audience.to_owned()),
        ("challenge", challenge.to_owned()),
        ("expires_at", expires_at.to_string()),
    ];
    Json::object(members.map(|(name, text)| (name, Json::text(text)))).to_jcs().into_bytes()
}

/// 32 random bytes as text; `None` if the system has no randomness to give.
fn random_text() -> Option<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).ok()?;
    Some(BASE64URL_NOPAD.encode(&bytes))
}

/// A panic elsewhere leaves these maps whole: each change is one call.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
