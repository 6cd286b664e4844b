//! `pledger custody`: read statements, reconcile them, check reserves, run worked cases.
//!
//! Files in, text out; all meaning is in crate `custody`.
//!
//! Source: specs/custody.md.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use custody::coverage::{Coverage, LIMITS};
use custody::statement::{self, Outcome};
use custody::vectors::{self, Report, Verdict};
use custody::{LedgerExtract, ReconcileError, Reconciliation, Refusal, RefusalCode, Statement, reconcile};
use ledger::envelope::{Envelope, Purpose};
use ledger::json::Json;

/// Accepted, without breaks, all pass.
const DONE: u8 = 0;
/// Read but not accepted, breaks found, a case fails.
const FOUND: u8 = 1;
/// Refused, or a file that cannot be read.
const REFUSED: u8 = 2;

/// One byte more than any input may have, so that a longer one shows as too large.
const READ_MAX: u64 = 16 * 1024 * 1024 + 1;

/// What custodians state, against the ledger.
#[derive(Debug, Subcommand)]
pub enum CustodyCommand {
    /// Read a custodian's statement strictly.
    Parse(ParseArgs),
    /// Compare the ledger's extract with the statements of that day.
    Reconcile(ReconcileArgs),
    /// Compare attested holdings with the liabilities sealed.
    Coverage(CoverageArgs),
    /// Run worked cases.
    Vectors {
        /// A vectors file, or a folder of them.
        path: PathBuf,
    },
}

/// Arguments of `parse`.
#[derive(Args, Debug)]
pub struct ParseArgs {
    /// The statement.
    file: PathBuf,
    /// The format it is in, where the text does not show it: custodian_json.
    #[arg(long = "as", value_name = "FORMAT")]
    format_in: Option<String>,
    #[command(flatten)]
    output: Output,
}

/// Arguments of `reconcile`.
#[derive(Args, Debug)]
pub struct ReconcileArgs {
    /// The ledger's extract, JSON.
    #[arg(long, value_name = "FILE")]
    ledger: PathBuf,
    /// The custodian's statements.
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    statement: Vec<PathBuf>,
    #[command(flatten)]
    output: Output,
}

/// Arguments of `coverage`.
#[derive(Args, Debug)]
pub struct CoverageArgs {
    /// Roots and attested holdings, JSON.
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
    #[command(flatten)]
    output: Output,
}

#[derive(Args, Debug)]
struct Output {
    /// For a machine or for a person.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// The same as --format json.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Format {
    Json,
    Table,
}

impl Output {
    fn is_json(&self) -> bool {
        self.json || self.format == Format::Json
    }
}

/// Runs the verb and gives the exit code: 0 done, 1 something found, 2 refused.
pub fn execute(command: CustodyCommand, stdout: &mut dyn Write) -> u8 {
    let done = match command {
        CustodyCommand::Parse(args) => parse(&args, stdout),
        CustodyCommand::Reconcile(args) => run_reconcile(&args, stdout),
        CustodyCommand::Coverage(args) => coverage(&args, stdout),
        CustodyCommand::Vectors { path } => run_vectors(&path, stdout),
    };
    // Nobody reads the output any more: then nothing was answered.
    done.unwrap_or(REFUSED)
}

fn parse(args: &ParseArgs, stdout: &mut dyn Write) -> io::Result<u8> {
    let bytes = match read(&args.file) {
        Ok(bytes) => bytes,
        Err(error) => return refuse(stdout, &error),
    };
    let outcome = read_statement(&bytes, args.format_in.as_deref());
    if args.output.is_json() || matches!(outcome, Outcome::Refused(_)) {
        writeln!(stdout, "{}", outcome.to_json())?;
    }
    let Outcome::Read(statements) = &outcome else { return Ok(REFUSED) };
    if !args.output.is_json() {
        statement_table(statements, stdout)?;
    }
    Ok(if outcome.is_accepted() { DONE } else { FOUND })
}

/// Only the form that custodians sign is read so far.
fn read_statement(bytes: &[u8], format: Option<&str>) -> Outcome {
    let is_object = bytes.trim_ascii_start().first() == Some(&b'{');
    let signed = signed_payload(bytes);
    let payload = signed.as_deref().unwrap_or(bytes);
    match format {
        Some(statement::json::FORMAT) => Outcome::from(statement::json::read(payload)),
        None if is_object => Outcome::from(statement::json::read(payload)),
        Some(_) | None => {
            let message = format!("not read yet; what is: --as {}", statement::json::FORMAT);
            Outcome::Refused(Refusal::new(RefusalCode::UnsupportedFormat, "", message))
        }
    }
}

/// What is inside an envelope that a custodian signed. Whose signature it is, the ledger says when the
/// statement is recorded: here no key is at hand.
fn signed_payload(bytes: &[u8]) -> Option<Vec<u8>> {
    let envelope = Envelope::parse(bytes).ok()?;
    (envelope.purpose() == Some(Purpose::CustodianStatement)).then_some(envelope.payload)
}

fn run_reconcile(args: &ReconcileArgs, stdout: &mut dyn Write) -> io::Result<u8> {
    let result = match compare(args) {
        Ok(result) => result,
        Err(error) => return refuse(stdout, &error),
    };
    if args.output.is_json() {
        writeln!(stdout, "{}", result.to_json())?;
    } else {
        reconciliation_table(&result, stdout)?;
    }
    Ok(if result.breaks().is_empty() { DONE } else { FOUND })
}

fn compare(args: &ReconcileArgs) -> Result<Reconciliation, Json> {
    let extract = LedgerExtract::read(&read(&args.ledger)?).map_err(|refusal| refusal.to_json())?;
    let mut statements = Vec::new();
    for path in &args.statement {
        let unread = |refusal: Refusal| ReconcileError::unread(statements.len(), &refusal).to_json();
        let typed = typed_statements(&read(path)?).map_err(unread)?;
        statements.extend(typed);
    }
    reconcile(&extract, &statements).map_err(|error| error.to_json())
}

/// A statement file is typed already; raw ones are read first, once their readers are built.
fn typed_statements(bytes: &[u8]) -> Result<Vec<Statement>, Refusal> {
    if let Some(b'{' | b'[') = bytes.trim_ascii_start().first() {
        return statement::read_all(bytes);
    }
    match read_statement(bytes, None) {
        Outcome::Read(statements) => Ok(statements),
        Outcome::Refused(refusal) => Err(refusal),
    }
}

fn coverage(args: &CoverageArgs, stdout: &mut dyn Write) -> io::Result<u8> {
    let coverage =
        read(&args.input).and_then(|bytes| Coverage::read(&bytes).map_err(|error| error.to_json()));
    let coverage = match coverage {
        Ok(coverage) => coverage,
        Err(error) => return refuse(stdout, &error),
    };
    if args.output.is_json() {
        writeln!(stdout, "{}", coverage.to_json())?;
    } else {
        let report = coverage.to_json();
        let columns = ["custodian", "class", "asset", "liabilities", "attested", "difference", "status"];
        table(&columns, rows(&report, "lines", &columns), stdout)?;
        writeln!(stdout, "\nWhat this cannot prove:")?;
        for limit in LIMITS {
            writeln!(stdout, "- {limit}")?;
        }
    }
    Ok(if coverage.all_covered() { DONE } else { FOUND })
}

fn run_vectors(path: &Path, stdout: &mut dyn Write) -> io::Result<u8> {
    let report = match vectors_of(path) {
        Ok(report) => report,
        Err(error) => return refuse(stdout, &error),
    };
    write!(stdout, "{report}")?;
    Ok(if report.count(Verdict::Fail) == 0 { DONE } else { FOUND })
}

/// A file, or all of a folder's `*.json` that hold custody vectors.
fn vectors_of(path: &Path) -> Result<Report, Json> {
    if !path.is_dir() {
        return vectors::run(&read(path)?).map_err(|refusal| refusal.to_json());
    }
    let entries = fs::read_dir(path).map_err(|error| unreadable(path, &error))?;
    let mut files = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| unreadable(path, &error))?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    let mut all = Report::default();
    let mut found = false;
    for file in files {
        let bytes = read(&file)?;
        if vectors::is_vectors_file(&bytes) {
            found = true;
            all.cases.extend(vectors::run(&bytes).map_err(|refusal| refusal.to_json())?.cases);
        }
    }
    if found { Ok(all) } else { Err(error("unreadable", path, "no vectors file in this folder")) }
}

fn read(path: &Path) -> Result<Vec<u8>, Json> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    file.take(READ_MAX).read_to_end(&mut bytes).map_err(|error| unreadable(path, &error))?;
    Ok(bytes)
}

fn unreadable(path: &Path, cause: &io::Error) -> Json {
    error("unreadable", path, &cause.to_string())
}

fn error(code: &str, path: &Path, message: &str) -> Json {
    Json::object([
        ("code", Json::text(code)),
        ("path", Json::text(path.display().to_string())),
        ("message", Json::text(message)),
    ])
}

fn refuse(stdout: &mut dyn Write, error: &Json) -> io::Result<u8> {
    writeln!(stdout, "{}", Json::object([("error", error.clone())]))?;
    Ok(REFUSED)
}

fn statement_table(statements: &[Statement], stdout: &mut dyn Write) -> io::Result<()> {
    for statement in statements {
        let (id, account, as_of) = (&statement.id, &statement.account, statement.as_of);
        writeln!(stdout, "{} {id}, account {account}, as of {as_of}", statement.format)?;
        let json = statement.to_json();
        for (list, columns) in [
            ("balances", &["asset", "kind", "unit", "amount"][..]),
            ("movements", &["ref", "asset", "amount", "status", "booked_on", "value_on"]),
            ("checks", &["name", "expected", "got", "ok"]),
        ] {
            let rows = rows(&json, list, columns);
            if !rows.is_empty() {
                writeln!(stdout, "\n{list}")?;
                table(columns, rows, stdout)?;
            }
        }
    }
    let accepted = statements.iter().all(Statement::is_accepted);
    writeln!(stdout, "\n{}", if accepted { "accepted" } else { "not accepted: does_not_tie" })
}

fn reconciliation_table(result: &Reconciliation, stdout: &mut dyn Write) -> io::Result<()> {
    let json = result.to_json();
    for (list, columns) in [
        (
            "holdings",
            &["account", "asset", "ledger", "statement", "drift", "explained", "unexplained", "status"][..],
        ),
        ("matches", &["rule", "ledger", "statement", "difference"]),
        ("breaks", &["id", "type", "account", "asset", "amount", "refs"]),
    ] {
        let rows = rows(&json, list, columns);
        if !rows.is_empty() {
            writeln!(stdout, "{list}")?;
            table(columns, rows, stdout)?;
            writeln!(stdout)?;
        }
    }
    if !result.in_flight().is_empty() {
        writeln!(stdout, "in flight: {}\n", result.in_flight().join(", "))?;
    }
    writeln!(stdout, "{} breaks, fingerprint {}", result.breaks().len(), result.fingerprint())
}

/// The named members of each object in a list, as texts.
fn rows(json: &Json, list: &str, columns: &[&str]) -> Vec<Vec<String>> {
    let objects = json.get(list).and_then(Json::as_array).unwrap_or(&[]);
    let cell = |object: &Json, column: &str| object.get(column).map(cell_text).unwrap_or_default();
    objects.iter().map(|object| columns.iter().map(|column| cell(object, column)).collect()).collect()
}

fn cell_text(json: &Json) -> String {
    match json {
        Json::String(text) => text.clone(),
        Json::Array(elements) => elements.iter().map(cell_text).collect::<Vec<_>>().join(","),
        Json::Object(_) | Json::Bool(_) | Json::Number(_) | Json::Null => json.to_string(),
    }
}

/// Columns as wide as their longest text, two spaces between.
fn table(columns: &[&str], rows: Vec<Vec<String>>, stdout: &mut dyn Write) -> io::Result<()> {
    let head = columns.iter().map(|column| (*column).to_owned()).collect();
    let lines: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
    let width = |place: usize| lines.iter().map(|line| line[place].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    for line in &lines {
        let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        writeln!(stdout, "  {}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Cli {
        #[command(subcommand)]
        command: CustodyCommand,
    }

    const SIGNED: &str = r#"{"account":"A1","as_of":"2026-09-01T23:59:59.999Z","balances":[{"amount":"100","asset":"USD","kind":"opening"},{"amount":"90","asset":"USD","kind":"closing"}],"basis":"settled","checks":[],"custodian":"CUST-1","format":"custodian_json","id":"S1","movements":[{"amount":"-10","asset":"USD","ref":"R1","status":"booked"}],"sequence":"1"}"#;
    const EXTRACT: &str = r#"{"as_of":"2026-09-01T23:59:59.999Z","custodian":"CUST-1","assets":[{"id":"USD","decimals":"2"}],"holdings":[{"account":"A1","asset":"USD","class":"uncleared","amount":"90"}],"movements":[{"id":"m1","account":"A1","asset":"USD","amount":"-10","state":"settled","value_on":"2026-09-01","ref":"R1"}],"rules":{"tolerance":{},"date_window_days":"1","max_group":"6"}}"#;

    /// Writes the files into a folder of their own, runs the words in it, `@` standing for it.
    fn run(files: &[(&str, &str)], words: &str) -> (u8, String) {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let words = words.replace('@', folder.path().to_str().unwrap());
        let cli = Cli::try_parse_from(std::iter::once("custody").chain(words.split_whitespace())).unwrap();
        let mut stdout = Vec::new();
        let code = execute(cli.command, &mut stdout);
        (code, String::from_utf8(stdout).unwrap())
    }

    #[test]
    fn parse_says_how_it_went_by_its_exit_code() {
        let untied = SIGNED.replace("\"90\"", "\"91\"");
        for (text, words, code, want) in [
            (SIGNED, "--format json", DONE, r#"{"accepted":true,"statements":[{"format":"custodian_json""#),
            (SIGNED, "--as custodian_json --json", DONE, r#"{"accepted":true,"#),
            (
                SIGNED,
                "--format table",
                DONE,
                "custodian_json S1, account A1, as of 2026-09-01T23:59:59.999Z\n",
            ),
            (
                &untied,
                "--json",
                FOUND,
                r#"{"accepted":false,"error":{"code":"does_not_tie"},"statements":[{"#,
            ),
            (&untied, "", FOUND, "custodian_json S1"),
            ("{}", "", REFUSED, r#"{"accepted":false,"error":{"code":"missing_field","path":"/format","#),
            ("<a/>", "", REFUSED, r#"{"accepted":false,"error":{"code":"unsupported_format","path":"","#),
            (SIGNED, "--as csv", REFUSED, r#"{"accepted":false,"error":{"code":"unsupported_format","#),
            (
                "\u{1}",
                "--as custodian_json",
                REFUSED,
                r#"{"accepted":false,"error":{"code":"schema_invalid","#,
            ),
        ] {
            let (got, out) = run(&[("s", text)], &format!("parse @/s {words}"));
            assert_eq!(got, code, "{words}: {out}");
            assert!(out.starts_with(want), "{words}: {out}");
        }
        let key = ledger::key::SecretKey::from_seed(&[3; 32]);
        let signed = Envelope::sign(Purpose::CustodianStatement, SIGNED.as_bytes(), &[&key]).to_string();
        let (code, out) = run(&[("s", &signed)], "parse @/s --json");
        assert!(code == DONE && out.starts_with(r#"{"accepted":true,"#), "{out}");
        let (code, out) = run(&[], "parse @/absent");
        assert!(code == REFUSED && out.starts_with(r#"{"error":{"code":"unreadable""#), "{out}");
    }

    #[test]
    fn reconcile_says_how_it_went_by_its_exit_code() {
        let outcome = format!(r#"{{"accepted":true,"statements":[{SIGNED}]}}"#);
        let surplus = EXTRACT.replace("\"90\"", "\"89.99\"");
        let late = SIGNED.replace("09-01T", "09-02T");
        for (ledger, statement, code, want) in [
            (
                EXTRACT,
                SIGNED,
                DONE,
                r#"{"as_of":"2026-09-01T23:59:59.999Z","custodian":"CUST-1","holdings":["#,
            ),
            (EXTRACT, &outcome, DONE, r#"{"as_of":"#),
            (&surplus, SIGNED, FOUND, r#"{"as_of":"#),
            (EXTRACT, &late, REFUSED, r#"{"error":{"code":"as_of_mismatch","path":"/statements/0/as_of","#),
            (
                EXTRACT,
                "<a/>",
                REFUSED,
                r#"{"error":{"code":"statement_not_accepted","path":"/statements/0","#,
            ),
            (EXTRACT, "{}", REFUSED, r#"{"error":{"code":"statement_not_accepted","path":"/statements/0","#),
            ("{}", SIGNED, REFUSED, r#"{"error":{"code":"missing_field","path":"/as_of","#),
        ] {
            let files = [("l", ledger), ("s", statement)];
            let (got, out) = run(&files, "reconcile --ledger @/l --statement @/s --format json");
            assert_eq!(got, code, "{out}");
            assert!(out.starts_with(want), "{out}");
            let (got, _) = run(&files, "reconcile --ledger @/l --statement @/s --format table");
            assert_eq!(got, code);
        }
    }

    #[test]
    fn vectors_of_a_file_or_a_folder() {
        let case = |expect: &str| {
            format!(
                r#"{{"format":"{}","vectors":[{{"name":"n","op":"coverage","input":{{}},"expect":{expect}}}]}}"#,
                vectors::FORMAT
            )
        };
        let (good, bad) = (case(r#"{"error":{}}"#), case(r#"{"ok":{}}"#));
        let other = r#"{"format":"pledger/vectors/calls/v1"}"#;
        for (files, words, code, want) in [
            (&[("a.json", good.as_str())][..], "vectors @/a.json", DONE, "1 of 1 pass\n"),
            (&[("a.json", &bad)], "vectors @/a.json", FOUND, "0 of 1 pass\n"),
            (&[("a.json", &good), ("b.json", &bad), ("c.json", other)], "vectors @", FOUND, "1 of 2 pass\n"),
            (&[("c.json", other)], "vectors @", REFUSED, "no vectors file in this folder\"}}\n"),
            (&[("c.json", other)], "vectors @/c.json", REFUSED, "}}\n"),
        ] {
            let (got, out) = run(files, words);
            assert_eq!(got, code, "{out}");
            assert!(out.ends_with(want), "{out}");
        }
    }

    #[test]
    fn coverage_prints_what_it_cannot_prove() {
        let input = r#"{"as_of":"2026-09-01T23:59:59.999Z","roots":[{"custodian":"C","class":"k","asset":"A","total":"5"}],"attested":[]}"#;
        let (code, out) = run(&[("i", input)], "coverage --input @/i");
        assert_eq!(code, FOUND);
        assert!(out.contains("no_evidence") && out.contains("What this cannot prove:"), "{out}");
        assert_eq!(run(&[("i", input)], "coverage --input @/i --json").0, FOUND);
        assert_eq!(run(&[("i", "{}")], "coverage --input @/i").0, REFUSED);
    }
}
