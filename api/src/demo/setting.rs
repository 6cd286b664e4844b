//! The setting: parties, assets, accounts, rule books, and the agreement that both sides sign.

use ledger::digest::Digest;
use ledger::json::Json;
use margin::Regime;

use super::book::{self, object};
use super::cast::{BROKER, CLIENT, CUSTODIAN, Player, text};
use super::facts::COLLATERAL;
use super::story::DemoError;

/// Everybody, signed in.
pub struct Cast {
    /// The operator.
    pub broker: Player,
    /// The client.
    pub client: Player,
    /// The custodian.
    pub custodian: Player,
    /// The auditor.
    pub auditor: Player,
}

/// The number under which the custodian keeps the client's assets.
pub const CUSTODIAN_ACCOUNT: &str = "ANCHOR-0001";

/// The property class of the story's accounts.
const CLASS: &str = "cross_margin";

/// The account of an asset in a book.
#[must_use]
pub fn account(asset: &str, book: &str) -> String {
    format!("{CLIENT}:{}:{book}", asset.to_lowercase())
}

impl Cast {
    /// The broker registers the others; each proves its own key by signing too.
    ///
    /// # Errors
    /// [`DemoError`].
    pub fn register(&mut self) -> Result<(), DemoError> {
        for (player, role, name) in [
            (&self.client, "client", "Meridian Digital Master Fund"),
            (&self.custodian, "custodian", "Anchor Trust Company"),
            (&self.auditor, "auditor", "Plumbline Assurance LLP"),
        ] {
            let uses = ["approval", "command", "session"].map(Json::text);
            let body = Json::object([
                ("party", Json::text(player.party.as_str())),
                ("role", Json::text(role)),
                ("legal_name", Json::text(name)),
                ("public_key", Json::text(player.key.public().to_base64())),
                ("uses", Json::array(uses)),
            ]);
            self.broker.command_with("party.register", body, &player.key)?;
        }
        for player in [&mut self.broker, &mut self.client, &mut self.custodian, &mut self.auditor] {
            player.sign_in()?;
        }
        Ok(())
    }

    /// Assets, and an account for each in the books that the story needs.
    ///
    /// # Errors
    /// [`DemoError`].
    pub fn open_accounts(&self) -> Result<(), DemoError> {
        for asset in COLLATERAL {
            let (kind, decimals) = match asset {
                "BTC" => ("crypto", "8"),
                "USDC" => ("stablecoin", "6"),
                "T-BILL" => ("security", "2"),
                _ => ("cash", "2"),
            };
            let mut define = vec![("asset", asset), ("kind", kind), ("decimals", decimals)];
            if kind != "crypto" {
                define.push(("currency", "USD"));
            }
            if kind == "security" {
                define.extend([
                    ("issuer", "US Treasury"),
                    ("issuer_type", "sovereign"),
                    ("maturity", "2024-11-07"),
                ]);
            }
            self.broker.command("asset.define", object(&define))?;
            for (book, owner) in [("external", CUSTODIAN), ("available", CLIENT), ("posted", CLIENT)] {
                let id = account(asset, book);
                let mut open = vec![
                    ("account", id.as_str()),
                    ("owner", owner),
                    ("asset", asset),
                    ("custodian", CUSTODIAN),
                    ("book", book),
                    ("class", CLASS),
                ];
                if book == "external" {
                    open.push(("custodian_account", CUSTODIAN_ACCOUNT));
                }
                self.broker.command("account.open", object(&open))?;
            }
        }
        Ok(())
    }

    /// Both rule books on the record, and the agreement signed by both sides. Gives the digest of the
    /// harmonised rule book, under which the agreement is margined.
    ///
    /// # Errors
    /// [`DemoError`].
    pub fn agree(&self, terms: &Json) -> Result<Digest, DemoError> {
        let mut adopted = None;
        for id in ["us-siloed", "us-harmonized"] {
            let book = Regime::shipped_text(id)
                .ok_or_else(|| DemoError::Unexpected(format!("rule book {id} is not shipped")))?;
            let digest = self.broker.upload(book.as_bytes())?;
            let from = "2024-01-01T00:00:00.000Z";
            let body = object(&[("regime", id), ("digest", &digest.tagged()), ("from", from)]);
            self.broker.command("regime.adopt", body)?;
            adopted = Some(digest);
        }
        let document = self.broker.upload(terms.to_jcs().as_bytes())?;
        self.broker.command("agreement.propose", object(&[("document", &document.tagged())]))?;
        self.client.command("agreement.accept", object(&[("digest", &document.tagged())]))?;
        adopted.ok_or_else(|| DemoError::Unexpected("no rule book was adopted".to_owned()))
    }

    /// A deposit: announced by the client, credited on the custodian's signature alone.
    ///
    /// # Errors
    /// [`DemoError`].
    pub fn deposit(&self, asset: &str, amount: &str) -> Result<String, DemoError> {
        let movement = format!("deposit-{}", asset.to_lowercase());
        let posting = object(&[
            ("from", &account(asset, "external")),
            ("to", &account(asset, "available")),
            ("asset", asset),
            ("amount", amount),
        ]);
        let body = Json::object([
            ("movement", Json::text(&movement)),
            ("mode", Json::text("two_phase")),
            ("postings", Json::array([posting])),
        ]);
        self.client.command("movement.instruct", body)?;
        let advice = object(&[
            ("account", CUSTODIAN_ACCOUNT),
            ("asset", asset),
            ("amount", amount),
            ("received", "2024-08-01T15:00:00.000Z"),
        ]);
        let evidence = self.custodian.upload(advice.to_jcs().as_bytes())?;
        let body = object(&[("movement", movement.as_str()), ("evidence", &evidence.tagged())]);
        let receipt = self.custodian.command("movement.settle", body)?;
        text(&receipt, "/seq")
    }

    /// The client posts what is its own.
    ///
    /// # Errors
    /// [`DemoError`].
    pub fn post(&self, items: &[(&str, &str)]) -> Result<(), DemoError> {
        let postings = items.iter().map(|(asset, amount)| {
            object(&[
                ("from", &account(asset, "available")),
                ("to", &account(asset, "posted")),
                ("asset", asset),
                ("amount", amount),
            ])
        });
        let body = Json::object([
            ("movement", Json::text("post-initial")),
            ("mode", Json::text("immediate")),
            ("postings", Json::array(postings)),
        ]);
        self.client.command("movement.instruct", body).map(|_| ())
    }
}

/// The agreement of the story.
#[must_use]
pub fn terms() -> Json {
    book::agreement(BROKER, CLIENT)
}
