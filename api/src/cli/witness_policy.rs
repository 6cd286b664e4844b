//! `pledger witness-policy lint`: what a quorum protects from.

use std::io::Write;
use std::path::PathBuf;

use clap::Subcommand;
use ledger::json::Json;
use ledger::policy::{Lint, Policy};

use super::fail;
use super::sign::read_file;

/// Verbs of `pledger witness-policy`.
#[derive(Subcommand, Debug)]
pub enum WitnessPolicyCommand {
    /// Compute how many witnesses must lie for a split view, and warn of what is weak.
    Lint {
        /// A tlog-policy file; `-` for standard input.
        file: PathBuf,
        /// Let a policy pass under which two quorums may share no witness.
        #[arg(long)]
        allow_weak_quorum: bool,
        /// The figures as JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Does what was asked: 0 it protects, 2 it is no policy, 3 it does not protect.
pub fn execute(command: &WitnessPolicyCommand, stdout: &mut dyn Write) -> u8 {
    let WitnessPolicyCommand::Lint { file, allow_weak_quorum, json } = command;
    let text = read_file(file)
        .and_then(|bytes| String::from_utf8(bytes).map_err(|error| format!("{}: {error}", file.display())));
    let policy = match text.map(|text| Policy::parse(&text)) {
        Ok(Ok(policy)) => policy,
        Ok(Err(error)) => return fail(2, &format!("{}: {error}", file.display())),
        Err(message) => return fail(2, &message),
    };
    let lint = policy.lint();
    let told = if *json { format!("{}\n", as_json(&lint)) } else { as_text(&lint) };
    if let Err(error) = stdout.write_all(told.as_bytes()) {
        return fail(2, &error.to_string());
    }
    if lint.is_weak() && !allow_weak_quorum {
        return fail(3, "refused: this quorum protects from nothing; --allow-weak-quorum lets it pass");
    }
    0
}

fn as_text(lint: &Lint) -> String {
    let Lint { witnesses, quorum_min, loss_max, split_view_cost, warnings } = lint;
    let mut text = format!(
        "{witnesses} witnesses, {quorum_min} at least make a quorum, {loss_max} lost and there is none\n\
         any two quorums share {split_view_cost} witnesses at least: so many must lie for a split view\n"
    );
    warnings.iter().for_each(|warning| text.push_str(&format!("warning: {warning}\n")));
    text
}

fn as_json(lint: &Lint) -> Json {
    Json::object([
        ("witnesses", Json::text(lint.witnesses.to_string())),
        ("quorum_min", Json::text(lint.quorum_min.to_string())),
        ("loss_max", Json::text(lint.loss_max.to_string())),
        ("split_view_cost", Json::text(lint.split_view_cost.to_string())),
        ("weak", Json::Bool(lint.is_weak())),
        ("warnings", Json::array(lint.warnings.iter().map(|warning| Json::text(warning.to_string())))),
    ])
}
