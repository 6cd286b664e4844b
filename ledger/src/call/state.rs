//! The words of a call's life: states, kinds, who acts, and coded reasons.

use crate::words::words;

words! {
    /// Where a call stands. *Due*, *in grace* and *overdue* are no states but readings of a time
    /// ([`Reading`]).
    pub enum CallState {
        /// Demand received; the clock runs.
        Issued = "issued",
        /// Seen.
        Acknowledged = "acknowledged",
        /// Parent of two calls, whose states decide.
        Split = "split",
        /// Under procedure; never a default.
        Disputed = "disputed",
        /// Owed.
        Agreed = "agreed",
        /// Items named and reserved.
        Pledged = "pledged",
        /// The pledge is accepted.
        Accepted = "accepted",
        /// A pending movement exists.
        InTransit = "in_transit",
        /// Delivered.
        Settled = "settled",
        /// Taken back.
        Retracted = "retracted",
        /// Replaced by another call.
        Superseded = "superseded",
        /// Declared and signed.
        Defaulted = "defaulted",
        /// Collateral is being applied.
        Liquidating = "liquidating",
        /// Nothing is left to do.
        ClosedOut = "closed_out",
    }
}

words! {
    /// What a call asks of its receiver.
    pub enum CallKind {
        /// To deliver.
        Demand = "demand",
        /// Nothing yet: anticipated, or a parallel run.
        Expected = "expected",
        /// Nothing: a sole valuation agent tells.
        Notification = "notification",
    }
}

words! {
    /// Which way collateral moves.
    pub enum CallLeg {
        /// From the pledgor to the secured party.
        Delivery = "delivery",
        /// Back again; the roles are exchanged.
        Return = "return",
    }
}

words! {
    /// Who gives a command, by their part in the agreement.
    pub enum Actor {
        /// Gives collateral.
        Pledgor = "pledgor",
        /// Holds or may demand it.
        Secured = "secured",
        /// Moves it.
        Custodian = "custodian",
        /// Pledgor and secured party, both signing.
        Both = "both",
    }
}

words! {
    /// What a time means for a call that is owed.
    pub enum Reading {
        /// Not later than the due time.
        Due = "due",
        /// Later, and not after the end of grace.
        InGrace = "in_grace",
        /// After the end of grace: default may be declared.
        Overdue = "overdue",
    }
}

words! {
    /// Why a call is disputed.
    pub enum DisputeReason {
        /// The value of the portfolio.
        MarkToMarket = "mark_to_market",
        /// What is held.
        CollateralHeld = "collateral_held",
        /// What is on its way.
        CollateralPending = "collateral_pending",
        /// The day it is for.
        ValuationDate = "valuation_date",
        /// The threshold.
        Threshold = "threshold",
        /// The minimum transfer amount.
        Mta = "mta",
        /// The rounding.
        Rounding = "rounding",
        /// The base currency.
        BaseCurrency = "base_currency",
        /// An independent amount.
        IndependentAmount = "independent_amount",
        /// Who is meant.
        PartyReference = "party_reference",
        /// Which trades.
        Portfolio = "portfolio",
        /// A price.
        Price = "price",
        /// A haircut.
        Haircut = "haircut",
        /// An exchange rate.
        FxRate = "fx_rate",
    }
}

words! {
    /// Why a pledge is refused.
    pub enum RejectReason {
        /// The schedule does not allow it.
        NotEligible = "not_eligible",
        /// Too much of one thing.
        ConcentrationExceeded = "concentration_exceeded",
        /// Worth too little.
        InsufficientValue = "insufficient_value",
        /// Nobody knows the asset by that name.
        InvalidIdentifier = "invalid_identifier",
        /// From or to the wrong account.
        WrongAccount = "wrong_account",
    }
}

words! {
    /// Why a call is taken back.
    pub enum RetractReason {
        /// There is a newer figure.
        NewerCalculation = "newer_calculation",
        /// The wrong party was called.
        PartyReference = "party_reference",
        /// Collateral is on its way already.
        PendingCollateral = "pending_collateral",
        /// The terms have changed.
        RevisedTerms = "revised_terms",
        /// The dispute left nothing.
        DisputeResolvedZero = "dispute_resolved_zero",
    }
}

words! {
    /// Why a transfer failed.
    pub enum FailReason {
        /// Not enough there.
        InsufficientFunds = "insufficient_funds",
        /// The custodian refused.
        RejectedByCustodian = "rejected_by_custodian",
        /// The chain forgot the transaction.
        ChainDropped = "chain_dropped",
        /// Another transaction took its place.
        ChainReplaced = "chain_replaced",
        /// Too late.
        DeadlineMissed = "deadline_missed",
        /// Held by compliance.
        ComplianceHold = "compliance_hold",
    }
}
