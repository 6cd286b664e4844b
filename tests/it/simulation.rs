//! The simulator itself: that it is deterministic, that its runs reach what they are about, that seeds
//! pass, and that it would catch the faults it is there to catch.

use ledger::fault::{Fault, plant};
use tests::simulation::{self, Totals};

/// Seeds that every test run passes in this build; the release program runs many more.
const SEEDS: u64 = 40;

/// Seeds within which a planted fault has to be found.
const FAULT_SEEDS: u64 = 60;

#[test]
fn seeds_pass_and_reach_what_they_are_about() {
    let mut totals = Totals::default();
    for seed in 0..SEEDS {
        match simulation::run(seed) {
            Ok(counted) => totals.join(&counted),
            Err(failure) => panic!("{failure}"),
        }
    }
    println!("{totals}");
    for what in [
        "accepted",
        "repeated",
        "refused",
        "refused at the door",
        "clock unsound",
        "clients gone",
        "in doubt",
        "in doubt and recorded",
        "power cuts",
        "power cuts while opening",
        "restarts",
        "clean stops",
        "stops",
        "failed syncs",
        "batches without room",
        "torn tails",
        "snapshots used",
        "snapshots damaged",
        "snapshots removed",
        "bits flipped in journals",
        "damage found",
        "lies found",
        "records refused for rot",
        "expired",
        "expires_too_late",
        "idempotency_key_reused",
        "key_not_active",
        "author_suspended",
        "use_not_allowed",
        "maker_may_not_approve",
        "already_approved",
        "already_decided",
        "not_authorised",
        "unknown_reference",
        "id_taken",
        "expectation_failed",
        "wrong_state",
        "too_late",
        "account_frozen",
        "asset_mismatch",
        "class_mismatch",
        "amount_zero",
        "amount_precision",
        "amount_out_of_range",
        "insufficient_available",
        "evidence_missing",
        "evidence_mismatch",
        "document_digest",
    ] {
        assert!(totals.of(what) > 0, "no run ever had: {what}");
    }
}

#[test]
fn the_same_seed_is_the_same_run() {
    for seed in 0..2 {
        let (first, second) = (simulation::told(seed), simulation::told(seed));
        assert_eq!(first.1, second.1, "seed {seed}: another story");
        assert_eq!(first.0.ok(), second.0.ok(), "seed {seed}: other counts");
    }
}

/// Which check finds it first, and at which seed, is printed.
fn is_found(fault: Fault) {
    let _planted = plant(fault);
    let found = (0..FAULT_SEEDS).find_map(|seed| simulation::run(seed).err());
    let failure = found.unwrap_or_else(|| panic!("{fault:?}: {FAULT_SEEDS} seeds pass with it"));
    println!("{fault:?}: seed {}, {:?}: {}", failure.seed, failure.check, failure.what);
}

/// One test for each fault, and each fault has one.
macro_rules! planted_faults_are_found {
    ($($name:ident: $fault:ident,)+) => {
        $(
            #[test]
            fn $name() {
                is_found(Fault::$fault);
            }
        )+

        #[test]
        fn every_fault_has_its_test() {
            assert_eq!(Fault::ALL, [$(Fault::$fault),+]);
        }
    };
}

planted_faults_are_found! {
    answers_before_the_sync: AnswerBeforeSync,
    publishing_before_the_sync: PublishBeforeSync,
    receipts_of_another_command: ReceiptOfAnother,
    effects_of_another_record: EffectsOfAnother,
    leaves_in_another_order: LeavesSwapped,
    recorded_time_that_falls: TimeFalls,
    a_clock_jump_that_is_believed: ClockJumpBelieved,
    the_same_bytes_judged_again: RepetitionJudged,
    a_full_disk_forgotten: FullDiskForgotten,
    a_document_lost: DocumentLost,
    an_idempotency_key_reused: KeyReused,
    a_revoked_key_accepted: RevokedKey,
    an_expired_command_accepted: ExpiredCommand,
    a_suspended_author_heard: SuspendedAuthor,
    an_expectation_ignored: ExpectationIgnored,
    an_overdraft_allowed: Overdraft,
    a_reservation_skipped: ReservationSkipped,
    a_reservation_kept: ReservationKept,
    a_posting_applied_twice: AppliedTwice,
    more_settled_than_pending: SettledBeyondPending,
    settlement_by_another_custodian: ForeignCustodian,
    a_credit_without_evidence: CreditedWithoutEvidence,
    a_change_of_class_unnamed: ClassIgnored,
    a_frozen_account_that_moves: FrozenMoves,
    an_expiry_forgotten: ExpiryForgotten,
    a_quorum_of_one_less: QuorumShort,
    an_approval_given_twice: ApprovalTwice,
    idempotency_keys_dropped_early: KeysDroppedEarly,
    a_change_forgotten: ChangeForgotten,
    the_last_record_skipped: LastRecordSkipped,
    a_sync_skipped: SyncSkipped,
    a_segment_name_not_synced: SegmentNameUnsynced,
    the_last_frame_lost: LastFrameLost,
    a_torn_tail_accepted: TornTailAccepted,
    an_index_off_by_one: IndexOffByOne,
    a_damaged_snapshot_believed: SnapshotBelieved,
    damage_served: DamageServed,
}
