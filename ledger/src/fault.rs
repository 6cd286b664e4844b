//! Faults that can be planted to show that the simulator would catch them.
//!
//! Each is one wrong line somewhere between the queue and the disk, behind [`is_planted`]. Without the
//! feature `planted-faults`, which only the tests of this repository switch on, that is a constant
//! `false` and nothing can be planted.

/// A wrong line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// Sequencer: answers leave before the batch is durable.
    AnswerBeforeSync,
    /// Sequencer: the log publishes a batch before it is durable.
    PublishBeforeSync,
    /// Sequencer: each command of a batch is answered with the receipt of the next.
    ReceiptOfAnother,
    /// Sequencer: a record keeps the effects of the one before it.
    EffectsOfAnother,
    /// Sequencer: the log gets the leaves of a batch in another order.
    LeavesSwapped,
    /// Sequencer: the recorded time follows a clock that was set back.
    TimeFalls,
    /// Sequencer: a clock that jumped is believed.
    ClockJumpBelieved,
    /// Sequencer: the same bytes are judged again instead of answered with their first receipt.
    RepetitionJudged,
    /// Sequencer: after an append that found no room, the state keeps what was not recorded.
    FullDiskForgotten,
    /// Sequencer: a document is not made durable with the record that names it.
    DocumentLost,
    /// Apply: the idempotency key of another command is taken.
    KeyReused,
    /// Apply: a revoked key signs.
    RevokedKey,
    /// Apply: a command is recorded after it expired.
    ExpiredCommand,
    /// Apply: a suspended party authors.
    SuspendedAuthor,
    /// Apply: what an object changed since is not looked at.
    ExpectationIgnored,
    /// Apply: more goes out than is available.
    Overdraft,
    /// Apply: what is instructed is not reserved.
    ReservationSkipped,
    /// Apply: what is given up stays reserved.
    ReservationKept,
    /// Apply: a posting moves twice.
    AppliedTwice,
    /// Apply: more settles than is pending.
    SettledBeyondPending,
    /// Apply: a custodian settles what another keeps.
    ForeignCustodian,
    /// Apply: value comes in without the custodian's evidence.
    CreditedWithoutEvidence,
    /// Apply: collateral changes its property class by any command.
    ClassIgnored,
    /// Apply: a frozen account moves.
    FrozenMoves,
    /// Apply: a movement whose time has passed stays pending.
    ExpiryForgotten,
    /// Apply: one approval fewer than the policy asks is enough.
    QuorumShort,
    /// Apply: who approved already is heard again.
    ApprovalTwice,
    /// State: idempotency keys are dropped when anything is recorded.
    KeysDroppedEarly,
    /// State: the last change of a record is not put in.
    ChangeForgotten,
    /// Opening: the last record is not taken up again.
    LastRecordSkipped,
    /// Store: the frame is acknowledged without a sync.
    SyncSkipped,
    /// Store: the name of a new segment is not synced.
    SegmentNameUnsynced,
    /// Store: the last frame is cut off although it is whole.
    LastFrameLost,
    /// Store: a torn frame is taken for whole.
    TornTailAccepted,
    /// Store: the index names the next record.
    IndexOffByOne,
    /// Store: a damaged snapshot is believed.
    SnapshotBelieved,
    /// Store: what is read back is not compared with its chain value.
    DamageServed,
}

impl Fault {
    /// Every fault.
    pub const ALL: &[Self] = &[
        Self::AnswerBeforeSync,
        Self::PublishBeforeSync,
        Self::ReceiptOfAnother,
        Self::EffectsOfAnother,
        Self::LeavesSwapped,
        Self::TimeFalls,
        Self::ClockJumpBelieved,
        Self::RepetitionJudged,
        Self::FullDiskForgotten,
        Self::DocumentLost,
        Self::KeyReused,
        Self::RevokedKey,
        Self::ExpiredCommand,
        Self::SuspendedAuthor,
        Self::ExpectationIgnored,
        Self::Overdraft,
        Self::ReservationSkipped,
        Self::ReservationKept,
        Self::AppliedTwice,
        Self::SettledBeyondPending,
        Self::ForeignCustodian,
        Self::CreditedWithoutEvidence,
        Self::ClassIgnored,
        Self::FrozenMoves,
        Self::ExpiryForgotten,
        Self::QuorumShort,
        Self::ApprovalTwice,
        Self::KeysDroppedEarly,
        Self::ChangeForgotten,
        Self::LastRecordSkipped,
        Self::SyncSkipped,
        Self::SegmentNameUnsynced,
        Self::LastFrameLost,
        Self::TornTailAccepted,
        Self::IndexOffByOne,
        Self::SnapshotBelieved,
        Self::DamageServed,
    ];
}

#[cfg(not(feature = "planted-faults"))]
pub(crate) const fn is_planted(_: Fault) -> bool {
    false
}

#[cfg(feature = "planted-faults")]
pub use planted::{Planted, plant};

#[cfg(feature = "planted-faults")]
pub(crate) use planted::is_planted;

#[cfg(feature = "planted-faults")]
mod planted {
    use std::cell::Cell;

    use super::Fault;

    thread_local! {
        static PLANTED: Cell<Option<Fault>> = const { Cell::new(None) };
    }

    /// The fault stays until this is dropped.
    #[must_use]
    pub struct Planted(());

    impl Drop for Planted {
        fn drop(&mut self) {
            PLANTED.set(None);
        }
    }

    /// Plants a fault on this thread, in place of any other.
    pub fn plant(fault: Fault) -> Planted {
        PLANTED.set(Some(fault));
        Planted(())
    }

    pub(crate) fn is_planted(fault: Fault) -> bool {
        PLANTED.get() == Some(fault)
    }
}
