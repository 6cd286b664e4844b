//! Bad input over HTTP, one row each: its status and code, the form of the answer, and that nothing of
//! it stays behind.

use std::collections::BTreeMap;

use api::app::now;
use api::problem::Problem;
use data_encoding::{BASE64, HEXLOWER};
use ledger::envelope::{Envelope, Purpose, pae};
use ledger::id::PartyId;
use ledger::intake::{self, IntakeError, KeyBook};
use ledger::json::{self, Json};
use ledger::key::PublicKey;
use ledger::profile;
use tests::http::Answer;
use tests::scribe::key;
use tests::served::TestLedger;
use tests::world;

/// What must be as before after a refusal: size, root, every balance and every movement.
fn picture(ledger: &mut TestLedger) -> Vec<String> {
    let public = ledger.http().get("/v1/ledger");
    let accounts = ledger.client("pb").get("/v1/accounts").expect("accounts");
    let movements = ledger.client("pb").get("/v1/movements").expect("movements");
    let calls = ledger.client("pb").get("/v1/calls").expect("calls");
    let rest = [accounts, movements, calls].map(|list| list.to_string());
    [public.text("size"), public.text("root")].into_iter().chain(rest).collect()
}

/// RFC 9457, with what our own codes add.
fn assert_problem(answer: &Answer, status: u16, code: &str, path: &str, what: &str) {
    let told = String::from_utf8_lossy(&answer.body).into_owned();
    assert_eq!((answer.status, answer.text("code").as_str()), (status, code), "{what}: {told}");
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{what}");
    assert_eq!(answer.text("type"), format!("/problems/{code}"), "{what}");
    assert_eq!(answer.text("instance"), path, "{what}");
    assert_eq!(answer.header("x-request-id"), Some(answer.text("request_id").as_str()), "{what}");
    for member in ["title", "detail", "request_id", "help"] {
        assert!(!answer.text(member).is_empty(), "{what}: {member} is missing: {told}");
    }
    assert_eq!(answer.json().get("status"), Some(&Json::Number(status.to_string())), "{what}");
}

/// The pointers and codes of `errors[]`.
fn errors(answer: &Answer) -> Vec<(String, String)> {
    let body = answer.json();
    let errors = body.get("errors").and_then(Json::as_array).unwrap_or_default();
    let text =
        |error: &Json, name: &str| error.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
    errors.iter().map(|error| (text(error, "pointer"), text(error, "code"))).collect()
}

const RICH: &str = "
    pb policy.set policy=pairs scope=* rules=doc:pairs version=1 & acme
    pb movement.instruct movement=rich mode=two_phase postings=ext.btc>acme.btc:10:BTC,ext.btc>zeta.btc:10:BTC
    bank movement.settle movement=rich evidence=doc:rich
    acme movement.instruct movement=pending mode=two_phase postings=ext.btc>acme.btc:1:BTC
    acme key.add public_key=key:acme2 uses=command
    acme/acme2 movement.instruct movement=m0 mode=immediate postings=acme.btc>acme.btc.p:1:BTC
    acme key.revoke keyid=key:acme2 reason=lost
    pb key.add public_key=key:feed uses=price
    acme positions portfolio=P digest=doc:positions
    pb margin statement=s1 portfolio=P agreement=CSA-1 requirement=100000
    pb call.issue call=c1 agreement=CSA-1 version=1 statement=s1 leg=delivery kind=demand amount=60000 currency=USD due=+0
    acme call.acknowledge call=c1
    acme address.add address=GREST chain=stellar owner=acme
    acme address.prove address=GREST proof=doc:sig challenge=acme.btc:0011223344556677:+60000
    acme address.allow address=GREST from=+90000000 & pb
";

const MOVE: &str = "acme movement.instruct movement=m1 mode=immediate";

const ROWS: &[(&str, u16, &str)] = &[
    // The envelope's ladder: payload, schema.
    ("acme no.such_type a=b", 400, "type_unknown"),
    ("acme movement.void movement=m0", 400, "body_schema"),
    ("acme movement.void movement=m0 reason=x extra=y", 400, "body_schema"),
    ("acme movement.void movement=-no-id- reason=x", 400, "body_schema"),
    ("pb party.register party=new role=operator public_key=key:new", 400, "body_schema"),
    ("pb asset.define asset=NEW kind=token decimals=31", 400, "body_schema"),
    (
        "acme key.add public_key=AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= uses=command",
        401,
        "signature_missing",
    ),
    // Ledger, expiry.
    ("acme movement.void movement=m0 reason=x ^ledger=ledger.example/other", 403, "wrong_ledger"),
    ("acme movement.void movement=m0 reason=x ^expires_at=-1", 409, "expired"),
    ("acme movement.void movement=m0 reason=x ^expires_at=2020-01-01T00:00:00.000Z", 409, "expired"),
    ("acme movement.void movement=m0 reason=x ^expires_at=+604860000", 409, "expires_too_late"),
    // Key and author.
    ("nobody movement.void movement=m0 reason=x", 401, "key_unknown"),
    ("ACME movement.void movement=m0 reason=x", 401, "key_unknown"),
    ("acme/zeta movement.void movement=m0 reason=x", 401, "signature_invalid"),
    ("acme/acme2 movement.void movement=m0 reason=x", 401, "key_not_active"),
    ("pb/feed movement.void movement=m0 reason=x", 403, "use_not_allowed"),
    ("acme prices set=p2 BTC=1", 403, "use_not_allowed"),
    // Role.
    ("acme asset.define asset=NEW kind=token decimals=0", 403, "not_authorised"),
    ("bank party.register party=new role=client public_key=key:new", 403, "not_authorised"),
    ("aud movement.void movement=m0 reason=x", 403, "not_authorised"),
    ("bank position.report portfolio=P digest=doc:p2 as_of=-0 count=1", 403, "not_authorised"),
    (
        "acme custody.statement statement=k1 custodian=bank format=csv as_of=-0 digest=doc:k1 provenance=signed",
        403,
        "not_authorised",
    ),
    ("pb movement.settle movement=pending evidence=doc:e1", 422, "evidence_missing"),
    ("acme movement.settle movement=pending evidence=doc:e1", 403, "not_authorised"),
    ("vault movement.settle movement=pending evidence=doc:e1", 403, "not_authorised"),
    ("zeta movement.void movement=pending reason=x", 422, "unknown_reference"),
    ("acme key.add party=zeta public_key=key:new uses=command", 403, "not_authorised"),
    // References; what is another's looks like what is not there.
    ("bank movement.settle movement=pending evidence=digest:not_uploaded", 422, "unknown_reference"),
    ("bank movement.settle movement=nothing evidence=doc:e1", 422, "unknown_reference"),
    (
        "pb account.open account=new owner=nobody asset=BTC custodian=bank book=available class=uncleared",
        422,
        "unknown_reference",
    ),
    (
        "pb account.open account=new owner=acme asset=GOLD custodian=bank book=available class=uncleared",
        422,
        "unknown_reference",
    ),
    (
        "pb account.open account=new owner=acme asset=BTC custodian=zeta book=available class=uncleared",
        422,
        "unknown_reference",
    ),
    ("zeta call.acknowledge call=c1", 422, "unknown_reference"),
    ("zeta call.acknowledge call=c9", 422, "unknown_reference"),
    ("zeta positions portfolio=P digest=doc:p2", 422, "unknown_reference"),
    ("zeta key.revoke keyid=key:acme reason=x", 422, "unknown_reference"),
    (
        "pb document.put digest=digest:not_uploaded media_type=text/csv size=1 purpose=x",
        422,
        "unknown_reference",
    ),
    // Ids, stages, expectations.
    ("pb asset.define asset=BTC kind=crypto decimals=8", 409, "id_taken"),
    ("pb asset.define asset=btc kind=crypto decimals=8", 409, "id_taken"),
    (
        "pb account.open account=Acme.BTC owner=acme asset=BTC custodian=bank book=available class=uncleared",
        409,
        "id_taken",
    ),
    ("pb party.register party=Zeta role=client public_key=key:new", 409, "id_taken"),
    ("pb prices set=P1 BTC=1", 409, "id_taken"),
    ("acme movement.void movement=pending reason=x expect=pending@0", 409, "expectation_failed"),
    ("acme movement.void movement=m0 reason=x", 409, "wrong_state"),
    ("acme call.acknowledge call=c1", 409, "wrong_state"),
    (
        "pb ledger.open operator=pb legal_name=pb public_key=key:pb uses=command log_vkey=x witness_policy=doc:w",
        409,
        "wrong_state",
    ),
    ("acme key.revoke keyid=key:acme2 reason=x", 409, "wrong_state"),
    // Amounts and rules.
    ("acme call.agree call=c1 amount=59999", 422, "amount_out_of_range"),
    ("acme call.dispute call=c1 amount=1 reason=because", 422, "reason_unknown"),
    ("pb margin statement=s2 portfolio=P agreement=CSA-1 requirement=1 excess=0", 422, "amounts_do_not_sum"),
    ("pb prices set=p2 BTC=1 as_of=+60000", 422, "price_stale"),
    ("pb price.set set=p2 digest=doc:no_prices as_of=-0 source=close count=1", 422, "document_digest"),
    ("pb document.put digest=doc:six media_type=text/csv size=7 purpose=x", 422, "document_digest"),
    (
        "bank custody.statement statement=k1 custodian=bank format=csv as_of=-0 digest=doc:k1 provenance=relayed",
        422,
        "evidence_mismatch",
    ),
    (
        "pb movement.instruct movement=r1 mode=immediate postings=acme.btc.p>acme.btc:0.5:BTC",
        422,
        "release_uncovers",
    ),
    // What is asked is good, and where it would go is not.
    (
        "acme movement.instruct movement=m1 mode=two_phase destination=GNONE postings=acme.btc>ext.btc:1:BTC",
        403,
        "destination_not_allowed",
    ),
    (
        "acme movement.instruct movement=m1 mode=two_phase destination=GREST postings=acme.btc>ext.btc:1:BTC",
        403,
        "destination_cooling_off",
    ),
];

const MOVEMENTS: &[(&str, u16, &str)] = &[
    ("nobody>acme.btc.p:1:BTC", 422, "unknown_reference"),
    ("acme.btc>acme.btc.p:1:GOLD", 422, "unknown_reference"),
    ("zeta.btc>acme.btc:1:BTC", 422, "unknown_reference"),
    ("acme.btc.p>acme.btc:1:BTC", 403, "not_authorised"),
    ("acme.btc>acme.usdc:1:BTC", 422, "asset_mismatch"),
    ("acme.btc>acme.fut:1:BTC", 422, "class_mismatch"),
    ("acme.btc>acme.btc.p:0:BTC", 422, "amount_zero"),
    ("acme.btc>acme.btc.p:0.000000001:BTC", 422, "amount_precision"),
    ("acme.btc>acme.btc.p:340282366920938463463374607431768211456:BTC", 422, "amount_overflow"),
    ("acme.btc>acme.btc.p:1.50:BTC", 400, "body_schema"),
    ("acme.btc>acme.btc.p:-1:BTC", 400, "body_schema"),
    ("acme.btc>acme.btc.p:1e3:BTC", 400, "body_schema"),
    ("acme.btc>acme.btc.p:10:BTC", 422, "insufficient_available"),
    ("acme.btc>acme.btc.p:5:BTC,acme.btc>acme.btc.p:5:BTC", 422, "insufficient_available"),
    // The first would hold, the second does not: neither does.
    ("acme.btc>acme.btc.p:1:BTC,acme.btc>acme.usdc:1:BTC", 422, "asset_mismatch"),
    ("ext.btc>acme.btc:1:BTC", 422, "evidence_missing"),
    ("acme.btc>ext.btc:1:BTC", 422, "evidence_missing"),
    ("acme.btc>acme.vault:1:BTC", 422, "evidence_missing"),
];

#[test]
fn signed_commands_that_do_not_hold() {
    let mut ledger = TestLedger::with_world();
    ledger.play(RICH);
    let before = picture(&mut ledger);
    let movements = MOVEMENTS
        .iter()
        .map(|(postings, status, code)| (format!("{MOVE} postings={postings}"), *status, *code));
    let rows = ROWS.iter();
    for (line, status, code) in
        rows.map(|(line, status, code)| ((*line).to_owned(), *status, *code)).chain(movements)
    {
        let answer = ledger.line(&line);
        assert_problem(&answer, status, code, "/v1/commands", &line);
    }
    assert_eq!(picture(&mut ledger), before, "nothing was recorded, nothing half-applied");
}

#[test]
fn a_refusal_says_where_and_what() {
    let mut ledger = TestLedger::with_world();
    ledger.play(RICH);
    let pointer = |pointer: &str, code: &str| vec![(pointer.to_owned(), code.to_owned())];
    for (line, want) in [
        ("acme movement.void movement=m0", pointer("/body/reason", "missing_field")),
        ("acme movement.void movement=m0 reason=x extra=y", pointer("/body/extra", "unknown_field")),
        ("acme movement.void movement=! reason=x", pointer("/body/movement", "bad_value")),
        (
            "acme movement.void movement=m0 reason=x ^idempotency_key=short",
            pointer("/idempotency_key", "bad_value"),
        ),
        (
            "acme movement.instruct movement=m1 mode=immediate postings=acme.btc>acme.btc.p:01:BTC",
            pointer("/body/postings/0/amount", "bad_value"),
        ),
        (
            "acme movement.instruct movement=m1 mode=immediate postings=acme.btc>nobody:1:BTC",
            pointer("/body/postings/0/to", "unknown_reference"),
        ),
        (
            "bank movement.settle movement=pending evidence=digest:none",
            pointer("/body/evidence", "unknown_reference"),
        ),
        (
            "pb account.open account=new owner=nobody asset=BTC custodian=bank book=available class=uncleared",
            pointer("/body/owner", "unknown_reference"),
        ),
    ] {
        assert_eq!(errors(&ledger.line(line)), want, "{line}");
    }
    for (line, expected, got) in [
        (
            "acme movement.instruct movement=m1 mode=immediate postings=acme.btc>acme.btc.p:9.5:BTC",
            "9.5",
            "9",
        ),
        ("acme call.agree call=c1 amount=1", "60000", "1"),
        ("pb margin statement=s2 portfolio=P agreement=CSA-1 requirement=1 excess=0", "-1", "0"),
        ("acme movement.void movement=pending reason=x ^ledger=other", world::ORIGIN, "other"),
    ] {
        let answer = ledger.line(line);
        assert_eq!(
            (answer.text("expected").as_str(), answer.text("got").as_str()),
            (expected, got),
            "{line}"
        );
    }
}

/// An envelope over `payload` as any type, by any keys.
fn envelope(payload_type: &str, payload: &[u8], keys: &[&str]) -> String {
    let signatures = keys.iter().map(|name| {
        let signer = key(name);
        let sig = BASE64.encode(&signer.sign(&pae(payload_type, payload)));
        Json::object([("keyid", Json::text(signer.public().id().to_string())), ("sig", Json::text(sig))])
    });
    Json::object([
        ("payload", Json::text(BASE64.encode(payload))),
        ("payloadType", Json::text(payload_type)),
        ("signatures", Json::array(signatures)),
    ])
    .to_jcs()
}

const COMMAND: &str = "application/vnd.pledger.command.v1+json";

/// What a row sends, and the answer: what is wrong, the bytes, status and code.
type Row = (&'static str, String, u16, &'static str);

fn signed(payload: &str) -> String {
    envelope(COMMAND, payload.as_bytes(), &["acme"])
}

/// Bytes that are no envelope of a command around a good payload.
fn envelopes(payload: &[u8]) -> Vec<Row> {
    let good = envelope(COMMAND, payload, &["acme"]);
    let approval = Purpose::Approval.payload_type();
    vec![
        ("nothing", String::new(), 400, "body_not_json"),
        ("no JSON", "{".to_owned(), 400, "body_not_json"),
        ("deep", "[".repeat(8_000) + &"]".repeat(8_000), 400, "body_not_json"),
        ("a list", "[]".to_owned(), 400, "envelope_malformed"),
        ("no payload", r#"{"payloadType":"x","signatures":[]}"#.to_owned(), 400, "envelope_malformed"),
        ("unknown member", good.replacen('{', "{\"alg\":\"none\",", 1), 400, "envelope_unknown_member"),
        (
            "unknown member of a signature",
            good.replace("{\"keyid\"", "{\"alg\":\"none\",\"keyid\""),
            400,
            "envelope_unknown_member",
        ),
        (
            "twice",
            good.replacen('{', &format!("{{\"payloadType\":\"{COMMAND}\","), 1),
            400,
            "envelope_malformed",
        ),
        ("bad base64", good.replace("\"payload\":\"", "\"payload\":\"!"), 400, "envelope_malformed"),
        ("signature without padding", good.replace("==\"", "\""), 400, "envelope_malformed"),
        ("no signature", envelope(COMMAND, payload, &[]), 401, "signature_missing"),
        ("another type", envelope("text/plain", payload, &["acme"]), 400, "payload_type_unknown"),
        ("a command as an approval", envelope(approval, payload, &["acme"]), 400, "type_unknown"),
        (
            "a session",
            envelope(Purpose::Session.payload_type(), payload, &["acme"]),
            400,
            "payload_type_unknown",
        ),
        (
            "two signatures where one belongs",
            envelope(COMMAND, payload, &["acme", "acme"]),
            400,
            "envelope_malformed",
        ),
    ]
}

/// Signatures that are not what the type takes: over a good payload, and over a registration.
fn signatures(payload: &[u8], register: &[u8], weak: &[u8]) -> Vec<Row> {
    let good = envelope(COMMAND, payload, &["acme"]);
    let as_approval = BASE64.encode(&key("acme").sign(&pae(Purpose::Approval.payload_type(), payload)));
    let own_sig = BASE64.encode(&key("acme").sign(&pae(COMMAND, payload)));
    let keyid = key("acme").public().id().to_string();
    vec![
        ("one signature where two belong", envelope(COMMAND, register, &["pb"]), 401, "signature_missing"),
        ("the second by another key", envelope(COMMAND, register, &["pb", "pb"]), 401, "signature_invalid"),
        (
            "the two the other way round",
            envelope(COMMAND, register, &["new", "pb"]),
            401,
            "signature_invalid",
        ),
        ("a weak key", envelope(COMMAND, weak, &["pb", "new"]), 422, "weak_key"),
        ("signed by another", envelope(COMMAND, payload, &["zeta"]), 401, "signature_invalid"),
        ("signature of another purpose", good.replace(&own_sig, &as_approval), 401, "signature_invalid"),
        (
            "keyid of another",
            good.replace(&keyid, &key("zeta").public().id().to_string()),
            401,
            "keyid_mismatch",
        ),
        ("keyid in capitals", good.replace(&keyid, &keyid.to_uppercase()), 401, "keyid_mismatch"),
    ]
}

/// Payloads that are no command, well signed.
fn payloads(text: &str) -> Vec<Row> {
    let good = signed(text);
    let memo = "m".repeat(250);
    let big =
        text.replace("\"movement\"", &format!("{}\"movement\"", format!("\"memo\":\"{memo}\",").repeat(16)));
    vec![
        ("payload too large", signed(&big), 413, "payload_too_large"),
        ("body too large", format!("{good}{}", " ".repeat(16 << 10)), 413, "body_too_large"),
        ("payload no JSON", signed("{"), 400, "payload_not_json"),
        ("payload no object", signed("\"x\""), 400, "payload_profile"),
        ("a number", signed(&text.replace("\"1\"", "1")), 400, "payload_profile"),
        ("a null", signed(&text.replace("\"1\"", "null")), 400, "payload_profile"),
        ("a member twice", signed(&text.replacen('{', "{\"author\":\"acme\",", 1)), 400, "payload_profile"),
        ("a capital key", signed(&text.replace("\"mode\"", "\"Mode\"")), 400, "payload_profile"),
        ("a direction control", signed(&text.replace("m1", "m1\u{202e}")), 400, "payload_profile"),
        ("a space", signed(&text.replace(":{", ": {")), 400, "payload_not_canonical"),
        ("a line feed at the end", signed(&format!("{text}\n")), 400, "payload_not_canonical"),
        ("an escape", signed(&text.replace("acme", "\\u0061cme")), 400, "payload_not_canonical"),
        ("no author", signed(&text.replace("\"author\":\"acme\",", "")), 400, "body_schema"),
        ("no author that is an id", signed(&text.replace("\"acme\"", "\"a cme\"")), 400, "body_schema"),
        (
            "unknown member at the top",
            signed(&text.replacen('{', "{\"a_body\":\"x\",", 1)),
            400,
            "body_schema",
        ),
        (
            "a type that is no text",
            signed(&text.replace("\"movement.instruct\"", "true")),
            400,
            "body_schema",
        ),
    ]
}

#[test]
fn bytes_that_are_no_command() {
    let mut ledger = TestLedger::with_world();
    let before = picture(&mut ledger);
    let mut payload = |line: &str| {
        let asked = ledger.scribe.read(line, now());
        ledger.scribe.payload(&asked, now())
    };
    let good = payload("acme movement.instruct movement=m1 mode=two_phase postings=ext.btc>acme.btc:1:BTC");
    let register = payload("pb party.register party=new role=client public_key=key:new");
    let weak = payload(
        "pb party.register party=new role=client public_key=AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    );
    let text = String::from_utf8(good.clone()).expect("JSON is text");
    let rows = [envelopes(&good), signatures(&good, &register, &weak), payloads(&text)].concat();
    for (what, body, status, code) in rows {
        let answer = ledger.http().send("POST", "/v1/commands", &[], body.as_bytes());
        assert_problem(&answer, status, code, "/v1/commands", what);
    }
    assert_eq!(picture(&mut ledger), before, "nothing was recorded");
    // And the good one was good: what refused the others was in the others.
    let good = signed(&text);
    let header = [("idempotency-key", "another-key-of-22-chars")];
    let answer = ledger.http().send("POST", "/v1/commands", &header, good.as_bytes());
    assert_problem(&answer, 400, "idempotency_header_differs", "/v1/commands", "header");
    for query in ["wait=never", "wait=", "other=1", "wait=durable&wait=durable"] {
        let path = format!("/v1/commands?{query}");
        let answer = ledger.http().send("POST", &path, &[], good.as_bytes());
        assert_problem(&answer, 400, "query_invalid", "/v1/commands", query);
    }
    assert_eq!(picture(&mut ledger), before, "nothing was recorded");
    let answer = ledger.http().send("POST", "/v1/commands?wait=durable", &[], good.as_bytes());
    assert_eq!(answer.status, 201);
}

#[test]
fn an_idempotency_key_is_used_once() {
    let mut ledger = TestLedger::with_world();
    let first = "acme movement.instruct movement=m1 mode=two_phase postings=ext.btc>acme.btc:1:BTC ^idempotency_key=0123456789012345678901";
    assert_eq!(ledger.line(first).status, 201);
    let before = picture(&mut ledger);
    let other = "acme movement.instruct movement=m2 mode=two_phase postings=ext.btc>acme.btc:1:BTC ^idempotency_key=0123456789012345678901";
    assert_problem(&ledger.line(other), 409, "idempotency_key_reused", "/v1/commands", other);
    assert_eq!(picture(&mut ledger), before);
    // It is the author's own: another may have the same.
    assert_eq!(ledger.line(&other.replace("acme m", "zeta m").replace("acme.btc", "zeta.btc")).status, 201);
}

#[test]
fn a_key_signs_nothing_in_the_record_that_adds_it() {
    let mut ledger = TestLedger::with_world();
    let before = picture(&mut ledger);
    let asked = ledger.scribe.read("acme key.add public_key=key:acme2 uses=command", now());
    let payload = ledger.scribe.payload(&asked, now());
    let body = envelope(COMMAND, &payload, &["acme2", "acme2"]);
    let answer = ledger.http().send("POST", "/v1/commands", &[], body.as_bytes());
    assert_problem(&answer, 401, "signature_invalid", "/v1/commands", "the new key for both");
    assert_eq!(picture(&mut ledger), before);
}

#[test]
fn the_same_bytes_get_the_first_receipt_for_ever() {
    let mut ledger = TestLedger::with_world();
    ledger.play("acme key.add public_key=key:acme2 uses=command,session");
    let line = "acme/acme2 movement.instruct movement=m1 mode=two_phase postings=ext.btc>acme.btc:1:BTC";
    let asked = ledger.scribe.read(line, now());
    let body = ledger.scribe.sign(&asked, now()).to_string();
    let lasting = |answer: &Answer| {
        let members = answer.json();
        let members = members.as_object().expect("a receipt");
        let moving = ["stage", "proof", "checkpoint_size"];
        let lasting = members.iter().filter(|(name, _)| !moving.contains(&name.as_str()));
        Json::object(lasting.cloned()).to_string()
    };
    let first = ledger.http().send("POST", "/v1/commands", &[], body.as_bytes());
    assert_eq!((first.status, first.header("idempotent-replayed")), (201, None));
    let session = ledger.fresh_client("acme", "acme2");
    let check = |ledger: &TestLedger, what: &str| {
        let again = ledger.http().send("POST", "/v1/commands", &[], body.as_bytes());
        assert_eq!((again.status, again.header("idempotent-replayed")), (200, Some("true")), "{what}");
        assert_eq!(lasting(&again), lasting(&first), "{what}");
        assert_eq!(again.text("stage"), "published", "{what}");
    };
    check(&ledger, "at once");
    // In another spelling of the envelope too: the command is the same.
    let spaced = body.replace("\":", "\": ");
    assert_eq!(ledger.http().send("POST", "/v1/commands", &[], spaced.as_bytes()).status, 200);
    ledger.play("acme key.revoke keyid=key:acme2 reason=lost");
    check(&ledger, "after the key was revoked");
    // And its session ended with it.
    let answer = session.send("GET", "/v1/accounts", None).expect("an answer");
    assert_eq!(answer.status, 401);
    ledger.play("acme movement.void movement=m1 reason=x");
    check(&ledger, "after what it made has changed");
    ledger.restart();
    check(&ledger, "after a restart");
    let id = first.text("command_id");
    let read = ledger.client("acme").get(&format!("/v1/receipts/{id}")).expect("a receipt");
    assert_eq!(read.get("effects"), first.json().get("effects"));
    let size = ledger.http().get("/v1/ledger").text("size");
    assert_eq!(
        ledger.client("pb").get("/v1/movements/m1").expect("it").pointer("/movement/status"),
        Some(&Json::text("voided"))
    );
    assert_eq!(size, (world::lines(world::STAGE).count() + 5).to_string());
}

#[test]
fn reads_give_nothing_away() {
    let mut ledger = TestLedger::with_world();
    ledger.play(RICH);
    let http = ledger.http();
    for path in ["/v1/accounts", "/v1/parties", "/v1/movements/m0", "/v1/calls/c1", "/v1/margin-statements"] {
        assert_problem(&http.get(path), 401, "session_required", path, "no session");
        let stranger = [("authorization", "Bearer nothing")];
        assert_problem(
            &http.send("GET", path, &stranger, b""),
            401,
            "session_invalid",
            path,
            "no such session",
        );
    }
    // What is another's looks like what is not there, to the byte but for the request's name.
    let blank = |answer: &api::client::Answer, id: &str| {
        let body = String::from_utf8(answer.body.clone()).expect("text");
        let (head, rest) = body.split_once("\"request_id\":\"").expect("a problem");
        let (_, rest) = rest.split_once('"').expect("a request's name ends");
        // The name is hex by chance, so the id is looked for only outside it.
        format!("{} {head}{rest}", answer.status).replace(id, "…")
    };
    for (kind, there, absent) in [
        ("accounts", "acme.btc", "none.btc"),
        ("movements", "m0", "m9"),
        ("calls", "c1", "c9"),
        ("margin-statements", "s1", "s9"),
        ("agreements", "CSA-1", "CSA-9"),
        ("parties", "acme", "none"),
    ] {
        let client = ledger.client("zeta");
        let [there, absent] = [there, absent].map(|id| {
            let answer = client.send("GET", &format!("/v1/{kind}/{id}"), None).expect("an answer");
            assert_eq!(answer.status, 404, "{kind} {id}");
            blank(&answer, id)
        });
        assert_eq!(there, absent, "{kind}");
    }
    // Counterparties see each other.
    for (reader, party) in
        [("zeta", "zeta"), ("zeta", "pb"), ("acme", "bank"), ("bank", "acme"), ("pb", "acme")]
    {
        let path = format!("/v1/parties/{party}");
        assert!(ledger.client(reader).get(&path).is_ok(), "{reader} {party}");
    }
    // Bodies of records are for those they concern; leaves are for all.
    let seq = (world::lines(world::STAGE).count() + 1).to_string();
    let path = format!("/v1/records/{seq}");
    assert!(http.get(&path).json().get("envelope").is_none());
    assert!(ledger.client("acme").get(&path).expect("a record").get("envelope").is_some());
    let settle = format!("/v1/records/{}", world::lines(world::STAGE).count() + 5);
    assert!(ledger.client("zeta").get(&settle).expect("a record").get("envelope").is_none());
}

#[test]
fn paths_that_lead_nowhere() {
    let ledger = TestLedger::with_world();
    let http = ledger.http();
    for (path, status, code) in [
        ("/v1/records/999", 404, "seq_not_published"),
        ("/v1/records/01", 404, "seq_not_published"),
        ("/v1/records/-1", 404, "seq_not_published"),
        ("/v1/checkpoints/999", 404, "not_found"),
        ("/v1/consistency?from=1", 400, "query_invalid"),
        ("/v1/consistency?from=5&to=1", 400, "query_invalid"),
        ("/v1/consistency?from=1&to=999", 400, "query_invalid"),
        ("/v1/consistency?from=1&to=2&x=1", 400, "query_invalid"),
        ("/log/tile/0/001", 404, "not_found"),
        ("/log/tile/00/000", 404, "not_found"),
        ("/log/tile/0/000.p/256", 404, "not_found"),
        ("/log/tile/0/000.p/0", 404, "not_found"),
        ("/log/../keys/log.pem", 404, "not_found"),
        ("/log/%2e%2e/keys/log.pem", 404, "not_found"),
        ("/log/..%2f..%2fetc%2fpasswd", 404, "not_found"),
        ("/log/tile/0/../../../keys/log.pem", 404, "not_found"),
        ("/v1/accounts/..%2f..%2fetc", 401, "session_required"),
        ("/nothing", 404, "not_found"),
        ("/log/%ff", 404, "not_found"),
        ("/v1/ledger?as_of_seq=1", 400, "query_invalid"),
    ] {
        let answer = http.get(path);
        assert_eq!((answer.status, answer.text("code").as_str()), (status, code), "{path}");
    }
    for (method, path) in [("DELETE", "/v1/accounts"), ("PUT", "/v1/commands"), ("POST", "/log/checkpoint")] {
        let answer = http.send(method, path, &[], b"");
        assert_problem(&answer, 405, "method_not_allowed", path, method);
    }
    let long = "x".repeat(17_000);
    assert_problem(
        &http.send("GET", "/healthz", &[("x", &long)], b""),
        431,
        "head_too_large",
        "/healthz",
        "head",
    );
    // HEAD tells what GET tells, without the body.
    for path in ["/v1/ledger", "/log/checkpoint", "/healthz", "/v1/records/0", "/v1/records/999"] {
        let (get, head) = (http.get(path), http.send("HEAD", path, &[], b""));
        assert_eq!((head.status, head.body.len()), (get.status, 0), "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
    }
}

#[test]
fn a_session_is_signed_for_one_place_and_once() {
    let ledger = TestLedger::with_world();
    let http = ledger.http();
    let acme = PartyId::parse("acme").expect("an id");
    let challenge = || http.get("/v1/session/challenge").text("challenge");
    let later = now().plus_millis(60_000).expect("a time");
    let open = |origin: &str, audience: &str, challenge: &str, at, by: &str, purpose| {
        let payload = api::session::session_payload(origin, &acme, audience, challenge, at);
        let body = Envelope::sign(purpose, &payload, &[&key(by)]).to_string();
        http.send("POST", "/v1/session", &[], body.as_bytes())
    };
    let (here, ours, session) = (ledger.url().to_owned(), world::ORIGIN, Purpose::Session);
    let past = ledger::time::Timestamp::epoch();
    for (what, answer, status, code) in [
        (
            "another audience",
            open(ours, "https://evil.example", &challenge(), later, "acme", session),
            401,
            "session_invalid",
        ),
        (
            "another ledger",
            open("other", &here, &challenge(), later, "acme", session),
            401,
            "session_invalid",
        ),
        ("over", open(ours, &here, &challenge(), past, "acme", session), 401, "session_invalid"),
        ("another's key", open(ours, &here, &challenge(), later, "zeta", session), 401, "session_invalid"),
        (
            "a challenge of one's own",
            open(ours, &here, "mine", later, "acme", session),
            401,
            "challenge_invalid",
        ),
        (
            "signed as a command",
            open(ours, &here, &challenge(), later, "acme", Purpose::Command),
            400,
            "envelope_malformed",
        ),
    ] {
        assert_problem(&answer, status, code, "/v1/session", what);
    }
    let once = challenge();
    assert_eq!(open(ours, &here, &once, later, "acme", session).status, 201);
    let again = open(ours, &here, &once, later, "acme", session);
    assert_problem(&again, 401, "challenge_invalid", "/v1/session", "the same bytes again");
    // A refused attempt uses the challenge up as well.
    let once = challenge();
    assert_eq!(open(ours, &here, &once, later, "zeta", session).status, 401);
    assert_problem(
        &open(ours, &here, &once, later, "acme", session),
        401,
        "challenge_invalid",
        "/v1/session",
        "used",
    );
    // A session's envelope is no command.
    let payload = api::session::session_payload(ours, &acme, &here, &challenge(), later);
    let body = Envelope::sign(session, &payload, &[&key("acme")]).to_string();
    let answer = http.send("POST", "/v1/commands", &[], body.as_bytes());
    assert_problem(&answer, 400, "payload_type_unknown", "/v1/commands", "a session as a command");
}

#[test]
fn a_document_is_what_its_name_says() {
    let mut ledger = TestLedger::with_world();
    let digest = ledger::digest::Digest::of(b"four");
    let http = ledger.http();
    let path = format!("/v1/documents/{digest}");
    assert_problem(&http.send("PUT", &path, &[], b"four"), 401, "session_required", &path, "no session");
    let client = ledger.client("acme");
    let put = |path: &str, body: &[u8]| client.send("PUT", path, Some(body)).expect("an answer").status;
    assert_eq!(put(&path, b"five"), 422);
    assert_eq!(put("/v1/documents/zz", b"four"), 404);
    assert_eq!(put(&path, b"four"), 201);
    // Held, and no document yet: nobody reads it, not even who brought it.
    assert_eq!(client.send("GET", &path, None).expect("an answer").status, 404);
    ledger.play("acme document.put digest=digest:four media_type=text/plain size=4 purpose=test");
    for (party, status) in [("acme", 200), ("pb", 200), ("aud", 200), ("zeta", 404), ("bank", 404)] {
        let answer = ledger.client(party).send("GET", &path, None).expect("an answer");
        assert_eq!(answer.status, status, "{party}");
    }
}

/// Holds one party's keys.
struct Book(BTreeMap<String, Vec<PublicKey>>);

impl KeyBook for Book {
    fn keys_of(&self, party: &PartyId) -> Option<Vec<PublicKey>> {
        self.0.get(party.as_str()).cloned()
    }
}

fn golden() -> Json {
    json::read(include_bytes!("../golden/audit.json")).expect("the vectors are JSON")
}

fn text<'a>(tree: &'a Json, pointer: &str) -> &'a str {
    tree.pointer(pointer).and_then(Json::as_str).unwrap_or_else(|| panic!("{pointer} is missing"))
}

fn code_of(error: &IntakeError) -> String {
    Problem::from(error).code().to_owned()
}

#[test]
fn envelopes_by_vectors() {
    let golden = golden();
    let keys = golden.pointer("/golden_chain/keys").and_then(Json::as_array).expect("keys");
    let acme = keys.iter().find(|key| text(key, "/seed_text").ends_with("/acme")).expect("acme's key");
    let acme = PublicKey::parse(text(acme, "/public_b64")).expect("a key");
    let book = Book(BTreeMap::from([("acme".to_owned(), vec![acme])]));
    let vectors = golden.pointer("/envelopes/vectors").and_then(Json::as_array).expect("vectors");
    assert!(vectors.len() >= 17);
    for vector in vectors {
        let name = text(vector, "/name");
        match (intake::take_in(text(vector, "/text").as_bytes(), &book), vector.get("code")) {
            (Ok(signed), None) => {
                assert_eq!(
                    HEXLOWER.encode(signed.id.as_bytes()),
                    text(&golden, "/envelopes/command_id_hex"),
                    "{name}"
                );
                assert_eq!(signed.envelope, text(&golden, "/envelopes/stored").as_bytes(), "{name}");
                assert_eq!(signed.signer, acme.id(), "{name}");
            }
            (Err(error), Some(code)) => assert_eq!(Some(code_of(&error).as_str()), code.as_str(), "{name}"),
            (outcome, _) => panic!("{name}: {outcome:?}"),
        }
    }
}

#[test]
fn canonical_payloads_by_vectors() {
    let golden = golden();
    let vectors = golden.pointer("/canonical_payloads/vectors").and_then(Json::as_array).expect("vectors");
    assert!(vectors.len() >= 36);
    let acme = key("acme").public();
    let book = Book(BTreeMap::from([("acme".to_owned(), vec![acme])]));
    for vector in vectors {
        let name = text(vector, "/name");
        let payload = BASE64.decode(text(vector, "/payload_b64").as_bytes()).expect("base64");
        let code = vector.get("code").and_then(Json::as_str);
        if code != Some("payload_too_large") {
            let read = profile::read(&payload).map_err(|error| code_of(&IntakeError::Profile(error)));
            assert_eq!(read.err().as_deref(), code, "{name}");
        }
        // Signed and sent, the same: whatever the payload says of its author.
        let envelope = Envelope::sign(Purpose::Command, &payload, &[&key("acme")]).to_string();
        let taken = intake::take_in(envelope.as_bytes(), &book).map_err(|error| code_of(&error));
        match (taken, code) {
            (Ok(_), None) => {}
            (Err(got), None) => {
                assert!(["body_schema", "key_unknown"].contains(&got.as_str()), "{name}: {got}")
            }
            (Err(got), Some(code)) => {
                assert!(got == code || got == "key_unknown", "{name}: {got}, not {code}")
            }
            (Ok(_), Some(code)) => panic!("{name}: taken in, not {code}"),
        }
    }
}
