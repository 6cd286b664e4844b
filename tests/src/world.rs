//! The cast and the stage of the flows.
//!
//! A prime broker `pb`, clients `acme` and `zeta`, custodians `bank` and `vault`, an auditor `aud`; the
//! assets BTC (8 decimals), USDC (6) and TOK (30); for acme and zeta an account in each of the books
//! that collateral passes; an agreement between the broker and acme.

use crate::scribe::Scribe;

/// The origin of the ledgers under test.
pub const ORIGIN: &str = "ledger.example/tests";

/// Everything that flows start from, but record 0.
pub const STAGE: &str = "
    pb party.register party=acme role=client public_key=key:acme
    pb party.register party=zeta role=client public_key=key:zeta
    pb party.register party=bank role=custodian public_key=key:bank
    pb party.register party=vault role=custodian public_key=key:vault
    pb party.register party=aud role=auditor public_key=key:aud
    pb asset.define asset=BTC kind=crypto decimals=8
    pb asset.define asset=USDC kind=stablecoin decimals=6
    pb asset.define asset=TOK kind=token decimals=30
    pb account.open account=ext.btc owner=pb asset=BTC custodian=bank book=external class=uncleared
    pb account.open account=ext.usdc owner=pb asset=USDC custodian=bank book=external class=uncleared
    pb account.open account=ext.tok owner=pb asset=TOK custodian=bank book=external class=uncleared
    pb account.open account=ext2.tok owner=pb asset=TOK custodian=bank book=external class=uncleared
    pb account.open account=ext.vault owner=pb asset=BTC custodian=vault book=external class=uncleared
    pb account.open account=acme.btc owner=acme asset=BTC custodian=bank book=available class=uncleared
    pb account.open account=acme.btc.p owner=acme asset=BTC custodian=bank book=posted class=uncleared
    pb account.open account=acme.usdc owner=acme asset=USDC custodian=bank book=available class=uncleared
    pb account.open account=acme.usdc.p owner=acme asset=USDC custodian=bank book=posted class=uncleared
    pb account.open account=acme.tok owner=acme asset=TOK custodian=bank book=available class=uncleared
    pb account.open account=acme.tok2 owner=acme asset=TOK custodian=bank book=available class=uncleared
    pb account.open account=acme.fut owner=acme asset=BTC custodian=bank book=available class=cftc_4d_futures
    pb account.open account=acme.vault owner=acme asset=BTC custodian=vault book=available class=uncleared
    pb account.open account=zeta.btc owner=zeta asset=BTC custodian=bank book=available class=uncleared
    pb account.open account=zeta.btc.p owner=zeta asset=BTC custodian=bank book=posted class=uncleared
    pb agreement.propose document=doc:csa1
    acme agreement.accept digest=digest:csa1
    pb prices set=p1 BTC=50000 USDC=1
";

/// What nobody may do alone needs one of the other parties, whoever asks.
pub const FOUR_EYES: &str = "
    pb policy.set policy=pairs scope=* rules=doc:pairs version=1 & acme
";

const PAIRS: &str = r#"{"schema":"pledger.policy.v1",
"covers":["address.allow","break.write_off","key.recover","override.grant"],
"principals":[{"principal":"acme","party":"acme"},{"principal":"bank","party":"bank"},
{"principal":"pb","party":"pb"},{"principal":"zeta","party":"zeta"}],
"groups":[{"group":"all","members":["acme","bank","pb","zeta"]}],"change":{"k":"1","group":"all"},
"rules":[{"rule":"pairs","result":"approve","k":"1","group":"all"},{"rule":"rest","result":"refuse"}]}"#;

/// Version `version` of the agreement `id` between the broker and a client: BTC counts 80 %, USDC
/// whole, TOK nothing; calls from 1,000 on, in whole dollars.
#[must_use]
pub fn agreement(id: &str, client: &str, version: u32) -> String {
    format!(
        r#"{{"id":"{id}","version":"{version}","flavour":"crypto_247","parties":{{"a":"pb","b":"{client}"}},
"two_way":false,"base_currency":"USD","valuation_agent":"a",
"terms":{{"a":{{"threshold":"0","mta":"1000","independent_amount":"0"}},
"b":{{"threshold":"0","mta":"1000","independent_amount":"0"}}}},
"rounding":{{"amount":"1"}},
"clock":{{"kind":"continuous","settle":"PT4H","dispute":"PT1H","grace":"PT2H"}},
"schedule":[
{{"id":"btc","include":true,"match":{{"asset":"BTC"}},"valuation":{{"kind":"haircut","value":"0.2"}}}},
{{"id":"usdc","include":true,"match":{{"asset":"USDC"}},"valuation":{{"kind":"haircut","value":"0"}}}}]}}"#
    )
}

/// A rule book with a breaker that steps fast: all of the credit in two cycles, down after one calm
/// cycle, withdrawals one cycle late.
pub const BOOK: &str = r#"regime = { id = "book", version = "1" }
[breaker]
index_moves = ["0.07", "0.13", "0.2"]
peg_deviation = "0.01"
min_confidence = "0.55"
min_correlation = "0.5"
call_share = "0.1"
guarded_factor = "0.5"
ramp_cycles = "2"
calm_cycles = "1"
withdrawal_delay_cycles = "1"
"#;

/// Puts the agreement of the broker and acme under the rule book [`BOOK`], with 4 BTC posted and a margin
/// statement that leaves an excess. Needs acme's 10 BTC.
pub const POOL: &str = "
    pb regime.adopt regime=book digest=doc:book from=-0
    pb agreement.propose document=doc:csa1pool
    acme agreement.accept digest=digest:csa1pool
    acme movement.instruct movement=post mode=immediate postings=acme.btc>acme.btc.p:4:BTC
    acme positions portfolio=P digest=doc:positions
    pb margin statement=s1 portfolio=P agreement=CSA-1 requirement=1000 collateral_value=160000 regime=doc:book
";

/// Names the agreements' documents.
pub fn name_documents(scribe: &mut Scribe) {
    scribe.name_document("csa1", &agreement("CSA-1", "acme", 1));
    scribe.name_document("csa1v2", &agreement("CSA-1", "acme", 2));
    scribe.name_document("csa1v3", &agreement("CSA-1", "acme", 3));
    scribe.name_document("pairs", PAIRS);
    let pooled = agreement("CSA-1", "acme", 2).replace("\"flavour\"", "\"regime\":\"book\",\"flavour\"");
    scribe.name_document("csa1pool", &pooled);
    scribe.name_document("book", BOOK);
    scribe.name_document("csa2", &agreement("CSA-2", "zeta", 1));
    scribe.name_document("other", &agreement("CSA-3", "acme", 1));
}

/// The lines of a text, without indentation, empty lines and those that start with `#`.
pub fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}
