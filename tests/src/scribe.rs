//! One line of text to one signed command.
//!
//! `acme movement.instruct movement=m1 mode=immediate postings=acme.btc>acme.btc.p:2:BTC`
//!
//! The first word is the author, with `/key` if it signs with another key than its first; the second
//! the type; the others are members of the body. What a member is called says how its value is read:
//!
//! | value | becomes |
//! |---|---|
//! | `postings=from>to:amount:asset,…` · `items=from:amount:asset,…` · `totals=asset:amount,…` · `expect=object@seq,…` | lists of objects |
//! | `challenge=account:nonce:expires` | what an address's key signs; `,member:value` after it stands in its place |
//! | `signals=index_fall,peg,confidence,correlation,call_share` | an object |
//! | `reasons=` | a list of text, split at commas, that may be empty |
//! | `scope=` (but `all`) · `uses=` · `readers=` · `statements=` · `amounts=` · `events=` | lists of text, split at commas |
//! | `doc:NAME` | the tagged digest of the document of that name, which is uploaded first |
//! | `digest:NAME` | the same without the upload |
//! | `key:NAME` | that key: in base64, or its id where an id stands |
//! | `+ms` or `-ms` for a time | that long after or before now |
//! | `~` in other text | a space |
//! | `pledge=@` | the last pledge of the call |
//! | `command_id=@NAME` | the last recorded command whose first member is NAME; 64 hex digits stand as they are |
//! | ` & WHO` at the end of a line | once it is recorded, WHO approves it |
//! | `^member=` | a member beside the body |
//!
//! Three types are short for longer ones: `prices`, `positions` and `margin` bring documents of their
//! own and name what was last recorded.

use std::collections::BTreeMap;

use api::client::Draft;
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use ledger::command::Body;
use ledger::digest::Digest;
use ledger::envelope::Envelope;
use ledger::json::Json;
use ledger::key::SecretKey;
use ledger::time::Timestamp;
use rust_decimal::Decimal;

/// The key of that name: always the same, and nobody's secret.
#[must_use]
pub fn key(name: &str) -> SecretKey {
    SecretKey::from_seed(Digest::of(format!("pledger/tests/{name}").as_bytes()).as_bytes())
}

/// A command as it is asked, before it is signed.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Its type.
    pub type_name: String,
    /// Who asks.
    pub author: String,
    /// The names of the keys that sign, in order.
    pub signers: Vec<String>,
    /// The members of its body.
    pub body: Vec<(String, Json)>,
    /// Members beside the body that are not the usual ones.
    pub beside: Vec<(String, String)>,
    /// The documents it brings.
    pub documents: Vec<Vec<u8>>,
}

/// Reads lines and remembers what later ones rest on.
#[derive(Clone, Debug)]
pub struct Scribe {
    origin: String,
    documents: BTreeMap<String, Vec<u8>>,
    prices: Option<Digest>,
    positions: BTreeMap<String, Digest>,
    pledges: BTreeMap<String, Digest>,
    commands: BTreeMap<String, Digest>,
    written: u64,
    salt: String,
    /// How many records there are, for statements that name how many they count.
    pub length: u64,
}

impl Scribe {
    /// A scribe for the ledger of that origin. Two of different salts never use the same idempotency
    /// keys.
    #[must_use]
    pub fn new(origin: &str, salt: &str) -> Self {
        Self {
            origin: origin.to_owned(),
            documents: BTreeMap::new(),
            prices: None,
            positions: BTreeMap::new(),
            pledges: BTreeMap::new(),
            commands: BTreeMap::new(),
            written: 0,
            length: 1,
            salt: salt.to_owned(),
        }
    }

    /// Gives a document a name. One that was given none has its name as its bytes.
    pub fn name_document(&mut self, name: &str, bytes: &str) {
        self.documents.insert(name.to_owned(), bytes.as_bytes().to_vec());
    }

    /// The bytes of a named document.
    #[must_use]
    pub fn document(&self, name: &str) -> Vec<u8> {
        self.documents.get(name).cloned().unwrap_or_else(|| name.as_bytes().to_vec())
    }

    /// Reads a line at `now`.
    ///
    /// # Panics
    /// If the line is not in the form that the module describes.
    #[must_use]
    pub fn read(&self, line: &str, now: Timestamp) -> Asked {
        let mut words = line.split(" & ").next().unwrap_or(line).split_whitespace();
        let who = words.next().expect("a line starts with its author");
        let type_name = words.next().expect("the second word is the type");
        let (author, signer) = who.split_once('/').unwrap_or((who, who));
        let mut asked = Asked {
            type_name: type_name.to_owned(),
            author: author.to_owned(),
            signers: vec![signer.to_owned()],
            body: Vec::new(),
            beside: Vec::new(),
            documents: Vec::new(),
        };
        let members: Vec<(&str, &str)> =
            words.map(|word| word.split_once('=').expect("the others are member=value")).collect();
        match type_name {
            "prices" => self.prices_set(&mut asked, &members, now),
            "positions" => self.positions_reported(&mut asked, &members, now),
            "margin" => self.margin_stated(&mut asked, &members, now),
            _ => self.members(&mut asked, &members, now),
        }
        asked
    }

    fn members(&self, asked: &mut Asked, members: &[(&str, &str)], now: Timestamp) {
        if asked.type_name == "party.register" {
            let party =
                members.iter().find(|(name, _)| *name == "party").map_or("nobody", |(_, party)| party);
            let defaults = [("legal_name", party), ("uses", "approval,command,session")];
            for (name, value) in defaults {
                if members.iter().all(|(given, _)| *given != name) {
                    self.member(asked, name, value, now);
                }
            }
        }
        for (name, value) in members {
            if let Some(beside) = name.strip_prefix('^') {
                let value = if beside.ends_with("_at") { time(value, now) } else { (*value).to_owned() };
                asked.beside.push((beside.to_owned(), value));
            } else {
                self.member(asked, name, value, now);
            }
        }
        if ["party.register", "key.add", "key.rotate"].contains(&asked.type_name.as_str())
            && let Some((_, name)) = members
                .iter()
                .find(|(name, _)| *name == "public_key")
                .and_then(|(_, value)| value.split_once("key:"))
        {
            asked.signers.push(name.to_owned());
        }
    }

    fn member(&self, asked: &mut Asked, name: &str, value: &str, now: Timestamp) {
        let json = match name {
            "postings" => Json::array(value.split(',').map(posting)),
            "items" => Json::array(value.split(',').map(item)),
            "totals" => Json::array(value.split(',').map(total)),
            "expect" => Json::array(value.split(',').map(expectation)),
            "signals" => signals(value),
            "reasons" => Json::array(value.split(',').filter(|word| !word.is_empty()).map(Json::text)),
            "uses" | "readers" | "statements" | "amounts" | "events" => {
                Json::array(value.split(',').map(Json::text))
            }
            "scope" if value != "all" && asked.type_name == "party.register" => {
                Json::array(value.split(',').map(Json::text))
            }
            "challenge" => self.challenge(asked, value, now),
            "as_of" | "due" | "expires" | "expected_by" | "from" | "compromised_from" | "until" => {
                Json::text(time(value, now))
            }
            "pledge" if value == "@" => {
                let call = asked.body.iter().find(|(name, _)| name == "call").and_then(|(_, id)| id.as_str());
                let pledge = call.and_then(|call| self.pledges.get(call)).copied();
                Json::text(pledge.unwrap_or_else(|| Digest::of(b"no pledge")).to_string())
            }
            "command_id" => {
                let named = value.strip_prefix('@').and_then(|name| self.command(name));
                let id = named.or_else(|| Digest::parse_hex(value));
                Json::text(id.unwrap_or_else(|| Digest::of(value.as_bytes())).to_string())
            }
            "keyid" | "old_key" => Json::text(match value.strip_prefix("key:") {
                Some(name) => key(name).public().id().to_string(),
                None => value.to_owned(),
            }),
            _ => Json::text(self.value(asked, name, value)),
        };
        asked.body.push((name.to_owned(), json));
    }

    /// A challenge for the address that the body names.
    fn challenge(&self, asked: &Asked, value: &str, now: Timestamp) -> Json {
        let address =
            asked.body.iter().find(|(name, _)| name == "address").and_then(|(_, text)| text.as_str());
        let mut parts = value.split(',');
        let mut words = parts.next().expect("a challenge").split(':');
        let mut next = || words.next().expect("a challenge is account:nonce:expires").to_owned();
        let mut members = BTreeMap::from([
            ("ledger", self.origin.clone()),
            ("root", hex_of("root")),
            ("size", "1".to_owned()),
            ("account", next()),
            ("nonce", next()),
            ("expires", time(&next(), now)),
            ("address", address.unwrap_or_default().to_owned()),
            ("height", "23000000".to_owned()),
            ("block", format!("0x{}", hex_of("block"))),
        ]);
        for (name, value) in parts.map(|part| part.split_once(':').expect("member:value")) {
            members.extend([(name, value.to_owned())]);
        }
        Json::object(members.into_iter().map(|(name, value)| (name, Json::text(value))))
    }

    fn value(&self, asked: &mut Asked, member: &str, value: &str) -> String {
        let digest = |digest: Digest| {
            if member == "fingerprint" { digest.to_string() } else { digest.tagged() }
        };
        if let Some(name) = value.strip_prefix("doc:") {
            let bytes = self.document(name);
            let of = Digest::of(&bytes);
            asked.documents.push(bytes);
            return digest(of);
        }
        if let Some(name) = value.strip_prefix("digest:") {
            return digest(Digest::of(&self.document(name)));
        }
        match value.strip_prefix("key:") {
            Some(name) => key(name).public().to_base64(),
            None => value.replace('~', " "),
        }
    }

    /// `pb prices SET BTC=50000 …` under the word `set=`; `@` before a member names a rate.
    fn prices_set(&self, asked: &mut Asked, members: &[(&str, &str)], now: Timestamp) {
        let given = |name: &str| members.iter().find(|(member, _)| *member == name).map(|(_, value)| *value);
        let as_of = time(given("as_of").unwrap_or("-0"), now);
        let rates = |of_currencies: bool| {
            let rates = members.iter().filter(|(name, _)| !["set", "as_of"].contains(name));
            let rates = rates.filter(move |(name, _)| name.starts_with('@') == of_currencies);
            Json::object(rates.map(|(name, rate)| (name.trim_start_matches('@'), Json::text(*rate))))
        };
        let assets = rates(false);
        let count = assets.as_object().map_or(0, <[_]>::len);
        let document = Json::object([
            ("as_of", Json::text(&as_of)),
            ("assets", assets),
            ("currency", Json::text("USD")),
            ("fx", rates(true)),
            ("schema", Json::text("pledger.prices.v1")),
            ("source", Json::text("close")),
        ]);
        let bytes = document.to_jcs().into_bytes();
        asked.type_name = "price.set".to_owned();
        for (name, value) in [
            ("set", given("set").unwrap_or("set").to_owned()),
            ("digest", Digest::of(&bytes).tagged()),
            ("as_of", as_of),
            ("source", "close".to_owned()),
            ("count", count.to_string()),
        ] {
            asked.body.push((name.to_owned(), Json::text(value)));
        }
        asked.documents.push(bytes);
    }

    fn positions_reported(&self, asked: &mut Asked, members: &[(&str, &str)], now: Timestamp) {
        asked.type_name = "position.report".to_owned();
        for (name, value) in [("count", "1"), ("as_of", "-0")] {
            if members.iter().all(|(given, _)| *given != name) {
                self.member(asked, name, value, now);
            }
        }
        self.members(asked, members, now);
    }

    /// `pb margin statement=s portfolio=P agreement=A requirement=… exposure=…`: the rest follows.
    fn margin_stated(&self, asked: &mut Asked, members: &[(&str, &str)], now: Timestamp) {
        asked.type_name = "margin.state".to_owned();
        let given = |name: &str| members.iter().find(|(member, _)| *member == name).map(|(_, value)| *value);
        let figure =
            |name: &str| given(name).and_then(|text| Decimal::from_str_exact(text).ok()).unwrap_or_default();
        let excess = figure("collateral_value") - figure("requirement") - figure("exposure");
        let portfolio = given("portfolio").unwrap_or_default();
        let report = format!("doc:report of {}", given("statement").unwrap_or_default());
        let tagged = |digest: Option<&Digest>| {
            digest.copied().unwrap_or_else(|| Digest::of(b"nothing recorded")).tagged()
        };
        for (name, value) in [
            ("state_size", self.length.to_string()),
            ("positions", tagged(self.positions.get(portfolio))),
            ("prices", tagged(self.prices.as_ref())),
            ("regime", "doc:rule book".to_owned()),
            ("engine", "tests".to_owned()),
            ("exposure", "0".to_owned()),
            ("collateral_value", "0".to_owned()),
            ("excess", excess.normalize().to_string()),
            ("report", report),
            ("as_of", "-0".to_owned()),
        ] {
            if given(name).is_none() {
                self.member(asked, name, &value, now);
            }
        }
        self.members(asked, members, now);
    }

    /// Signs what is asked, with a fresh idempotency key, good for ten minutes.
    #[must_use]
    pub fn sign(&mut self, asked: &Asked, now: Timestamp) -> Envelope {
        let keys: Vec<SecretKey> = asked.signers.iter().map(|name| key(name)).collect();
        Envelope::sign(
            Body::purpose(&asked.type_name),
            &self.payload(asked, now),
            &keys.iter().collect::<Vec<_>>(),
        )
    }

    /// The payload of what is asked.
    #[must_use]
    pub fn payload(&mut self, asked: &Asked, now: Timestamp) -> Vec<u8> {
        self.written += 1;
        let unique = Digest::of(format!("{}/{}", self.salt, self.written).as_bytes());
        let idempotency_key = BASE64URL_NOPAD.encode(&unique.as_bytes()[..16]);
        let beside = |name: &str| {
            asked.beside.iter().find(|(member, _)| member == name).map(|(_, value)| value.as_str())
        };
        let later = now.plus_millis(600_000).expect("tests end before the year 9999");
        Draft {
            type_name: beside("type").unwrap_or(&asked.type_name),
            ledger: beside("ledger").unwrap_or(&self.origin),
            author: beside("author").unwrap_or(&asked.author),
            idempotency_key: beside("idempotency_key").unwrap_or(&idempotency_key),
            expires_at: beside("expires_at").and_then(Timestamp::parse).unwrap_or(later),
            effective_at: beside("effective_at").and_then(Timestamp::parse),
        }
        .payload(Json::object(asked.body.iter().cloned()))
    }

    /// The id of the last recorded command whose first member is `name`.
    #[must_use]
    pub fn command(&self, name: &str) -> Option<Digest> {
        self.commands.get(name).copied()
    }

    /// Takes note of what was recorded, for the lines that rest on it.
    pub fn recorded(&mut self, asked: &Asked, id: Digest) {
        self.length += 1;
        let member = |name: &str| {
            asked.body.iter().find(|(member, _)| member == name).and_then(|(_, value)| value.as_str())
        };
        if let Some((name, first)) = asked.body.first()
            && name != "command_id"
        {
            self.commands.insert(first.as_str().unwrap_or_default().to_owned(), id);
        }
        let digest = member("digest").and_then(Digest::parse_tagged);
        match asked.type_name.as_str() {
            "price.set" => self.prices = digest,
            "position.report" => {
                let portfolio = member("portfolio").unwrap_or_default().to_owned();
                self.positions.extend(digest.map(|digest| (portfolio, digest)));
            }
            "call.pledge" => {
                self.pledges.insert(member("call").unwrap_or_default().to_owned(), id);
            }
            _ => {}
        }
    }
}

/// A line, and the one that approves what it asks.
#[must_use]
pub fn with_approval(line: &str, id: &str) -> Option<String> {
    let (_, approver) = line.split_once(" & ")?;
    Some(format!("{approver} approval.give command_id={id}"))
}

/// `+ms` and `-ms` are relative to `now`; anything else stands as it is.
fn time(value: &str, now: Timestamp) -> String {
    let shifted = match value.split_at_checked(1) {
        Some(("+", ms)) => ms.parse().ok().and_then(|ms| now.plus_millis(ms)),
        Some(("-", ms)) => {
            ms.parse::<u64>().ok().and_then(|ms| Timestamp::from_millis(now.millis().saturating_sub(ms)))
        }
        _ => None,
    };
    shifted.map_or_else(|| value.to_owned(), |at| at.to_string())
}

/// `index_fall,peg,confidence,correlation,call_share`
fn signals(text: &str) -> Json {
    let names = ["index_fall", "peg", "confidence", "correlation", "call_share"];
    Json::object(names.into_iter().zip(text.split(',').map(Json::text)))
}

/// `asset:amount`
fn total(text: &str) -> Json {
    let (asset, amount) = text.split_once(':').unwrap_or((text, "0"));
    Json::object([("asset", Json::text(asset)), ("amount", Json::text(amount))])
}

fn posting(text: &str) -> Json {
    let (from, rest) = text.split_once('>').expect("a posting is from>to:amount:asset");
    let mut parts = rest.split(':');
    let mut next = || Json::text(parts.next().expect("a posting is from>to:amount:asset"));
    Json::object([("from", Json::text(from)), ("to", next()), ("amount", next()), ("asset", next())])
}

fn item(text: &str) -> Json {
    let mut parts = text.split(':');
    let mut next = || Json::text(parts.next().expect("an item is from:amount:asset"));
    Json::object([("from", next()), ("amount", next()), ("asset", next())])
}

fn expectation(text: &str) -> Json {
    let (of, seq) = text.split_once('@').expect("an expectation is object@seq");
    Json::object([("of", Json::text(of)), ("seq", Json::text(seq))])
}

/// A hex digest of text, for places where any will do.
#[must_use]
pub fn hex_of(text: &str) -> String {
    HEXLOWER.encode(Digest::of(text.as_bytes()).as_bytes())
}
