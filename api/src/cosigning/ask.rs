//! Requests to witnesses, over HTTP.

use std::time::Duration;

use ledger::witness::client::Reply;

/// Bytes of an answer that are read.
const ANSWER_MAX: u64 = 64 << 10;

/// Whoever asks witnesses; connections are kept.
#[derive(Clone, Debug)]
pub(super) struct Asker(ureq::Agent);

impl Asker {
    pub(super) fn new(timeout: Duration) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(timeout))
            .proxy(None)
            .build();
        Self(config.into())
    }

    /// Posts a body; whatever is answered is the answer.
    pub(super) fn post(&self, url: &str, body: String) -> Reply {
        let request = ureq::http::Request::builder().method("POST").uri(url).body(body);
        self.send(request)
    }

    pub(super) fn get(&self, url: &str) -> Reply {
        let request = ureq::http::Request::builder().method("GET").uri(url).body(String::new());
        self.send(request)
    }

    fn send(&self, request: Result<ureq::http::Request<String>, ureq::http::Error>) -> Reply {
        let answered = request.map_err(ureq::Error::from).and_then(|request| {
            let mut response = self.0.run(request)?;
            let status = response.status().as_u16();
            let body = response.body_mut().with_config().limit(ANSWER_MAX).read_to_vec()?;
            Ok((status, body))
        });
        match answered {
            Ok((status, body)) => Reply::Answer { status, body },
            Err(error) => Reply::None(error.to_string()),
        }
    }
}
