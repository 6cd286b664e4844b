//! The id that a computed figure gives its call.

use super::state::CallLeg;
use crate::digest::Digest;
use crate::time::Timestamp;
use crate::valuation::Side;

const DOMAIN: &str = "pledger/call/v1";
/// Hex digits kept: 96 bits, and `.u` still fits the 35 characters of an ISO 20022 message id.
const DIGITS: usize = 24;

/// The same agreement, version, valuation time and leg give the same id, so that computing a figure
/// again makes no second call; a changed figure must supersede.
///
/// Source: specs/calls.md §5.
#[must_use]
pub fn call_id(agreement: &str, version: u32, as_of: Timestamp, secured: Side, leg: CallLeg) -> String {
    let text = format!("{DOMAIN}\n{agreement}\n{version}\n{as_of}\n{secured}\n{leg}\n");
    let digest = Digest::of(text.as_bytes()).to_string();
    format!("C-{}", &digest[..DIGITS])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_depend_on_all_that_tells_calls_apart() {
        let at = |ms| Timestamp::from_millis(ms).unwrap();
        let id = call_id("CSA-1", 1, at(0), Side::A, CallLeg::Delivery);
        assert_eq!(id, call_id("CSA-1", 1, at(0), Side::A, CallLeg::Delivery));
        assert_eq!(id.len(), 26);
        for other in [
            call_id("CSA-2", 1, at(0), Side::A, CallLeg::Delivery),
            call_id("CSA-1", 2, at(0), Side::A, CallLeg::Delivery),
            call_id("CSA-1", 1, at(1), Side::A, CallLeg::Delivery),
            call_id("CSA-1", 1, at(0), Side::B, CallLeg::Delivery),
            call_id("CSA-1", 1, at(0), Side::A, CallLeg::Return),
        ] {
            assert_ne!(id, other);
        }
    }
}
