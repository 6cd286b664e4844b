//! The story, told as it happens.

use std::io;
use std::path::Path;

use ledger::json::Json;

use super::book::object;
use super::cast::{AUDITOR, BROKER, CLIENT, CUSTODIAN, Player, text};
use super::custody_day::{FoundBreak, custody_day};
use super::facts::days;
use super::margin_day::{Margined, margin_day};
use super::setting::{Cast, account, terms};
use super::telling::{Telling, grouped, money};
use crate::cli::init::{InitArgs, init};
use crate::client::ClientError;
use crate::home::{HomeError, read_key};
use crate::serving::ServingError;

/// The origin of the demo's ledger.
pub const ORIGIN: &str = "ledger.example/demo";

/// The figures of the story, for a machine.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Figures {
    /// The ledger's origin.
    pub origin: String,
    /// Records.
    pub records: String,
    /// Root of the tree over them, hex.
    pub root: String,
    /// Requirement on 2 August 2024 under `us-siloed`.
    pub siloed: String,
    /// The same under `us-harmonized`.
    pub harmonized: String,
    /// The call's amount.
    pub call_amount: String,
    /// Where the call ended.
    pub call_status: String,
    /// The code that refused the withdrawal.
    pub withdrawal_code: String,
    /// Breaks found.
    pub breaks: String,
    /// What the full verification said: `good`, `bad` or `undecidable`.
    pub verify: String,
    /// What it said of a copy with one byte flipped.
    pub tampered: String,
}

/// Why the story could not be told to its end.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The setting could not be made.
    #[error("{0}")]
    Setting(String),
    /// The server, or a refusal where the story has none.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The ledger's directory.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The server did not start or stop.
    #[error(transparent)]
    Serving(#[from] ServingError),
    /// The reader is gone, or a file could not be copied.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// An answer or figure is not what the story needs.
    #[error("not as the story goes: {0}")]
    Unexpected(String),
}

/// Makes the ledger, before a server runs over it.
///
/// # Errors
/// [`DemoError::Setting`].
pub fn found(dir: &Path) -> Result<Json, DemoError> {
    let args = InitArgs {
        dir: dir.to_owned(),
        origin: ORIGIN.to_owned(),
        operator: BROKER.to_owned(),
        legal_name: "Harbor Prime LLC".to_owned(),
        key: None,
        log_key: None,
        witness_policy: None,
        sandbox: true,
    };
    init(&args).map_err(DemoError::Setting)
}

/// Plays the part of the story that needs a server, over its public interface.
///
/// # Errors
/// [`DemoError`].
pub fn play(dir: &Path, url: &str, tell: &mut Telling) -> Result<Figures, DemoError> {
    let mut figures = Figures { origin: ORIGIN.to_owned(), ..Figures::default() };
    let keys = dir.join("keys");
    let mut cast = Cast {
        broker: Player::with_key(BROKER, read_key(&keys.join(format!("{BROKER}.pem")))?, url, ORIGIN)?,
        client: Player::new(CLIENT, &keys, url, ORIGIN)?,
        custodian: Player::new(CUSTODIAN, &keys, url, ORIGIN)?,
        auditor: Player::new(AUDITOR, &keys, url, ORIGIN)?,
    };
    tell_parties(&mut cast, tell)?;
    let regime = cast.agree(&terms())?;
    tell.line(
        "Agreement CSA-MERIDIAN: proposed by the broker, accepted by the fund. Two signatures, one digest.",
    )?;
    tell_deposits(&cast, tell)?;

    let [friday, monday] = days();
    tell.chapter(&format!("Margin at the closes of {}", friday.label))?;
    let first = margin_day(&cast, &friday, "2024-08-02", &friday, &regime)?;
    tell_margin(&first, tell)?;
    (figures.siloed, figures.harmonized) = (first.siloed.clone(), first.harmonized.clone());

    tell.chapter(&format!("{}: the carry trade unwinds", monday.label))?;
    tell.line("BTC -12.0 %, IBIT -14.4 %, MSTR -9.5 %, SPY -2.9 % since Friday's close.")?;
    let second = margin_day(&cast, &monday, "2024-08-05", &friday, &regime)?;
    tell_shortfall(&second, tell)?;
    (figures.call_amount, figures.call_status) = call(&cast, &second, tell)?;
    figures.withdrawal_code = withdraw(&cast, tell)?;

    tell.chapter("The custodian's own statement")?;
    let breaks = custody_day(&cast, &monday.as_of)?;
    tell_breaks(&breaks, tell)?;
    figures.breaks = breaks.len().to_string();

    let ledger = cast.auditor.read("/v1/ledger")?;
    (figures.records, figures.root) = (text(&ledger, "/size")?, root_of(&ledger)?);
    tell.chapter("A checkpoint")?;
    tell.line(&format!("{} records under one root:\n  {}", figures.records, figures.root))?;
    tell.line(&format!("signed by {}", text(&ledger, "/vkey")?))?;
    Ok(figures)
}

fn root_of(ledger: &Json) -> Result<String, DemoError> {
    let root = ledger.get("root").and_then(Json::as_str).map(str::to_owned);
    root.ok_or_else(|| DemoError::Unexpected("the ledger tells no root".to_owned()))
}

fn tell_parties(cast: &mut Cast, tell: &mut Telling) -> Result<(), DemoError> {
    tell.chapter("Four parties, four keys")?;
    cast.register()?;
    cast.open_accounts()?;
    for (player, what) in [
        (&cast.broker, "prime broker, who runs this ledger"),
        (&cast.client, "a fund that trades coins against shares"),
        (&cast.custodian, "the custodian, who holds the assets"),
        (&cast.auditor, "the auditor, who trusts none of them"),
    ] {
        let line = format!("{:<10} {}  {what}", player.party.as_str(), player.key.public().id());
        tell.line(&line)?;
    }
    Ok(())
}

/// What the fund brings: asset, deposited, posted.
const BROUGHT: [(&str, &str, &str); 4] = [
    ("BTC", "12", "4"),
    ("USDC", "250000", "100000"),
    ("T-BILL", "150000", "100000"),
    ("USD", "90000", "60000"),
];

fn tell_deposits(cast: &Cast, tell: &mut Telling) -> Result<(), DemoError> {
    tell.chapter("Collateral comes in, credited on the custodian's signature")?;
    for (asset, amount, _) in BROUGHT {
        let seq = cast.deposit(asset, amount)?;
        tell.line(&format!("{:>12} {asset:<7} record {seq}", grouped(amount)))?;
    }
    cast.post(&BROUGHT.map(|(asset, _, posted)| (asset, posted)))?;
    let posted: Vec<_> =
        BROUGHT.iter().map(|(asset, _, posted)| format!("{} {asset}", grouped(posted))).collect();
    tell.line(&format!("Posted by the fund: {}.", posted.join(", ")))?;
    Ok(())
}

fn tell_margin(day: &Margined, tell: &mut Telling) -> Result<(), DemoError> {
    tell.line("The book: long IBIT, MSTR and SPY (securities), short bitcoin futures and a perpetual")?;
    tell.line("(not securities), and a short swap on COIN that the law calls both.\n")?;
    tell.line(&format!("{:>34} {:>16}", "us-siloed, as the law stands", money(&day.siloed)))?;
    for (reason, dollars) in &day.ladder {
        tell.line(&format!("{:>34} {:>16}", reason.replace('_', " "), money(&flipped(dollars))))?;
    }
    tell.line(&format!("{:>34} {:>16}", "us-harmonized", money(&day.harmonized)))?;
    tell.line(&format!(
        "\nThe same risk, {} % less margin; each dollar of the difference has its line.",
        day.percent
    ))?;
    let covered = format!("posted collateral counts {}", money(&day.collateral));
    tell.line(&format!("Statement {}: {covered}; {}.", day.statement, due(day)))?;
    Ok(())
}

/// A line of the ladder is a saving: what it takes off.
fn flipped(dollars: &str) -> String {
    match dollars.strip_prefix('-') {
        Some(cost) => cost.to_owned(),
        None if dollars == "0" => dollars.to_owned(),
        None => format!("-{dollars}"),
    }
}

fn due(day: &Margined) -> String {
    match day.due.0.as_str() {
        "call" => format!("a call for {} is due", money(&day.due.1)),
        "return" => format!("{} could be returned", money(&day.due.1)),
        _ => "nothing is due".to_owned(),
    }
}

fn tell_shortfall(day: &Margined, tell: &mut Telling) -> Result<(), DemoError> {
    for (what, figure) in [
        ("unsettled loss since Friday", &day.exposure),
        ("requirement, us-harmonized", &day.harmonized),
        ("posted collateral counts", &day.collateral),
    ] {
        tell.line(&format!("{what:>34} {:>16}", money(figure)))?;
    }
    tell.line(&format!("Statement {}: {}.", day.statement, due(day)))?;
    Ok(())
}

/// The call, from issue to settlement. Gives its amount and where it ended.
fn call(cast: &Cast, day: &Margined, tell: &mut Telling) -> Result<(String, String), DemoError> {
    tell.chapter("The call")?;
    let amount = &day.due.1;
    if day.due.0 != "call" {
        return Err(DemoError::Unexpected(format!("no call is due: {}", day.due.0)));
    }
    let id = "CALL-2024-08-05";
    let body = object(&[
        ("call", id),
        ("agreement", "CSA-MERIDIAN"),
        ("version", "1"),
        ("statement", &day.statement),
        ("leg", "delivery"),
        ("kind", "demand"),
        ("amount", amount),
        ("currency", "USD"),
        ("due", "2024-08-06T12:00:00.000Z"),
    ]);
    cast.broker.command("call.issue", body)?;
    tell.line(&format!(
        "broker     issues {id} for {} USD; the ledger computed the same figure",
        money(amount)
    ))?;
    cast.client.command("call.acknowledge", object(&[("call", id)]))?;
    cast.client.command("call.agree", object(&[("call", id), ("amount", amount)]))?;
    tell.line("fund       acknowledges, recomputes, agrees")?;

    let items = [("BTC", "5"), ("USDC", "80000")];
    let pledged = items.map(|(asset, quantity)| {
        object(&[("asset", asset), ("amount", quantity), ("from", &account(asset, "available"))])
    });
    let body = Json::object([
        ("call", Json::text(id)),
        ("items", Json::array(pledged)),
        ("value", Json::text(amount)),
    ]);
    let pledge = text(&cast.client.command("call.pledge", body)?, "/command_id")?;
    tell.line("fund       pledges 5 BTC and 80,000 USDC; both are reserved from now on")?;
    cast.broker.command("call.accept_pledge", object(&[("call", id), ("pledge", &pledge)]))?;
    tell.line("broker     accepts the pledge")?;

    let postings = items.map(|(asset, quantity)| {
        object(&[
            ("from", &account(asset, "available")),
            ("to", &account(asset, "posted")),
            ("asset", asset),
            ("amount", quantity),
        ])
    });
    let body = Json::object([
        ("call", Json::text(id)),
        ("movement", Json::text("transfer-2024-08-05")),
        ("postings", Json::array(postings)),
    ]);
    cast.client.command("transfer.instruct", body)?;
    tell.line("fund       instructs the transfer")?;
    let advice = object(&[("movement", "transfer-2024-08-05"), ("settled", "2024-08-05T23:59:59.000Z")]);
    let evidence = cast.custodian.upload(advice.to_jcs().as_bytes())?;
    let body = object(&[
        ("call", id),
        ("movement", "transfer-2024-08-05"),
        ("amount", amount),
        ("evidence", &evidence.tagged()),
    ]);
    cast.custodian.command("transfer.settle", body)?;
    let state = text(&cast.client.read(&format!("/v1/calls/{id}"))?, "/call/state")?;
    tell.line(&format!("custodian  settles it: the call is {state}"))?;
    Ok((amount.clone(), state))
}

/// A withdrawal that would leave the requirement uncovered. Gives the code that refused it.
fn withdraw(cast: &Cast, tell: &mut Telling) -> Result<String, DemoError> {
    tell.chapter("A withdrawal too far")?;
    let posting = object(&[
        ("from", &account("BTC", "posted")),
        ("to", &account("BTC", "available")),
        ("asset", "BTC"),
        ("amount", "5"),
    ]);
    let body = Json::object([
        ("movement", Json::text("withdraw-5-btc")),
        ("mode", Json::text("immediate")),
        ("postings", Json::array([posting])),
    ]);
    match cast.broker.command("movement.instruct", body) {
        Err(DemoError::Client(ClientError::Problem { problem, .. })) => {
            let code = text(&problem, "/code")?;
            tell.line("The fund asks for 5 BTC back, and the broker, to please it, signs the release.")?;
            tell.line(&format!("The ledger refuses: {code}"))?;
            let (expected, got) = (text(&problem, "/expected")?, text(&problem, "/got")?);
            tell.line(&format!("{:>34} {:>16}", "must stay covered", money(&expected)))?;
            tell.line(&format!("{:>34} {:>16}", "what would remain", money(&got)))?;
            Ok(code)
        }
        Ok(_) => Err(DemoError::Unexpected("the release was not refused".to_owned())),
        Err(error) => Err(error),
    }
}

fn tell_breaks(breaks: &[FoundBreak], tell: &mut Telling) -> Result<(), DemoError> {
    tell.line("Signed by the custodian, recorded by digest, reconciled against the ledger's mirror:")?;
    for FoundBreak { kind, asset, amount } in breaks {
        tell.line(&format!(
            "  {kind} {asset} {}: opened as a break, which ages until somebody explains it",
            grouped(amount)
        ))?;
    }
    if breaks.is_empty() {
        tell.line("  no break")?;
    }
    Ok(())
}
