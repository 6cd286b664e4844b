//! Reading an agreement document.

use std::collections::BTreeMap;

use super::agreement::{
    Agreement, Flavour, IaTreatment, ImApproach, InFlight, Reuse, Terms, Threshold, ValuationAgent,
};
use super::clock::read_clock;
use super::error::{Faults, Section, TermsCode, TermsError};
use super::read_schedule::{read_fx_haircut, read_limits, read_rows};
use super::reader::{Node, Object, PLACES, Shape, check_strict, exact};
use super::rounding::{Multiple, Rounding, RoundingMode};
use crate::decimal::DecimalText;
use crate::json::Json;
use crate::period::Duration;
use crate::valuation::{BySide, FxHaircut, Schedule, Side, Value};

/// Where the parts of an agreement stand in the order of faults (specs/calls.md §4).
pub(crate) const AGREEMENT: Section = Section { field: 1, value: 2 };
const FLAVOUR: Section = Section { field: 1, value: 1 };
const TERMS: Section = Section { field: 7, value: 3 };
const ROUNDING: Section = Section { field: 1, value: 4 };
const SCHEDULE: Section = Section { field: 6, value: 5 };

const SHAPE: Shape = Shape {
    required: &[
        "id",
        "version",
        "flavour",
        "parties",
        "two_way",
        "base_currency",
        "terms",
        "rounding",
        "schedule",
    ],
    optional: &[
        "limits",
        "effective_from",
        "regime",
        "groups",
        "ia_treatment",
        "vm_ia",
        "im_approach",
        "zero_on_default",
        "in_flight",
        "fx_haircut",
        "max_price_age",
        "statement_max_age",
        "statement_grace",
        "clock",
        "intraday_min_interval",
        "interest",
        "valuation_agent",
        "reuse",
        "substitution_consent",
        "cross_default",
        "legal_capacity",
        "tolerances",
    ],
};

impl Agreement {
    /// Reads an agreement document: every member known, every value canonical, terms that fit the
    /// flavour. What it leaves out has the default of specs/calls.md §1.
    ///
    /// # Errors
    /// [`TermsError`], the first by precedence ([`TermsCode`]).
    ///
    /// ```
    /// use ledger::csa::{Agreement, Flavour};
    /// let document = ledger::json::read(br#"{"id":"CSA-1","version":"1","flavour":"ny_1994",
    ///     "parties":{"a":"PB","b":"FUND"},"two_way":false,"base_currency":"USD",
    ///     "terms":{"a":{"threshold":"0","mta":"0","independent_amount":"0"},
    ///              "b":{"threshold":"infinite","mta":"500000","independent_amount":"0"}},
    ///     "rounding":{"amount":"10000"},"schedule":[]}"#)?;
    /// assert_eq!(Agreement::read(&document)?.flavour(), Flavour::Ny1994);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read(json: &Json) -> Result<Self, TermsError> {
        let faults = Faults::default();
        check_strict(json, "", &faults);
        let read = read_agreement(&Node::root(json, "", AGREEMENT, &faults));
        faults.settle(read)
    }
}

pub(crate) fn read_agreement(node: &Node) -> Option<Agreement> {
    let object = node.object(&SHAPE)?;
    let id = object.need("id", Node::id);
    let version = object
        .need("version", |n| n.count(u32::MAX).filter(|v| *v > 0).or_else(|| n.bad("a version from 1")));
    let flavour = object.need("flavour", |n| n.clone().within(FLAVOUR).word(Flavour::ALL, Flavour::parse));
    let parties = object.need("parties", read_parties);
    let two_way = object.need("two_way", Node::flag);
    let base_currency = object.need("base_currency", Node::id);
    let terms = object.need("terms", |n| read_terms(&n.clone().within(TERMS)));
    let rounding = object.need("rounding", |n| read_rounding(&n.clone().within(ROUNDING)));
    let schedule = read_schedule(&object);
    let limits = object.or("limits", Vec::new(), |n| read_limits(&n.clone().within(SCHEDULE)));
    let ia_treatment = object
        .or("ia_treatment", IaTreatment::InsideThreshold, |n| n.word(IaTreatment::ALL, IaTreatment::parse));
    let vm_ia = object.or("vm_ia", false, Node::flag);
    if let (Some(flavour), Some(vm_ia)) = (flavour, vm_ia) {
        note_conflicts(&object, flavour, vm_ia);
    }
    let standing = read_standing(&object);
    let later = read_later(&object);
    let (standing, later) = (standing?, later?);
    Some(Agreement {
        id: id?,
        version: version?,
        effective_from: standing.effective_from,
        parties: parties?,
        two_way: two_way?,
        flavour: flavour?,
        base_currency: base_currency?,
        regime: standing.regime,
        groups: standing.groups,
        terms: terms?,
        ia_treatment: ia_treatment?,
        im_approach: standing.im_approach,
        zero_on_default: standing.zero_on_default,
        rounding: rounding?,
        in_flight: standing.in_flight,
        schedule: schedule?,
        limits: limits?,
        max_price_age: standing.max_price_age,
        statement_max_age: standing.statement_max_age,
        statement_grace: standing.statement_grace,
        clock: later.clock,
        intraday_min_interval: later.intraday_min_interval,
        interest: later.interest,
        valuation_agent: later.valuation_agent,
        reuse: later.reuse,
        substitution_consent: later.substitution_consent,
        cross_default: later.cross_default,
        legal_capacity: later.legal_capacity,
        tolerances: later.tolerances,
    })
}

/// Terms with defaults that the amount rests on.
struct Standing {
    effective_from: Option<crate::time::Timestamp>,
    regime: Option<String>,
    groups: BySide<Vec<String>>,
    im_approach: ImApproach,
    zero_on_default: bool,
    in_flight: InFlight,
    max_price_age: Duration,
    statement_max_age: Duration,
    statement_grace: Duration,
}

fn read_standing(object: &Object) -> Option<Standing> {
    let effective_from = object.maybe("effective_from", Node::timestamp);
    let regime = object.maybe("regime", Node::id);
    let groups = object.or("groups", BySide::default(), |n| n.by_side(&Vec::new(), Node::ids));
    let im_approach =
        object.or("im_approach", ImApproach::Distinct, |n| n.word(ImApproach::ALL, ImApproach::parse));
    let zero_on_default = object.or("zero_on_default", true, Node::flag);
    let in_flight = object.or("in_flight", InFlight::CountAgreed, |n| n.word(InFlight::ALL, InFlight::parse));
    let max_price_age = object.or("max_price_age", Duration::DAY, Node::duration);
    let statement_max_age = object.or("statement_max_age", Duration::DAY, Node::duration);
    let statement_grace = object.or("statement_grace", Duration::hours(4), Node::duration);
    Some(Standing {
        effective_from: effective_from?,
        regime: regime?,
        groups: groups?,
        im_approach: im_approach?,
        zero_on_default: zero_on_default?,
        in_flight: in_flight?,
        max_price_age: max_price_age?,
        statement_max_age: statement_max_age?,
        statement_grace: statement_grace?,
    })
}

/// Terms of the life after the amount.
struct Later {
    clock: Option<super::Clock>,
    intraday_min_interval: Duration,
    interest: BTreeMap<String, Json>,
    valuation_agent: ValuationAgent,
    reuse: Reuse,
    substitution_consent: bool,
    cross_default: Vec<String>,
    legal_capacity: String,
    tolerances: BTreeMap<String, Value>,
}

fn read_later(object: &Object) -> Option<Later> {
    let clock = object.maybe("clock", read_clock);
    let intraday_min_interval = object.or("intraday_min_interval", Duration::HOUR, Node::duration);
    let interest = object.or("interest", BTreeMap::new(), |n| by_currency(n, read_interest));
    let valuation_agent = object.or("valuation_agent", ValuationAgent::DemandingParty, |n| {
        n.word(ValuationAgent::ALL, ValuationAgent::parse)
    });
    let reuse = object.or("reuse", Reuse::default(), read_reuse);
    let substitution_consent = object.or("substitution_consent", true, Node::flag);
    let cross_default = object.or("cross_default", Vec::new(), Node::ids);
    let legal_capacity = object.or("legal_capacity", "principal".to_owned(), Node::id);
    let tolerances = object.or("tolerances", BTreeMap::new(), |n| by_currency(n, Node::quantity));
    Some(Later {
        clock: clock?,
        intraday_min_interval: intraday_min_interval?,
        interest: interest?,
        valuation_agent: valuation_agent?,
        reuse: reuse?,
        substitution_consent: substitution_consent?,
        cross_default: cross_default?,
        legal_capacity: legal_capacity?,
        tolerances: tolerances?,
    })
}

fn read_parties(node: &Node) -> Option<BySide<String>> {
    let object = node.object(&Shape { required: &["a", "b"], optional: &[] })?;
    let a = object.need("a", Node::id);
    let b = object.need("b", Node::id);
    let (a, b) = (a?, b?);
    if a == b {
        node.fault(TermsCode::TermsConflict, "name two different parties");
    }
    Some(BySide { a, b })
}

fn read_terms(node: &Node) -> Option<BySide<Terms>> {
    let object = node.object(&Shape { required: &["a", "b"], optional: &[] })?;
    let one = |side: &Node| {
        let object =
            side.object(&Shape { required: &["threshold", "mta", "independent_amount"], optional: &[] })?;
        let threshold = object.need("threshold", read_threshold);
        let mta = object.need("mta", Node::quantity);
        let independent_amount = object.need("independent_amount", Node::quantity);
        Some(Terms { threshold: threshold?, mta: mta?, independent_amount: independent_amount? })
    };
    let a = object.need("a", one);
    let b = object.need("b", one);
    Some(BySide { a: a?, b: b? })
}

fn read_threshold(node: &Node) -> Option<Threshold> {
    if node.json().as_str() == Some("infinite") {
        return Some(Threshold::Infinite);
    }
    let read = |text: &str| Value::parse_quantity(text).ok();
    node.parse("infinite, or a decimal string of zero or more", read).map(Threshold::Finite)
}

fn read_rounding(node: &Node) -> Option<Rounding> {
    let object = node.object(&Shape { required: &["amount"], optional: &["delivery", "return"] })?;
    let mode = |node: &Node| node.word(RoundingMode::ALL, RoundingMode::parse);
    let multiple = object.need("amount", Node::positive).and_then(Multiple::new);
    let delivery = object.or("delivery", RoundingMode::Up, mode);
    let returns = object.or("return", RoundingMode::Down, mode);
    Some(Rounding { multiple: multiple?, delivery: delivery?, returns: returns? })
}

fn read_schedule(object: &Object) -> Option<Schedule> {
    let rows = object.need("schedule", |n| read_rows(&n.clone().within(SCHEDULE)));
    let fx_haircut =
        object.or("fx_haircut", FxHaircut::none(), |n| read_fx_haircut(&n.clone().within(SCHEDULE)));
    Some(Schedule { rows: rows?, fx_haircut: fx_haircut? })
}

fn read_reuse(node: &Node) -> Option<Reuse> {
    let object = node.object(&Shape { required: &["consent"], optional: &["limit"] })?;
    let consent = object.need("consent", Node::flag);
    let limit = object.maybe("limit", Node::quantity);
    Some(Reuse { consent: consent?, limit: limit? })
}

/// Interest terms: the members and their words are checked here, and kept as signed.
fn read_interest(node: &Node) -> Option<Json> {
    let object = node.object(&Shape {
        required: &["rate_id", "basis"],
        optional: &[
            "spread",
            "compressible_spread",
            "compounding",
            "negative_interest",
            "floor",
            "payment",
            "period",
            "pay_by",
        ],
    })?;
    let word = |key: &str, words: &'static [&'static str]| {
        let must_be = format!("one of: {}", words.join(", "));
        object.maybe(key, |n| n.parse(&must_be, |text| words.contains(&text).then_some(())))
    };
    let rate = |text: &str| {
        let magnitude = text.strip_prefix('-').unwrap_or(text);
        DecimalText::parse(text).ok().and(exact(magnitude, PLACES)).map(|_| ())
    };
    let checks = [
        object.maybe("rate_id", |n| n.id().map(|_| ())),
        word("basis", &["360", "365"]),
        object.maybe("spread", |n| n.parse("a decimal string, as -0.005", rate)),
        object.maybe("compressible_spread", |n| n.flag().map(|_| ())),
        object.maybe("compounding", |n| n.flag().map(|_| ())),
        object.maybe("negative_interest", |n| n.flag().map(|_| ())),
        word("floor", &["period", "daily"]),
        word("payment", &["transfer", "adjustment"]),
        object.maybe("period", |n| n.period().map(|_| ())),
        object.maybe("pay_by", |n| n.period().map(|_| ())),
    ];
    checks.into_iter().collect::<Option<Vec<_>>>().map(|_| node.json().clone())
}

fn by_currency<'j, T>(node: &Node<'j>, read: impl Fn(&Node<'j>) -> Option<T>) -> Option<BTreeMap<String, T>> {
    let read: Vec<Option<(String, T)>> =
        node.map()?.members().map(|(currency, term)| Some((currency.to_owned(), read(&term)?))).collect();
    read.into_iter().collect()
}

/// Notes terms that the flavour does not allow.
///
/// Source: specs/calls.md §1: a 2016 VM document has no threshold, and no independent amount unless
/// the parties say so; prime brokerage takes independent amounts inside the threshold.
fn note_conflicts(object: &Object, flavour: Flavour, vm_ia: bool) {
    let conflict = |path: [&str; 3], message: &str| {
        let node = object.get("terms").and_then(|terms| terms.map()?.get(path[1])?.map()?.get(path[2]));
        if let Some(node) = node
            && node.json().as_str() != Some("0")
        {
            node.within(TERMS).fault(TermsCode::TermsConflict, message);
        }
    };
    match flavour {
        Flavour::Vm2016 => {
            for side in Side::ALL {
                conflict(["terms", side.as_str(), "threshold"], "set the threshold to 0: vm_2016 has none");
                if !vm_ia {
                    let message = "set the independent amount to 0, or vm_ia to true";
                    conflict(["terms", side.as_str(), "independent_amount"], message);
                }
            }
        }
        Flavour::Crypto247 => {
            if let Some(node) = object.get("ia_treatment")
                && node.json().as_str() == Some(IaTreatment::OutsideThreshold.as_str())
            {
                node.fault(
                    TermsCode::TermsConflict,
                    "crypto_247 takes independent amounts inside the threshold",
                );
            }
        }
        Flavour::Ny1994 | Flavour::Im2018 => {}
    }
}
