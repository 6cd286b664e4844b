//! What the log's side tells of its witnesses.

use std::fmt;
use std::sync::Arc;

use crate::checkpoint::SignedCheckpoint;

/// Something that the caller acts on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Event {
    /// The checkpoint meets the policy, with these lines: it is the one to show.
    Witnessed(Arc<SignedCheckpoint>),
    /// A person has to look at it.
    Alarm(Alarm),
    /// A witness saw a larger tree than ours: the store was rolled back, or another log signs with our
    /// key. Nothing may be signed any more.
    Ahead {
        /// The witness's name in the policy.
        witness: String,
        /// What it saw.
        size: u64,
        /// What we have.
        ours: u64,
    },
}

/// What is wrong with a witness, or with us.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Alarm {
    /// The witness's name in the policy.
    pub witness: String,
    /// What it did.
    pub kind: AlarmKind,
}

/// What a witness did.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum AlarmKind {
    /// 422: our proof is wrong, or it saw another history. To be kept with the request.
    Refused {
        /// The size from which the proof started.
        old: u64,
        /// What was to be cosigned.
        checkpoint: Arc<SignedCheckpoint>,
        /// What it answered.
        answer: Vec<u8>,
    },
    /// 403 or 404: it does not know the log, or not its key.
    Configuration {
        /// The status.
        status: u16,
    },
    /// An answer that is none, or a line that it did not sign.
    BadAnswer {
        /// What is wrong with it.
        reason: String,
    },
    /// Its clock is more than five minutes from ours: the line is not counted.
    TimeOff {
        /// Its time, in seconds since 1970.
        time: u64,
        /// Ours.
        ours: u64,
    },
    /// It signed an earlier time than before: the line is not counted.
    TimeFell {
        /// Its time, in seconds since 1970.
        time: u64,
        /// The time it signed before.
        before: u64,
    },
    /// The lines make a quorum and the policy still refuses the note: it does not name this log's key.
    PolicyRefuses {
        /// Why.
        reason: String,
    },
}

impl fmt::Display for AlarmKind {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Refused { old, checkpoint, answer } => {
                let answer = String::from_utf8_lossy(answer);
                write!(f, "refused size {} from {old}: {}", checkpoint.head().size, answer.escape_debug())
            }
            Self::Configuration { status } => {
                write!(f, "answered {status}: its owner has to add this log and its key")
            }
            Self::BadAnswer { reason } => write!(f, "gave no good cosignature: {reason}"),
            Self::TimeOff { time, ours } => write!(f, "signed the time {time}, ours is {ours}"),
            Self::TimeFell { time, before } => write!(f, "signed the time {time} after {before}"),
            Self::PolicyRefuses { reason } => write!(f, "makes a quorum that the policy refuses: {reason}"),
        }
    }
}
