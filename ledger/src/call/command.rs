//! What may be asked of a call, by whom, and in which states: the table.

use super::state::{Actor, CallKind, CallLeg, CallState};
use crate::valuation::Value;
use crate::words::words;

words! {
    /// The commands of a call's life, by the name of their type.
    pub enum Verb {
        /// Makes a call of a computed figure; on a call that exists already it fits no state.
        Issue = "call.issue",
        /// Seen.
        Acknowledge = "call.acknowledge",
        /// Owed.
        Agree = "call.agree",
        /// Not owed, in whole or in part.
        Dispute = "call.dispute",
        /// What of a disputed call is owed.
        ResolveDispute = "call.resolve_dispute",
        /// Names what will be delivered.
        Pledge = "call.pledge",
        /// Takes the pledge.
        AcceptPledge = "call.accept_pledge",
        /// Refuses the pledge.
        RejectPledge = "call.reject_pledge",
        /// Starts the movement.
        Instruct = "transfer.instruct",
        /// Some or all has arrived.
        Settle = "transfer.settle",
        /// The rest will not arrive.
        Fail = "transfer.fail",
        /// Takes the call back.
        Retract = "call.retract",
        /// Replaces the call.
        Supersede = "call.supersede",
        /// Declares default.
        DeclareDefault = "call.declare_default",
        /// Forgives it.
        WaiveDefault = "call.waive_default",
        /// Opens the close-out.
        CloseoutStart = "closeout.start",
        /// One step of it.
        CloseoutStep = "closeout.step",
        /// Ends it.
        CloseoutFinish = "closeout.finish",
    }
}

/// A command with its body, as far as a call's life depends on it.
///
/// What a body leaves out is refused last of all (`missing_field`); over the API the schema has
/// refused it before.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum CallCommand {
    /// [`Verb::Issue`].
    Issue,
    /// [`Verb::Acknowledge`].
    Acknowledge,
    /// [`Verb::Agree`].
    Agree {
        /// The call's amount, repeated.
        amount: Option<Value>,
    },
    /// [`Verb::Dispute`].
    Dispute {
        /// How much of the unrounded figure.
        amount: Option<Value>,
        /// A [`super::DisputeReason`].
        reason: Option<String>,
    },
    /// [`Verb::ResolveDispute`].
    ResolveDispute {
        /// What is owed after all.
        amount: Option<Value>,
    },
    /// [`Verb::Pledge`].
    Pledge {
        /// What the named items are worth.
        value: Option<Value>,
    },
    /// [`Verb::AcceptPledge`].
    AcceptPledge,
    /// [`Verb::RejectPledge`].
    RejectPledge {
        /// A [`super::RejectReason`].
        reason: Option<String>,
    },
    /// [`Verb::Instruct`].
    Instruct,
    /// [`Verb::Settle`].
    Settle {
        /// What of the call's amount has arrived.
        amount: Option<Value>,
    },
    /// [`Verb::Fail`].
    Fail {
        /// A [`super::FailReason`].
        reason: Option<String>,
    },
    /// [`Verb::Retract`].
    Retract {
        /// A [`super::RetractReason`].
        reason: Option<String>,
    },
    /// [`Verb::Supersede`].
    Supersede {
        /// The call that takes its place.
        by: Option<String>,
    },
    /// [`Verb::DeclareDefault`].
    DeclareDefault,
    /// [`Verb::WaiveDefault`].
    WaiveDefault,
    /// [`Verb::CloseoutStart`].
    CloseoutStart,
    /// [`Verb::CloseoutStep`].
    CloseoutStep,
    /// [`Verb::CloseoutFinish`].
    CloseoutFinish,
}

impl CallCommand {
    /// Which command it is.
    #[must_use]
    pub fn verb(&self) -> Verb {
        match self {
            Self::Issue => Verb::Issue,
            Self::Acknowledge => Verb::Acknowledge,
            Self::Agree { .. } => Verb::Agree,
            Self::Dispute { .. } => Verb::Dispute,
            Self::ResolveDispute { .. } => Verb::ResolveDispute,
            Self::Pledge { .. } => Verb::Pledge,
            Self::AcceptPledge => Verb::AcceptPledge,
            Self::RejectPledge { .. } => Verb::RejectPledge,
            Self::Instruct => Verb::Instruct,
            Self::Settle { .. } => Verb::Settle,
            Self::Fail { .. } => Verb::Fail,
            Self::Retract { .. } => Verb::Retract,
            Self::Supersede { .. } => Verb::Supersede,
            Self::DeclareDefault => Verb::DeclareDefault,
            Self::WaiveDefault => Verb::WaiveDefault,
            Self::CloseoutStart => Verb::CloseoutStart,
            Self::CloseoutStep => Verb::CloseoutStep,
            Self::CloseoutFinish => Verb::CloseoutFinish,
        }
    }
}

impl Verb {
    /// Who gives the command. For a return the roles are exchanged: the pledgor demands and the
    /// secured party owes.
    ///
    /// Source: specs/calls.md §5 and §6.
    #[must_use]
    pub fn author(self, leg: CallLeg) -> Actor {
        let (owing, asking) = match leg {
            CallLeg::Delivery => (Actor::Pledgor, Actor::Secured),
            CallLeg::Return => (Actor::Secured, Actor::Pledgor),
        };
        match self {
            Self::Acknowledge | Self::Agree | Self::Dispute | Self::Pledge | Self::Instruct => owing,
            Self::Issue
            | Self::AcceptPledge
            | Self::RejectPledge
            | Self::Retract
            | Self::Supersede
            | Self::DeclareDefault
            | Self::WaiveDefault
            | Self::CloseoutStart
            | Self::CloseoutStep
            | Self::CloseoutFinish => asking,
            Self::Settle | Self::Fail => Actor::Custodian,
            Self::ResolveDispute => Actor::Both,
        }
    }

    /// Whether the command means something for calls of that kind: those that ask for nothing can
    /// only be seen, taken back or replaced.
    #[must_use]
    pub fn fits_kind(self, kind: CallKind) -> bool {
        match kind {
            CallKind::Demand => true,
            CallKind::Expected | CallKind::Notification => {
                matches!(self, Self::Issue | Self::Acknowledge | Self::Retract | Self::Supersede)
            }
        }
    }

    /// The states in which the command is accepted.
    ///
    /// Source: specs/calls.md §5.
    #[must_use]
    pub fn from_states(self) -> &'static [CallState] {
        use CallState::{
            Accepted, Acknowledged, Agreed, Defaulted, Disputed, InTransit, Issued, Liquidating, Pledged,
        };
        match self {
            Self::Issue => &[],
            Self::Acknowledge => &[Issued],
            Self::Agree | Self::Dispute => &[Issued, Acknowledged],
            Self::ResolveDispute => &[Disputed],
            Self::Pledge => &[Agreed],
            Self::AcceptPledge | Self::RejectPledge => &[Pledged],
            Self::Instruct => &[Accepted],
            Self::Settle | Self::Fail => &[InTransit],
            Self::Retract | Self::Supersede => &[Issued, Acknowledged, Disputed, Agreed, Pledged, Accepted],
            Self::DeclareDefault => &[Issued, Acknowledged, Agreed, Pledged, Accepted, InTransit],
            Self::WaiveDefault | Self::CloseoutStart => &[Defaulted],
            Self::CloseoutStep | Self::CloseoutFinish => &[Liquidating],
        }
    }

    /// The commands that are accepted in `state`.
    #[must_use]
    pub fn fitting(state: CallState) -> Vec<Self> {
        Self::ALL.iter().copied().filter(|verb| verb.from_states().contains(&state)).collect()
    }
}
