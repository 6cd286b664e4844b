//! Plain requests, answered with status, headers and body whatever the status.

use ledger::json::{self, Json};

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// If it is none.
    #[must_use]
    pub fn json(&self) -> Json {
        json::read(&self.body).unwrap_or_else(|error| {
            panic!("{} {}: {error}", self.status, String::from_utf8_lossy(&self.body))
        })
    }

    /// The text at a pointer into the body; empty if there is none.
    #[must_use]
    pub fn at(&self, pointer: &str) -> String {
        self.json().pointer(pointer).and_then(Json::as_str).unwrap_or_default().to_owned()
    }

    /// How many `items` a list has.
    #[must_use]
    pub fn items(&self) -> usize {
        self.json().get("items").and_then(Json::as_array).map_or(0, <[Json]>::len)
    }

    /// A text member of the body.
    #[must_use]
    pub fn text(&self, member: &str) -> String {
        self.json().get(member).and_then(Json::as_str).unwrap_or_default().to_owned()
    }
}

/// Whoever asks; connections are kept.
#[derive(Clone, Debug)]
pub struct Http {
    agent: ureq::Agent,
    url: String,
}

impl Http {
    /// Asks the server at `url`.
    #[must_use]
    pub fn new(url: &str) -> Self {
        let config = ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build();
        Self { agent: config.into(), url: url.to_owned() }
    }

    /// Sends a request.
    ///
    /// # Errors
    /// If nobody answers, or not in HTTP.
    ///
    /// # Panics
    /// If the request cannot be written.
    pub fn try_send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Answer, ureq::Error> {
        let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = self.agent.run(request.body(body.to_vec()).expect("a request"))?;
        let headers = response.headers().iter();
        let headers = headers
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
        Ok(Answer {
            status: response.status().as_u16(),
            headers: headers.collect(),
            body: response.body_mut().with_config().limit(64 << 20).read_to_vec()?,
        })
    }

    /// Sends a request to a server that must answer.
    ///
    /// # Panics
    /// If it does not.
    #[must_use]
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.try_send(method, path, headers, body).unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// Reads without a session.
    #[must_use]
    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], &[])
    }
}
