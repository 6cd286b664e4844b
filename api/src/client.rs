//! A client of the public HTTP interface, as a party's own program would use it.

use ledger::command::IdempotencyKey;
use ledger::digest::Digest;
use ledger::envelope::{Envelope, Purpose};
use ledger::id::PartyId;
use ledger::json::{self, Json};
use ledger::key::SecretKey;
use ledger::time::Timestamp;

use crate::app::now;
use crate::session::session_payload;

/// How long a machine's own command may be on its way.
const EXPIRES_IN_MS: u64 = 10 * 60 * 1_000;

/// Why a request got no good answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody answered, or not in HTTP.
    #[error("{url}: {reason}")]
    Unreachable {
        /// What was asked.
        url: String,
        /// What happened.
        reason: String,
    },
    /// An answer that is not a success: the problem as sent.
    #[error("{status} {}", problem.get("code").and_then(Json::as_str).unwrap_or("without a code"))]
    Problem {
        /// The HTTP status.
        status: u16,
        /// The problem document.
        problem: Json,
    },
}

impl ClientError {
    /// The problem's code, if there is one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Unreachable { .. } => None,
            Self::Problem { problem, .. } => problem.get("code").and_then(Json::as_str),
        }
    }
}

/// An answer of any status.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// A party that asks a server, with its key; or a stranger without one.
pub struct Client {
    agent: ureq::Agent,
    url: String,
    token: Option<String>,
}

impl Client {
    /// A client of the server at `url` (scheme and authority).
    #[must_use]
    pub fn new(url: &str) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(std::time::Duration::from_secs(60)))
            .proxy(None)
            .build();
        Self { agent: config.into(), url: url.trim_end_matches('/').to_owned(), token: None }
    }

    /// Opens a session by a signed challenge; reads and uploads go under it from then on.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn sign_in(&mut self, ledger: &str, party: &PartyId, key: &SecretKey) -> Result<(), ClientError> {
        let given = self.get("/v1/session/challenge")?;
        let challenge = self.told("/v1/session/challenge", &given, "challenge")?;
        let expires = now().plus_millis(60_000).unwrap_or_else(now);
        let payload = session_payload(ledger, party, &self.url, &challenge, expires);
        let envelope = Envelope::sign(Purpose::Session, &payload, &[key]);
        let opened = self.post("/v1/session", envelope.to_string().as_bytes())?;
        self.token = Some(self.told("/v1/session", &opened, "token")?);
        Ok(())
    }

    /// Uploads a document.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn upload(&self, bytes: &[u8]) -> Result<Digest, ClientError> {
        let digest = Digest::of(bytes);
        self.expect_json(
            &format!("/v1/documents/{digest}"),
            self.send("PUT", &format!("/v1/documents/{digest}"), Some(bytes))?,
        )?;
        Ok(digest)
    }

    /// Sends a signed command and gives its receipt.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn submit(&self, envelope: &[u8]) -> Result<Json, ClientError> {
        self.post("/v1/commands", envelope)
    }

    /// Reads JSON.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn get(&self, path: &str) -> Result<Json, ClientError> {
        self.expect_json(path, self.send("GET", path, None)?)
    }

    /// Posts JSON and reads the answer.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn post(&self, path: &str, body: &[u8]) -> Result<Json, ClientError> {
        self.expect_json(path, self.send("POST", path, Some(body))?)
    }

    /// Sends a request and gives whatever is answered.
    ///
    /// # Errors
    /// [`ClientError::Unreachable`].
    pub fn send(&self, method: &str, path: &str, body: Option<&[u8]>) -> Result<Answer, ClientError> {
        let url = format!("{}{path}", self.url);
        let unreachable =
            |error: ureq::Error| ClientError::Unreachable { url: url.clone(), reason: error.to_string() };
        let mut request = ureq::http::Request::builder().method(method).uri(&url);
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let body = body.map(<[u8]>::to_vec).unwrap_or_default();
        let request = request.header("content-type", "application/json").body(body);
        let request = request.map_err(|error| unreachable(error.into()))?;
        let mut response = self.agent.run(request).map_err(unreachable)?;
        let status = response.status().as_u16();
        let body = response.body_mut().with_config().limit(64 << 20).read_to_vec().map_err(unreachable)?;
        Ok(Answer { status, body })
    }

    /// Asks for what is too large to hold: gives the status and the body as it comes.
    ///
    /// # Errors
    /// [`ClientError::Unreachable`].
    pub fn stream(&self, path: &str) -> Result<(u16, impl std::io::Read + use<>), ClientError> {
        let url = format!("{}{path}", self.url);
        let unreachable =
            |error: ureq::Error| ClientError::Unreachable { url: url.clone(), reason: error.to_string() };
        let mut request = self.agent.get(&url).config().timeout_global(None).build();
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let response = request.call().map_err(unreachable)?;
        Ok((response.status().as_u16(), response.into_body().into_reader()))
    }

    /// A text member of an answer: without it the other side is no server of ours.
    ///
    /// # Errors
    /// [`ClientError::Unreachable`].
    pub fn told(&self, path: &str, answer: &Json, member: &str) -> Result<String, ClientError> {
        let text = answer.get(member).and_then(Json::as_str).map(str::to_owned);
        text.ok_or_else(|| ClientError::Unreachable {
            url: format!("{}{path}", self.url),
            reason: format!("the answer has no member {member}"),
        })
    }

    fn expect_json(&self, path: &str, answer: Answer) -> Result<Json, ClientError> {
        let body = json::read(&answer.body);
        match body {
            Ok(body) if (200..300).contains(&answer.status) => Ok(body),
            Ok(problem) => Err(ClientError::Problem { status: answer.status, problem }),
            Err(error) => Err(ClientError::Unreachable {
                url: format!("{}{path}", self.url),
                reason: format!("{}: {error}", answer.status),
            }),
        }
    }
}

/// A fresh idempotency key: 16 random bytes.
///
/// # Errors
/// If the system has no randomness to give.
pub fn fresh_idempotency_key() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    let text = data_encoding::BASE64URL_NOPAD.encode(&bytes);
    debug_assert!(IdempotencyKey::parse(&text).is_some(), "22 characters of the alphabet");
    Ok(text)
}

/// What a command's payload says besides its body.
#[derive(Clone, Debug)]
pub struct Draft<'a> {
    /// The type.
    pub type_name: &'a str,
    /// The ledger's origin.
    pub ledger: &'a str,
    /// Who asks.
    pub author: &'a str,
    /// The author's own name for the command.
    pub idempotency_key: &'a str,
    /// When it expires.
    pub expires_at: Timestamp,
    /// The business date, where it differs.
    pub effective_at: Option<Timestamp>,
}

impl Draft<'_> {
    /// The canonical payload with that body.
    #[must_use]
    pub fn payload(&self, body: Json) -> Vec<u8> {
        let mut members = vec![
            ("type", Json::text(self.type_name)),
            ("ledger", Json::text(self.ledger)),
            ("author", Json::text(self.author)),
            ("idempotency_key", Json::text(self.idempotency_key)),
            ("expires_at", Json::text(self.expires_at.to_string())),
            ("body", body),
        ];
        members.extend(self.effective_at.map(|at| ("effective_at", Json::text(at.to_string()))));
        Json::object(members).to_jcs().into_bytes()
    }
}

/// The default time at which a machine's command expires.
#[must_use]
pub fn default_expiry() -> Timestamp {
    let now = now();
    now.plus_millis(EXPIRES_IN_MS).unwrap_or(now)
}
