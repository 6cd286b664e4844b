//! Webhooks: each party's own. Which URLs there are is told beside their type.

use tests::served::TestLedger;

use crate::flow::play;

#[test]
fn webhooks_are_refused_in_order() {
    play(
        "
        acme webhook.set webhook=h url=http://hooks.acme.example events=call.issue => body_schema
        acme webhook.set webhook=h url=https://169.254.169.254/latest events=call.issue => body_schema
        acme webhook.set webhook=h url=https://2130706433/ events=call.issue => body_schema
        acme webhook.set webhook=h url=https://[::ffff:127.0.0.1]/ events=call.issue => body_schema
        acme webhook.set webhook=h url=https://u:p@hooks.acme.example/ events=call.issue => body_schema
        acme webhook.set webhook=h url=https://hooks.acme.example/ events=no.such => body_schema
        acme webhook.set webhook=h url=https://hooks.acme.example/ events=call.issue,call.agree => body_schema
        acme webhook.remove webhook=h => unknown_reference
        acme webhook.set webhook=h url=https://hooks.acme.example/ events=call.agree,call.issue
        zeta webhook.set webhook=h url=https://hooks.zeta.example/ events=call.issue => id_taken
        zeta webhook.set webhook=H url=https://hooks.zeta.example/ events=call.issue => id_taken
        zeta webhook.remove webhook=h => unknown_reference
        pb webhook.remove webhook=h => unknown_reference
        acme webhook.set webhook=h url=https://hooks.acme.example:8443/2 events=call.issue expect=h@0 => expectation_failed
        acme webhook.set webhook=h url=https://hooks.acme.example:8443/2 events=call.issue
        acme webhook.remove webhook=h
        acme webhook.remove webhook=h => wrong_state
        acme webhook.set webhook=h url=https://hooks.acme.example/ events=call.issue => id_taken
        bank webhook.set webhook=b url=https://hooks.bank.example/ events=movement.instruct
        aud webhook.set webhook=a url=https://hooks.aud.example/ events=seal.put
        ",
    );
}

/// A URL may hold a secret: it is read by the party that set it.
#[test]
fn webhooks_are_read_by_their_own_party() {
    let mut ledger = TestLedger::with_world();
    ledger.play(
        "
        acme webhook.set webhook=h1 url=https://hooks.acme.example/?key=1 events=call.agree,call.issue description=ours
        acme webhook.set webhook=h2 url=https://hooks.acme.example/2 events=call.issue
        zeta webhook.set webhook=h3 url=https://hooks.zeta.example/ events=call.issue
        acme webhook.remove webhook=h2
        acme webhook.set webhook=h1 url=https://hooks.acme.example/?key=2 events=call.issue
        ",
    );
    ledger.restart();
    let read = ledger.read("acme", "/v1/webhooks");
    assert_eq!(read.items(), 1);
    assert_eq!(read.at("/items/0/url"), "https://hooks.acme.example/?key=2");
    assert_eq!(
        (read.at("/items/0/events/0"), read.at("/items/0/events/1")),
        ("call.issue".into(), String::new())
    );
    assert_eq!(read.at("/items/0/description"), "", "what is set anew is set whole");
    for (party, listed) in [("zeta", 1), ("pb", 0), ("aud", 0), ("bank", 0)] {
        assert_eq!(ledger.read(party, "/v1/webhooks").items(), listed, "{party}");
    }
    assert_eq!(ledger.http().get("/v1/webhooks").status, 401);
}
