//! `pledger margin`: what a book needs under each rule book, and why.
//!
//! Reads files and prints; everything else is the crate `margin`. Input errors are JSON on stdout,
//! as the specification of margin has it, and nothing else is printed then.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use ::margin::vectors::{self, Verdict};
use ::margin::{Failure, History, InputError, Regime, RegimeRef};
use clap::{Args, Subcommand, ValueEnum};
use ledger::digest::Digest;
use ledger::json::Json;

use super::fail;

/// Done.
const EXIT_DONE: u8 = 0;
/// A check failed.
const EXIT_FAILED: u8 = 1;
/// The call or the input is wrong.
const EXIT_INPUT: u8 = 2;

/// What `pledger margin` does.
#[derive(Debug, Subcommand)]
pub enum MarginCommand {
    /// Compute what each account needs under each rule book.
    Run(RunArgs),
    /// Compare silos with one tree: how much the wall traps, and why.
    Compare(CompareArgs),
    /// Price options one by one: values, sensitivities, implied volatilities.
    Price {
        /// The input file (JSON, `pledger.margin.price.v1`).
        #[arg(long)]
        input: PathBuf,
        /// How to print.
        #[arg(long, value_enum, default_value_t = PriceFormat::Json)]
        format: PriceFormat,
    },
    /// Margin today's book at the closes of past days, and test what was required against what was lost.
    Backtest(BacktestArgs),
    /// Run worked cases: one line per expectation, then the counts.
    Vectors {
        /// The vectors file.
        file: PathBuf,
        /// Print the digest of each whole answer instead: the same on every machine.
        #[arg(long)]
        digests: bool,
    },
    /// Look at a rule book.
    #[command(subcommand)]
    Regime(RegimeCommand),
}

/// Arguments of `pledger margin run`.
#[derive(Args, Debug)]
pub struct RunArgs {
    /// The input file (JSON).
    #[arg(long)]
    input: PathBuf,
    /// A rule book by name, or a TOML file; all that are shipped and computed if none is given.
    #[arg(long = "regime")]
    regimes: Vec<String>,
    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Json)]
    format: Format,
    /// The same as `--format json`.
    #[arg(long)]
    json: bool,
    /// Also write every figure with its reasons as a page (HTML) to this file.
    #[arg(long)]
    explain: Option<PathBuf>,
}

/// Arguments of `pledger margin compare`.
#[derive(Args, Debug)]
pub struct CompareArgs {
    /// The input file (JSON).
    #[arg(long)]
    input: PathBuf,
    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Json)]
    format: Format,
    /// The same as `--format json`.
    #[arg(long)]
    json: bool,
}

/// Arguments of `pledger margin backtest`.
#[derive(Args, Debug)]
pub struct BacktestArgs {
    /// The input file (JSON).
    #[arg(long)]
    input: PathBuf,
    /// Closing prices: `date,symbol,close` and, where they differ, `clock` (CSV).
    #[arg(long)]
    history: PathBuf,
    /// A rule book by name, or a TOML file; those that the input names if none is given, else all.
    #[arg(long = "regime")]
    regimes: Vec<String>,
    /// How to print.
    #[arg(long, value_enum, default_value_t = BacktestFormat::Json)]
    format: BacktestFormat,
}

/// How a back-test is printed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum BacktestFormat {
    /// One JSON object.
    Json,
    /// One row for each rule book and date.
    Csv,
    /// A page with charts, for people.
    Html,
}

/// What `pledger margin regime` does.
#[derive(Debug, Subcommand)]
pub enum RegimeCommand {
    /// Print a rule book as JSON, with its digest.
    Show {
        /// A name or a TOML file.
        regime: String,
    },
    /// Check that a rule book is whole and each parameter has a source.
    Check {
        /// A name or a TOML file.
        regime: String,
    },
}

/// How figures are printed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Format {
    /// One JSON object.
    Json,
    /// One line per figure, for people.
    Table,
}

/// How prices are printed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum PriceFormat {
    /// One JSON object.
    Json,
}

/// Runs a command and says how it ended: 0 done, 1 a check failed, 2 wrong call or input, or an answer
/// that could not be written.
pub fn execute(command: &MarginCommand, stdout: &mut dyn Write) -> u8 {
    done(command, stdout).unwrap_or_else(|error| fail(EXIT_INPUT, &error.to_string()))
}

fn done(command: &MarginCommand, stdout: &mut dyn Write) -> io::Result<u8> {
    match command {
        MarginCommand::Run(args) => run(args, stdout),
        MarginCommand::Compare(args) => compare(args, stdout),
        MarginCommand::Price { input, format: PriceFormat::Json } => price(input, stdout),
        MarginCommand::Backtest(args) => backtest(args, stdout),
        MarginCommand::Vectors { file, digests: true } => print_digests(file, stdout),
        MarginCommand::Vectors { file, digests: false } => run_vectors(file, stdout),
        MarginCommand::Regime(RegimeCommand::Show { regime }) => show(regime, stdout),
        MarginCommand::Regime(RegimeCommand::Check { regime }) => check(regime, stdout),
    }
}

fn run(args: &RunArgs, stdout: &mut dyn Write) -> io::Result<u8> {
    let Some(input) = read(&args.input)? else { return Ok(EXIT_INPUT) };
    let Some(mut books) = find_all(&args.regimes)? else { return Ok(EXIT_INPUT) };
    if books.is_empty() {
        books.extend(Regime::built_ids().map(|id| Book::Named(id.to_owned())));
    }
    let regimes: Vec<RegimeRef> = books.iter().map(Book::as_ref).collect();
    match ::margin::run(&input, &regimes) {
        Ok(result) => {
            if let Some(path) = &args.explain
                && let Err(error) = std::fs::write(path, result.page())
            {
                return Ok(fail(EXIT_INPUT, &format!("{}: {error}", path.display())));
            }
            match if args.json { Format::Json } else { args.format } {
                Format::Json => print(stdout, &result.to_json().to_string()),
                Format::Table => print(stdout, result.table().trim_end()),
            }
        }
        Err(failure) => refuse(stdout, &failure),
    }
}

fn compare(args: &CompareArgs, stdout: &mut dyn Write) -> io::Result<u8> {
    let Some(input) = read(&args.input)? else { return Ok(EXIT_INPUT) };
    match ::margin::compare(&input) {
        Ok(comparison) => match if args.json { Format::Json } else { args.format } {
            Format::Json => print(stdout, &comparison.to_json().to_string()),
            Format::Table => print(stdout, comparison.table().trim_end()),
        },
        Err(failure) => refuse(stdout, &failure),
    }
}

fn price(input: &Path, stdout: &mut dyn Write) -> io::Result<u8> {
    let Some(bytes) = read(input)? else { return Ok(EXIT_INPUT) };
    match ::margin::price(&bytes) {
        Ok(priced) => print(stdout, &priced.to_string()),
        Err(failure) => refuse(stdout, &failure),
    }
}

fn backtest(args: &BacktestArgs, stdout: &mut dyn Write) -> io::Result<u8> {
    let Some(input) = read(&args.input)? else { return Ok(EXIT_INPUT) };
    let Some(history) = read(&args.history)? else { return Ok(EXIT_INPUT) };
    let Some(books) = find_all(&args.regimes)? else { return Ok(EXIT_INPUT) };
    let history = match History::from_csv(&history) {
        Ok(history) => history,
        Err(error) => return refuse(stdout, &Failure::Input(error)),
    };
    let regimes: Vec<RegimeRef> = books.iter().map(Book::as_ref).collect();
    match ::margin::backtest(&input, &history, &regimes) {
        Ok(tested) => match args.format {
            BacktestFormat::Json => print(stdout, &tested.to_json().to_string()),
            BacktestFormat::Csv => print(stdout, tested.csv().trim_end()),
            BacktestFormat::Html => print(stdout, tested.html().trim_end()),
        },
        Err(failure) => refuse(stdout, &failure),
    }
}

/// The rule books by name; `None` if one cannot be read.
fn find_all(names: &[String]) -> io::Result<Option<Vec<Book>>> {
    names.iter().map(|name| Book::find(name)).collect()
}

fn run_vectors(file: &Path, stdout: &mut dyn Write) -> io::Result<u8> {
    let Some(bytes) = read(file)? else { return Ok(EXIT_INPUT) };
    match vectors::run(&bytes) {
        Ok(report) => {
            write!(stdout, "{report}")?;
            Ok(if report.count(Verdict::Fail) == 0 { EXIT_DONE } else { EXIT_FAILED })
        }
        Err(error) => refuse(stdout, &Failure::Input(error)),
    }
}

fn print_digests(file: &Path, stdout: &mut dyn Write) -> io::Result<u8> {
    let Some(bytes) = read(file)? else { return Ok(EXIT_INPUT) };
    match vectors::answers(&bytes) {
        Ok(answers) => {
            for (name, answer) in answers {
                writeln!(stdout, "{name} {}", Digest::of(answer.to_jcs().as_bytes()))?;
            }
            Ok(EXIT_DONE)
        }
        Err(error) => refuse(stdout, &Failure::Input(error)),
    }
}

fn show(name: &str, stdout: &mut dyn Write) -> io::Result<u8> {
    let Some(book) = Book::find(name)? else { return Ok(EXIT_INPUT) };
    match book.open() {
        Ok(regime) => {
            let shown = Json::object([
                ("regime", Json::text(regime.id())),
                ("version", Json::text(regime.version())),
                ("regime_sha256", Json::text(regime.sha256().to_string())),
                ("assumed", Json::text(regime.assumed().to_string())),
                ("content", regime.content().clone()),
            ]);
            print(stdout, &shown.to_string())
        }
        Err(error) => refuse(stdout, &Failure::Input(error)),
    }
}

fn check(name: &str, stdout: &mut dyn Write) -> io::Result<u8> {
    let Some(book) = Book::find(name)? else { return Ok(EXIT_INPUT) };
    match book.open() {
        Ok(regime) => {
            let (id, digest, assumed) = (regime.id(), regime.sha256(), regime.assumed());
            print(stdout, &format!("{id} {digest} every parameter has a source, {assumed} assumed"))
        }
        Err(error) => refuse(stdout, &Failure::Input(error)),
    }
}

/// A rule book as the caller named it.
#[derive(Debug)]
enum Book {
    Named(String),
    Text(String),
}

impl Book {
    /// A name that ends in `.toml` or has a `/` is a file; `None` if that cannot be read.
    fn find(name: &str) -> io::Result<Option<Self>> {
        if !name.ends_with(".toml") && !name.contains('/') {
            return Ok(Some(Self::Named(name.to_owned())));
        }
        let Some(bytes) = read(Path::new(name))? else { return Ok(None) };
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Some(Self::Text(text))),
            Err(error) => {
                writeln!(io::stderr(), "{name}: {error}")?;
                Ok(None)
            }
        }
    }

    fn as_ref(&self) -> RegimeRef<'_> {
        match self {
            Self::Named(name) => RegimeRef::Named(name),
            Self::Text(text) => RegimeRef::Text(text),
        }
    }

    fn open(&self) -> Result<Regime, InputError> {
        Regime::open(self.as_ref())
    }
}

/// A file's bytes; what cannot be read is said on stderr.
fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match super::read_input(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) => {
            writeln!(io::stderr(), "{error}")?;
            Ok(None)
        }
    }
}

fn print(stdout: &mut dyn Write, text: &str) -> io::Result<u8> {
    writeln!(stdout, "{text}")?;
    Ok(EXIT_DONE)
}

fn refuse(stdout: &mut dyn Write, failure: &Failure) -> io::Result<u8> {
    writeln!(stdout, "{}", failure.to_json())?;
    Ok(EXIT_INPUT)
}
