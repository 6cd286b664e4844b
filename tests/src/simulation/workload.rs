//! What clients ask: mostly what may be asked, often what may not.

use ledger::digest::Digest;
use ledger::store::simulated::Rng;

use crate::model::{Ask, Deed, Leg, Model, Paper};

/// Parties that send commands; most come from the first ones.
const AUTHORS: [&str; 6] = ["pb", "acme", "zeta", "bank", "vault", "aud"];

const ACCOUNTS: [&str; 14] = [
    "acme.btc",
    "acme.btc.p",
    "acme.usdc",
    "acme.fut",
    "acme.vault",
    "zeta.btc",
    "pb.btc.re",
    "ext.btc",
    "ext2.btc",
    "ext.usdc",
    "ext.vault",
    "nobody.btc",
    "acc1",
    "acc2",
];

/// Where postings usually go, with their asset.
const WAYS: [(&str, &str, &str); 11] = [
    ("ext.btc", "acme.btc", "BTC"),
    ("ext2.btc", "zeta.btc", "BTC"),
    ("ext.usdc", "acme.usdc", "USDC"),
    ("ext.vault", "acme.vault", "BTC"),
    ("acme.btc", "acme.btc.p", "BTC"),
    ("acme.btc.p", "acme.btc", "BTC"),
    ("acme.btc", "zeta.btc", "BTC"),
    ("zeta.btc", "acme.btc", "BTC"),
    ("acme.btc.p", "pb.btc.re", "BTC"),
    ("acme.btc", "ext.btc", "BTC"),
    ("zeta.btc", "ext.btc", "BTC"),
];

const CLASSES: [&str; 3] = ["uncleared", "cftc_4d_futures", "proprietary"];

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Makes asks by chance.
pub struct Workload {
    rng: Rng,
    seed: u64,
    made: u64,
    named: u64,
}

impl Workload {
    /// Asks of that seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { rng: Rng::new(seed ^ 0x5eed), seed, made: 0, named: 0 }
    }

    /// Record 0 and the stage: parties, assets, accounts.
    pub fn stage(&mut self, log_vkey: &str, now: u64) -> Vec<Ask> {
        let mut deeds = vec![Deed::OpenLedger { log_vkey: log_vkey.to_owned() }];
        for (party, role) in [
            ("acme", "client"),
            ("zeta", "client"),
            ("bank", "custodian"),
            ("vault", "custodian"),
            ("aud", "auditor"),
        ] {
            deeds.push(Deed::Register { party: party.to_owned(), role, key: party.to_owned() });
        }
        for (asset, decimals) in [("BTC", 8), ("USDC", 6)] {
            deeds.push(Deed::DefineAsset { asset: asset.to_owned(), decimals });
        }
        for (account, custodian, book, class) in [
            ("ext.btc", "bank", "external", "uncleared"),
            ("ext2.btc", "bank", "external", "uncleared"),
            ("ext.usdc", "bank", "external", "uncleared"),
            ("ext.vault", "vault", "external", "uncleared"),
            ("acme.btc", "bank", "available", "uncleared"),
            ("acme.btc.p", "bank", "posted", "uncleared"),
            ("acme.usdc", "bank", "available", "uncleared"),
            ("acme.fut", "bank", "available", "cftc_4d_futures"),
            ("zeta.fut", "bank", "available", "cftc_4d_futures"),
            ("acme.vault", "vault", "available", "uncleared"),
            ("zeta.btc", "bank", "available", "uncleared"),
            ("pb.btc.re", "bank", "reused", "uncleared"),
        ] {
            deeds.push(open_account(account, owner_of(account), custodian, book, class));
        }
        if self.rng.percent(60) {
            deeds.push(Deed::SetPolicy { version: 1, strict: true });
        }
        deeds.into_iter().map(|deed| self.asked_by("pb", "pb".to_owned(), deed, now + HOUR)).collect()
    }

    /// What is said of a command that waits, or may wait soon.
    pub fn say(&mut self, model: &Model, command: Digest, now: u64) -> Ask {
        let author = match self.rng.below(20) {
            0 => "bank",
            1..=2 => "pb",
            _ => self.pick(&["acme", "zeta", "aud"]),
        };
        let verb = match self.rng.below(20) {
            0 => "refuse",
            1..=3 => "withdraw",
            _ => "give",
        };
        let (active, revoked) = model.keys_of(author);
        // The first key of a party signs approvals, as do those that take its place.
        let first = active.first().or(revoked.first()).cloned().unwrap_or_else(|| author.to_owned());
        let signer = if self.rng.percent(85) { first } else { self.any(&active).unwrap_or(first) };
        self.asked_by(author, signer, Deed::Say { verb, command }, now + 10 * MINUTE)
    }

    /// The next ask, at an instant as its author sees it.
    pub fn next(&mut self, model: &Model, now: u64) -> Ask {
        let (author, deed) = self.deed(model, now);
        let author = if self.rng.percent(4) { self.pick(&AUTHORS) } else { author };
        let (active, revoked) = model.keys_of(author);
        let signer = if self.rng.percent(5) { self.any(&revoked) } else { None };
        let signer = if self.rng.percent(2) { Some("stranger".to_owned()) } else { signer };
        let signer = signer.or_else(|| self.any(&active)).unwrap_or_else(|| author.to_owned());
        let expires_at = match self.rng.below(40) {
            0 => now.saturating_sub(self.rng.below(5_000)),
            1 => now + 7 * DAY + self.rng.below(3) * self.rng.below(DAY),
            2..=9 => now + self.rng.below(4_000),
            10..=14 => now + self.rng.below(6 * DAY),
            _ => now + 10 * MINUTE + self.rng.below(HOUR),
        };
        let mut ask = self.asked_by(author, signer, deed, expires_at);
        // What is said of a command is judged by that command.
        if self.rng.percent(10) {
            ask.expect = self.expectation(model);
        }
        ask
    }

    fn asked_by(&mut self, author: &str, signer: String, deed: Deed, expires_at: u64) -> Ask {
        self.made += 1;
        let idempotency_key = format!("key-{:016x}-{:06}", self.seed, self.made);
        Ask { author: author.to_owned(), signer, idempotency_key, expires_at, expect: None, deed }
    }

    fn expectation(&mut self, model: &Model) -> Option<(String, u64)> {
        let mut ids = model.movements_that_are("pending");
        ids.extend(model.accounts_that_are("open"));
        let of = self.any(&ids)?;
        let seq = model.changed(&of)?;
        let off = if self.rng.percent(30) { self.rng.below(3) } else { 0 };
        Some((of, seq.saturating_sub(off)))
    }

    /// Who asks what.
    fn deed(&mut self, model: &Model, now: u64) -> (&'static str, Deed) {
        match self.rng.below(100) {
            0..=37 => self.instruct(model, now),
            38..=57 => self.settle(model),
            58..=60 => {
                let strict = self.rng.percent(50);
                let off = u64::from(self.rng.percent(10));
                ("pb", Deed::SetPolicy { version: model.next_policy() + off, strict })
            }
            61..=63 => {
                let movement = self.movement(model, "pending");
                let author = if self.rng.percent(50) { "pb" } else { "acme" };
                (author, Deed::Void { movement })
            }
            64..=68 => {
                let status = self.pick(&["settled", "voided", "expired"]);
                let reverses = self.movement(model, status);
                ("pb", Deed::Reverse { movement: self.new_movement(model), reverses })
            }
            69..=73 => self.batch(model),
            74..=76 => self.reclassify(model),
            77..=84 => self.key_deed(model),
            85..=88 => self.account_deed(model),
            89..=90 => {
                let party = self.pick(&AUTHORS).to_owned();
                let suspends = self.rng.percent(25);
                ("pb", if suspends { Deed::Suspend { party } } else { Deed::Resume { party } })
            }
            91..=94 => self.document(),
            95..=96 => self.new_account(),
            97 => {
                let asset = format!("A{}", self.rng.below(6));
                ("pb", Deed::DefineAsset { asset, decimals: 2 })
            }
            98 => ("pb", Deed::SuspendAsset { asset: format!("A{}", self.rng.below(6)) }),
            _ => {
                let party = format!("p{}", self.rng.below(4));
                let key = self.key_name(model);
                ("pb", Deed::Register { party, role: "client", key })
            }
        }
    }

    fn instruct(&mut self, model: &Model, now: u64) -> (&'static str, Deed) {
        let mut legs = vec![self.leg(model)];
        while legs.len() < 4 && self.rng.percent(15) {
            legs.push(self.leg(model));
        }
        let immediate = if legs[0].from.starts_with("ext") || legs[0].to.starts_with("ext") {
            self.rng.percent(8)
        } else {
            self.rng.percent(50)
        };
        let expires = match self.rng.below(10) {
            0..=3 => Some(now + self.rng.below(10_000)),
            4 => Some(now + self.rng.below(3 * DAY)),
            5 => Some(now.saturating_sub(self.rng.below(2_000))),
            _ => None,
        };
        let author = match (self.rng.below(10), legs[0].from.as_str(), legs[0].to.as_str()) {
            (0..=6, "acme.btc" | "acme.usdc", _) | (0..=6, _, "acme.btc") => "acme",
            (0..=6, "zeta.btc", _) => "zeta",
            _ => "pb",
        };
        (author, Deed::Instruct { movement: self.new_movement(model), immediate, legs, expires })
    }

    fn leg(&mut self, model: &Model) -> Leg {
        let (mut from, mut to, asset) = WAYS[self.below(WAYS.len())];
        if self.rng.percent(8) {
            from = self.pick(&ACCOUNTS);
        }
        if self.rng.percent(8) {
            to = self.pick(&ACCOUNTS);
        }
        // An account is never paid by itself: such bytes are no command.
        if from == to {
            (from, to) = ("acme.btc", "acme.btc.p");
        }
        let asset = if self.rng.percent(3) { "USDC" } else { asset };
        let amount = self.amount(model, from, asset);
        Leg { from: from.to_owned(), to: to.to_owned(), asset: asset.to_owned(), amount }
    }

    /// Around what is free, so that two who race for it meet.
    fn amount(&mut self, model: &Model, from: &str, asset: &str) -> String {
        let free = model.free(from);
        let some = u128::from(1 + self.rng.below(50_000_000_000));
        let units = match self.rng.below(12) {
            0 => 0,
            1 => return "0.0000000001".to_owned(),
            2 => free + 1,
            3..=4 if free > 0 => free,
            _ if free > 0 => 1 + some % free,
            _ => some,
        };
        model.spell(units, asset)
    }

    fn settle(&mut self, model: &Model) -> (&'static str, Deed) {
        let movement = self.movement(model, "pending");
        let rests = model.rests(&movement);
        let keeper = if rests.iter().all(|(custodian, ..)| custodian == "vault") { "vault" } else { "bank" };
        let amounts = self.rng.percent(40).then(|| rests.iter().map(|rest| self.part(rest)).collect());
        // An empty list of amounts is no command.
        let amounts = amounts.filter(|amounts: &Vec<String>| !amounts.is_empty());
        let name = format!("evidence-{}", self.rng.below(30));
        let evidence = Paper { name, brought: self.rng.percent(80) };
        (keeper, Deed::Settle { movement, amounts, evidence })
    }

    fn part(&mut self, (_, decimals, rest): &(String, u32, u128)) -> String {
        let units = match self.rng.below(10) {
            0 => 0,
            1 => rest + 1,
            2..=4 => *rest,
            _ => u128::from(self.rng.bits()) % (rest + 1),
        };
        // Whole units are spelled the same at any number of decimals.
        if *decimals == 0 { units.to_string() } else { crate::model::spell(units, *decimals) }
    }

    fn batch(&mut self, model: &Model) -> (&'static str, Deed) {
        let mut legs = Vec::new();
        for _ in 0..1 + self.rng.below(6) {
            let (from, to) =
                if self.rng.percent(50) { ("acme.btc", "zeta.btc") } else { ("zeta.btc", "acme.btc") };
            let (from, to) = if self.rng.percent(4) { ("ext.btc", to) } else { (from, to) };
            let (from, to, amount) = (from.to_owned(), to.to_owned(), (1 + self.rng.below(40)).to_string());
            legs.push(Leg { from, to, asset: "BTC".to_owned(), amount });
        }
        let count = if self.rng.percent(5) { legs.len() + 1 } else { legs.len() };
        self.named += 1;
        let document = format!("batch-{}", self.named);
        ("pb", Deed::Batch { movement: self.new_movement(model), document, legs, count })
    }

    fn reclassify(&mut self, model: &Model) -> (&'static str, Deed) {
        let (from, to) =
            if self.rng.percent(50) { ("acme.btc", "acme.fut") } else { ("acme.fut", "acme.btc") };
        let to = if self.rng.percent(20) { "zeta.fut" } else { to };
        let amount = self.amount(model, from, "BTC");
        let leg = Leg { from: from.to_owned(), to: to.to_owned(), asset: "BTC".to_owned(), amount };
        let (mut from_class, mut to_class) = ("uncleared", "cftc_4d_futures");
        if from == "acme.fut" {
            std::mem::swap(&mut from_class, &mut to_class);
        }
        if self.rng.percent(10) {
            to_class = self.pick(&CLASSES);
        }
        ("pb", Deed::Reclassify { movement: self.new_movement(model), legs: vec![leg], from_class, to_class })
    }

    fn key_deed(&mut self, model: &Model) -> (&'static str, Deed) {
        let author = self.pick(&AUTHORS[..4]);
        let (active, revoked) = model.keys_of(author);
        let key = if self.rng.percent(10) { self.any(&revoked) } else { None };
        let old = key.or_else(|| self.any(&active)).unwrap_or_else(|| "nobodys".to_owned());
        let deed = match self.rng.below(10) {
            0..=4 => Deed::AddKey { key: self.key_name(model) },
            5..=7 => Deed::RotateKey { old, new: self.key_name(model) },
            // A party without a key says nothing any more.
            _ if active.len() < 2 => Deed::AddKey { key: self.key_name(model) },
            _ => Deed::RevokeKey { key: old },
        };
        (author, deed)
    }

    fn account_deed(&mut self, model: &Model) -> (&'static str, Deed) {
        let frozen = model.accounts_that_are("frozen");
        let account = self.pick(&ACCOUNTS).to_owned();
        let author = if self.rng.percent(30) { "bank" } else { "pb" };
        match self.rng.below(10) {
            0..=2 => (author, Deed::Freeze { account }),
            3..=8 => ("pb", Deed::Unfreeze { account: self.any(&frozen).unwrap_or(account) }),
            // The accounts of the stage stay: without them nothing moves.
            _ => ("pb", Deed::Close { account: format!("acc{}", self.rng.below(8)) }),
        }
    }

    fn document(&mut self) -> (&'static str, Deed) {
        let name = format!("paper-{}", self.rng.below(40));
        let size = if self.rng.percent(5) { name.len() + 1 } else { name.len() };
        let paper = Paper { name, brought: self.rng.percent(80) };
        (self.pick(&AUTHORS), Deed::PutDocument { paper, size })
    }

    fn new_account(&mut self) -> (&'static str, Deed) {
        let account = format!("{}{}", if self.rng.percent(10) { "ACC" } else { "acc" }, self.rng.below(8));
        let owner = if self.rng.percent(80) { "zeta" } else { "ghost" };
        let custodian = if self.rng.percent(90) { "bank" } else { "acme" };
        let mut deed = open_account(&account, owner, custodian, "available", "uncleared");
        if let Deed::OpenAccount { asset, .. } = &mut deed
            && self.rng.percent(30)
        {
            *asset = format!("A{}", self.rng.below(6));
        }
        ("pb", deed)
    }

    /// Of that status if there is one, and sometimes any.
    fn movement(&mut self, model: &Model, status: &str) -> String {
        let fitting = model.movements_that_are(status);
        let any = format!("m{}", self.rng.below(self.named + 2));
        if self.rng.percent(8) { any } else { self.any(&fitting).unwrap_or(any) }
    }

    fn new_movement(&mut self, model: &Model) -> String {
        if self.rng.percent(4) {
            let used = model.movements_that_are("settled");
            if let Some(used) = self.any(&used) {
                return if self.rng.percent(50) { used.to_uppercase() } else { used };
            }
        }
        self.named += 1;
        format!("m{}", self.named)
    }

    fn key_name(&mut self, model: &Model) -> String {
        if self.rng.percent(10) {
            let (mut keys, revoked) = model.keys_of("acme");
            keys.extend(revoked);
            if let Some(used) = self.any(&keys) {
                return used;
            }
        }
        self.named += 1;
        format!("key{}", self.named)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.rng.below(bound as u64)).expect("below a usize")
    }

    fn pick(&mut self, from: &[&'static str]) -> &'static str {
        from[self.below(from.len())]
    }

    fn any(&mut self, from: &[String]) -> Option<String> {
        if from.is_empty() { None } else { Some(from[self.below(from.len())].clone()) }
    }
}

fn owner_of(account: &str) -> &str {
    match account.split_once('.') {
        Some(("acme", _)) => "acme",
        Some(("zeta", _)) => "zeta",
        Some(_) | None => "pb",
    }
}

fn open_account(
    account: &str,
    owner: &str,
    custodian: &str,
    book: &'static str,
    class: &'static str,
) -> Deed {
    let asset = if account.ends_with("usdc") { "USDC" } else { "BTC" };
    Deed::OpenAccount {
        account: account.to_owned(),
        owner: owner.to_owned(),
        asset: asset.to_owned(),
        custodian: custodian.to_owned(),
        book,
        class,
    }
}
