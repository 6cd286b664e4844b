//! The answer to reading a file.

use ledger::json::Json;

use super::Statement;
use crate::refusal::Refusal;

/// What came of reading a file: its statements, accepted or not as a whole, or a refusal.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// Read. Accepted if every check of every statement holds.
    Read(Vec<Statement>),
    /// Not read.
    Refused(Refusal),
}

impl Outcome {
    /// Whether the file was read and all its checks hold.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        match self {
            Self::Read(statements) => statements.iter().all(Statement::is_accepted),
            Self::Refused(_) => false,
        }
    }

    /// `{"accepted","statements"}`, with `error` before the statements if a check fails; for a
    /// refusal `{"accepted","error"}` and nothing else.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let mut members = vec![("accepted", Json::Bool(self.is_accepted()))];
        match self {
            Self::Read(statements) => {
                if !self.is_accepted() {
                    members.push(("error", Json::object([("code", Json::text("does_not_tie"))])));
                }
                members.push(("statements", Json::array(statements.iter().map(Statement::to_json))));
            }
            Self::Refused(refusal) => members.push(("error", refusal.to_json())),
        }
        Json::object(members)
    }
}

impl From<Result<Statement, Refusal>> for Outcome {
    fn from(read: Result<Statement, Refusal>) -> Self {
        read.map_or_else(Self::Refused, |statement| Self::Read(vec![statement]))
    }
}
