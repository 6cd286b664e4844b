//! The order of refusals: of any number of faults in one command, the answer is the one that stands first
//! among the codes.

use ledger::rejection::Rejection;
use tests::driver::Driver;

/// Faults of one part of a command: what stands there, and the codes that it alone would be refused by.
type Part = &'static [(&'static str, &'static [&'static str])];

/// Each part is either right or wrong in one of these ways. The author's are those of party and key
/// together.
const LEDGER: Part = &[("", &[]), (" ^ledger=ledger.example/other", &["wrong_ledger"])];
const EXPIRY: Part =
    &[("", &[]), (" ^expires_at=-1", &["expired"]), (" ^expires_at=+604860000", &["expires_too_late"])];
const KEY: Part = &[("", &[]), (" ^idempotency_key=AAAAAAAAAAAAAAAAAAAAAA", &["idempotency_key_reused"])];
const AUTHOR: Part = &[
    ("acme", &[]),
    ("acme/revoked", &["key_not_active"]),
    ("acme/session", &["use_not_allowed"]),
    ("aud", &["not_authorised"]),
    ("aud/aud.session", &["use_not_allowed", "not_authorised"]),
    ("zeta", &["author_suspended", "unknown_reference"]),
    ("zeta/zeta.revoked", &["key_not_active", "author_suspended", "unknown_reference"]),
];
const FROM: Part = &[("acme.btc", &[]), ("acme.nothing", &["unknown_reference"])];
const ID: Part = &[(" movement=m1", &[]), (" movement=rich", &["id_taken"])];
const EXPECT: Part = &[("", &[]), (" expect=acme.btc@1", &["expectation_failed"])];
const TO: Part = &[("acme.btc.p", &[]), ("acme.frozen", &["account_frozen"])];
const AMOUNT: Part = &[("1", &[]), ("1000000", &["insufficient_available"])];

fn stage() -> Driver {
    let mut driver = Driver::with_world(false);
    driver.play(
        "pb movement.instruct movement=rich mode=two_phase postings=ext.btc>acme.btc:10:BTC
         bank movement.settle movement=rich evidence=doc:rich
         acme key.add public_key=key:revoked uses=command
         acme key.revoke keyid=key:revoked reason=lost
         acme key.add public_key=key:session uses=session
         aud key.add public_key=key:aud.session uses=session
         zeta key.add public_key=key:zeta.revoked uses=command
         zeta key.revoke keyid=key:zeta.revoked reason=lost
         pb account.open account=acme.frozen owner=acme asset=BTC custodian=bank book=posted class=uncleared
         pb account.freeze account=acme.frozen reason=asked
         acme document.put digest=doc:a media_type=text/plain size=1 purpose=other ^idempotency_key=AAAAAAAAAAAAAAAAAAAAAA
         aud document.put digest=doc:b media_type=text/plain size=1 purpose=other ^idempotency_key=AAAAAAAAAAAAAAAAAAAAAA
         zeta document.put digest=doc:c media_type=text/plain size=1 purpose=other ^idempotency_key=AAAAAAAAAAAAAAAAAAAAAA
         pb party.suspend party=zeta reason=asked",
    );
    driver
}

#[test]
fn the_first_code_of_all_faults_is_the_answer() {
    let mut driver = stage();
    let rank = |code: &str| {
        let place = Rejection::CODES.iter().position(|known| *known == code);
        place.unwrap_or_else(|| panic!("{code} is a code"))
    };
    let parts = [LEDGER, EXPIRY, KEY, AUTHOR, FROM, ID, EXPECT, TO, AMOUNT];
    let all: usize = parts.iter().map(|part| part.len()).product();
    let mut refused = 0;
    for choice in 0..all {
        let mut rest = choice;
        let [ledger, expiry, key, author, from, id, expect, to, amount] = parts.map(|part| {
            let chosen = &part[rest % part.len()];
            rest /= part.len();
            chosen
        });
        let chosen = [ledger, expiry, key, author, from, id, expect, to, amount];
        let faults = chosen.iter().flat_map(|(_, codes)| codes.iter().copied());
        let Some(first) = faults.min_by_key(|code| rank(code)) else { continue };
        let line = format!(
            "{} movement.instruct{} mode=immediate postings={}>{}:{}:BTC{}{}{}{}",
            author.0, id.0, from.0, to.0, amount.0, expect.0, ledger.0, expiry.0, key.0
        );
        let before = driver.state.clone();
        let got = driver.line(&line).err().map(|refused| refused.code());
        assert_eq!(got, Some(first), "{line}");
        assert!(driver.state == before, "a refusal changes nothing: {line}");
        refused += 1;
    }
    assert_eq!(refused, all - 1, "one command of all has no fault");
    driver.play("acme movement.instruct movement=m1 mode=immediate postings=acme.btc>acme.btc.p:1:BTC");
}
