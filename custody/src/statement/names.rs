//! The closed lists of the typed form and their names.

/// Which balance an amount is.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[expect(missing_docs, reason = "the names are the specification's")]
pub enum BalanceKind {
    Opening,
    OpeningPrevious,
    OpeningIntermediate,
    Closing,
    ClosingIntermediate,
    Interim,
    Available,
    NotAvailable,
    Aggregate,
    Forward,
    /// A kind of the format itself, its code in lower case: `pled`, `coli`.
    Code(KindCode),
}

/// A format's own code for a balance.
///
/// Invariant: 1 to 35 of `a-z 0-9 _`, and none of the names of [`BalanceKind`].
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct KindCode(String);

const KINDS: [(BalanceKind, &str); 10] = [
    (BalanceKind::Opening, "opening"),
    (BalanceKind::OpeningPrevious, "opening_previous"),
    (BalanceKind::OpeningIntermediate, "opening_intermediate"),
    (BalanceKind::Closing, "closing"),
    (BalanceKind::ClosingIntermediate, "closing_intermediate"),
    (BalanceKind::Interim, "interim"),
    (BalanceKind::Available, "available"),
    (BalanceKind::NotAvailable, "not_available"),
    (BalanceKind::Aggregate, "aggregate"),
    (BalanceKind::Forward, "forward"),
];

impl BalanceKind {
    /// Reads a name, or a code in lower case; `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Some((kind, _)) = KINDS.iter().find(|(_, name)| *name == text) {
            return Some(kind.clone());
        }
        let letters = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_';
        let is_code = (1..=35).contains(&text.len()) && text.bytes().all(letters);
        is_code.then(|| Self::Code(KindCode(text.to_owned())))
    }

    /// The name or code.
    #[must_use]
    pub fn name(&self) -> &str {
        if let Self::Code(KindCode(code)) = self {
            return code;
        }
        KINDS.iter().find(|(kind, _)| kind == self).map(|(_, name)| *name).expect("KINDS has all but codes")
    }
}

macro_rules! names {
    ($(#[$doc:meta])* $type:ident { $($variant:ident $name:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        #[expect(missing_docs, reason = "the names are the specification's")]
        pub enum $type { $($variant),+ }

        impl $type {
            /// Reads the name; `None` for any other text.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($name => Some(Self::$variant),)+ _ => None }
            }

            /// The name.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }
    };
}

names! {
    /// What makes an entry count in the statement.
    Basis { Booked "booked", Settled "settled", Trade "trade", Contractual "contractual" }
}
names! {
    /// What a holding counts.
    Unit { Face "face", Unit "unit", Amortised "amortised", TokenUnit "token_unit" }
}
names! {
    /// How far the custodian has got with an entry.
    MovementStatus { Booked "booked", Pending "pending", Info "info", Future "future" }
}
