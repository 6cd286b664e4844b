//! Every answer that is not a success: RFC 9457 problem details with a stable code and the next thing
//! to do.
//!
//! The only place that knows status codes of refusals. Source: API specification §3.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ledger::command::CommandError;
use ledger::envelope::EnvelopeError;
use ledger::intake::IntakeError;
use ledger::json::Json;
use ledger::profile::ProfileError;
use ledger::rejection::Rejection;
use ledger::state::Erasure;

/// What is said of a request that did not succeed.
#[derive(Clone, Debug)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    help: &'static str,
    more: Vec<(&'static str, Json)>,
    retry_after_secs: Option<u32>,
}

impl Problem {
    /// A problem by its code.
    #[must_use]
    pub fn new(
        status: StatusCode,
        code: &'static str,
        detail: impl Into<String>,
        help: &'static str,
    ) -> Self {
        Self { status, code, detail: detail.into(), help, more: Vec::new(), retry_after_secs: None }
    }

    /// Nothing there, or nothing of yours: the two look the same.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "there is no such object that you may read", LOOK_UP)
    }

    /// A document that was erased, as those are told who could read it.
    #[must_use]
    pub fn erased(erasure: &Erasure) -> Self {
        let detail = format!("the document was erased by record {}: {}", erasure.seq, erasure.reason);
        let help = "ask the operator, who answers for the erasure";
        let members = [
            ("seq", erasure.seq.to_string()),
            ("recorded_at", erasure.recorded_at.to_string()),
            ("reason", erasure.reason.clone()),
        ];
        let erased = Json::object(members.map(|(name, text)| (name, Json::text(text))));
        Self::new(StatusCode::NOT_FOUND, "not_found", detail, help).with("erased", erased)
    }

    /// The query string is wrong.
    #[must_use]
    pub fn query(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "query_invalid", detail, "correct the query string")
    }

    /// The cursor does not go on with this list.
    #[must_use]
    pub fn cursor(detail: &str) -> Self {
        let detail = format!("the cursor cannot be used: {detail}");
        Self::new(StatusCode::BAD_REQUEST, "cursor_invalid", detail, "begin the list again, without a cursor")
    }

    /// Nothing can be said of that point in time.
    #[must_use]
    pub fn as_of(detail: impl Into<String>) -> Self {
        let help = "ask for a published record, or an instant from the first record's time up to now";
        Self::new(StatusCode::BAD_REQUEST, "as_of_out_of_range", detail, help)
    }

    /// Too much at once.
    #[must_use]
    pub fn rate_limited(detail: impl Into<String>, retry_after_secs: u32) -> Self {
        let help = "ask again after Retry-After";
        let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", detail, help);
        Self { retry_after_secs: Some(retry_after_secs), ..problem }
    }

    /// No published record has that number.
    #[must_use]
    pub fn not_published() -> Self {
        let detail = "no published record has this number";
        Self::new(StatusCode::NOT_FOUND, "seq_not_published", detail, "ask /v1/ledger for the size")
    }

    /// What was read from disk is not to be had now, or not what it should be.
    #[must_use]
    pub fn unread(error: &dyn std::error::Error) -> Self {
        tracing::error!(%error, "a read failed");
        Self::unavailable("storage_failed", "nothing was changed: the ledger's files could not be read", 10)
    }

    /// A bug, or a machine that broke: the cause goes to the log, not to the client.
    #[must_use]
    pub fn internal() -> Self {
        let detail = "the server failed; nothing is said of why here";
        let help = "tell the operator the request_id";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail, help)
    }

    /// The server cannot now; `outcome` says what is known of the request.
    #[must_use]
    pub fn unavailable(code: &'static str, outcome: impl Into<String>, retry_after_secs: u32) -> Self {
        let help = "send the same bytes again after Retry-After";
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, code, outcome, help);
        Self { retry_after_secs: Some(retry_after_secs), ..problem }
    }

    /// Adds a member.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: Json) -> Self {
        self.more.push((name, value));
        self
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// The answer, once it is known which request it is for.
    #[must_use]
    pub fn render(&self, instance: &str, request_id: &str) -> Response {
        let head = [
            ("type", format!("/problems/{}", self.code)),
            ("title", title(self.code)),
            ("status", String::new()),
            ("detail", self.detail.clone()),
            ("instance", instance.to_owned()),
            ("code", self.code.to_owned()),
            ("request_id", request_id.to_owned()),
            ("help", self.help.to_owned()),
        ];
        let members = head.into_iter().map(|(name, text)| match name {
            // RFC 9457 §3.1.2 makes this one a number.
            "status" => (name, Json::Number(self.status.as_u16().to_string())),
            _ => (name, Json::text(text)),
        });
        let body = Json::object(members.chain(self.more.iter().cloned())).to_string();
        let mut response = (self.status, Body::from(body)).into_response();
        let json = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        if let Some(secs) = self.retry_after_secs {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(secs));
        }
        response
    }
}

/// The outermost layer renders it, where the request's path and id are known.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

const LOOK_UP: &str = "check the id, and that your party is entitled to it";
const SIGN_AGAIN: &str = "correct the payload and sign it again";

fn title(code: &str) -> String {
    let mut words = code.replace('_', " ");
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    words
}

impl From<&Rejection> for Problem {
    fn from(rejection: &Rejection) -> Self {
        let (status, help) = status_of(rejection);
        let problem = Self::new(status, rejection.code(), rejection.to_string(), help);
        if let Some((expected, got)) = figures(rejection) {
            return problem.with("expected", Json::text(expected)).with("got", Json::text(got));
        }
        if let Rejection::UnknownReference { pointer, .. } = rejection {
            let error = [("pointer", pointer.as_str()), ("code", "unknown_reference")];
            return problem.with("errors", Json::array([texts(error)]));
        }
        problem
    }
}

/// What was expected and what was found, where a refusal is about a figure.
fn figures(rejection: &Rejection) -> Option<(String, String)> {
    Some(match rejection {
        Rejection::WrongLedger { expected, got }
        | Rejection::AmountOutOfRange { expected, got }
        | Rejection::AmountsDoNotSum { expected, got }
        | Rejection::EvidenceMismatch { expected, got } => (expected.clone(), got.clone()),
        Rejection::InsufficientAvailable { needed, available, .. } => (needed.clone(), available.clone()),
        Rejection::InsufficientValue { needed, value } => (needed.to_string(), value.clone()),
        Rejection::ReleaseUncovers { required, remaining, .. } => (required.clone(), remaining.clone()),
        Rejection::ExpectationFailed { expected, got, .. } => {
            (expected.to_string(), got.map_or_else(|| "no such object".to_owned(), |seq| seq.to_string()))
        }
        Rejection::VelocityExceeded { most, would_be, .. } => (most.clone(), would_be.clone()),
        Rejection::Expired { .. }
        | Rejection::MakerMayNotApprove { .. }
        | Rejection::AlreadyApproved { .. }
        | Rejection::AlreadyDecided { .. }
        | Rejection::QuorumUnsafe { .. }
        | Rejection::PolicyRefused { .. }
        | Rejection::ExpiresTooLate { .. }
        | Rejection::IdempotencyKeyReused { .. }
        | Rejection::KeyNotActive { .. }
        | Rejection::AuthorSuspended { .. }
        | Rejection::UseNotAllowed { .. }
        | Rejection::NotAuthorised { .. }
        | Rejection::UnknownReference { .. }
        | Rejection::IdTaken { .. }
        | Rejection::WrongState { .. }
        | Rejection::KindNotDue { .. }
        | Rejection::TooLate { .. }
        | Rejection::TooEarly { .. }
        | Rejection::AccountClosed { .. }
        | Rejection::AccountFrozen { .. }
        | Rejection::AssetSuspended { .. }
        | Rejection::AssetMismatch { .. }
        | Rejection::ClassMismatch { .. }
        | Rejection::AmountZero { .. }
        | Rejection::AmountPrecision { .. }
        | Rejection::AmountOverflow { .. }
        | Rejection::StatementStale { .. }
        | Rejection::PriceMissing { .. }
        | Rejection::PriceStale { .. }
        | Rejection::FxMissing { .. }
        | Rejection::ReasonUnknown { .. }
        | Rejection::EvidenceMissing { .. }
        | Rejection::BreakerOpen { .. }
        | Rejection::DocumentDigest { .. }
        | Rejection::DestinationNotAllowed { .. }
        | Rejection::DestinationCoolingOff { .. } => return None,
    })
}

fn status_of(rejection: &Rejection) -> (StatusCode, &'static str) {
    const FORBIDDEN: StatusCode = StatusCode::FORBIDDEN;
    const CONFLICT: StatusCode = StatusCode::CONFLICT;
    const UNPROCESSABLE: StatusCode = StatusCode::UNPROCESSABLE_ENTITY;
    match rejection {
        Rejection::WrongLedger { .. } => (FORBIDDEN, "name this ledger's origin and sign again"),
        Rejection::Expired { .. } => (CONFLICT, "sign it again with a later expires_at"),
        Rejection::ExpiresTooLate { .. } => (CONFLICT, "sign it again, expiring at most 7 days ahead"),
        Rejection::IdempotencyKeyReused { .. } => {
            (CONFLICT, "send the first bytes again, or sign with a new key")
        }
        Rejection::KeyNotActive { .. } => (StatusCode::UNAUTHORIZED, "sign with an active key of the author"),
        Rejection::AuthorSuspended { .. } => (FORBIDDEN, "ask the operator to resume the party"),
        Rejection::UseNotAllowed { .. } => (FORBIDDEN, "sign with a key registered for this use"),
        Rejection::NotAuthorised { .. } => (FORBIDDEN, "have the right party sign it"),
        Rejection::UnknownReference { .. } => (UNPROCESSABLE, "record what it names first, then sign again"),
        Rejection::IdTaken { .. } => (CONFLICT, "choose another id"),
        Rejection::ExpectationFailed { .. } => (CONFLICT, "read the object again, decide, and sign again"),
        Rejection::WrongState { .. } => (CONFLICT, "send a command that fits the stage"),
        Rejection::KindNotDue { .. } => (CONFLICT, "acknowledge it, or wait for a demand"),
        Rejection::TooLate { .. } => (CONFLICT, "the time for it is over"),
        Rejection::TooEarly { .. } => (CONFLICT, "wait for its time"),
        Rejection::AccountClosed { .. } => (UNPROCESSABLE, "name an open account"),
        Rejection::AccountFrozen { .. } => (UNPROCESSABLE, "wait until the operator unfreezes it"),
        Rejection::AssetSuspended { .. } => (UNPROCESSABLE, "name another asset"),
        Rejection::AssetMismatch { .. } => (UNPROCESSABLE, "name accounts of the posting's asset"),
        Rejection::ClassMismatch { .. } => (UNPROCESSABLE, "name accounts of one property class"),
        Rejection::AmountZero { .. } => (UNPROCESSABLE, "give an amount above zero"),
        Rejection::AmountPrecision { .. } => (UNPROCESSABLE, "give no more decimals than the asset has"),
        Rejection::AmountOverflow { .. } => (UNPROCESSABLE, "give a smaller amount"),
        Rejection::AmountOutOfRange { .. } => (UNPROCESSABLE, "give the amount that the rules expect"),
        Rejection::InsufficientAvailable { .. } => {
            (UNPROCESSABLE, "move less, or settle what comes in first")
        }
        Rejection::InsufficientValue { .. } => (UNPROCESSABLE, "pledge more"),
        Rejection::ReleaseUncovers { .. } => (UNPROCESSABLE, "release less, or post something else first"),
        Rejection::StatementStale { .. } => (UNPROCESSABLE, "record a fresh margin statement first"),
        Rejection::PriceMissing { .. } | Rejection::PriceStale { .. } | Rejection::FxMissing { .. } => {
            (UNPROCESSABLE, "record fresh prices first")
        }
        Rejection::ReasonUnknown { .. } => (UNPROCESSABLE, "give one of the coded reasons"),
        Rejection::EvidenceMissing { .. } => (UNPROCESSABLE, "bring the custodian's evidence"),
        Rejection::EvidenceMismatch { .. } => (UNPROCESSABLE, "bring what the record expects"),
        Rejection::BreakerOpen { .. } => {
            (UNPROCESSABLE, "wait until the level falls, or ask the operator for an override")
        }
        Rejection::DocumentDigest { .. } => (UNPROCESSABLE, "upload the document that the command means"),
        Rejection::AmountsDoNotSum { .. } => (UNPROCESSABLE, "correct the figures"),
        Rejection::MakerMayNotApprove { .. } => (FORBIDDEN, "have another principal approve it"),
        Rejection::AlreadyApproved { .. } => (CONFLICT, "have another principal approve it"),
        Rejection::AlreadyDecided { .. } => (CONFLICT, "nothing: read what became of it"),
        Rejection::VelocityExceeded { .. } => {
            (UNPROCESSABLE, "move less, or wait until the window has passed")
        }
        Rejection::QuorumUnsafe { .. } => (UNPROCESSABLE, "write a policy that protects"),
        Rejection::PolicyRefused { .. } => (FORBIDDEN, "read the policy: no rule of it allows this"),
        Rejection::DestinationNotAllowed { .. } => {
            (FORBIDDEN, "have the address added, proved and allowed, or name another")
        }
        Rejection::DestinationCoolingOff { .. } => (FORBIDDEN, "wait until it has cooled off"),
    }
}

fn texts<const N: usize>(members: [(&'static str, &str); N]) -> Json {
    Json::object(members.map(|(name, text)| (name, Json::text(text))))
}

impl From<&IntakeError> for Problem {
    fn from(error: &IntakeError) -> Self {
        let detail = error.to_string();
        let unauthorized =
            |code| Self::new(StatusCode::UNAUTHORIZED, code, detail.clone(), "sign with a key of the author");
        match error {
            IntakeError::Envelope(envelope) => of_envelope(envelope, detail),
            IntakeError::PayloadTooLarge { .. } => {
                let help = "put bulk into a document and name its digest";
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", detail, help)
            }
            IntakeError::PayloadTypeUnknown { .. } => {
                let help = "sign as application/vnd.pledger.command.v1+json";
                Self::new(StatusCode::BAD_REQUEST, "payload_type_unknown", detail, help)
            }
            IntakeError::SignatureCount { expected, got } if got < expected => {
                unauthorized("signature_missing")
            }
            IntakeError::SignatureCount { .. } => Self::new(
                StatusCode::BAD_REQUEST,
                "envelope_malformed",
                detail,
                "send as many signatures as the type takes",
            ),
            IntakeError::KeyUnknown { .. } => unauthorized("key_unknown"),
            IntakeError::SignatureInvalid { .. } => unauthorized("signature_invalid"),
            IntakeError::KeyidMismatch { .. } => unauthorized("keyid_mismatch"),
            IntakeError::Profile(profile) => {
                let code = match profile {
                    ProfileError::NotJson(_) => "payload_not_json",
                    ProfileError::Profile { .. } => "payload_profile",
                    ProfileError::NotCanonical => "payload_not_canonical",
                };
                Self::new(StatusCode::BAD_REQUEST, code, detail, SIGN_AGAIN)
            }
            IntakeError::Command(command) => of_command(command),
        }
    }
}

fn of_envelope(error: &EnvelopeError, detail: String) -> Problem {
    let help = "send a DSSE v1 envelope";
    let bad = |code| Problem::new(StatusCode::BAD_REQUEST, code, detail.clone(), help);
    match error {
        EnvelopeError::NotJson(_) => bad("body_not_json"),
        EnvelopeError::Malformed { .. } => bad("envelope_malformed"),
        EnvelopeError::UnknownMember { .. } => bad("envelope_unknown_member"),
        EnvelopeError::SignatureMissing => {
            Problem::new(StatusCode::UNAUTHORIZED, "signature_missing", detail, "sign the payload")
        }
    }
}

fn of_command(error: &CommandError) -> Problem {
    match error {
        CommandError::TypeUnknown { .. } => {
            Problem::new(StatusCode::BAD_REQUEST, "type_unknown", error.to_string(), SIGN_AGAIN)
        }
        CommandError::Schema(errors) => {
            let detail = format!("{} member(s) are wrong, unknown or missing", errors.len());
            let errors = errors.iter().map(|error| {
                texts([
                    ("pointer", error.pointer.as_str()),
                    ("code", error.fault.code()),
                    ("expected", error.help.as_str()),
                ])
            });
            Problem::new(StatusCode::BAD_REQUEST, "body_schema", detail, SIGN_AGAIN)
                .with("errors", Json::array(errors))
        }
        CommandError::WeakKey => {
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "weak_key", error.to_string(), "make a new key")
        }
    }
}
