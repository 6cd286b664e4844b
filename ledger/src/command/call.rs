//! Calls: the demand, and each signed step of its life.

use rust_decimal::Decimal;

use super::body::Ask;
use super::concern::Concern;
use super::fields::{Fields, QuantityText, ReadText};
use super::movement::PostingText;
use crate::call::{CallKind, CallLeg};
use crate::digest::Digest;
use crate::id::{AccountId, AgreementId, AssetId, CallId, MovementId, StatementId};
use crate::time::Timestamp;

/// `call.issue`. The amount is in the agreement's base currency.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CallIssue {
    /// The call.
    pub call: CallId,
    /// The agreement it is made under.
    pub agreement: AgreementId,
    /// The version it is computed under, for ever.
    pub version: u64,
    /// The margin statement it rests on.
    pub statement: StatementId,
    /// Which way.
    pub leg: CallLeg,
    /// How binding.
    pub kind: CallKind,
    /// What is demanded.
    pub amount: Decimal,
    /// The agreement's base currency.
    pub currency: String,
    /// The earliest the demander asks for; the agreement's clock may make it later.
    pub due: Timestamp,
}

impl Ask for CallIssue {
    fn read(fields: &mut Fields) -> Option<Self> {
        let help = "an id of at most 62 characters that does not end in .u or .d: its halves are called so";
        let call = fields.required("call", help, |value| {
            let text = value.as_str().filter(|text| leaves_room_for_halves(text))?;
            CallId::parse(text).ok()
        });
        let agreement = fields.parsed("agreement");
        let version = fields.parsed("version");
        let statement = fields.parsed("statement");
        let leg = fields.parsed("leg");
        let kind = fields.parsed("kind");
        let amount = fields.parsed("amount");
        let currency = fields.text("currency");
        let due = fields.parsed("due");
        Some(Self {
            call: call?,
            agreement: agreement?,
            version: version?,
            statement: statement?,
            leg: leg?,
            kind: kind?,
            amount: amount?,
            currency: currency?,
            due: due?,
        })
    }

    fn concerns(&self) -> Vec<Concern> {
        vec![Concern::Agreement(self.agreement.clone())]
    }
}

/// A dispute may split a call in two, whose ids add `.u` and `.d`: these must be ids, and free.
fn leaves_room_for_halves(id: &str) -> bool {
    let lower = id.to_ascii_lowercase();
    id.len() <= 62 && !lower.ends_with(".u") && !lower.ends_with(".d")
}

impl ReadText for CallLeg {
    const HELP: &'static str = "delivery or return";
    fn read_text(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

impl ReadText for CallKind {
    const HELP: &'static str = "demand, expected or notification";
    fn read_text(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

/// One asset offered to meet a call.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PledgedItem {
    /// The asset.
    pub asset: AssetId,
    /// How much of it.
    pub amount: QuantityText,
    /// The account it comes from.
    pub from: AccountId,
}

/// A signed step in a call's life after its issue.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum CallStep {
    /// `call.acknowledge`
    Acknowledge,
    /// `call.agree`: repeats the amount.
    Agree {
        /// The call's amount.
        amount: Decimal,
    },
    /// `call.dispute`
    Dispute {
        /// How much of the unrounded figure is disputed.
        amount: Decimal,
        /// The coded reason.
        reason: String,
        /// What it rests on.
        evidence: Option<Digest>,
    },
    /// `call.retract`
    Retract {
        /// The coded reason.
        reason: String,
    },
    /// `call.supersede`
    Supersede {
        /// The call that takes its place.
        by: CallId,
    },
    /// `call.pledge`
    Pledge {
        /// One to eight items.
        items: Vec<PledgedItem>,
        /// What the pledgor says they are worth, in the agreement's currency.
        value: Decimal,
    },
    /// `call.accept_pledge`
    AcceptPledge {
        /// The command id of the pledge.
        pledge: Digest,
    },
    /// `call.reject_pledge`
    RejectPledge {
        /// The command id of the pledge.
        pledge: Digest,
        /// The coded reason.
        reason: String,
    },
    /// `transfer.instruct`
    Instruct {
        /// The movement that carries the pledge over.
        movement: MovementId,
        /// Its postings: exactly what was pledged.
        postings: Vec<PostingText>,
    },
    /// `transfer.settle`
    Settle {
        /// The movement.
        movement: MovementId,
        /// The value that settled, in the agreement's currency.
        amount: Decimal,
        /// The custodian's evidence.
        evidence: Digest,
    },
    /// `transfer.fail`
    Fail {
        /// The movement.
        movement: MovementId,
        /// The coded reason.
        reason: String,
    },
}

impl CallStep {
    /// Every type of command that is a step.
    pub const TYPES: [&'static str; 11] = [
        "call.acknowledge",
        "call.agree",
        "call.dispute",
        "call.retract",
        "call.supersede",
        "call.pledge",
        "call.accept_pledge",
        "call.reject_pledge",
        "transfer.instruct",
        "transfer.settle",
        "transfer.fail",
    ];

    /// The type of command that is this step.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Acknowledge => "call.acknowledge",
            Self::Agree { .. } => "call.agree",
            Self::Dispute { .. } => "call.dispute",
            Self::Retract { .. } => "call.retract",
            Self::Supersede { .. } => "call.supersede",
            Self::Pledge { .. } => "call.pledge",
            Self::AcceptPledge { .. } => "call.accept_pledge",
            Self::RejectPledge { .. } => "call.reject_pledge",
            Self::Instruct { .. } => "transfer.instruct",
            Self::Settle { .. } => "transfer.settle",
            Self::Fail { .. } => "transfer.fail",
        }
    }

    /// Reads the step and the call it belongs to.
    pub(super) fn read(type_name: &str, fields: &mut Fields) -> Option<(CallId, Self)> {
        let call = fields.parsed("call");
        let step = match type_name {
            "call.acknowledge" => Some(Self::Acknowledge),
            "call.agree" => fields.parsed("amount").map(|amount| Self::Agree { amount }),
            "call.dispute" => Self::read_dispute(fields),
            "call.retract" => fields.text("reason").map(|reason| Self::Retract { reason }),
            "call.supersede" => fields.parsed("by").map(|by| Self::Supersede { by }),
            "call.pledge" => Self::read_pledge(fields),
            "call.accept_pledge" => pledge_id(fields).map(|pledge| Self::AcceptPledge { pledge }),
            "call.reject_pledge" => {
                let (pledge, reason) = (pledge_id(fields), fields.text("reason"));
                pledge.zip(reason).map(|(pledge, reason)| Self::RejectPledge { pledge, reason })
            }
            "transfer.instruct" => {
                let movement = fields.parsed("movement");
                let postings = fields.each("postings", 1..=8, PostingText::read);
                movement.zip(postings).map(|(movement, postings)| Self::Instruct { movement, postings })
            }
            "transfer.settle" => Self::read_settle(fields),
            "transfer.fail" => {
                let (movement, reason) = (fields.parsed("movement"), fields.text("reason"));
                movement.zip(reason).map(|(movement, reason)| Self::Fail { movement, reason })
            }
            _ => None,
        };
        Some((call?, step?))
    }

    /// The documents it names.
    pub(super) fn documents(&self) -> Vec<(&'static str, Digest)> {
        match self {
            Self::Settle { evidence, .. } | Self::Dispute { evidence: Some(evidence), .. } => {
                vec![("/body/evidence", *evidence)]
            }
            Self::Acknowledge
            | Self::Agree { .. }
            | Self::Dispute { evidence: None, .. }
            | Self::Retract { .. }
            | Self::Supersede { .. }
            | Self::Pledge { .. }
            | Self::AcceptPledge { .. }
            | Self::RejectPledge { .. }
            | Self::Instruct { .. }
            | Self::Fail { .. } => Vec::new(),
        }
    }

    fn read_dispute(fields: &mut Fields) -> Option<Self> {
        let amount = fields.parsed("amount");
        let reason = fields.text("reason");
        let evidence = fields.parsed_optional("evidence");
        Some(Self::Dispute { amount: amount?, reason: reason?, evidence: evidence? })
    }

    fn read_pledge(fields: &mut Fields) -> Option<Self> {
        let items = fields.each("items", 1..=8, |fields| {
            let asset = fields.parsed("asset");
            let amount = fields.parsed("amount");
            let from = fields.parsed("from");
            Some(PledgedItem { asset: asset?, amount: amount?, from: from? })
        });
        let value = fields.parsed("value");
        Some(Self::Pledge { items: items?, value: value? })
    }

    fn read_settle(fields: &mut Fields) -> Option<Self> {
        let movement = fields.parsed("movement");
        let amount = fields.parsed("amount");
        let evidence = fields.parsed("evidence");
        Some(Self::Settle { movement: movement?, amount: amount?, evidence: evidence? })
    }
}

fn pledge_id(fields: &mut Fields) -> Option<Digest> {
    fields.required("pledge", "the command id of the pledge, 64 lower-case hex digits", |value| {
        Digest::parse_hex(value.as_str()?)
    })
}
