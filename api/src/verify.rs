//! The full verification: what `ledger::verify` checks, with margin statements made again and
//! custodians' statements read again.
//!
//! The ledger knows neither margin nor formats; it asks, and this module answers.

use std::path::Path;

use ledger::command::{CustodyStatementPut, MarginState};
use ledger::digest::Digest;
use ledger::envelope::Envelope;
use ledger::time::Timestamp;
use ledger::verify::{self, Answer, Fetched, Options, Question, Report, Stated};
use rust_decimal::Decimal;

use crate::client::{Answer as Answered, Client};
use crate::margin_statement::{Basis, Figures, StatementError, recompute};

/// Verifies the ledger of a directory that no process writes to, or of a copy, with nothing known from
/// elsewhere. `Options` with [`answer`] ask for more.
#[must_use]
pub fn directory(dir: &Path) -> Report {
    verify::directory(dir, &Options { answer: Some(&answer), ..Options::default() })
}

/// Verifies the public log that a server shows, as an outsider can: over HTTP, from `/log/` alone.
/// Gives the newest signed checkpoint beside the report.
#[must_use]
pub fn public_log(url: &str, options: &Options) -> (Report, Option<String>) {
    let client = Client::new(url);
    let fetch = |path: &str| match client.send("GET", &format!("/log/{path}"), None) {
        Ok(Answered { status: 200, body }) => Fetched::Bytes(body),
        Ok(Answered { status: 404, .. }) => Fetched::Missing,
        Ok(Answered { status, .. }) => Fetched::Failed(format!("{url}/log/{path}: status {status}")),
        Err(error) => Fetched::Failed(error.to_string()),
    };
    verify::public(&fetch, options)
}

/// Answers what the ledger's verification asks.
#[must_use]
pub fn answer(question: &Question) -> Answer {
    match question {
        Question::Margin(stated) => answer_margin(stated),
        Question::Custody { put, document } => answer_custody(put, document),
    }
}

/// Makes a statement's figures again, to the last digit, and its report to the last byte.
///
/// A statement follows if its documents give it at the instant it was recorded, whose version of the
/// agreement `apply` looked at, or at the instant it speaks of, when its prices were fresh.
fn answer_margin(asked: &Stated) -> Answer {
    let stated = asked.stated;
    if stated.engine != margin::ENGINE {
        let reason =
            format!("margin engine {} is not at hand, this program has {}", stated.engine, margin::ENGINE);
        return Answer::Undecidable { reason };
    }
    match answer_at(asked, asked.recorded_at) {
        Answer::Same => Answer::Same,
        differs @ Answer::Differs { .. } => match answer_at(asked, stated.as_of) {
            Answer::Same => Answer::Same,
            Answer::Differs { .. } | Answer::Undecidable { .. } => differs,
        },
        undecidable @ Answer::Undecidable { .. } => undecidable,
    }
}

fn answer_at(asked: &Stated, at: Timestamp) -> Answer {
    let stated = asked.stated;
    let basis = Basis {
        agreement: stated.agreement.clone(),
        pledgor: asked.pledgor.clone(),
        positions: stated.positions,
        prices: stated.prices,
        regime: stated.regime,
        at,
    };
    match recompute(asked.state_at_size, &basis, asked.documents) {
        Ok(figures) => compare(stated, &figures),
        // What is stated over documents or terms that do not give it, does not follow from them.
        Err(
            error @ (StatementError::Unreadable { .. }
            | StatementError::NoAgreement(_)
            | StatementError::Margin(_)
            | StatementError::Collateral(_)
            | StatementError::TooLarge),
        ) => {
            let (expected, got) = (error.to_string(), format!("a requirement of {}", stated.requirement));
            Answer::Differs { what: "the statement", expected, got }
        }
        Err(StatementError::Missing(digest)) => {
            Answer::Undecidable { reason: format!("document {digest} is not at hand") }
        }
    }
}

fn compare(stated: &MarginState, figures: &Figures) -> Answer {
    let differs = |what, expected: String, got: String| Answer::Differs { what, expected, got };
    let pairs: [(&'static str, Decimal, Decimal); 4] = [
        ("exposure", figures.exposure, stated.exposure),
        ("requirement", figures.requirement, stated.requirement),
        ("collateral_value", figures.collateral_value, stated.collateral_value),
        ("excess", figures.excess, stated.excess),
    ];
    let report = Digest::of(&figures.report);
    match pairs.into_iter().find(|(_, expected, got)| expected != got) {
        Some((what, expected, got)) => differs(what, expected.to_string(), got.to_string()),
        None if report != stated.report => differs("report", report.to_string(), stated.report.to_string()),
        None => Answer::Same,
    }
}

/// A statement in a format that is read here is read again; documents in other formats are only
/// bound by their digests.
fn answer_custody(put: &CustodyStatementPut, document: &[u8]) -> Answer {
    if put.format != custody::statement::json::FORMAT {
        return Answer::Same;
    }
    let envelope = Envelope::parse(document).ok();
    let payload = envelope.as_ref().map_or(document, |envelope| &envelope.payload);
    match custody::statement::json::read(payload) {
        Ok(_) => Answer::Same,
        Err(refusal) => {
            Answer::Undecidable { reason: format!("the custodian's statement cannot be read: {refusal}") }
        }
    }
}

#[cfg(test)]
mod tests {
    use ledger::id::{AgreementId, PortfolioId, StatementId};

    use super::*;

    fn figures() -> Figures {
        let [exposure, requirement, collateral_value, excess] = ["-1.5", "100", "120.25", "21.75"]
            .map(|text| Decimal::from_str_exact(text).expect("a decimal of a few digits"));
        let (engine, report) = (margin::ENGINE, b"{}".to_vec());
        Figures { exposure, requirement, collateral_value, excess, engine, report }
    }

    fn stated() -> MarginState {
        let Figures { exposure, requirement, collateral_value, excess, engine, report } = figures();
        let digest = Digest::of(b"a document");
        MarginState {
            statement: StatementId::parse("S-1").unwrap(),
            portfolio: PortfolioId::parse("P-1").unwrap(),
            agreement: AgreementId::parse("A-1").unwrap(),
            as_of: Timestamp::epoch(),
            state_size: 0,
            positions: digest,
            prices: digest,
            regime: digest,
            engine: engine.to_owned(),
            exposure,
            requirement,
            collateral_value,
            excess,
            report: Digest::of(&report),
        }
    }

    #[test]
    fn each_figure_is_compared_and_the_report_to_the_byte() {
        assert_eq!(compare(&stated(), &figures()), Answer::Same);
        let cent = Decimal::new(1, 2);
        type Harm = fn(&mut MarginState, Decimal);
        let harms: [(&str, Harm); 5] = [
            ("exposure", |stated, cent| stated.exposure += cent),
            ("requirement", |stated, cent| stated.requirement += cent),
            ("collateral_value", |stated, cent| stated.collateral_value += cent),
            ("excess", |stated, cent| stated.excess += cent),
            ("report", |stated, _| stated.report = Digest::of(b"{} ")),
        ];
        for (figure, harm) in harms {
            let mut stated = stated();
            harm(&mut stated, cent);
            match compare(&stated, &figures()) {
                Answer::Differs { what, expected, got } => assert!(what == figure && expected != got),
                other @ (Answer::Same | Answer::Undecidable { .. }) => panic!("{figure}: {other:?}"),
            }
        }
    }

    #[test]
    fn what_is_not_at_hand_is_undecidable_and_what_contradicts_the_record_is_not() {
        let state = ledger::state::State::new("ledger.example/v");
        let pledgor = ledger::id::PartyId::parse("client").unwrap();
        let ask = |stated: &MarginState| {
            answer(&Question::Margin(Stated {
                stated,
                pledgor: &pledgor,
                recorded_at: Timestamp::epoch(),
                state_at_size: &state,
                documents: &|_| None,
            }))
        };
        let other_engine = MarginState { engine: "pledger-margin/99".to_owned(), ..stated() };
        assert!(matches!(ask(&other_engine), Answer::Undecidable { .. }));
        assert!(matches!(ask(&stated()), Answer::Differs { .. }), "no such agreement at that size");
    }
}
