//! Sum trees as JSON: what an operator publishes and what a client checks.
//!
//! The bytes are the ledger's ([`ledger::seal`]); here they get their JSON shape.
//!
//! Source: specs/custody.md §5.

use data_encoding::{BASE64, HEXLOWER};
use ledger::base64;
use ledger::decimal::DecimalError;
use ledger::json::Json;
use ledger::seal::{Leaf, NotIncluded, SealError, SumProof, SumStep, SumTree, TreeLine};

use crate::coverage::smallest_units;
use crate::refusal::{Refusal, error_json};
use crate::shape::{Faults, Members};

/// Why there is no answer.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ReservesError {
    /// Not of the shape of the input.
    #[error(transparent)]
    Malformed(#[from] Refusal),
    /// No tree, line or proof of these values.
    #[error(transparent)]
    Seal(#[from] SealError),
}

impl ReservesError {
    /// `{"code","path","message"}`.
    #[must_use]
    pub fn to_json(&self) -> Json {
        match self {
            Self::Malformed(refusal) => refusal.to_json(),
            Self::Seal(error) => error_json(error.code(), "", &error.to_string()),
        }
    }
}

/// Folds `{tree{custodian,class,asset}, leaves[{account,book,salt,amount}]}`.
///
/// # Errors
/// [`ReservesError`], by variant.
pub fn sum_tree(input: &Json) -> Result<Json, ReservesError> {
    let (tree, line) = build(input, &["tree", "leaves"])?;
    let texts = |of: fn(&Leaf) -> String| Json::array(tree.leaves().iter().map(of).map(Json::text));
    Ok(Json::object([
        ("order", texts(|leaf| format!("{} {}", leaf.account(), leaf.book()))),
        ("leaf_hashes", texts(|leaf| leaf.hash().to_string())),
        ("count", Json::text(line.count().to_string())),
        ("sum", Json::text(line.root().sum.to_string())),
        ("root", Json::text(line.root().hash.to_string())),
        ("line", Json::text(line.to_string())),
    ]))
}

/// Proves the leaf of `account` and `book` in a tree given as to [`sum_tree`].
///
/// # Errors
/// [`ReservesError`], by variant.
pub fn inclusion_prove(input: &Json) -> Result<Json, ReservesError> {
    let known = ["tree", "leaves", "account", "book"];
    let (tree, line) = build(input, &known)?;
    let mut faults = Faults::default();
    let names = Members::open(input, String::new(), &known, &mut faults).and_then(|members| {
        let account = members.text("account", &mut faults, Ok);
        let book = members.text("book", &mut faults, Ok);
        Some((account?, book?))
    });
    let (account, book) = faults.finish(names)?;
    let proof = tree.prove(account, book)?;
    let step = |step: &SumStep| {
        let hash = Json::text(BASE64.encode(&step.hash));
        Json::object([("hash", hash), ("sum", Json::text(step.sum.to_string()))])
    };
    Ok(Json::object([
        ("account", Json::text(proof.leaf.account())),
        ("book", Json::text(proof.leaf.book())),
        ("amount", Json::text(proof.leaf.units().to_string())),
        ("salt", Json::text(HEXLOWER.encode(proof.leaf.salt()))),
        ("leaf", Json::text(proof.index.to_string())),
        ("steps", Json::array(proof.steps.iter().map(step))),
        ("tree", Json::text(line.to_string())),
    ]))
}

/// Checks `{proof, line}`: `{included, reason}`, the reason `ok` or the first that holds.
///
/// # Errors
/// [`ReservesError`] if the texts are not of a proof at all.
pub fn inclusion_verify(input: &Json) -> Result<Json, ReservesError> {
    let mut faults = Faults::default();
    let texts = proof_texts(input, &mut faults);
    let texts = faults.finish(texts)?;
    let reason = match check(&texts)? {
        Ok(()) => "ok",
        Err(reason) => reason.code(),
    };
    Ok(Json::object([("included", Json::Bool(reason == "ok")), ("reason", Json::text(reason))]))
}

fn build(input: &Json, known: &[&str]) -> Result<(SumTree, TreeLine), ReservesError> {
    let mut faults = Faults::default();
    let texts = tree_texts(input, known, &mut faults);
    let ([custodian, class, asset], leaves) = faults.finish(texts)?;
    let leaves = leaves
        .into_iter()
        .map(|[account, book, salt, amount]| Leaf::new(account, book, units(amount)?, salt_of(salt)?));
    let tree = SumTree::over(leaves.collect::<Result<_, _>>()?)?;
    let line = tree.line(custodian, class, asset)?;
    Ok((tree, line))
}

type TreeTexts<'a> = ([&'a str; 3], Vec<[&'a str; 4]>);

fn tree_texts<'a>(input: &'a Json, known: &[&str], faults: &mut Faults) -> Option<TreeTexts<'a>> {
    let members = Members::open(input, String::new(), known, faults)?;
    let tree = members
        .value("tree", faults)
        .and_then(|json| texts(json, "/tree".into(), ["custodian", "class", "asset"], faults));
    let leaves = members.each("leaves", faults, |json, path, faults| {
        texts(json, path, ["account", "book", "salt", "amount"], faults)
    });
    Some((tree?, leaves?))
}

/// The texts of an object that has exactly these members.
fn texts<'a, const N: usize>(
    json: &'a Json,
    path: String,
    known: [&str; N],
    faults: &mut Faults,
) -> Option<[&'a str; N]> {
    let members = Members::open(json, path, &known, faults)?;
    let mut read = Some([""; N]);
    for (place, key) in known.into_iter().enumerate() {
        match (members.text(key, faults, Ok), &mut read) {
            (Some(text), Some(read)) => read[place] = text,
            (_, read) => *read = None,
        }
    }
    read
}

struct ProofTexts<'a> {
    account: &'a str,
    book: &'a str,
    amount: &'a str,
    salt: &'a str,
    leaf: &'a str,
    steps: Vec<[&'a str; 2]>,
    tree: &'a str,
    line: &'a str,
}

fn proof_texts<'a>(input: &'a Json, faults: &mut Faults) -> Option<ProofTexts<'a>> {
    let members = Members::open(input, String::new(), &["proof", "line"], faults)?;
    let line = members.text("line", faults, Ok);
    let known = ["account", "book", "amount", "salt", "leaf", "steps", "tree"];
    let proof = Members::open(members.value("proof", faults)?, "/proof".into(), &known, faults)?;
    let mut text = |key| proof.text(key, faults, Ok);
    let [account, book, amount, salt, leaf, tree] =
        ["account", "book", "amount", "salt", "leaf", "tree"].map(&mut text);
    let steps = proof.each("steps", faults, |json, path, faults| texts(json, path, ["hash", "sum"], faults));
    Some(ProofTexts {
        account: account?,
        book: book?,
        amount: amount?,
        salt: salt?,
        leaf: leaf?,
        steps: steps?,
        tree: tree?,
        line: line?,
    })
}

/// The outer error: not the texts of a proof. The inner one: a proof, and it shows nothing.
fn check(texts: &ProofTexts) -> Result<Result<(), NotIncluded>, SealError> {
    if texts.tree != texts.line {
        return Ok(Err(NotIncluded::LineMismatch));
    }
    let line = TreeLine::parse(texts.line)?;
    let index = smallest_units(texts.leaf).map_err(|_| SealError::BadValue)?;
    let Ok(index) = u64::try_from(index) else {
        return Ok(Err(NotIncluded::IndexOutOfRange));
    };
    // A sum that is too large is known only as such; the checks before it come first.
    let mut too_large = false;
    let mut bounded = |text| match units(text) {
        Err(SealError::Overflow) => {
            too_large = true;
            Ok(0)
        }
        read => read,
    };
    let leaf = Leaf::new(texts.account, texts.book, bounded(texts.amount)?, salt_of(texts.salt)?)?;
    let steps = texts.steps.iter().map(|[hash, sum]| {
        // What is no base64 is no hash either.
        let hash = base64::decode(hash).unwrap_or_default();
        Ok(SumStep { hash, sum: bounded(sum)? })
    });
    let steps = steps.collect::<Result<_, SealError>>()?;
    let checked = SumProof { leaf, index, steps }.check(&line);
    Ok(match checked {
        Err(reason) if reason < NotIncluded::Overflow => Err(reason),
        _ if too_large => Err(NotIncluded::Overflow),
        checked => checked,
    })
}

fn units(text: &str) -> Result<u128, SealError> {
    smallest_units(text).map_err(|error| match error {
        DecimalError::TooLarge => SealError::Overflow,
        DecimalError::Malformed | DecimalError::Negative | DecimalError::Precision => SealError::BadValue,
    })
}

fn salt_of(hex: &str) -> Result<[u8; 16], SealError> {
    let bytes = HEXLOWER.decode(hex.as_bytes()).map_err(|_| SealError::BadValue)?;
    bytes.try_into().map_err(|_| SealError::BadValue)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::json::read;

    const LEAVES: &str = r#"{"tree":{"custodian":"C","class":"k","asset":"A"},"leaves":[{"account":"a","book":"posted","salt":"01010101010101010101010101010101","amount":"5"},{"account":"b","book":"posted","salt":"02020202020202020202020202020202","amount":"7"}]}"#;

    fn code(error: &ReservesError) -> String {
        error.to_json().get("code").and_then(Json::as_str).unwrap().to_owned()
    }

    #[test]
    fn values_that_stand_in_no_tree() {
        assert!(sum_tree(&read(LEAVES.as_bytes()).unwrap()).is_ok());
        for (from, to, want) in [
            ("\"5\"", "\"-5\"", "bad_value"),
            ("\"5\"", "\"05\"", "bad_value"),
            ("\"5\"", "\"5.5\"", "bad_value"),
            ("\"5\"", "\"340282366920938463463374607431768211456\"", "overflow"),
            ("\"5\"", "\"340282366920938463463374607431768211455\"", "overflow"),
            ("\"5\"", "5", "schema_invalid"),
            ("0101\"", "01\"", "bad_value"),
            ("0101\"", "01FF\"", "bad_value"),
            ("\"b\"", "\"a\"", "duplicate_id"),
            ("\"b\"", "\"b c\"", "bad_value"),
            ("\"class\":\"k\"", "\"class\":\"k 1\"", "bad_value"),
            ("\"class\":\"k\",", "", "missing_field"),
        ] {
            let text = LEAVES.replacen(from, to, 1);
            assert_ne!(text, LEAVES, "{from}");
            assert_eq!(code(&sum_tree(&read(text.as_bytes()).unwrap()).unwrap_err()), want, "{to}");
        }
    }

    #[test]
    fn what_is_proved_verifies_and_what_is_changed_does_not() {
        let asked = LEAVES.replacen('{', r#"{"account":"b","book":"posted","#, 1);
        let proof = inclusion_prove(&read(asked.as_bytes()).unwrap()).unwrap();
        let line = proof.get("tree").unwrap().clone();
        let text = Json::object([("proof", proof), ("line", line)]).to_string();
        for (from, to, want) in [
            ("{", "{", "ok"),
            ("\"7\"", "\"8\"", "root_mismatch"),
            ("\"7\"", "\"340282366920938463463374607431768211456\"", "overflow"),
            ("\"line\":\"C", "\"line\":\"D", "line_mismatch"),
            ("\"steps\":[{", "\"steps\":[{\"hash\":\"\",\"sum\":\"0\"},{", "path_length"),
            ("\"hash\":\"", "\"hash\":\"=", "hash_length"),
        ] {
            let changed = text.replacen(from, to, 1);
            let got = inclusion_verify(&read(changed.as_bytes()).unwrap()).unwrap();
            assert_eq!(got.get("reason").and_then(Json::as_str), Some(want), "{to}");
        }
        let far = insert_after(&text, "\"leaf\":\"", "99");
        let got = inclusion_verify(&read(far.as_bytes()).unwrap()).unwrap();
        assert_eq!(got.get("reason").and_then(Json::as_str), Some("index_out_of_range"));
        let absent = LEAVES.replacen('{', r#"{"account":"b","book":"available","#, 1);
        assert_eq!(code(&inclusion_prove(&read(absent.as_bytes()).unwrap()).unwrap_err()), "leaf_unknown");
    }

    /// Puts `text` before what follows `after`.
    fn insert_after(whole: &str, after: &str, text: &str) -> String {
        let at = whole.find(after).unwrap() + after.len();
        format!("{}{text}{}", &whole[..at], &whole[at..])
    }
}
