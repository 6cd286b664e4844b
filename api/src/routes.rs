//! Every endpoint, once.

use std::sync::Arc;

use ::ledger::account::Account;
use ::ledger::address::Address;
use ::ledger::agreement::Agreement;
use ::ledger::approval::{HeldCommand, Policy};
use ::ledger::asset::Asset;
use ::ledger::break_record::Break;
use ::ledger::call_record::CallRecord;
use ::ledger::evidence::{CustodyStatement, Observation, Reconciliation};
use ::ledger::market::{AdoptedRegime, MarginStatement, Portfolio};
use ::ledger::movement::Movement;
use ::ledger::overrides::Override;
use ::ledger::party::Party;
use ::ledger::pool::Pool;
use ::ledger::seal_record::Seal;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use data_encoding::HEXLOWER;

use crate::app::App;
use crate::handlers::{
    balance_proofs, commands, documents, exports, histories, ledger, log, metrics, records, seals, sessions,
    webhooks,
};
use crate::problem::Problem;
use crate::reading::{list, one};

/// The router over one ledger.
pub fn router(app: Arc<App>) -> Router {
    let without_query = Router::new()
        .route("/v1/documents/{sha256}", put(documents::put).get(documents::get))
        .route("/v1/session/challenge", get(sessions::challenge))
        .route("/v1/session", post(sessions::open).delete(sessions::close))
        .route("/v1/ledger", get(ledger::get))
        .route("/v1/attestations", get(seals::attestations))
        .route("/metrics", get(metrics::get))
        .route("/v1/records/{seq}", get(records::get))
        .route("/v1/records/{seq}/proof", get(records::proof))
        .route("/v1/receipts/{command_id}", get(records::receipt))
        .route("/v1/checkpoints/{size}", get(ledger::checkpoint))
        .route_layer(middleware::from_fn(take_no_query));
    without_query
        .merge(objects())
        .route("/v1/commands", post(commands::post))
        .route("/v1/consistency", get(ledger::consistency))
        .route("/v1/export", get(exports::get))
        .route("/log/{*path}", get(log::get))
        .route("/healthz", get(ledger::healthz))
        .route("/readyz", get(ledger::readyz))
        .route("/metrics", get(ledger::metrics))
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        // Each handler that takes a body bounds it itself.
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn(name_request))
        .with_state(app)
}

/// Ledger objects: each kind in a list and one by one, now or as of then.
fn objects() -> Router<Arc<App>> {
    Router::new()
        .route("/v1/parties", get(list::<Party>))
        .route("/v1/parties/{id}", get(one::<Party>))
        .route("/v1/addresses", get(list::<Address>))
        .route("/v1/approvals", get(list::<HeldCommand>))
        .route("/v1/approvals/{id}", get(one::<HeldCommand>))
        .route("/v1/policies", get(list::<Policy>))
        .route("/v1/policies/{id}", get(one::<Policy>))
        .route("/v1/assets", get(list::<Asset>))
        .route("/v1/regimes", get(list::<AdoptedRegime>))
        .route("/v1/custody/observations", get(list::<Observation>))
        .route("/v1/custody/observations/{id}", get(one::<Observation>))
        .route("/v1/seals", get(list::<Seal>))
        .route("/v1/seals/{seq}", get(seals::one))
        .route("/v1/seals/{seq}/balance-proof", get(balance_proofs::get))
        .route("/v1/webhooks", get(webhooks::all))
        .route("/v1/pools", get(list::<Pool>))
        .route("/v1/pools/{id}", get(one::<Pool>))
        .route("/v1/overrides", get(list::<Override>))
        .route("/v1/overrides/{id}", get(one::<Override>))
        .route("/v1/agreements", get(list::<Agreement>))
        .route("/v1/agreements/{id}", get(one::<Agreement>))
        .route("/v1/accounts", get(list::<Account>))
        .route("/v1/accounts/{id}", get(one::<Account>))
        .route("/v1/accounts/{id}/balances", get(histories::balance))
        .route("/v1/accounts/{id}/postings", get(histories::postings))
        .route("/v1/accounts/{id}/statement", get(histories::statement))
        .route("/v1/movements", get(list::<Movement>))
        .route("/v1/movements/{id}", get(one::<Movement>))
        .route("/v1/portfolios", get(list::<Portfolio>))
        .route("/v1/margin-statements", get(list::<MarginStatement>))
        .route("/v1/margin-statements/{id}", get(one::<MarginStatement>))
        .route("/v1/calls", get(list::<CallRecord>))
        .route("/v1/calls/{id}", get(one::<CallRecord>))
        .route("/v1/custody/statements", get(list::<CustodyStatement>))
        .route("/v1/custody/statements/{id}", get(one::<CustodyStatement>))
        .route("/v1/custody/reconciliations", get(list::<Reconciliation>))
        .route("/v1/custody/reconciliations/{id}", get(one::<Reconciliation>))
        .route("/v1/custody/breaks", get(list::<Break>))
        .route("/v1/custody/breaks/{id}", get(one::<Break>))
}

async fn no_such_path() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not_found", "there is no such path", "see the README for the paths")
}

async fn no_such_method() -> Problem {
    let detail = "this path does not take this method";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail, "use GET, or POST a command")
}

/// Bytes that a request's target and headers may have. The transport's own bound is coarser.
const HEAD_BYTES_MAX: usize = 16 << 10;

fn head_bytes(request: &Request) -> usize {
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    // Colon, space and line end beside name and value.
    let line = |(name, value): (&HeaderName, &HeaderValue)| name.as_str().len() + value.len() + 4;
    target + request.headers().iter().map(line).sum::<usize>()
}

/// The problem of an answer that no handler gave: a name in the path that is not UTF-8 names nothing.
fn unexplained(status: StatusCode) -> Option<Problem> {
    if status.is_client_error() {
        Some(Problem::not_found())
    } else {
        status.is_server_error().then(Problem::internal)
    }
}

/// A parameter that decides nothing is refused: who asks for a page, a filter or an earlier state would
/// take the whole of today for it.
async fn take_no_query(request: Request, next: Next) -> Response {
    match request.uri().query() {
        None | Some("") => next.run(request).await,
        Some(_) => Problem::query("this path takes no parameters").into_response(),
    }
}

/// Gives each request an id, answers within a limit, renders problems, and says in the log what became
/// of the request: never bodies, tokens or signatures.
async fn name_request(request: Request, next: Next) -> Response {
    /// The longest a request may take once its head has arrived.
    const REQUEST_MAX: std::time::Duration = std::time::Duration::from_secs(30);
    let mut bytes = [0; 8];
    let request_id = match getrandom::fill(&mut bytes) {
        Ok(()) => HEXLOWER.encode(&bytes),
        Err(_) => "none".to_owned(),
    };
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let mut response = if head_bytes(&request) > HEAD_BYTES_MAX {
        let detail = format!("the request's head has more than {HEAD_BYTES_MAX} bytes");
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        Problem::new(status, "head_too_large", detail, "send fewer or shorter headers").into_response()
    } else {
        match tokio::time::timeout(REQUEST_MAX, next.run(request)).await {
            Ok(response) => response,
            Err(_) => {
                Problem::unavailable("overloaded", "unknown: send the same bytes again", 5).into_response()
            }
        }
    };
    let problem = response.extensions_mut().remove::<Problem>().or_else(|| unexplained(response.status()));
    let code = problem.as_ref().map_or("", Problem::code);
    if let Some(problem) = &problem {
        response = problem.render(&path, &request_id);
    }
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert("x-request-id", value);
    }
    tracing::info!(request_id, %method, path = path.escape_debug().to_string(), status = response.status().as_u16(), code);
    response
}
