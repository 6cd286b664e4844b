//! Reads a policy document strictly: what it does not know, it refuses.

use std::collections::BTreeSet;

use rust_decimal::Decimal;

use super::document::{
    AssetMost, Condition, DestinationRule, FLOW_WINDOW_MAX, Group, Hours, Limit, LimitMeasure,
    PolicyDocument, PolicyFault, Quorum, Rolling, Rule, RuleResult, ValueMost,
};
use super::principal::Principal;
use crate::command::Body;
use crate::command::fields::{Fields, QuantityText, ReadText};
use crate::period::Duration;
use crate::profile;

/// The `schema` member of a policy.
const SCHEMA: &str = "pledger.policy.v1";

impl PolicyDocument {
    /// Reads a policy: JSON in the profile of commands, in any spelling.
    ///
    /// # Errors
    /// [`PolicyFault::Form`], and [`PolicyFault::Unsafe`] if it would not protect.
    pub fn read(bytes: &[u8]) -> Result<Self, PolicyFault> {
        let tree = profile::read_profile(bytes).map_err(|error| PolicyFault::Form(error.to_string()))?;
        let mut fields = Fields::of(&tree);
        let document = read_document(&mut fields);
        let document = fields.finish(document).map_err(|errors| {
            PolicyFault::Form(errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
        })?;
        check(&document)?;
        Ok(document)
    }
}

fn read_document(fields: &mut Fields) -> Option<PolicyDocument> {
    let schema = fields.required("schema", SCHEMA, |value| (value.as_str()? == SCHEMA).then_some(()));
    let covers = fields.set::<Pattern>("covers");
    let principals = fields.each("principals", 1..=256, read_principal);
    let groups = fields.each("groups", 1..=64, |fields| {
        let (name, members) = (fields.parsed("group"), fields.set::<Name>("members"));
        Some(Group { name: text(name)?, members: members?.into_iter().map(|Name(name)| name).collect() })
    });
    let change = fields.nested("change", |fields| read_quorum(fields));
    let limits = fields.maybe("limits", |fields, name| fields.each(name, 1..=64, read_limit));
    let rules = fields.each("rules", 1..=256, read_rule);
    schema?;
    Some(PolicyDocument {
        covers: covers?.into_iter().map(|Pattern(pattern)| pattern).collect(),
        principals: principals?,
        groups: groups?,
        change: change?,
        limits: limits?.unwrap_or_default(),
        rules: rules?,
    })
}

fn read_principal(fields: &mut Fields) -> Option<Principal> {
    let (name, party) = (fields.parsed("principal"), fields.parsed("party"));
    let keys = fields.maybe("keys", |fields, name| fields.set(name));
    Some(Principal { name: text(name)?, party: party?, keys: keys?.unwrap_or_default() })
}

fn read_quorum(fields: &mut Fields) -> Option<Quorum> {
    let (k, group) = (fields.parsed("k"), fields.parsed("group"));
    Some(Quorum { k: k?, group: text(group)? })
}

fn read_limit(fields: &mut Fields) -> Option<Limit> {
    let (name, window, measure) = (fields.parsed("limit"), read_window(fields), read_measure(fields));
    Some(Limit { name: text(name)?, window_ms: window?, measure: measure? })
}

fn read_window(fields: &mut Fields) -> Option<u64> {
    fields.required("window", "a duration as PT24H, at least a minute, at most P7D", |value| {
        let ms = Duration::parse(value.as_str()?)?.millis();
        (60_000..=FLOW_WINDOW_MAX).contains(&ms).then_some(ms)
    })
}

fn read_measure(fields: &mut Fields) -> Option<LimitMeasure> {
    if fields.has("value") {
        fields.nested("value", read_value).map(LimitMeasure::Value)
    } else {
        fields.each("amounts", 1..=64, read_amount).map(LimitMeasure::Amounts)
    }
}

fn read_amount(fields: &mut Fields) -> Option<AssetMost> {
    let (asset, most) = (fields.parsed("asset"), fields.parsed::<QuantityText>("most"));
    Some(AssetMost { asset: asset?, most: most?.as_str().to_owned() })
}

fn read_value(fields: &mut Fields) -> Option<ValueMost> {
    let currency = fields.parsed("currency");
    let most = fields.required("most", "a value of zero or more", |value| {
        Decimal::read_text(value.as_str()?).filter(|most| !most.is_sign_negative())
    });
    let price_age_ms = fields.required("price_age", "a duration as PT1H", |value| {
        Some(Duration::parse(value.as_str()?)?.millis())
    });
    Some(ValueMost { currency: text(currency)?, most: most?, price_age_ms: price_age_ms? })
}

fn read_rule(fields: &mut Fields) -> Option<Rule> {
    let name = fields.parsed("rule");
    let types = fields.maybe("types", |fields, name| fields.set::<Pattern>(name));
    let assets = fields.maybe("assets", |fields, name| fields.set(name));
    let classes = fields.maybe("classes", |fields, name| fields.set(name));
    let amounts = fields.maybe("amounts", |fields, name| fields.each(name, 1..=64, read_amount));
    let value = fields.maybe("value", |fields, name| fields.nested(name, read_value));
    let rolling = fields.maybe("rolling", |fields, name| {
        fields.nested(name, |fields| {
            let (window, measure) = (read_window(fields), read_measure(fields));
            Some(Rolling { window_ms: window?, measure: measure? })
        })
    });
    let destination = fields.parsed_optional("destination");
    let hours = fields.maybe("hours", |fields, name| fields.nested(name, read_hours));
    let result = read_result(fields);
    let when = Condition {
        types: types?.map(|types| types.into_iter().map(|Pattern(pattern)| pattern).collect()),
        assets: assets?,
        classes: classes?,
        amounts: amounts?,
        value: value?,
        rolling: rolling?,
        destination: destination?,
        hours: hours?,
    };
    Some(Rule { name: text(name)?, when, result: result? })
}

fn read_result(fields: &mut Fields) -> Option<RuleResult> {
    let word = fields.required("result", "allow, refuse or approve", |value| {
        value.as_str().filter(|word| ["allow", "refuse", "approve"].contains(word))
    })?;
    match word {
        "allow" => Some(RuleResult::Allow),
        "refuse" => Some(RuleResult::Refuse),
        _ => read_quorum(fields).map(RuleResult::Approve),
    }
}

fn read_hours(fields: &mut Fields) -> Option<Hours> {
    let minute = |fields: &mut Fields, name| {
        fields.required(name, "hours and minutes UTC as 07:30, until at most 24:00", |value| {
            let (hours, minutes) = value.as_str().filter(|text| text.len() == 5)?.split_once(':')?;
            let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
            if !digits(hours) || !digits(minutes) {
                return None;
            }
            let (hours, minutes): (u32, u32) = (hours.parse().ok()?, minutes.parse().ok()?);
            let minute = hours * 60 + minutes;
            (minutes < 60 && minute <= 24 * 60).then_some(minute)
        })
    };
    let (from, until) = (minute(fields, "from"), minute(fields, "until"));
    Some(Hours { from: from?, until: until? })
}

/// What the form alone does not show: names that are declared, quorums that can be met and protect.
fn check(document: &PolicyDocument) -> Result<(), PolicyFault> {
    let form = |text: String| Err(PolicyFault::Form(text));
    let names = document.principals.iter().map(|one| one.name.as_str());
    let groups = document.groups.iter().map(|one| one.name.as_str());
    let (principals, groups) = (unique("principal", names)?, unique("group", groups)?);
    unique("rule", document.rules.iter().map(|rule| rule.name.as_str()))?;
    unique("limit", document.limits.iter().map(|limit| limit.name.as_str()))?;
    check_apart(document)?;
    for group in &document.groups {
        if let Some(unknown) = group.members.iter().find(|name| !principals.contains(name.as_str())) {
            return form(format!("group {}: no principal {unknown}", group.name));
        }
    }
    check_quorum(document, &groups, "change", &document.change)?;
    for rule in &document.rules {
        if let RuleResult::Approve(quorum) = &rule.result {
            check_quorum(document, &groups, &rule.name, quorum)?;
            if quorum.k > document.change.k {
                return Err(PolicyFault::Unsafe(format!(
                    "rule {} needs {}, and {} could change it: the change needs the highest quorum",
                    rule.name, quorum.k, document.change.k
                )));
            }
        }
    }
    let closes = |rule: &Rule| rule.when == Condition::default() && rule.result == RuleResult::Refuse;
    if !document.rules.last().is_some_and(closes) {
        return Err(PolicyFault::Unsafe("the last rule has no condition and refuses".to_owned()));
    }
    Ok(())
}

fn unique<'a>(what: &str, names: impl Iterator<Item = &'a str>) -> Result<BTreeSet<&'a str>, PolicyFault> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(PolicyFault::Form(format!("{what} {name} is there twice")));
        }
    }
    Ok(seen)
}

/// One key, one principal: or one person would count as two.
fn check_apart(document: &PolicyDocument) -> Result<(), PolicyFault> {
    for (place, one) in document.principals.iter().enumerate() {
        for other in document.principals[..place].iter().filter(|other| other.party == one.party) {
            let shared = one.keys.iter().any(|key| other.keys.contains(key));
            if one.keys.is_empty() || other.keys.is_empty() || shared {
                return Err(PolicyFault::Unsafe(format!(
                    "principals {} and {} can be one: a key of {} is of both",
                    other.name, one.name, one.party
                )));
            }
        }
    }
    Ok(())
}

fn check_quorum(
    document: &PolicyDocument,
    groups: &BTreeSet<&str>,
    of: &str,
    quorum: &Quorum,
) -> Result<(), PolicyFault> {
    if !groups.contains(quorum.group.as_str()) {
        return Err(PolicyFault::Form(format!("{of}: no group {}", quorum.group)));
    }
    let members = document.members(&quorum.group).count();
    if quorum.k == 0 || usize::try_from(quorum.k).map_or(true, |k| k > members) {
        return Err(PolicyFault::Unsafe(format!(
            "{of}: {} of the {members} in {}: at least one, and no more than there are",
            quorum.k, quorum.group
        )));
    }
    Ok(())
}

/// The name of something within a policy.
#[derive(Eq, Ord, PartialEq, PartialOrd)]
struct Name(String);

impl ReadText for Name {
    const HELP: &'static str = "a name: 1 to 64 of A-Z a-z 0-9 . _ : -";
    fn read_text(text: &str) -> Option<Self> {
        crate::id::PolicyId::parse(text).ok().map(|_| Self(text.to_owned()))
    }
}

fn text(name: Option<Name>) -> Option<String> {
    name.map(|Name(name)| name)
}

/// A type that this version knows, a family as `movement.*`, or `*`.
#[derive(Eq, Ord, PartialEq, PartialOrd)]
struct Pattern(String);

impl ReadText for Pattern {
    const HELP: &'static str = "a type of command, a family as movement.*, or *";
    fn read_text(text: &str) -> Option<Self> {
        let known = match text.strip_suffix('*') {
            Some("") => true,
            Some(family) => family.ends_with('.') && Body::known_types().any(|name| name.starts_with(family)),
            None => Body::knows(text),
        };
        (known && !text.starts_with("approval.")).then(|| Self(text.to_owned()))
    }
}

impl ReadText for DestinationRule {
    const HELP: &'static str = "inside or allowed";
    fn read_text(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}
