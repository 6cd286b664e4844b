//! Accepted, or refused with which code.

use super::{Ask, Deed, Model, is_taken};

/// The codes in the order of the specification: the first that holds is the answer.
const ORDER: [&str; 17] = [
    "id_taken",
    "expectation_failed",
    "wrong_state",
    "too_late",
    "account_closed",
    "account_frozen",
    "asset_suspended",
    "asset_mismatch",
    "class_mismatch",
    "amount_zero",
    "amount_precision",
    "amount_overflow",
    "amount_out_of_range",
    "insufficient_available",
    "evidence_missing",
    "evidence_mismatch",
    "document_digest",
];

/// Seven days.
const EXPIRY_MAX_MS: u64 = 604_800_000;

const ALL: &[&str] = &["operator", "client", "custodian", "auditor"];

/// What is wrong with what is asked: of each kind as much as can be said.
#[derive(Default)]
pub(super) struct Wrong {
    /// Something it names is not there.
    pub(super) unknown: bool,
    /// It is not for this author to ask it of what it names.
    pub(super) not_for_author: bool,
    /// Everything else, in any order.
    pub(super) codes: Vec<&'static str>,
}

impl Wrong {
    pub(super) fn when(&mut self, wrong: bool, code: &'static str) {
        if wrong {
            self.codes.push(code);
        }
    }

    fn unknown() -> Self {
        Self { unknown: true, ..Self::default() }
    }

    fn first(&self) -> Option<&'static str> {
        if self.unknown {
            return Some("unknown_reference");
        }
        if self.not_for_author {
            return Some("not_authorised");
        }
        ORDER.into_iter().find(|code| self.codes.contains(code))
    }
}

impl Model {
    /// What a command is answered that is recorded at that instant as the next record: nothing against
    /// it, or the code of the refusal.
    ///
    /// # Errors
    /// The code.
    pub fn judge(&self, ask: &Ask, at: u64) -> Result<(), &'static str> {
        let of_deed = || {
            if let Deed::Say { verb, command } = &ask.deed {
                self.refusal_of_saying(ask, verb, command, at)
            } else {
                self.refusal_of_deed(ask, at)
            }
        };
        match self.refusal_of_author(ask, at).or_else(of_deed) {
            Some(code) => Err(code),
            None => Ok(()),
        }
    }

    fn refusal_of_author(&self, ask: &Ask, at: u64) -> Option<&'static str> {
        if ask.expires_at <= at {
            return Some("expired");
        }
        if ask.expires_at > at + EXPIRY_MAX_MS {
            return Some("expires_too_late");
        }
        let holds = self
            .used
            .iter()
            .any(|used| used.author == ask.author && used.key == ask.idempotency_key && used.expires_at > at);
        if holds {
            return Some("idempotency_key_reused");
        }
        if self.length == 0 {
            return None;
        }
        let Some(party) = self.parties.get(&ask.author) else { return Some("key_not_active") };
        let signs = party.keys.iter().any(|key| key.name == ask.signer && key.revoked.is_none());
        if !signs {
            return Some("key_not_active");
        }
        if party.suspended {
            return Some("author_suspended");
        }
        let approves = party.keys.iter().any(|key| key.name == ask.signer && key.approves);
        if matches!(ask.deed, Deed::Say { .. }) && !approves {
            return Some("use_not_allowed");
        }
        (!roles(&ask.deed).contains(&party.role)).then_some("not_authorised")
    }

    pub(super) fn refusal_of_deed(&self, ask: &Ask, at: u64) -> Option<&'static str> {
        let mut wrong = self.wrong(ask, at);
        if let Some(paper) = ask.paper() {
            wrong.unknown |= !paper.brought && !self.papers.contains(&paper.name);
        }
        if let Some((of, seq)) = &ask.expect {
            wrong.when(self.changed_by(of, at) != Some(*seq), "expectation_failed");
        }
        wrong.first()
    }

    fn wrong(&self, ask: &Ask, at: u64) -> Wrong {
        match &ask.deed {
            Deed::OpenLedger { .. } => {
                let mut wrong = Wrong::default();
                wrong.when(self.length > 0, "wrong_state");
                wrong
            }
            Deed::Register { party, key, .. } => {
                let mut wrong = Wrong::default();
                wrong.when(is_taken(&self.parties, party) || self.owner_of(key).is_some(), "id_taken");
                wrong
            }
            Deed::AddKey { key } => {
                let mut wrong = Wrong::default();
                wrong.when(self.owner_of(key).is_some(), "id_taken");
                wrong
            }
            Deed::RotateKey { old, new } => {
                let mut wrong = self.wrong_with_key(&ask.author, old);
                wrong.when(self.owner_of(new).is_some(), "id_taken");
                wrong
            }
            Deed::RevokeKey { key } => self.wrong_with_revocation(&ask.author, key),
            Deed::Suspend { party } => self.wrong_with_standing(party, true),
            Deed::Resume { party } => self.wrong_with_standing(party, false),
            Deed::DefineAsset { asset, .. } => {
                let mut wrong = Wrong::default();
                wrong.when(is_taken(&self.assets, asset), "id_taken");
                wrong
            }
            Deed::SuspendAsset { asset } => {
                let Some(asset) = self.assets.get(asset) else { return Wrong::unknown() };
                let mut wrong = Wrong::default();
                wrong.when(asset.suspended, "wrong_state");
                wrong
            }
            Deed::OpenAccount { account, owner, asset, custodian, .. } => {
                self.wrong_with_opening(account, owner, asset, custodian)
            }
            Deed::Close { account } => self.wrong_with_closing(account, at),
            Deed::Freeze { account } => self.wrong_with_status(ask, account, "open"),
            Deed::Unfreeze { account } => self.wrong_with_status(ask, account, "frozen"),
            Deed::PutDocument { paper, size } => {
                let mut wrong = Wrong::default();
                wrong.when(*size != paper.name.len(), "document_digest");
                wrong
            }
            Deed::Instruct { movement, immediate, legs, expires } => {
                self.wrong_with_instruction(ask, movement, *immediate, legs, *expires, at)
            }
            Deed::Settle { movement, amounts, .. } => {
                self.wrong_with_settlement(ask, movement, amounts.as_deref(), at)
            }
            Deed::Void { movement } => self.wrong_with_voiding(ask, movement, at),
            Deed::Reverse { movement, reverses } => self.wrong_with_reversal(movement, reverses, at),
            Deed::Batch { movement, legs, count, .. } => {
                let mut wrong = self.wrong_with_immediate(movement, legs, at);
                wrong.when(*count != legs.len(), "document_digest");
                wrong
            }
            Deed::SetPolicy { version, .. } => {
                let mut wrong = Wrong { not_for_author: ask.author != "pb", ..Wrong::default() };
                wrong.when(self.policy_version() + 1 != *version, "wrong_state");
                wrong
            }
            // Approvals are judged by the command they speak of.
            Deed::Say { .. } => Wrong::default(),
            Deed::Reclassify { movement, legs, from_class, to_class } => {
                self.wrong_with_new_class(movement, legs, (from_class, to_class), at)
            }
        }
    }

    /// A key is one party's for ever.
    fn owner_of(&self, key: &str) -> Option<&str> {
        let has = |party: &super::Party| party.keys.iter().any(|had| had.name == key);
        self.parties.iter().find(|(_, party)| has(party)).map(|(id, _)| id.as_str())
    }

    /// Something wrong with a key of the party that has to go.
    fn wrong_with_key(&self, party: &str, key: &str) -> Wrong {
        let keys = self.parties.get(party).map(|party| party.keys.as_slice()).unwrap_or_default();
        let Some(key) = keys.iter().find(|had| had.name == key) else { return Wrong::unknown() };
        let mut wrong = Wrong::default();
        wrong.when(key.revoked.is_some(), "wrong_state");
        wrong
    }

    fn wrong_with_revocation(&self, author: &str, key: &str) -> Wrong {
        let by_operator = self.parties.get(author).is_some_and(|party| party.role == "operator");
        let owner = if by_operator { self.owner_of(key).unwrap_or_default() } else { author };
        let mut wrong = self.wrong_with_key(owner, key);
        let (active, _) = self.keys_of(owner);
        let of_operator = self.parties.get(owner).is_some_and(|party| party.role == "operator");
        wrong.when(of_operator && active == [key], "wrong_state");
        wrong
    }

    fn wrong_with_standing(&self, party: &str, suspends: bool) -> Wrong {
        let Some(party) = self.parties.get(party) else { return Wrong::unknown() };
        let mut wrong = Wrong::default();
        wrong.when(party.role == "operator" || party.suspended == suspends, "wrong_state");
        wrong
    }

    fn wrong_with_opening(&self, account: &str, owner: &str, asset: &str, custodian: &str) -> Wrong {
        let keeps = self.parties.get(custodian).is_some_and(|party| party.role == "custodian");
        let asset = self.assets.get(asset);
        let unknown = !keeps || asset.is_none() || !self.parties.contains_key(owner);
        let mut wrong = Wrong { unknown, ..Wrong::default() };
        wrong.when(is_taken(&self.accounts, account), "id_taken");
        wrong.when(asset.is_some_and(|asset| asset.suspended), "asset_suspended");
        wrong
    }

    fn wrong_with_closing(&self, id: &str, at: u64) -> Wrong {
        let Some(account) = self.accounts.get(id) else { return Wrong::unknown() };
        let mut wrong = Wrong::default();
        wrong.when(account.status == "closed", "account_closed");
        wrong.when(self.settled(id) != 0 || self.pending(id, at) != (0, 0), "wrong_state");
        wrong
    }

    fn wrong_with_status(&self, ask: &Ask, id: &str, fits: &str) -> Wrong {
        let Some(account) = self.accounts.get(id) else { return Wrong::unknown() };
        let by_operator = self.parties.get(&ask.author).is_some_and(|party| party.role == "operator");
        let not_for_author = !by_operator && account.custodian != ask.author;
        let mut wrong = Wrong { not_for_author, ..Wrong::default() };
        wrong.when(account.status != fits, "wrong_state");
        wrong
    }
}

fn roles(deed: &Deed) -> &'static [&'static str] {
    match deed {
        Deed::OpenLedger { .. }
        | Deed::Register { .. }
        | Deed::Suspend { .. }
        | Deed::Resume { .. }
        | Deed::DefineAsset { .. }
        | Deed::SuspendAsset { .. }
        | Deed::OpenAccount { .. }
        | Deed::Close { .. }
        | Deed::Unfreeze { .. }
        | Deed::Reverse { .. }
        | Deed::Batch { .. }
        | Deed::Reclassify { .. } => &["operator"],
        Deed::Freeze { .. } => &["operator", "custodian"],
        Deed::Instruct { .. } | Deed::Void { .. } => &["operator", "client"],
        Deed::Settle { .. } => &["operator", "custodian"],
        Deed::SetPolicy { .. }
        | Deed::Say { .. }
        | Deed::AddKey { .. }
        | Deed::RotateKey { .. }
        | Deed::RevokeKey { .. }
        | Deed::PutDocument { .. } => ALL,
    }
}
