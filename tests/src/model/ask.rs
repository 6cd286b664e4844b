//! What a client asks, before it is signed: one line of the scribe's language.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use ledger::digest::Digest;
use ledger::time::Timestamp;

/// One debit–credit pair, the amount as its author spells it.
#[derive(Clone, Debug)]
pub struct Leg {
    /// Where it goes out.
    pub from: String,
    /// Where it comes in.
    pub to: String,
    /// The asset it names.
    pub asset: String,
    /// How much.
    pub amount: String,
}

/// A document that an ask names.
#[derive(Clone, Debug)]
pub struct Paper {
    /// Its name, which is what it says unless the scribe was told otherwise.
    pub name: String,
    /// Whether the ask brings it; if not, an earlier record must have.
    pub brought: bool,
}

/// What is asked.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each is a command type of the specification with the members it has there")]
pub enum Deed {
    OpenLedger {
        log_vkey: String,
    },
    Register {
        party: String,
        role: &'static str,
        key: String,
    },
    AddKey {
        key: String,
    },
    RotateKey {
        old: String,
        new: String,
    },
    RevokeKey {
        key: String,
    },
    Suspend {
        party: String,
    },
    Resume {
        party: String,
    },
    DefineAsset {
        asset: String,
        decimals: u32,
    },
    SuspendAsset {
        asset: String,
    },
    OpenAccount {
        account: String,
        owner: String,
        asset: String,
        custodian: String,
        book: &'static str,
        class: &'static str,
    },
    Close {
        account: String,
    },
    Freeze {
        account: String,
    },
    Unfreeze {
        account: String,
    },
    PutDocument {
        paper: Paper,
        size: usize,
    },
    Instruct {
        movement: String,
        immediate: bool,
        legs: Vec<Leg>,
        expires: Option<u64>,
    },
    Settle {
        movement: String,
        amounts: Option<Vec<String>>,
        evidence: Paper,
    },
    Void {
        movement: String,
    },
    Reverse {
        movement: String,
        reverses: String,
    },
    Batch {
        movement: String,
        document: String,
        legs: Vec<Leg>,
        count: usize,
    },
    SetPolicy {
        version: u64,
        strict: bool,
    },
    Say {
        verb: &'static str,
        command: Digest,
    },
    Reclassify {
        movement: String,
        legs: Vec<Leg>,
        from_class: &'static str,
        to_class: &'static str,
    },
}

/// A command as its author means it.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Who asks.
    pub author: String,
    /// The name of the key that signs.
    pub signer: String,
    /// The author's own name for it.
    pub idempotency_key: String,
    /// In milliseconds of the epoch.
    pub expires_at: u64,
    /// The object that must have changed last at this record.
    pub expect: Option<(String, u64)>,
    /// What is asked.
    pub deed: Deed,
}

impl Ask {
    /// The line that the scribe signs.
    #[must_use]
    pub fn line(&self) -> String {
        let mut line = format!("{}/{} {}", self.author, self.signer, self.deed.words());
        if let Some((of, seq)) = &self.expect {
            write!(line, " expect={of}@{seq}").expect("a text takes more text");
        }
        let expires_at = instant(self.expires_at);
        let key = &self.idempotency_key;
        write!(line, " ^idempotency_key={key} ^expires_at={expires_at}").expect("a text takes more text");
        line
    }

    /// The line without its idempotency key, for a story.
    #[must_use]
    pub fn told(&self) -> String {
        let line = self.line();
        let (what, beside) = line.split_once(" ^idempotency_key").unwrap_or((&line, ""));
        let expires = beside.split_once(" ^").map_or("", |(_, expires)| expires);
        format!("{what} {expires}")
    }

    /// The document it names, if it names one.
    #[must_use]
    pub fn paper(&self) -> Option<Paper> {
        let brought = |name: String| Some(Paper { name, brought: true });
        match &self.deed {
            Deed::OpenLedger { .. } => brought("policy".to_owned()),
            Deed::PutDocument { paper, .. } | Deed::Settle { evidence: paper, .. } => Some(paper.clone()),
            Deed::Batch { document, .. } => brought(document.clone()),
            Deed::SetPolicy { strict, .. } => brought(policy_name(*strict)),
            Deed::Register { .. }
            | Deed::AddKey { .. }
            | Deed::RotateKey { .. }
            | Deed::RevokeKey { .. }
            | Deed::Suspend { .. }
            | Deed::Resume { .. }
            | Deed::DefineAsset { .. }
            | Deed::SuspendAsset { .. }
            | Deed::OpenAccount { .. }
            | Deed::Close { .. }
            | Deed::Freeze { .. }
            | Deed::Unfreeze { .. }
            | Deed::Instruct { .. }
            | Deed::Void { .. }
            | Deed::Reverse { .. }
            | Deed::Say { .. }
            | Deed::Reclassify { .. } => None,
        }
    }

    /// The text of a document that says something else than its name.
    #[must_use]
    pub fn document_text(&self) -> Option<String> {
        if let Deed::SetPolicy { strict, .. } = &self.deed {
            return Some(policy_text(*strict));
        }
        let Deed::Batch { legs, .. } = &self.deed else { return None };
        let line = |leg: &Leg| {
            let Leg { from, to, asset, amount } = leg;
            format!("{{\"amount\":\"{amount}\",\"asset\":\"{asset}\",\"from\":\"{from}\",\"to\":\"{to}\"}}\n")
        };
        Some(legs.iter().map(line).collect())
    }
}

impl Deed {
    /// Type and members.
    fn words(&self) -> String {
        match self {
            Self::OpenLedger { log_vkey } => format!(
                "ledger.open operator=pb legal_name=pb public_key=key:pb uses=approval,command,price,session \
                 log_vkey={log_vkey} witness_policy=doc:policy"
            ),
            Self::Register { party, role, key } => {
                format!("party.register party={party} role={role} public_key=key:{key}")
            }
            Self::AddKey { key } => format!("key.add public_key=key:{key} uses=command"),
            Self::RotateKey { old, new } => format!("key.rotate old_key=key:{old} public_key=key:{new}"),
            Self::RevokeKey { key } => format!("key.revoke keyid=key:{key} reason=x"),
            Self::Suspend { party } => format!("party.suspend party={party} reason=x"),
            Self::Resume { party } => format!("party.resume party={party} reason=x"),
            Self::DefineAsset { asset, decimals } => {
                format!("asset.define asset={asset} kind=token decimals={decimals}")
            }
            Self::SuspendAsset { asset } => format!("asset.suspend asset={asset} reason=x"),
            Self::OpenAccount { account, owner, asset, custodian, book, class } => format!(
                "account.open account={account} owner={owner} asset={asset} custodian={custodian} book={book} \
                 class={class}"
            ),
            Self::Close { account } => format!("account.close account={account}"),
            Self::Freeze { account } => format!("account.freeze account={account}"),
            Self::Unfreeze { account } => format!("account.unfreeze account={account}"),
            Self::PutDocument { paper, size } => {
                format!("document.put digest={} media_type=text/plain size={size} purpose=test", paper.word())
            }
            Self::Instruct { movement, immediate, legs, expires } => {
                let mode = if *immediate { "immediate" } else { "two_phase" };
                let expires = expires.map_or_else(String::new, |ms| format!(" expires={}", instant(ms)));
                let postings = postings(legs);
                format!("movement.instruct movement={movement} mode={mode} postings={postings}{expires}")
            }
            Self::Settle { movement, amounts, evidence } => {
                let amounts = amounts
                    .as_ref()
                    .map_or_else(String::new, |texts| format!(" amounts={}", texts.join(",")));
                format!("movement.settle movement={movement}{amounts} evidence={}", evidence.word())
            }
            Self::SetPolicy { version, strict } => {
                let rules = policy_name(*strict);
                format!("policy.set policy=four-eyes scope=pb rules=doc:{rules} version={version}")
            }
            Self::Say { verb, command } => format!("approval.{verb} command_id={command}"),
            Self::Void { movement } => format!("movement.void movement={movement} reason=x"),
            Self::Reverse { movement, reverses } => {
                format!("movement.reverse movement={movement} reverses={reverses} reason=x")
            }
            Self::Batch { movement, document, count, legs } => {
                let totals = totals(legs);
                format!(
                    "movement.batch movement={movement} document=doc:{document} count={count} totals={totals}"
                )
            }
            Self::Reclassify { movement, legs, from_class, to_class } => format!(
                "movement.reclassify movement={movement} postings={} from_class={from_class} \
                 to_class={to_class} reason=x basis=y",
                postings(legs)
            ),
        }
    }
}

impl Paper {
    fn word(&self) -> String {
        format!("{}:{}", if self.brought { "doc" } else { "digest" }, self.name)
    }
}

fn policy_name(strict: bool) -> String {
    if strict { "policy-strict" } else { "policy-lax" }.to_owned()
}

/// Batches need two of the others, or nobody; reclassifications and assets one.
fn policy_text(strict: bool) -> String {
    let approve = |k: u32| format!(r#""result":"approve","k":"{k}","group":"others""#);
    let (change, batch) = if strict { (2, approve(2)) } else { (1, r#""result":"allow""#.to_owned()) };
    let one = approve(1);
    format!(
        r#"{{"schema":"pledger.policy.v1","covers":["asset.define","movement.batch","movement.reclassify"],
        "principals":[{{"principal":"acme","party":"acme"}},{{"principal":"aud","party":"aud"}},
        {{"principal":"zeta","party":"zeta"}}],"groups":[{{"group":"others","members":["acme","aud","zeta"]}}],
        "change":{{"k":"{change}","group":"others"}},"rules":[{{"rule":"batches","types":["movement.batch"],{batch}}},
        {{"rule":"one","types":["asset.define","movement.reclassify"],{one}}},
        {{"rule":"rest","result":"refuse"}}]}}"#
    )
}

fn postings(legs: &[Leg]) -> String {
    let leg = |leg: &Leg| format!("{}>{}:{}:{}", leg.from, leg.to, leg.amount, leg.asset);
    legs.iter().map(leg).collect::<Vec<_>>().join(",")
}

/// Batches move whole units, so that their totals need no arithmetic with fractions here.
fn totals(legs: &[Leg]) -> String {
    let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
    for leg in legs {
        *sums.entry(&leg.asset).or_default() += leg.amount.parse::<u64>().unwrap_or_default();
    }
    sums.iter().map(|(asset, sum)| format!("{asset}:{sum}")).collect::<Vec<_>>().join(",")
}

fn instant(ms: u64) -> String {
    Timestamp::from_millis(ms).map_or_else(String::new, |at| at.to_string())
}
