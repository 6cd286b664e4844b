//! Reads of the past: what a ledger told at a record it tells for ever, page by page, and histories add up.

use std::collections::BTreeMap;
use std::sync::Arc;

use ledger::digest::Digest;
use ledger::history::{HistoryError, Line, Lines, Mark};
use ledger::id::AccountId;
use ledger::json::Json;
use ledger::past::{Past, Way};
use ledger::receipt;
use ledger::store::{Along, Batch, StoreError, StoreReader, StoredRecord, StoredSnapshot, Unindexed};
use num_bigint::BigInt;
use tests::driver::{Driver, Kept};
use tests::served::TestLedger;
use tests::world;

/// What happens after the stage: deposits in parts, voids, corrections, a call, a batch of few accounts.
const STORY: &str = "
    acme movement.instruct movement=d1 mode=two_phase postings=ext.btc>acme.btc:12:BTC,ext.usdc>acme.usdc:500000:USDC
    bank movement.settle movement=d1 amounts=5,100000 evidence=doc:e1
    acme movement.instruct movement=m1 mode=immediate postings=acme.btc>acme.btc.p:1:BTC,acme.btc>acme.btc.p:0.5:BTC
    bank movement.settle movement=d1 evidence=doc:e2
    pb movement.instruct movement=d2 mode=two_phase postings=ext.btc>zeta.btc:3:BTC
    bank movement.settle movement=d2 amounts=1 evidence=doc:e3
    pb movement.void movement=d2 reason=late
    acme movement.instruct movement=w1 mode=two_phase postings=acme.btc>ext.btc:2:BTC
    bank movement.settle movement=w1 evidence=doc:e4
    pb movement.instruct movement=m2 mode=immediate postings=acme.btc>zeta.btc:1:BTC
    pb movement.reverse movement=r2 reverses=m2 reason=wrong
    pb movement.reclassify movement=c1 from_class=uncleared to_class=cftc_4d_futures reason=x basis=y postings=acme.btc>acme.fut:0.25:BTC
    acme positions portfolio=P digest=doc:positions
    pb margin statement=s1 portfolio=P agreement=CSA-1 requirement=100000
    pb call.issue call=c1 agreement=CSA-1 version=1 statement=s1 leg=delivery kind=demand amount=40000 currency=USD due=+0
    acme call.agree call=c1 amount=40000
    acme call.pledge call=c1 items=acme.usdc:40000:USDC value=40000
    pb call.accept_pledge call=c1 pledge=@
    acme transfer.instruct call=c1 movement=t1 postings=acme.usdc>acme.usdc.p:40000:USDC
    bank transfer.settle call=c1 movement=t1 amount=40000 evidence=doc:e5
    pb movement.batch movement=b1 document=doc:batch count=2 totals=BTC:0.75
    pb account.freeze account=zeta.btc.p reason=x
";

/// What one read tells of all accounts, movements and calls: id → figures.
type Told = BTreeMap<String, Vec<String>>;

fn text(json: &Json, member: &str) -> String {
    json.get(member).and_then(Json::as_str).unwrap_or_default().to_owned()
}

fn items(json: &Json) -> Vec<Json> {
    json.get("items").and_then(Json::as_array).expect("items").to_vec()
}

/// What the driver's state says, in the words of the reads.
fn known(driver: &Driver) -> Told {
    let state = &driver.state;
    let mut told = Told::new();
    for account in state.accounts() {
        let mut figures = vec![account.status.to_string()];
        figures.extend(receipt::balances(state, account).into_iter().map(|(_, figure)| figure));
        told.insert(format!("account {}", account.id), figures);
    }
    for movement in state.movements() {
        told.insert(format!("movement {}", movement.id), vec![movement.status.to_string()]);
    }
    for call in state.calls() {
        told.insert(format!("call {}", call.id), vec![call.state().to_string()]);
    }
    told
}

/// What the ledger tells under a query, in pages of seven.
fn read(ledger: &mut TestLedger, query: &str) -> Told {
    let mut told = Told::new();
    for (kind, members) in [
        ("account", &["status", "settled", "pending_in", "pending_out", "available"][..]),
        ("movement", &["status"]),
        ("call", &["state"]),
    ] {
        for item in paged(ledger, "pb", &format!("/v1/{kind}s?{query}"), 7) {
            let figures = members.iter().filter_map(|name| item.get(name).and_then(Json::as_str));
            told.insert(format!("{kind} {}", text(&item, "id")), figures.map(str::to_owned).collect());
        }
    }
    told
}

/// All items of a list, read in pages.
fn paged(ledger: &mut TestLedger, party: &str, path: &str, limit: usize) -> Vec<Json> {
    let (bare, _) = path.split_once('?').expect("a path with a query");
    let mut page = ledger.client(party).get(&format!("{path}&limit={limit}")).expect("the first page");
    let as_of_seq = text(&page, "as_of_seq");
    let mut all = items(&page);
    while page.get("next_cursor").is_some() {
        assert_eq!(items(&page).len(), limit, "{path}");
        let cursor = text(&page, "next_cursor");
        page = ledger.client(party).get(&format!("{bare}?cursor={cursor}")).expect("the next page");
        assert_eq!(text(&page, "as_of_seq"), as_of_seq, "{path}: a list does not shift");
        all.extend(items(&page));
    }
    all
}

fn code(ledger: &mut TestLedger, party: &str, path: &str) -> (u16, String) {
    let answer = ledger.client(party).send("GET", path, None).expect("an answer");
    let code = ledger::json::read(&answer.body).map(|body| text(&body, "code")).unwrap_or_default();
    (answer.status, code)
}

fn name_batch(scribe: &mut tests::scribe::Scribe) {
    let line = |from: &str, to: &str, amount: &str| {
        format!("{{\"amount\":\"{amount}\",\"asset\":\"BTC\",\"from\":\"{from}\",\"to\":\"{to}\"}}\n")
    };
    let few = line("acme.btc", "acme.btc.p", "0.5") + &line("zeta.btc", "zeta.btc.p", "0.25");
    scribe.name_document("batch", &few);
}

/// A served ledger and what is known of it after each record.
struct Played {
    ledger: TestLedger,
    /// By sequence number; `None` where nothing was noted.
    known: Vec<Option<Told>>,
    recorded_at: Vec<String>,
}

impl Played {
    fn play() -> Self {
        let mut driver = Driver::with_world(false);
        let mut ledger = TestLedger::with_world();
        name_batch(&mut driver.scribe);
        name_batch(&mut ledger.scribe);
        let first = usize::try_from(driver.state.length()).expect("short");
        let mut known_then = vec![None; first];
        known_then[first - 1] = Some(known(&driver));
        for line in world::lines(STORY) {
            driver.play(line);
            let answer = ledger.line(line);
            assert_eq!(answer.status, 201, "{line}: {}", String::from_utf8_lossy(&answer.body));
            known_then.push(Some(known(&driver)));
            assert_receipt_tells_balances(&mut ledger, &answer.json());
        }
        let mut recorded_at = Vec::new();
        for seq in 0..known_then.len() {
            let record = ledger.client("pb").get(&format!("/v1/records/{seq}")).expect("a record");
            recorded_at.push(text(&record, "recorded_at"));
        }
        Self { ledger, known: known_then, recorded_at }
    }

    fn points(&self) -> Vec<usize> {
        (0..self.known.len()).filter(|seq| self.known[*seq].is_some()).collect()
    }

    fn assert_same(&mut self, what: &str) {
        for seq in self.points() {
            let told = read(&mut self.ledger, &format!("as_of_seq={seq}"));
            assert_eq!(Some(&told), self.known[seq].as_ref(), "{what}: as of record {seq}");
            // Several records may share a time: the last of them counts.
            let at = self.recorded_at[seq].clone();
            let last = self.recorded_at.iter().rposition(|other| *other <= at).expect("this one");
            let told = read(&mut self.ledger, &format!("as_of={at}"));
            assert_eq!(Some(&told), self.known[last].as_ref(), "{what}: as of {at}");
        }
        let newest = read(&mut self.ledger, "min_seq=0");
        assert_eq!(Some(&newest), self.known.last().and_then(Option::as_ref), "{what}: now");
    }
}

/// The balances in a receipt are those that a read as of its record gives.
fn assert_receipt_tells_balances(ledger: &mut TestLedger, receipt: &Json) {
    let seq = text(receipt, "seq");
    let effects = receipt.get("effects").and_then(Json::as_array).expect("effects");
    for effect in effects.iter().filter(|effect| text(effect, "kind") == "account") {
        let path = format!("/v1/accounts/{}/balances?as_of_seq={seq}", text(effect, "id"));
        let read = ledger.client("pb").get(&path).expect("balances");
        for figure in ["settled", "pending_in", "pending_out", "available"] {
            assert_eq!(effect.get(figure), read.get(figure), "{path}");
        }
    }
}

/// What was known after each record is told after more of them, after a restart, and with the index
/// gone: by number and by time.
#[test]
fn the_past_stays_as_it_was() {
    let mut played = Played::play();
    played.assert_same("while it runs");
    played.ledger.restart();
    played.assert_same("after a restart");
    played.ledger.restart_after(|home| std::fs::remove_dir_all(home.join("index")).expect("it is removed"));
    played.assert_same("with the index gone");
}

fn units(amount: &str) -> BigInt {
    let amount = ledger::decimal::DecimalText::parse(amount).expect("an amount");
    amount.scaled(30).expect("few decimals")
}

/// Each line adds to the balance before it; the last one gives the balance; a statement between any two
/// records opens and closes with what was known there.
#[test]
fn histories_add_up() {
    let mut played = Played::play();
    let accounts = paged(&mut played.ledger, "pb", "/v1/accounts?as_of_seq=25", 1_000);
    let last = played.known.len() - 1;
    let known = |played: &Played, seq: usize, account: &str| {
        played.known[seq].as_ref().expect("noted")[&format!("account {account}")][1].clone()
    };
    for account in accounts.iter().map(|account| text(account, "id")) {
        let path = format!("/v1/accounts/{account}/postings?min_seq=0");
        let whole = paged(&mut played.ledger, "pb", &path, 1_000);
        for limit in [1, 3] {
            assert_eq!(paged(&mut played.ledger, "pb", &path, limit), whole, "{path} in pages of {limit}");
        }
        assert_eq!(sum(&whole, "0"), units(&known(&played, last, &account)), "{account}");
        let points = played.points();
        for (from, to) in points.iter().zip(points.iter().rev()).filter(|(from, to)| from <= to) {
            let path = format!("/v1/accounts/{account}/statement?from_seq={from}&as_of_seq={to}");
            let statement = played.ledger.client("pb").get(&path).expect("a statement");
            let settled = |point: &str| {
                let settled = statement.pointer(&format!("/{point}/settled"));
                settled.and_then(Json::as_str).expect("a balance").to_owned()
            };
            assert_eq!(settled("opening"), known(&played, *from, &account), "{path}");
            assert_eq!(settled("closing"), known(&played, *to, &account), "{path}");
            assert_eq!(sum(&items(&statement), &settled("opening")), units(&settled("closing")), "{path}");
        }
    }
}

/// Checks that each line's balance follows from the one before, and gives the last.
fn sum(lines: &[Json], opening: &str) -> BigInt {
    let mut settled = units(opening);
    for line in lines {
        if text(line, "status") == "settled" {
            settled += units(&text(line, "amount"));
        }
        assert_eq!(settled, units(&text(line, "settled")), "{line}");
    }
    settled
}

#[test]
fn a_history_in_words() {
    let mut played = Played::play();
    let row =
        |line: &Json| ["movement", "status", "amount", "settled"].map(|member| text(line, member)).join(" ");
    let rows = |played: &mut Played, account: &str| -> Vec<String> {
        let path = format!("/v1/accounts/{account}/postings?min_seq=0");
        paged(&mut played.ledger, "pb", &path, 2).iter().map(row).collect()
    };
    assert_eq!(
        rows(&mut played, "acme.btc"),
        [
            "d1 pending 12 0",
            "d1 settled 5 5",
            "m1 settled -1 4",
            "m1 settled -0.5 3.5",
            "d1 settled 7 10.5",
            "w1 pending -2 10.5",
            "w1 settled -2 8.5",
            "m2 settled -1 7.5",
            "r2 settled 1 8.5",
            "c1 settled -0.25 8.25",
            "b1 settled -0.5 7.75",
        ]
    );
    assert_eq!(
        rows(&mut played, "zeta.btc"),
        [
            "d2 pending 3 0",
            "d2 settled 1 1",
            "d2 voided 2 1",
            "m2 settled 1 2",
            "r2 settled -1 1",
            "b1 settled -0.25 0.75",
        ]
    );
    assert_eq!(rows(&mut played, "acme.usdc").last().map(String::as_str), Some("t1 settled -40000 460000"));
    assert_eq!(rows(&mut played, "ext.btc").last().map(String::as_str), Some("w1 settled 2 -11"));
    let voided = paged(&mut played.ledger, "zeta", "/v1/accounts/zeta.btc/postings?status=voided", 2);
    assert_eq!(voided.iter().map(row).collect::<Vec<_>>(), ["d2 voided 2 1"]);
}

/// A batch of more accounts than a receipt tells one by one is in each of their histories, with the
/// index and without it.
#[test]
fn a_batch_of_many_accounts_is_in_each_history() {
    let mut ledger = TestLedger::with_world();
    ledger.play(
        "pb movement.instruct movement=d1 mode=two_phase postings=ext.btc>acme.btc:100:BTC
         bank movement.settle movement=d1 evidence=doc:e1",
    );
    let mut lines = String::new();
    for number in 0..70 {
        ledger.play(&format!(
            "pb account.open account=many.{number} owner=zeta asset=BTC custodian=bank book=available class=uncleared"
        ));
        let amount = format!("0.{}", 11 + number);
        lines += &format!(
            "{{\"amount\":\"{amount}\",\"asset\":\"BTC\",\"from\":\"acme.btc\",\"to\":\"many.{number}\"}}\n"
        );
        // The same account twice in one batch: two postings.
        if number == 7 {
            lines += &lines.lines().last().expect("a line").replace("0.18", "1").to_owned();
            lines.push('\n');
        }
    }
    // Amounts have no zero at their end.
    let lines = lines.replace("0\",\"asset", "1\",\"asset");
    ledger.scribe.name_document("many", &lines);
    let total: BigInt = lines.lines().map(|line| units(line.split('"').nth(3).expect("an amount"))).sum();
    let total = ledger::decimal::print_scaled(&total, 30);
    let batch =
        ledger.line(&format!("pb movement.batch movement=b document=doc:many count=71 totals=BTC:{total}"));
    assert_eq!(batch.status, 201, "{}", String::from_utf8_lossy(&batch.body));
    let seq = batch.text("seq");
    // The document is named again, by a batch whose frame does not hold it.
    ledger
        .play(&format!("pb movement.batch movement=again document=digest:many count=71 totals=BTC:{total}"));

    let check = |ledger: &mut TestLedger, what: &str| {
        for number in [0, 7, 8, 69] {
            let path = format!("/v1/accounts/many.{number}/postings?min_seq=0");
            let lines = paged(ledger, "zeta", &path, 1);
            let each = if number == 7 { 2 } else { 1 };
            assert_eq!(lines.len(), 2 * each, "{what}: {path}");
            assert_eq!(text(&lines[0], "seq"), seq, "{what}: {path}");
            let balances = ledger.client("zeta").get(&format!("/v1/accounts/many.{number}/balances"));
            let balances = balances.expect("its own");
            assert_eq!(sum(&lines, "0"), units(&text(&balances, "settled")), "{what}: {path}");
        }
        assert_eq!(paged(ledger, "zeta", "/v1/accounts/zeta.btc/postings?min_seq=0", 1).len(), 0, "{what}");
        let own = paged(ledger, "acme", "/v1/accounts/acme.btc/postings?min_seq=0", 50);
        assert_eq!(own.len(), 2 + 2 * 71, "{what}");
        for (filter, want) in
            [("account=many.7", 2), ("account=zeta.btc", 0), ("asset=BTC", 3), ("asset=USDC", 0)]
        {
            let path = format!("/v1/movements?{filter}");
            assert_eq!(paged(ledger, "pb", &path, 1).len(), want, "{what}: {path}");
        }
    };
    check(&mut ledger, "while it runs");
    ledger.restart();
    check(&mut ledger, "after a restart");
    ledger.restart_after(|home| std::fs::remove_dir_all(home.join("index")).expect("it is removed"));
    check(&mut ledger, "with the index gone");
}

/// What was recorded late counts on its business date, as soon as it is known and not before.
#[test]
fn business_dates_are_not_recorded_ones() {
    let mut ledger = TestLedger::with_world();
    ledger.play(
        "pb movement.instruct movement=d1 mode=two_phase postings=ext.btc>acme.btc:10:BTC ^effective_at=2026-01-03T00:00:00.000Z
         bank movement.settle movement=d1 evidence=doc:e1
         acme movement.instruct movement=m1 mode=immediate postings=acme.btc>acme.btc.p:4:BTC ^effective_at=2026-01-05T00:00:00.000Z
         acme movement.instruct movement=m2 mode=immediate postings=acme.btc>acme.btc.p:1:BTC ^effective_at=2026-01-04T00:00:00.000Z",
    );
    let size: u64 = ledger.http().get("/v1/ledger").text("size").parse().expect("a size");
    let (late, before) = (size - 1, size - 2);
    let mut settled = |query: &str| {
        let path = format!("/v1/accounts/acme.btc/balances?effective_at={query}");
        text(&ledger.client("acme").get(&path).expect("balances"), "settled")
    };
    for (query, want) in [
        ("2026-01-02T23:59:59.999Z".to_owned(), "0"),
        ("2026-01-03T00:00:00.000Z".to_owned(), "10"),
        ("2026-01-04T00:00:00.000Z".to_owned(), "9"),
        // Not known yet.
        (format!("2026-01-04T00:00:00.000Z&as_of_seq={before}"), "10"),
        (format!("2026-01-05T00:00:00.000Z&as_of_seq={before}"), "6"),
        (format!("2026-01-05T00:00:00.000Z&as_of_seq={late}"), "5"),
        ("2199-01-01T00:00:00.000Z".to_owned(), "5"),
    ] {
        assert_eq!(settled(&query), want, "{query}");
    }
    let movements =
        |lines: &[Json]| -> Vec<String> { lines.iter().map(|line| text(line, "movement")).collect() };
    let until = "effective_at=2026-01-05T00:00:00.000Z";
    let path = format!("/v1/accounts/acme.btc/postings?{until}&status=settled");
    let by_date = paged(&mut ledger, "acme", &path, 1);
    assert_eq!(movements(&by_date), ["d1", "m2", "m1"]);
    assert_eq!(sum(&by_date, "0"), units("5"));
    let by_record = paged(&mut ledger, "acme", "/v1/accounts/acme.btc/postings?status=settled", 1);
    assert_eq!(movements(&by_record), ["d1", "m1", "m2"]);

    let path = format!("/v1/accounts/acme.btc/statement?effective_from=2026-01-03T00:00:00.000Z&{until}");
    let statement = ledger.client("acme").get(&path).expect("a statement");
    assert_eq!(statement.pointer("/opening/settled"), Some(&Json::text("10")));
    assert_eq!(statement.pointer("/closing/settled"), Some(&Json::text("5")));
    assert_eq!(movements(&items(&statement)), ["m2", "m1"]);
    let recorded = text(&by_record[1], "recorded_at");
    let path = format!("/v1/accounts/acme.btc/statement?from={recorded}");
    let statement = ledger.client("acme").get(&path).expect("a statement");
    assert_eq!(statement.pointer("/closing/settled"), Some(&Json::text("5")));
}

#[test]
fn cursors_are_good_for_their_own_list_alone() {
    let mut ledger = TestLedger::with_world();
    let first = ledger.client("acme").get("/v1/accounts?limit=2&class=uncleared").expect("a page");
    let cursor = text(&first, "next_cursor");
    // The list does not shift, whatever is recorded while it is read.
    let seven = paged(&mut ledger, "acme", "/v1/accounts?class=uncleared", 1_000).len();
    ledger.play(
        "pb account.open account=acme.zzz owner=acme asset=BTC custodian=bank book=available class=uncleared",
    );
    let mut rest = 2;
    let mut next = cursor.clone();
    while !next.is_empty() {
        let page = ledger.client("acme").get(&format!("/v1/accounts?cursor={next}")).expect("a page");
        assert_eq!(text(&page, "as_of_seq"), text(&first, "as_of_seq"));
        rest += items(&page).len();
        next = text(&page, "next_cursor");
    }
    assert_eq!(rest, seven);
    assert_eq!(paged(&mut ledger, "acme", "/v1/accounts?class=uncleared", 3).len(), seven + 1);

    let last = if cursor.ends_with('A') { 'B' } else { 'A' };
    let garbled = format!("{}{last}", &cursor[..cursor.len() - 1]);
    for (party, path) in [
        ("zeta", format!("/v1/accounts?cursor={cursor}")),
        ("acme", format!("/v1/movements?cursor={cursor}")),
        ("acme", format!("/v1/accounts/acme.btc/postings?cursor={cursor}")),
        ("acme", format!("/v1/accounts?cursor={garbled}")),
        ("acme", format!("/v1/accounts?cursor={}", &cursor[1..])),
        ("acme", "/v1/accounts?cursor=".to_owned()),
        ("acme", format!("/v1/accounts?cursor={cursor}&limit=2")),
        ("acme", format!("/v1/accounts?cursor={cursor}&as_of_seq=1")),
        ("acme", format!("/v1/accounts?cursor={cursor}&book=posted")),
        ("acme", format!("/v1/accounts?cursor={cursor}&nonsense=1")),
    ] {
        assert_eq!(code(&mut ledger, party, &path), (400, "cursor_invalid".to_owned()), "{party} {path}");
    }
    // The key is the process's own.
    ledger.restart();
    let path = format!("/v1/accounts?cursor={cursor}");
    assert_eq!(code(&mut ledger, "acme", &path), (400, "cursor_invalid".to_owned()), "after a restart");
}

/// A read that cannot be answered as asked is an error, never another answer.
#[test]
fn what_cannot_be_answered_is_refused() {
    let mut ledger = TestLedger::with_world();
    let newest = ledger.http().get("/v1/ledger").text("size").parse::<u64>().expect("a size") - 1;
    let lists = [
        "parties",
        "assets",
        "regimes",
        "agreements",
        "accounts",
        "movements",
        "portfolios",
        "margin-statements",
        "calls",
        "custody/statements",
        "custody/reconciliations",
        "custody/breaks",
        "accounts/acme.btc/postings",
        "accounts/acme.btc/statement",
    ];
    let singles = ["parties/acme", "agreements/CSA-1", "accounts/acme.btc", "accounts/acme.btc/balances"];
    let beyond = format!("as_of_seq={}", newest + 1);
    let common = [
        (beyond.as_str(), "as_of_out_of_range"),
        ("as_of_seq=-1", "as_of_out_of_range"),
        ("as_of_seq=99999999999999999999", "as_of_out_of_range"),
        ("as_of=2199-01-01T00:00:00.000Z", "as_of_out_of_range"),
        ("as_of=1970-01-01T00:00:00.000Z", "as_of_out_of_range"),
        ("as_of_seq=newest", "query_invalid"),
        ("as_of_seq=01", "query_invalid"),
        ("as_of_seq=1&as_of_seq=1", "query_invalid"),
        ("as_of_seq=1&as_of=1970-01-01T00:00:00.000Z", "query_invalid"),
        ("as_of=yesterday", "query_invalid"),
        ("min_seq=-1", "query_invalid"),
        ("nonsense=1", "query_invalid"),
    ];
    let paging =
        [("limit=0", "query_invalid"), ("limit=1001", "query_invalid"), ("limit=x", "query_invalid")];
    for path in lists.iter().chain(&singles) {
        let more = if lists.contains(path) { &paging[..] } else { &[("limit=1", "query_invalid")] };
        for (query, want) in common.iter().chain(more) {
            let path = format!("/v1/{path}?{query}");
            assert_eq!(code(&mut ledger, "pb", &path), (400, (*want).to_owned()), "{path}");
        }
        let path = format!("/v1/{path}?as_of_seq={newest}&min_seq={newest}");
        assert_eq!(code(&mut ledger, "pb", &path).0, 200, "{path}");
    }
    for query in [
        "accounts?book=nonsense",
        "accounts?status=",
        "movements?status=done",
        "calls?state=nonsense",
        "parties?role=boss",
        "accounts?account=x",
        "accounts/acme.btc/postings?status=nonsense",
        "accounts/acme.btc/balances?effective_at=yesterday",
        "accounts/acme.btc/postings?effective_at=yesterday",
        "accounts/acme.btc/statement?effective_from=2026-01-01T00:00:00.000Z",
        "accounts/acme.btc/statement?from_seq=1&from=2026-01-01T00:00:00.000Z",
        "accounts/acme.btc/statement?from_seq=1&effective_at=2026-01-01T00:00:00.000Z",
        "accounts/acme.btc?effective_at=2026-01-01T00:00:00.000Z",
    ] {
        let path = format!("/v1/{query}");
        assert_eq!(code(&mut ledger, "pb", &path), (400, "query_invalid".to_owned()), "{path}");
    }
    for query in ["from_seq=-1", "from_seq=21&as_of_seq=20", "from=1970-01-01T00:00:00.000Z"] {
        let path = format!("/v1/accounts/acme.btc/statement?{query}");
        assert_eq!(code(&mut ledger, "pb", &path), (400, "as_of_out_of_range".to_owned()), "{path}");
    }
    let answer = ledger.client("pb").send("GET", &format!("/v1/accounts?{beyond}"), None).expect("an answer");
    let problem = ledger::json::read(&answer.body).expect("a problem");
    assert_eq!(text(&problem, "as_of_seq"), newest.to_string(), "what can be asked for");
}

/// Lists are narrowed by what a reader would ask for.
#[test]
fn filters_narrow_lists() {
    let mut played = Played::play();
    for (query, want) in [
        ("accounts?owner=zeta", "zeta.btc zeta.btc.p"),
        ("accounts?owner=acme&asset=USDC", "acme.usdc acme.usdc.p"),
        ("accounts?custodian=vault", "acme.vault ext.vault"),
        ("accounts?class=cftc_4d_futures", "acme.fut"),
        ("accounts?status=frozen", "zeta.btc.p"),
        ("accounts?book=posted&owner=acme", "acme.btc.p acme.usdc.p"),
        ("accounts?owner=nobody", ""),
        ("movements?status=voided", "d2"),
        ("movements?account=zeta.btc", "b1 d2 m2 r2"),
        ("movements?account=zeta.btc&as_of_seq=32", "d2"),
        ("movements?asset=USDC", "d1 t1"),
        ("movements?call=c1", "t1"),
        ("movements?author=acme", "d1 m1 t1 w1"),
        ("calls?state=settled", "c1"),
        ("calls?state=issued", ""),
        ("calls?state=issued&as_of_seq=41", "c1"),
        ("calls?agreement=CSA-1&pledgor=acme", "c1"),
        ("parties?role=custodian", "bank vault"),
        ("parties?suspended=true", ""),
        ("assets?kind=stablecoin", "USDC"),
        ("agreements?party=acme", "CSA-1"),
        ("margin-statements?pledgor=acme", "s1"),
        ("portfolios?author=acme", "P"),
    ] {
        let ids: Vec<String> = paged(&mut played.ledger, "pb", &format!("/v1/{query}"), 1)
            .iter()
            .map(|item| text(item, "id"))
            .collect();
        assert_eq!(ids.join(" "), want, "{query}");
    }
}

/// One reads of the past what one may read now; what was not there then is not found.
#[test]
fn the_past_is_read_by_those_who_may_read_now() {
    let mut played = Played::play();
    let first = played.points()[0];
    for (party, path, want) in [
        ("acme", format!("/v1/accounts/acme.btc?as_of_seq={first}"), 200),
        ("acme", format!("/v1/accounts/zeta.btc?as_of_seq={first}"), 404),
        ("acme", format!("/v1/accounts/zeta.btc/postings?as_of_seq={first}"), 404),
        ("acme", "/v1/accounts/zeta.btc/statement".to_owned(), 404),
        ("acme", "/v1/accounts/zeta.btc/balances?effective_at=2026-01-01T00:00:00.000Z".to_owned(), 404),
        ("vault", "/v1/accounts/acme.btc/postings".to_owned(), 404),
        ("bank", "/v1/accounts/acme.btc/postings".to_owned(), 200),
        ("aud", "/v1/accounts/zeta.btc/statement".to_owned(), 200),
        // Not there yet.
        ("pb", "/v1/accounts/acme.btc?as_of_seq=3".to_owned(), 404),
        ("pb", "/v1/accounts/acme.btc/postings?as_of_seq=3".to_owned(), 404),
        ("acme", format!("/v1/movements/m1?as_of_seq={first}"), 404),
        ("acme", "/v1/movements/m1".to_owned(), 200),
    ] {
        assert_eq!(code(&mut played.ledger, party, &path).0, want, "{party} {path}");
    }
    let others = paged(&mut played.ledger, "acme", &format!("/v1/accounts?as_of_seq={first}"), 3);
    assert!(others.iter().all(|account| text(account, "owner") == "acme"), "{others:?}");
    // Without a session nothing at all.
    assert_eq!(played.ledger.http().get("/v1/accounts?as_of_seq=1").status, 401);
}

/// A read is tagged with the record that changed the object last, and told once.
#[test]
fn unchanged_objects_are_not_told_again() {
    let mut ledger = TestLedger::with_world();
    let token = ledger.token("acme");
    let bearer = format!("Bearer {token}");
    let ask = |ledger: &TestLedger, path: &str, tag: &str| {
        let headers = [("authorization", bearer.as_str()), ("if-none-match", tag)];
        let answer = ledger.http().send("GET", path, &headers, b"");
        let tag = answer.header("etag").unwrap_or_default().to_owned();
        (answer.status, tag, answer.body.len())
    };
    for path in ["/v1/accounts/acme.btc", "/v1/accounts/acme.btc/balances", "/v1/parties/acme"] {
        let (status, tag, _) = ask(&ledger, path, "\"none\"");
        assert_eq!(status, 200, "{path}");
        assert_eq!(ask(&ledger, path, &tag), (304, tag.clone(), 0), "{path}");
    }
    let (_, tag, _) = ask(&ledger, "/v1/accounts/acme.btc", "");
    let answer =
        ledger.line("acme movement.instruct movement=d1 mode=two_phase postings=ext.btc>acme.btc:2:BTC");
    let (status, changed, _) = ask(&ledger, "/v1/accounts/acme.btc", &tag);
    assert_eq!((status, changed), (200, format!("\"{}\"", answer.text("seq"))));
}

/// Who has a receipt reads what it tells at once; who asks for the next record waits for it.
#[test]
fn reads_wait_for_what_they_must_have_seen() {
    let mut ledger = TestLedger::with_world();
    let next = ledger.http().get("/v1/ledger").text("size");
    let reader = ledger.fresh_client("acme", "acme");
    let path = format!("/v1/accounts/acme.btc?min_seq={next}");
    let waiting = std::thread::spawn(move || reader.get(&path).expect("it comes"));
    let line = "acme movement.instruct movement=d1 mode=two_phase postings=ext.btc>acme.btc:2:BTC";
    assert_eq!(ledger.line(line).text("seq"), next);
    let read = waiting.join().expect("it was answered");
    assert_eq!(text(&read, "as_of_seq"), next);
    assert_eq!(read.pointer("/account/pending_in"), Some(&Json::text("2")));
}

/// A state made again is the state that was, from the beginning or from one kept on the way; what was
/// passed on the way is near from then on.
#[test]
fn a_state_is_made_again_as_it_was() {
    let mut driver = Driver::with_world(false);
    let mut states = BTreeMap::from([(driver.state.length(), driver.state.clone())]);
    for number in 0..1_010 {
        driver.play(&format!(
            "pb movement.instruct movement=m{number} mode=two_phase postings=ext.btc>acme.btc:1:BTC"
        ));
        states.insert(driver.state.length(), driver.state.clone());
    }
    let newest = driver.state.length();
    let past = Past::new(driver.state.clone(), Arc::new(driver.kept));
    let records = |length| match past.way_to(length) {
        Way::Here(_) => 0,
        Way::Records(records) => records,
    };
    assert_eq!((records(newest), records(newest - 1)), (0, newest - 1));
    for length in [newest - 1, newest - 100, 512, 511, 513, 100, 30, newest] {
        let made = past.rebuild(length).expect("its records are there");
        assert_eq!(made.state, states[&length], "after {length} records");
        assert_eq!(records(length), 0, "it is asked for again");
    }
    assert_eq!(records(520), 7, "from one that was asked for");
    for length in (200..220).rev() {
        past.rebuild(length).expect("its records are there");
    }
    assert_eq!(records(520), 8, "from one passed on the way: those asked for long ago are gone");
}

/// An index that has lost one record.
struct Forgetful<'a>(&'a Kept, u64);

impl StoreReader for Forgetful<'_> {
    fn length(&self) -> u64 {
        self.0.length()
    }

    fn batches(&self, seq: u64) -> Box<dyn Iterator<Item = Result<Batch, StoreError>> + '_> {
        self.0.batches(seq)
    }

    fn record(&self, seq: u64) -> Result<Option<StoredRecord>, StoreError> {
        self.0.record(seq)
    }

    fn document(&self, digest: &Digest) -> Result<Option<Arc<[u8]>>, StoreError> {
        self.0.document(digest)
    }

    fn seq_of_command(&self, command_id: &Digest) -> Result<Option<u64>, StoreError> {
        self.0.seq_of_command(command_id)
    }

    fn snapshot(&self) -> Result<Option<StoredSnapshot>, StoreError> {
        self.0.snapshot()
    }

    fn account_seqs(&self, account: &AccountId, along: Along, most: usize) -> Result<Vec<u64>, StoreError> {
        let mut seqs = self.0.account_seqs(account, along, most)?;
        seqs.retain(|seq| *seq != self.1);
        Ok(seqs)
    }
}

/// An index is never believed to know every record: what misses one that moved something does not
/// arrive at the balance, and the journal is asked instead.
#[test]
fn an_index_that_misses_a_record_is_found_out() {
    let mut driver = Driver::with_world(false);
    driver.play(
        "pb movement.instruct movement=d1 mode=two_phase postings=ext.btc>acme.btc:2:BTC
         bank movement.settle movement=d1 evidence=doc:e1
         acme movement.instruct movement=m1 mode=immediate postings=acme.btc>acme.btc.p:1:BTC",
    );
    let settled_at = driver.state.length() - 2;
    let forgetful = Forgetful(&driver.kept, settled_at);
    let account = driver.state.account(&AccountId::parse("acme.btc").expect("an id")).expect("an account");
    let lines = |reader: &dyn StoreReader| -> Result<Vec<Line>, HistoryError> {
        Lines::from(reader, &driver.state, account, Mark::default()).collect()
    };
    assert!(matches!(lines(&forgetful), Err(HistoryError::Disagrees { .. })), "{:?}", lines(&forgetful));
    let whole = lines(&Unindexed(&forgetful)).expect("the journal knows");
    assert_eq!(whole, lines(&driver.kept).expect("and so does a sound index"));
    assert_eq!(whole.len(), 3);
}
