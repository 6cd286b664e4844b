//! The rule books of one run: those asked for, and those whose method a siloed one uses.

use std::collections::BTreeMap;

use crate::classification::LegalForm;
use crate::error::Code;
use crate::input::OverrideSet;
use crate::reader::{Reader, Spot};
use crate::regime::siloed::{SPOT_RATE, Siloed};
use crate::regime::{Regime, RegimeError, RegimeRef, Rules, document};

/// Rule books with the overrides of the input.
#[derive(Clone, Debug, Default)]
pub(crate) struct Library {
    pub(crate) chosen: Vec<Regime>,
    /// Rule books by id that margin silos of a chosen one.
    pub(crate) methods: BTreeMap<String, Regime>,
    /// Whether options are valued at other prices too, whatever the rule books ask.
    pub(crate) revalues: bool,
}

impl Library {
    /// Finds the rule books and applies the overrides. Mistakes are noted; the answer counts only
    /// if there are none.
    pub(crate) fn open(reader: &mut Reader, refs: &[RegimeRef], sets: &[OverrideSet]) -> Self {
        let mut library = Self::default();
        for (place, asked) in refs.iter().enumerate() {
            let found = match asked {
                RegimeRef::Named(id) => shipped(reader, id),
                RegimeRef::Text(text) => Regime::parse(text)
                    .map_err(|error| {
                        note(
                            reader,
                            &Spot::outside(error.pointer.clone()),
                            &format!("rule book {place}"),
                            &error,
                        )
                    })
                    .ok(),
            };
            library.chosen.extend(found.and_then(|regime| override_by(reader, regime, sets)));
        }
        library.find_methods(reader, sets);
        for set in sets {
            let used = library.chosen.iter().chain(library.methods.values());
            if used.into_iter().any(|regime| regime.id() == set.regime) {
                continue;
            }
            match Regime::shipped(&set.regime) {
                Some(regime) => drop(override_by(reader, regime, std::slice::from_ref(set))),
                // A chosen rule book that is not sound has been reported as such.
                None if library.chosen.len() < refs.len() => {}
                None => unknown(reader, &set.spot, &set.regime),
            }
        }
        library
    }

    /// A shipped method is the shipped one, whatever else is run, so that a siloed figure does not
    /// depend on its company; any other must be among the chosen.
    fn find_methods(&mut self, reader: &mut Reader, sets: &[OverrideSet]) {
        let siloed = self.chosen.iter().filter_map(|regime| match regime.rules() {
            Rules::Siloed(siloed) => Some((regime.id().to_owned(), siloed.methods.clone())),
            Rules::Tims(_)
            | Rules::Span(_)
            | Rules::Schedule(_)
            | Rules::Harmonized(_)
            | Rules::Strategy(_)
            | Rules::Spm(_) => None,
        });
        for (id, methods) in siloed.collect::<Vec<_>>() {
            for (silo, method) in methods.into_iter().filter(|(_, method)| method != SPOT_RATE) {
                if self.methods.contains_key(&method) {
                    continue;
                }
                let found = match Regime::shipped(&method) {
                    Some(regime) => match override_by(reader, regime, sets) {
                        Some(regime) => Some(regime),
                        // What is wrong with the overrides has been noted.
                        None => continue,
                    },
                    None => self.chosen.iter().find(|regime| regime.id() == method).cloned(),
                };
                let sound = found.filter(|regime| !matches!(regime.rules(), Rules::Siloed(_)));
                match sound {
                    Some(regime) => drop(self.methods.insert(method, regime)),
                    None => {
                        let message = format!("{method:?} is not a rule book that can margin a silo");
                        let error = RegimeError::new(format!("/method/{silo}"), message);
                        note(reader, &Spot::outside(error.pointer.clone()), &id, &error);
                    }
                }
            }
        }
    }

    fn rules(&self) -> impl Iterator<Item = (&str, &Rules)> {
        self.chosen.iter().map(|regime| (regime.id(), regime.rules()))
    }

    /// The rule books of a silo's method.
    fn method_rules(&self, method: &str) -> Option<(&str, &Rules)> {
        self.methods.get(method).map(|regime| (regime.id(), regime.rules()))
    }

    fn silo_rules<'a>(
        &'a self,
        siloed: &'a Siloed,
        form: LegalForm,
    ) -> impl Iterator<Item = (&'a str, &'a Rules)> {
        let methods = siloed.route(form).iter().filter_map(|silo| siloed.methods.get(silo));
        methods.filter_map(|method| self.method_rules(method))
    }

    /// The rule books that margin a position of that legal form, silos resolved.
    fn applied(&self, form: LegalForm) -> Vec<(&str, &Rules)> {
        let mut applied = Vec::new();
        for (id, rules) in self.rules() {
            match rules {
                Rules::Siloed(siloed) => applied.extend(self.silo_rules(siloed, form)),
                Rules::Tims(_)
                | Rules::Span(_)
                | Rules::Schedule(_)
                | Rules::Harmonized(_)
                | Rules::Strategy(_)
                | Rules::Spm(_) => applied.push((id, rules)),
            }
        }
        applied
    }

    /// Rule books that a position of that form falls under and that do not know its risk class.
    pub(crate) fn lacking_class(&self, form: LegalForm, risk_class: &str) -> Vec<&str> {
        let lacks = |rules: &Rules| match rules {
            Rules::Tims(tims) => !tims.has_class(risk_class),
            Rules::Schedule(schedule) => !schedule.has_class(risk_class),
            Rules::Harmonized(harmonized) => harmonized.range(risk_class).is_none(),
            Rules::Span(_) | Rules::Siloed(_) | Rules::Strategy(_) | Rules::Spm(_) => false,
        };
        self.applied(form).into_iter().filter(|(_, rules)| lacks(rules)).map(|(id, _)| id).collect()
    }

    /// Whether a position of that form is margined by a rule that prices scenarios, so that an option
    /// needs a volatility.
    pub(crate) fn asks_arrays(&self, form: LegalForm) -> bool {
        self.revalues
            || self.applied(form).iter().any(|(_, rules)| match rules {
                Rules::Tims(_) | Rules::Span(_) | Rules::Harmonized(_) | Rules::Spm(_) => true,
                Rules::Schedule(_) | Rules::Siloed(_) | Rules::Strategy(_) => false,
            })
    }

    /// Whether a position of that form is margined by a rule that reads its underlying's price.
    pub(crate) fn asks_underlying_price(&self, form: LegalForm) -> bool {
        self.applied(form).iter().any(|(_, rules)| matches!(rules, Rules::Span(_)))
    }

    /// Whether a position of that form is paired into strategies.
    pub(crate) fn asks_strategy(&self, form: LegalForm) -> bool {
        self.applied(form).iter().any(|(_, rules)| matches!(rules, Rules::Strategy(_)))
    }

    /// Whether any figure is in the reporting currency, rather than in the coin of settlement.
    pub(crate) fn asks_reporting_value(&self) -> bool {
        self.rules().any(|(_, rules)| !matches!(rules, Rules::Spm(_)))
    }

    /// Where harmonised rule books place a risk class in their tree: class and group.
    pub(crate) fn tree_places(&self, risk_class: &str) -> Vec<(&str, &str)> {
        let rules = self.chosen.iter().chain(self.methods.values()).map(Regime::rules);
        let places = rules.filter_map(|rules| match rules {
            Rules::Harmonized(harmonized) => {
                harmonized.range(risk_class).map(|range| (range.class.as_str(), range.group.as_str()))
            }
            Rules::Tims(_)
            | Rules::Span(_)
            | Rules::Schedule(_)
            | Rules::Siloed(_)
            | Rules::Strategy(_)
            | Rules::Spm(_) => None,
        });
        places.collect()
    }
}

fn shipped(reader: &mut Reader, id: &str) -> Option<Regime> {
    let found = Regime::shipped(id);
    if found.is_none() {
        unknown(reader, &Spot::default(), id);
    }
    found
}

fn unknown(reader: &mut Reader, spot: &Spot, id: &str) {
    let known = Regime::shipped_ids().collect::<Vec<_>>().join(", ");
    reader.note(Code::UnknownRegime, spot, format!("{id:?} is not a rule book; shipped are {known}"));
}

/// The rule book with what the input sets in it.
fn override_by(reader: &mut Reader, regime: Regime, sets: &[OverrideSet]) -> Option<Regime> {
    let mut tree = regime.tree.clone();
    let mut first = None;
    for entry in sets.iter().filter(|set| set.regime == regime.id()).flat_map(|set| &set.entries) {
        first.get_or_insert(&entry.spot);
        if document::set(&mut tree, &entry.path, entry.value.clone()).is_none() {
            let message = format!(
                "{:?} is not a parameter of {}; name one that is, or a rate under rates/<underlying id>/",
                entry.path,
                regime.id()
            );
            reader.note(Code::UnknownOverride, &entry.spot, message);
        }
    }
    let Some(spot) = first else { return Some(regime) };
    let overridden = Regime::from_tree(tree, true);
    overridden.map_err(|error| note(reader, spot, regime.id(), &error)).ok()
}

fn note(reader: &mut Reader, spot: &Spot, id: &str, error: &RegimeError) {
    reader.note(Code::BadRegime, spot, format!("{id}: {}: {}", error.pointer, error.message));
}
