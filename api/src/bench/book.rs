//! The ledger that a benchmark makes: each record a function of the seed and its sequence number.
//!
//! After the setting (parties, assets, a pair of accounts for each client and asset) the records come
//! in groups of 100 for one client and asset: 2 new accounts, 20 deposits instructed and settled by the
//! custodian, 57 immediate movements between `available` and `posted`, and one withdrawal that stays
//! open. Ids of movements are random to the eye, as those that programs make. A record comes every 25
//! milliseconds (some 3.5 million a day) and its command expires ten minutes later.

use ledger::digest::Digest;
use ledger::envelope::{Envelope, Purpose};
use ledger::id::PartyId;
use ledger::intake::KeyBook;
use ledger::json::Json;
use ledger::key::{PublicKey, SecretKey};
use ledger::time::Timestamp;

use crate::client::Draft;
use crate::home;

/// The origin of such a ledger.
pub(super) const ORIGIN: &str = "bench.example/recovery";

/// Fewer records would be setting alone.
pub const RECORDS_MIN: u64 = 200;

/// From one record to the next.
pub(super) const STEP_MS: u64 = 25;

const OPERATOR: &str = "harbor";
const CUSTODIAN: &str = "vault";
const ASSETS: [(&str, &str, &str); 4] =
    [("BTC", "crypto", "8"), ("ETH", "crypto", "18"), ("USDC", "stablecoin", "6"), ("USD", "cash", "2")];
const GROUP: u64 = 100;

/// Settlements that rest on one document of the custodian.
const SETTLED_TOGETHER: u64 = 20;

/// What makes every command.
pub(super) struct Book {
    seed: u64,
    clients: u64,
    keys: Vec<SecretKey>,
    log_vkey: String,
}

/// A command before it is signed.
pub(super) struct Asked {
    pub(super) type_name: &'static str,
    pub(super) author: String,
    pub(super) body: Json,
    /// The document that it is the first to name.
    pub(super) document: Option<Vec<u8>>,
}

impl Book {
    /// # Errors
    /// Never: the origin is the name of a key.
    pub(super) fn new(seed: u64, records: u64) -> Result<Self, String> {
        let clients = (records / 1_000).clamp(2, 1_000);
        let names = [OPERATOR.to_owned(), CUSTODIAN.to_owned()].into_iter().chain((0..clients).map(client));
        let keys = names.map(|name| key(seed, &name)).collect();
        let log_vkey = home::vkey(ORIGIN, &key(seed, "log")).map_err(|error| error.to_string())?;
        Ok(Self { seed, clients, keys, log_vkey })
    }

    pub(super) fn log_key(&self) -> SecretKey {
        key(self.seed, "log")
    }

    /// When the ledger is made; its first record comes one step later.
    pub(super) fn start() -> Timestamp {
        Timestamp::parse("2026-01-05T09:00:00.000Z").expect("a time as the ledger writes it")
    }

    /// The signed envelope of the record with that number, and the document it brings.
    pub(super) fn envelope(&self, seq: u64) -> (Envelope, Option<Vec<u8>>) {
        let Asked { type_name, author, body, document } = self.ask(seq);
        let unique = self.unique("key", seq);
        let idempotency_key = data_encoding::BASE64URL_NOPAD.encode(&unique.as_bytes()[..16]);
        let draft = Draft {
            type_name,
            ledger: ORIGIN,
            author: &author,
            idempotency_key: &idempotency_key,
            expires_at: at(seq, 600_000),
            effective_at: None,
        };
        let mut keys = vec![self.key(&author)];
        if let Some(new) = body.get("party").and_then(Json::as_str) {
            keys.push(self.key(new));
        }
        (Envelope::sign(Purpose::Command, &draft.payload(body), &keys), document)
    }

    /// What the record with that number asks.
    pub(super) fn ask(&self, seq: u64) -> Asked {
        let assets = ASSETS.len() as u64;
        let pairs = self.clients * assets;
        let parts = [1, 1, self.clients, assets, assets, 2 * pairs];
        let mut place = seq;
        for (part, count) in parts.into_iter().enumerate() {
            if place < count {
                return self.setting(part, place);
            }
            place -= count;
        }
        self.business(seq, place)
    }

    fn setting(&self, part: usize, place: u64) -> Asked {
        match part {
            0 => self.opening(),
            1 => self.registration(CUSTODIAN, "custodian"),
            2 => self.registration(&client(place), "client"),
            3 => {
                let (asset, kind, decimals) = asset(place);
                let body = [("asset", asset), ("kind", kind), ("decimals", decimals)];
                asked("asset.define", OPERATOR, text(&body))
            }
            4 => account(&external(asset(place).0), OPERATOR, asset(place).0, "external"),
            _ => {
                let (owner, of) = (client(place / 2 % self.clients), asset(place / 2 / self.clients).0);
                let book = if place.is_multiple_of(2) { "available" } else { "posted" };
                account(&format!("{owner}.{of}.{book}"), &owner, of, book)
            }
        }
    }

    fn business(&self, seq: u64, place: u64) -> Asked {
        let (group, turn) = (place / GROUP, place % GROUP);
        let (owner, of) = (client(group % self.clients), asset(group / self.clients).0);
        let (available, posted) = (format!("{owner}.{of}.available"), format!("{owner}.{of}.posted"));
        match turn {
            0 => account(&format!("{owner}.{of}.{group}"), &owner, of, "available"),
            1 => account(&format!("{owner}.{of}.{group}.posted"), &owner, of, "posted"),
            2..42 if turn.is_multiple_of(2) => {
                self.movement(seq, &owner, "two_phase", [&external(of), &available, of, "10"])
            }
            2..42 => self.settlement(seq),
            98 => self.movement(seq, &owner, "two_phase", [&available, &external(of), of, "0.5"]),
            _ if turn.is_multiple_of(2) => {
                self.movement(seq, &owner, "immediate", [&available, &posted, of, "1.25"])
            }
            _ => self.movement(seq, OPERATOR, "immediate", [&posted, &available, of, "0.75"]),
        }
    }

    fn opening(&self) -> Asked {
        let policy = format!("log {}\nquorum none\n", self.log_vkey).into_bytes();
        let uses = ["approval", "command", "price", "session"].map(Json::text);
        let body = Json::object([
            ("operator", Json::text(OPERATOR)),
            ("legal_name", Json::text("Harbor Prime LLC")),
            ("public_key", Json::text(self.key(OPERATOR).public().to_base64())),
            ("uses", Json::array(uses)),
            ("log_vkey", Json::text(&self.log_vkey)),
            ("witness_policy", Json::text(Digest::of(&policy).tagged())),
        ]);
        Asked { document: Some(policy), ..asked("ledger.open", OPERATOR, body) }
    }

    fn registration(&self, party: &str, role: &str) -> Asked {
        let body = Json::object([
            ("party", Json::text(party)),
            ("role", Json::text(role)),
            ("legal_name", Json::text(format!("{party} Ltd"))),
            ("public_key", Json::text(self.key(party).public().to_base64())),
            ("uses", Json::array(["approval", "command", "session"].map(Json::text))),
        ]);
        asked("party.register", OPERATOR, body)
    }

    fn movement(&self, seq: u64, author: &str, mode: &str, [from, to, asset, amount]: [&str; 4]) -> Asked {
        let posting = text(&[("from", from), ("to", to), ("asset", asset), ("amount", amount)]);
        let mut body = vec![
            ("movement", Json::text(self.movement_id(seq))),
            ("mode", Json::text(mode)),
            ("postings", Json::array([posting])),
        ];
        if mode == "two_phase" {
            body.push(("expires", Json::text(at(seq, 30 * 86_400_000).to_string())));
        }
        asked("movement.instruct", author, Json::object(body))
    }

    /// Of the deposit instructed just before, resting on one document with its neighbours.
    fn settlement(&self, seq: u64) -> Asked {
        let together = seq / (2 * SETTLED_TOGETHER);
        let evidence =
            format!("{CUSTODIAN}: confirmation {together} of {}\n", self.unique("evidence", together));
        let digest = Digest::of(evidence.as_bytes());
        let movement = self.movement_id(seq - 1);
        let body = text(&[("movement", &movement), ("evidence", &digest.tagged())]);
        Asked { document: Some(evidence.into_bytes()), ..asked("movement.settle", CUSTODIAN, body) }
    }

    fn movement_id(&self, seq: u64) -> String {
        format!("m-{}", &self.unique("movement", seq).to_string()[..24])
    }

    fn unique(&self, what: &str, number: u64) -> Digest {
        Digest::of(format!("pledger/bench/{}/{what}/{number}", self.seed).as_bytes())
    }

    fn key(&self, name: &str) -> &SecretKey {
        let number = name.strip_prefix("client-").and_then(|number| number.parse::<usize>().ok());
        let place = number.map_or(usize::from(name != OPERATOR), |number| number + 2);
        &self.keys[place]
    }
}

impl KeyBook for Book {
    fn keys_of(&self, party: &PartyId) -> Option<Vec<PublicKey>> {
        Some(vec![self.key(party.as_str()).public()])
    }
}

/// The recorded time of a record, and some milliseconds.
fn at(seq: u64, later: u64) -> Timestamp {
    let passed = (seq + 1).saturating_mul(STEP_MS).saturating_add(later);
    Book::start().plus_millis(passed).expect("a benchmark ends before the year 9999")
}

fn key(seed: u64, name: &str) -> SecretKey {
    SecretKey::from_seed(Digest::of(format!("pledger/bench/{seed}/key/{name}").as_bytes()).as_bytes())
}

fn client(number: u64) -> String {
    format!("client-{number}")
}

fn asset(number: u64) -> (&'static str, &'static str, &'static str) {
    let count = ASSETS.len() as u64;
    ASSETS[usize::try_from(number % count).expect("a remainder of four")]
}

fn external(asset: &str) -> String {
    format!("{CUSTODIAN}.{asset}.external")
}

fn account(id: &str, owner: &str, asset: &str, book: &str) -> Asked {
    let body = [
        ("account", id),
        ("owner", owner),
        ("asset", asset),
        ("custodian", CUSTODIAN),
        ("book", book),
        ("class", "uncleared"),
    ];
    asked("account.open", OPERATOR, text(&body))
}

fn asked(type_name: &'static str, author: &str, body: Json) -> Asked {
    Asked { type_name, author: author.to_owned(), body, document: None }
}

fn text(members: &[(&str, &str)]) -> Json {
    Json::object(members.iter().map(|(name, value)| (*name, Json::text(*value))))
}
