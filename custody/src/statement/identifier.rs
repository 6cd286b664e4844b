//! Identifiers of instruments that carry their own check.

/// A text in the form of an ISIN whose check digit is wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the check digit of the ISIN is {got}, {want} would be right")]
pub struct IdentifierError {
    /// The digit given.
    pub got: u32,
    /// The digit that follows from the others.
    pub want: u32,
}

/// Verifies the check digit of what has the form of an ISIN; other identifiers pass.
///
/// # Errors
/// [`IdentifierError`] if the digit is wrong.
///
/// Source: ISO 6166, Annex A (letters as 10 to 35, then Luhn over all digits).
pub fn check_instrument(text: &str) -> Result<(), IdentifierError> {
    let bytes = text.as_bytes();
    let is_isin = bytes.len() == 12
        && bytes[..2].iter().all(u8::is_ascii_uppercase)
        && bytes[2..11].iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        && bytes[11].is_ascii_digit();
    if !is_isin {
        return Ok(());
    }
    let values: Vec<u32> = text.chars().filter_map(|c| c.to_digit(36)).collect();
    let (got, body) = values.split_last().expect("twelve characters");
    let digits = body.iter().flat_map(|v| if *v < 10 { vec![*v] } else { vec![v / 10, v % 10] });
    let digits: Vec<u32> = digits.collect();
    let luhn: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| if place % 2 == 0 { digit * 2 / 10 + digit * 2 % 10 } else { *digit })
        .sum();
    let want = (10 - luhn % 10) % 10;
    if *got == want { Ok(()) } else { Err(IdentifierError { got: *got, want }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digit_of_isins() {
        for good in ["US0378331005", "US912828U816", "DE000BAY0017", "GB0002634946", "DTI:4H95J0R2X", "BTC"] {
            assert_eq!(check_instrument(good), Ok(()), "{good}");
        }
        assert_eq!(check_instrument("US912828U817"), Err(IdentifierError { got: 7, want: 6 }));
        assert!(check_instrument("US0378331015").is_err());
    }
}
