//! `pledger policy lint`: what a policy says, and where it may hurt.

use std::io::Write;
use std::path::PathBuf;

use clap::Subcommand;
use ledger::approval::{PolicyDocument, Quorum, RuleResult};

use super::fail;
use super::sign::read_file;

/// Verbs of `pledger policy`.
#[derive(Subcommand, Debug)]
pub enum PolicyCommand {
    /// Read a policy as the ledger would, and warn of what may hurt.
    Lint {
        /// The document, `pledger.policy.v1`; `-` for standard input.
        file: PathBuf,
    },
}

/// Does what was asked: 0 a policy, 1 none that the ledger takes.
pub fn execute(command: &PolicyCommand, stdout: &mut dyn Write) -> u8 {
    let PolicyCommand::Lint { file } = command;
    let bytes = match read_file(file) {
        Ok(bytes) => bytes,
        Err(message) => return fail(2, &message),
    };
    let (lines, code) = match PolicyDocument::read(&bytes) {
        Ok(document) => (told(&document), 0),
        Err(fault) => (vec![format!("refused: {fault}")], 1),
    };
    match lines.iter().try_for_each(|line| writeln!(stdout, "{line}")) {
        Ok(()) => code,
        Err(error) => fail(2, &error.to_string()),
    }
}

fn told(document: &PolicyDocument) -> Vec<String> {
    let mut lines = vec![format!("names {}", document.covers().join(", "))];
    lines.push(format!("change: {}", quorum(document, document.change())));
    lines.extend(document.limits().iter().map(|limit| format!("limit {}", limit.name)));
    for rule in document.rules() {
        let result = match &rule.result {
            RuleResult::Allow => "allow".to_owned(),
            RuleResult::Refuse => "refuse".to_owned(),
            RuleResult::Approve(asked) => quorum(document, asked),
        };
        lines.push(format!("rule {}: {result}", rule.name));
    }
    let revokes = document.names("key.revoke");
    if revokes {
        lines.push("warning: it names key.revoke: a stolen key may be slow to stop".to_owned());
    }
    lines
}

fn quorum(document: &PolicyDocument, quorum: &Quorum) -> String {
    let members = document.members(&quorum.group).count();
    let tight = usize::try_from(quorum.k).is_ok_and(|k| k == members);
    let warning =
        if tight { "; warning: a maker among them, or one who is away, leaves too few" } else { "" };
    format!("{} of {members} in {}{warning}", quorum.k, quorum.group)
}
