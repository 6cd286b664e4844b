//! `pledger call compute` and `pledger call vectors`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use ledger::call::vectors::{self, Outcome};
use ledger::csa::{ComputeInput, TermsError, computation_table, compute_json, error_json, file_cite};

/// Done.
const DONE: u8 = 0;
/// A worked case came out otherwise.
const PROVEN_BAD: u8 = 1;
/// The input cannot be used.
const UNUSABLE: u8 = 2;

/// The amount of a collateral call, and worked cases of it.
#[derive(Debug, Subcommand)]
pub enum CallCommand {
    /// Compute what is due under an agreement, each figure explained.
    Compute(Compute),
    /// Run worked cases: name, expected, got, then how many pass.
    Vectors {
        /// A file of format `pledger/vectors/calls/v1`.
        file: PathBuf,
    },
}

/// `call compute`.
#[derive(Debug, Args)]
pub struct Compute {
    /// One JSON file with the agreement, exposure, assets, prices and collateral.
    #[arg(long)]
    input: PathBuf,
    /// How the answer is printed.
    #[arg(long, value_enum, default_value_t = Format::Json)]
    format: Format,
    /// The same as `--format json`.
    #[arg(long)]
    json: bool,
}

/// How an answer is printed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Format {
    /// One JSON object.
    Json,
    /// An indented sum for people.
    Table,
}

/// Runs the verb; answers and refusals go to `stdout`, what keeps it from running to stderr.
/// Returns the exit code: 0 done, 1 a worked case fails, 2 the input cannot be used.
pub fn execute(command: &CallCommand, stdout: &mut dyn Write) -> u8 {
    let done = match command {
        CallCommand::Compute(compute) => run_compute(compute, stdout),
        CallCommand::Vectors { file } => run_vectors(file, stdout),
    };
    done.unwrap_or_else(|error| {
        eprintln!("pledger call: {error}");
        UNUSABLE
    })
}

fn run_compute(compute: &Compute, stdout: &mut dyn Write) -> io::Result<u8> {
    let bytes = super::read_input(&compute.input)?;
    let answer = match if compute.json { Format::Json } else { compute.format } {
        Format::Json => compute_json(&bytes).map(|answer| format!("{answer}\n")),
        Format::Table => table(&bytes),
    };
    match answer {
        Ok(text) => {
            stdout.write_all(text.as_bytes())?;
            Ok(DONE)
        }
        Err(error) => {
            writeln!(stdout, "{}", error_json(&error))?;
            Ok(UNUSABLE)
        }
    }
}

fn table(bytes: &[u8]) -> Result<String, TermsError> {
    let input = ComputeInput::parse(bytes)?;
    Ok(computation_table(&input.agreement, &input.compute()?, file_cite))
}

fn run_vectors(file: &Path, stdout: &mut dyn Write) -> io::Result<u8> {
    let report = vectors::run(&super::read_input(file)?).map_err(io::Error::other)?;
    stdout.write_all(report.to_text().as_bytes())?;
    Ok(if report.count(Outcome::Fail) == 0 { DONE } else { PROVEN_BAD })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden/calls.json");

    fn run(command: &CallCommand) -> (u8, String) {
        let mut out = Vec::new();
        let code = execute(command, &mut out);
        (code, String::from_utf8(out).unwrap())
    }

    fn compute(input: &str, format: Format, json: bool) -> (u8, String) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("input.json");
        std::fs::write(&path, input).unwrap();
        run(&CallCommand::Compute(Compute { input: path, format, json }))
    }

    /// The input of one of the worked cases.
    fn worked(name: &str) -> String {
        let file = ledger::json::read(&std::fs::read(GOLDEN).unwrap()).unwrap();
        let vectors = file.get("vectors").unwrap().as_array().unwrap().to_vec();
        let named = |vector: &&ledger::json::Json| vector.get("name").unwrap().as_str() == Some(name);
        vectors.iter().find(named).unwrap().get("input").unwrap().to_string()
    }

    #[test]
    fn compute_prints_one_object_or_a_sum() {
        let input = worked("explain_cites_every_term");
        let (code, json) = compute(&input, Format::Json, false);
        assert_eq!(code, DONE);
        assert!(json.starts_with(r#"{"agreement":"CSA-1","version":"1","as_of":"#) && json.ends_with("}\n"));
        assert_eq!(compute(&input, Format::Table, true), (DONE, json));
        let (code, table) = compute(&input, Format::Table, false);
        assert_eq!(code, DONE);
        assert!(table.starts_with("PB secured, FUND pledgor: call 6000000 USD (due)\n"), "{table}");
    }

    #[test]
    fn refusals_are_json_on_stdout() {
        for format in [Format::Json, Format::Table] {
            let (code, out) = compute("{", format, false);
            assert_eq!(code, UNUSABLE);
            assert!(
                out.starts_with(r#"{"error":{"code":"bad_json","path":"","message":"#)
                    && out.ends_with("}}\n")
            );
        }
    }

    #[test]
    fn vectors_count_and_exit() {
        let (code, out) = run(&CallCommand::Vectors { file: GOLDEN.into() });
        assert_eq!(code, DONE);
        assert!(out.ends_with("85 of 85 pass, 25 not yet\n"));
        assert_eq!(run(&CallCommand::Vectors { file: "/nonexistent".into() }), (UNUSABLE, String::new()));
    }
}
