//! A period for an auditor's file: opening balances, what moved, closing balances, exceptions, overrides
//! and breaks that are not resolved, each line with the receipt of the record that it rests on.
//!
//! **`pledger/audit-pack/v1`**: each table as CSV and JSON, `receipts/<seq>.tlog-proof`, `checkpoint`, and
//! `manifest.json` with the SHA-256 of every file. It is given its name once all of it is written.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use ledger::account::Account;
use ledger::amount::print_units;
use ledger::break_record::{Break, BreakState};
use ledger::command::read_batch;
use ledger::digest::Digest;
use ledger::id::{AccountId, AssetId};
use ledger::intake;
use ledger::json::{self, Json};
use ledger::movement::Movement;
use ledger::overrides::Override;
use ledger::state::State;
use ledger::time::Timestamp;

use super::files::Files;
use super::table::{Table, receipt_of};
use crate::may::{Object, may_read};
use crate::offline::{Offline, Receipts};
use crate::session::Principal;

/// Types of commands that are no day's business: each is told with what it says.
const EXCEPTIONS: [&str; 20] = [
    "account.freeze",
    "account.unfreeze",
    "asset.suspend",
    "break.write_off",
    "breaker.step",
    "document.erase",
    "key.recover",
    "key.revoke",
    "ledger.close",
    "ledger.confirm_clock",
    "ledger.log_key",
    "ledger.rules",
    "ledger.witness_policy",
    "movement.reclassify",
    "movement.reverse",
    "movement.void",
    "override.grant",
    "override.revoke",
    "party.resume",
    "party.suspend",
];

const DAY_MS: u64 = 86_400_000;

/// Of which days; both are in it, from midnight to midnight UTC.
#[derive(Clone, Debug)]
pub struct Period {
    /// The first day, `YYYY-MM-DD`.
    pub from: String,
    /// The last.
    pub to: String,
}

impl Period {
    /// The first instant of it and the first after it.
    fn bounds(&self) -> Result<(Timestamp, Timestamp), String> {
        let midnight = |day: &str| {
            let at = Timestamp::parse(&format!("{day}T00:00:00.000Z"));
            at.ok_or_else(|| format!("{day} is no date like 2026-01-31"))
        };
        let (from, last) = (midnight(&self.from)?, midnight(&self.to)?);
        if last < from {
            return Err(format!("{} is before {}", self.to, self.from));
        }
        Ok((from, last.plus_millis(DAY_MS).unwrap_or(last)))
    }
}

/// What of a ledger goes in.
struct Packing<'a> {
    ledger: &'a Offline,
    eyes: Option<&'a Principal>,
    opening: State,
    closing: State,
}

/// Writes the pack of a period into a directory that does not exist yet. `eyes` are those of the auditor
/// it is for: nothing that it may not read goes in.
///
/// # Errors
/// What cannot be read or written, for a person; then there is no directory of that name.
pub fn write(
    ledger: &Offline,
    period: &Period,
    eyes: Option<&Principal>,
    out: &Path,
) -> Result<Json, String> {
    if out.exists() {
        return Err(format!("{}: there is something already: give another name", out.display()));
    }
    let (from, until) = period.bounds()?;
    let receipts = ledger.receipts()?;
    let (first, end) = (receipts.length_before(from), receipts.length_before(until));
    let [opening, closing] = ledger.states([first, end])?;
    let packing = Packing { ledger, eyes, opening, closing };
    let tables = packing.tables(&receipts, first, end)?;
    let mut part = out.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let written = Files::begin(&part).and_then(|files| {
        let manifest = packing.write_all(&files, period, [first, end], &tables, &receipts)?;
        fs::rename(&part, out).map_err(|error| format!("{}: {error}", out.display()))?;
        Ok(manifest)
    });
    if written.is_err() {
        // Without its name it is no pack; that it could not be removed changes nothing.
        let _ = fs::remove_dir_all(&part);
    }
    written
}

impl Packing<'_> {
    fn write_all(
        &self,
        files: &Files,
        period: &Period,
        [first, end]: [u64; 2],
        tables: &[Table],
        receipts: &Receipts,
    ) -> Result<Json, String> {
        let mut told = Vec::new();
        for table in tables {
            let rows = Some(table.rows());
            told.push(files.write(&format!("{}.csv", table.name), table.to_csv().as_bytes(), rows)?);
            let json = format!("{}\n", table.to_json());
            told.push(files.write(&format!("{}.json", table.name), json.as_bytes(), rows)?);
        }
        let seqs: BTreeSet<u64> = tables.iter().flat_map(Table::seqs).collect();
        for seq in seqs {
            told.push(files.write(&receipt_of(seq), receipts.of(seq).to_string().as_bytes(), None)?);
        }
        told.push(files.write("checkpoint", self.ledger.checkpoint.as_bytes(), None)?);
        let text = |text: String| Json::text(text);
        let manifest = Json::object([
            ("format", text("pledger/audit-pack/v1".to_owned())),
            ("ledger", text(self.ledger.origin.clone())),
            ("from", text(period.from.clone())),
            ("to", text(period.to.clone())),
            ("opening_size", text(first.to_string())),
            ("closing_size", text(end.to_string())),
            ("size", text(self.ledger.head.size.to_string())),
            ("root", text(self.ledger.head.root.to_string())),
            ("checkpoint", text(Digest::of(self.ledger.checkpoint.as_bytes()).to_string())),
            ("for", text(self.eyes.map_or_else(|| "host".to_owned(), |eyes| eyes.party.to_string()))),
            ("files", Json::array(told)),
        ]);
        files.write("manifest.json", format!("{manifest}\n").as_bytes(), None)?;
        Ok(manifest)
    }

    fn may(&self, object: Object) -> bool {
        self.eyes.is_none_or(|eyes| may_read(eyes, object, &self.closing))
    }

    fn tables(&self, receipts: &Receipts, first: u64, end: u64) -> Result<Vec<Table>, String> {
        Ok(vec![
            self.balances("opening", &self.opening),
            self.movements(receipts, first, end)?,
            self.balances("closing", &self.closing),
            self.exceptions(first, end)?,
            self.overrides(receipts, first, end),
            self.breaks(receipts, end),
        ])
    }

    fn print(&self, units: u128, asset: &AssetId) -> String {
        let decimals = self.closing.asset(asset).map_or(0, |asset| asset.decimals);
        print_units(units, decimals)
    }

    fn balances(&self, name: &'static str, state: &State) -> Table {
        const COLUMNS: &[&str] = &[
            "account",
            "owner",
            "custodian",
            "class",
            "asset",
            "book",
            "status",
            "side",
            "settled",
            "pending_in",
            "pending_out",
        ];
        let mut table = Table::new(name, COLUMNS);
        for account in state.accounts().filter(|account| self.may(Object::Account(account))) {
            let Account { id, owner, asset, custodian, book, class, status, .. } = account.as_ref();
            let external = *book == ledger::account::Book::External;
            table.add(
                account.changed_seq,
                vec![
                    id.to_string(),
                    owner.to_string(),
                    custodian.to_string(),
                    class.to_string(),
                    asset.to_string(),
                    book.to_string(),
                    status.to_string(),
                    if external { "debit".to_owned() } else { "credit".to_owned() },
                    self.print(account.settled, asset),
                    self.print(account.pending_in, asset),
                    self.print(account.pending_out, asset),
                ],
            );
        }
        table
    }

    /// A row for each posting of each step in the period.
    fn movements(&self, receipts: &Receipts, first: u64, end: u64) -> Result<Table, String> {
        const COLUMNS: &[&str] =
            &["movement", "author", "step", "recorded_at", "from", "to", "asset", "amount", "reason"];
        let mut table = Table::new("movements", COLUMNS);
        for movement in self.closing.movements().filter(|movement| self.may(Object::Movement(movement))) {
            let steps = movement.steps.iter().filter(|step| (first..end).contains(&step.seq));
            for step in steps {
                for (from, to, asset, amount) in self.postings(movement, &step.amounts)? {
                    table.add(
                        step.seq,
                        vec![
                            movement.id.to_string(),
                            movement.author.to_string(),
                            step.status.to_string(),
                            receipts.recorded_at(step.seq),
                            from.to_string(),
                            to.to_string(),
                            asset.to_string(),
                            amount,
                            movement.reason.clone().unwrap_or_default(),
                        ],
                    );
                }
            }
        }
        Ok(table)
    }

    /// What a step did to each posting, or what the document of a batch says.
    fn postings(
        &self,
        movement: &Movement,
        amounts: &[u128],
    ) -> Result<Vec<(AccountId, AccountId, AssetId, String)>, String> {
        if let Some(document) = &movement.batch {
            let bytes = self.ledger.store.document(document).map_err(|error| error.to_string())?;
            let bytes = bytes.ok_or_else(|| format!("document {document} is not at hand"))?;
            let postings = read_batch(&bytes)?.into_iter();
            return Ok(postings
                .map(|one| (one.from, one.to, one.asset, one.amount.as_str().to_owned()))
                .collect());
        }
        let postings = movement.postings.iter().zip(amounts).filter(|(_, units)| **units > 0);
        Ok(postings
            .map(|(one, units)| {
                (one.from.clone(), one.to.clone(), one.asset.clone(), self.print(*units, &one.asset))
            })
            .collect())
    }

    fn exceptions(&self, first: u64, end: u64) -> Result<Table, String> {
        let mut table =
            Table::new("exceptions", &["type", "author", "recorded_at", "command_id", "reason", "body"]);
        'records: for batch in self.ledger.store.batches(first) {
            let batch = batch.map_err(|error| error.to_string())?;
            for (seq, stored) in (batch.first_seq..).zip(&batch.records) {
                if seq >= end {
                    break 'records;
                }
                let recorded = intake::take_back(&stored.envelope);
                let recorded = recorded.map_err(|error| format!("record {seq}: {error}"))?;
                let type_name = recorded.command.body.type_name();
                let is_told = EXCEPTIONS.contains(&type_name) && self.may(Object::Record(&recorded.command));
                if seq < first || !is_told {
                    continue;
                }
                let payload = json::read(&recorded.payload).map_err(|error| error.to_string())?;
                let body = payload.get("body");
                let reason = body.and_then(|body| body.get("reason")).and_then(Json::as_str);
                table.add(
                    seq,
                    vec![
                        type_name.to_owned(),
                        recorded.command.author.to_string(),
                        stored.recorded_at.to_string(),
                        recorded.id.to_string(),
                        reason.unwrap_or_default().to_owned(),
                        body.map(Json::to_jcs).unwrap_or_default(),
                    ],
                );
            }
        }
        Ok(table)
    }

    /// A row for each grant that was live in the period, and for each use in it.
    fn overrides(&self, receipts: &Receipts, first: u64, end: u64) -> Table {
        let mut table = Table::new(
            "overrides",
            &["override", "what", "rule", "account", "amount", "recorded_at", "until", "author", "reason"],
        );
        for granted in self.closing.overrides().filter(|granted| self.may(Object::Override(granted))) {
            let Override { id, rule, account, limit, reason, until, author, granted_seq, .. } =
                granted.as_ref();
            let asset = self.closing.account(account).map(|account| account.asset.clone());
            let show =
                |units: u128| asset.as_ref().map_or_else(String::new, |asset| self.print(units, asset));
            let row = |what: &str, units: u128, seq: u64| {
                vec![
                    id.to_string(),
                    what.to_owned(),
                    rule.to_string(),
                    account.to_string(),
                    show(units),
                    receipts.recorded_at(seq),
                    until.to_string(),
                    author.to_string(),
                    reason.clone(),
                ]
            };
            let began = self.opening.recorded_at().unwrap_or_else(Timestamp::epoch);
            let ended = granted.revoked.as_ref().is_some_and(|(seq, _)| *seq < first) || *until < began;
            if !ended {
                table.add(*granted_seq, row("granted", *limit, *granted_seq));
            }
            for used in granted.uses.iter().filter(|used| (first..end).contains(&used.seq)) {
                table.add(used.seq, row("used", used.units, used.seq));
            }
        }
        table
    }

    /// Breaks that are not ended at the close.
    fn breaks(&self, receipts: &Receipts, end: u64) -> Table {
        let mut table = Table::new(
            "breaks",
            &["break", "state", "account", "asset", "amount", "opened_at", "age_days", "owner", "changed_at"],
        );
        let at = self.closing.recorded_at().unwrap_or_else(Timestamp::epoch);
        for found in self.closing.breaks().filter(|found| found.end.is_none() && found.changed_seq < end) {
            if !self.may(Object::Break(found)) {
                continue;
            }
            let Break { id, amount, place, opened_at, owner, changed_seq, .. } = found.as_ref();
            let state: BreakState = found.state_at(at);
            let days = at.millis_since(*opened_at).unwrap_or_default() / DAY_MS;
            table.add(
                *changed_seq,
                vec![
                    id.to_string(),
                    state.to_string(),
                    place.as_ref().map(|place| place.account.clone()).unwrap_or_default(),
                    place.as_ref().map(|place| place.asset.clone()).unwrap_or_default(),
                    amount.clone(),
                    opened_at.to_string(),
                    days.to_string(),
                    owner.as_ref().map(ToString::to_string).unwrap_or_default(),
                    receipts.recorded_at(*changed_seq),
                ],
            );
        }
        table
    }
}
