//! How the story is told: headings, lines, and money as people write it.

use std::io::{self, Write};

/// Where the story goes: to a reader, or nowhere when a machine listens.
pub struct Telling<'a> {
    out: Option<&'a mut dyn Write>,
}

impl<'a> Telling<'a> {
    /// To a reader.
    pub fn to(out: &'a mut dyn Write) -> Self {
        Self { out: Some(out) }
    }

    /// To nobody.
    #[must_use]
    pub fn silent() -> Self {
        Self { out: None }
    }

    /// A heading.
    ///
    /// # Errors
    /// If the reader is gone.
    pub fn chapter(&mut self, heading: &str) -> io::Result<()> {
        let rule = "─".repeat(heading.chars().count());
        self.write(&format!("\n{heading}\n{rule}\n"))
    }

    /// A line.
    ///
    /// # Errors
    /// If the reader is gone.
    pub fn line(&mut self, text: &str) -> io::Result<()> {
        self.write(&format!("{text}\n"))
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        match &mut self.out {
            Some(out) => out.write_all(text.as_bytes()).and_then(|()| out.flush()),
            None => Ok(()),
        }
    }
}

/// A decimal with its whole part in groups of three.
///
/// ```
/// assert_eq!(api::demo::grouped("-1234567.8"), "-1,234,567.8");
/// ```
#[must_use]
pub fn grouped(number: &str) -> String {
    let (sign, digits) = number.strip_prefix('-').map_or(("", number), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let mut out = String::from(sign);
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if !fraction.is_empty() {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

/// Money with its cents, in groups of three; finer figures keep their digits.
#[must_use]
pub fn money(figure: &str) -> String {
    let cents = match figure.split_once('.') {
        None => ".00",
        Some((_, fraction)) if fraction.len() == 1 => "0",
        Some(_) => "",
    };
    grouped(&format!("{figure}{cents}"))
}
