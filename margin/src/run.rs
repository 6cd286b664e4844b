//! One input under several rule books.

use std::collections::BTreeMap;

use ledger::decimal::Exact;
use ledger::digest::Digest;
use ledger::json::Json;
use ledger::time::Timestamp;
use num_traits::Zero;

use crate::assessment::Assessment;
use crate::compare::collateral::{self, Posted};
use crate::error::{Code, Failure, InputError};
use crate::explain::Node;
use crate::input::{self, Input, Purpose};
use crate::money::{Currency, Figure, Overflow};
use crate::pool::step_json;
use crate::portfolio::Portfolio;
use crate::reader::Reader;
use crate::regime::harmonized::Circumstances;
use crate::regime::prepared::Prepared;
use crate::regime::{Library, Regime, RegimeRef, Rules};
use crate::what_if;

/// The schema of a printed result.
const RESULT_SCHEMA: &str = "pledger.margin.result.v1";

/// An input with its rule books, every mistake found but overflow.
pub(crate) struct Checked {
    pub(crate) input: Input,
    pub(crate) library: Library,
    pub(crate) portfolio: Portfolio,
    /// What is posted, valued; only for a comparison.
    pub(crate) posted: Vec<Posted>,
    pub(crate) circumstances: Circumstances,
}

impl Checked {
    /// The ladder of refusals, in the order of [`Code`].
    pub(crate) fn new(tree: &Json, regimes: &[RegimeRef], purpose: Purpose) -> Result<Self, Failure> {
        let mut reader = Reader::default();
        let (input, overrides) = Input::read(&mut reader, tree, purpose);
        let mut library = Library::open(&mut reader, regimes, &overrides);
        library.revalues = purpose == Purpose::Backtest;
        reader.outcome()?;
        let Some(input) = input else {
            let message = "the input could not be read; compare it with the specification".to_owned();
            return Err(InputError { code: Code::BadField, path: String::new(), message }.into());
        };
        let portfolio = Portfolio::join(&mut reader, &input, &library);
        let posted = match purpose {
            Purpose::Run | Purpose::Backtest => Vec::new(),
            Purpose::Compare => collateral::value_all(&mut reader, &input, &library),
        };
        check_charges(&mut reader, &input, &library);
        what_if::check(&mut reader, &input);
        reader.outcome()?;
        let circumstances = Circumstances {
            eligibility_strict: input.eligibility_strict,
            vol_ratio: input.market.vol_ratio.clone(),
            previous: input.book.previous.clone(),
            pool: input.pool.clone(),
            currency: input.currency.clone(),
            charges: input.book.charges.as_ref().map(|(charges, _)| charges.clone()).unwrap_or_default(),
        };
        Ok(Self { input, library, portfolio, posted, circumstances })
    }
}

/// Charges beside the scenarios are one account's: with several, each would pay those of all.
fn check_charges(reader: &mut Reader, input: &Input, library: &Library) {
    let positions = &input.book.positions;
    let several = positions.iter().any(|position| position.account != positions[0].account);
    let asked = library.chosen.iter().any(|regime| matches!(regime.rules(), Rules::Spm(_)));
    if let Some((charges, spot)) = input.book.charges.as_ref().filter(|_| several && asked)
        && !charges.is_zero()
    {
        let message = "charges are of one account; give each account a book of its own";
        reader.note(Code::BadField, spot, message);
    }
}

/// Computes what each account of an input needs under each rule book.
///
/// # Errors
/// [`Failure::Input`] with the first mistake by the order of [`Code`];
/// [`Failure::NotYet`] if a figure needs a part that this version does not have.
///
/// ```
/// use margin::{RegimeRef, run};
/// let input = br#"{
///   "schema":"pledger.margin.input.v1","reporting_currency":"USD",
///   "book":{"positions":[{"instrument":"U","quantity":"1000","account":"A","property_class":"sec_15c3_3"}]},
///   "instruments":[{"id":"U","kind":"equity","underlying_id":"U","currency":"USD"}],
///   "classification":[{"instrument":"U","effective_from":"1980-01-01","legal":"security",
///     "jurisdictions":["sec"],"risk_class":"equity"}],
///   "market":{"as_of":"2026-11-20T21:00:00.000Z","instruments":{"U":{"price":"75"}}}}"#;
/// let result = run(input, &[RegimeRef::Named("us-tims")])?;
/// assert_eq!(result.results()[0].accounts()[0].requirement_printed(), "11250");
/// # Ok::<(), margin::Failure>(())
/// ```
pub fn run(input: &[u8], regimes: &[RegimeRef]) -> Result<RunResult, Failure> {
    run_tree(&input::parse(input)?, regimes)
}

/// The same for an input already read or put together by [`crate::compose`].
///
/// # Errors
/// As [`run`].
pub fn run_tree(input: &Json, regimes: &[RegimeRef]) -> Result<RunResult, Failure> {
    let checked = Checked::new(input, regimes, Purpose::Run)?;
    let currency = &checked.input.currency;
    let results = checked.library.chosen.iter().map(|regime| run_one(&checked, regime));
    let gains = checked.portfolio.accounts.values().flatten().map(|holding| &holding.replacement);
    let unsettled_gain = Figure::down(&gains.sum()).map_err(crate::error::Stop::from)?;
    let results: Vec<RegimeResult> = results.collect::<Result<_, _>>()?;
    let figures = |result: &RegimeResult| {
        let of_each = result.accounts.iter();
        of_each.map(|account| (account.account.clone(), what_if::figures(&account.assessment))).collect()
    };
    let what_if = what_if::steps(&checked, results.iter().map(figures).collect())?;
    Ok(RunResult {
        what_if,
        unsettled_gain,
        as_of: checked.input.market.as_of,
        input_sha256: checked.input.sha256,
        currency: currency.clone(),
        results,
    })
}

fn run_one(checked: &Checked, regime: &Regime) -> Result<RegimeResult, Failure> {
    let Checked { library, portfolio, circumstances, input, .. } = checked;
    let prepared = Prepared::new(regime, library, portfolio, circumstances)?;
    let mut accounts = Vec::new();
    for (account, holdings) in &portfolio.accounts {
        let assessment = prepared.assess(account, holdings)?;
        accounts.push(AccountResult {
            account: account.clone(),
            currency: input.currency.clone(),
            assessment,
        });
    }
    let total = Figure::total(accounts.iter().map(AccountResult::requirement));
    let breaker = match regime.rules() {
        Rules::Harmonized(rules) => {
            let step = circumstances.pool.as_ref().map(|pool| pool.step(&rules.breaker));
            step.map(|step| step_json(&step, &rules.breaker))
        }
        Rules::Tims(_)
        | Rules::Span(_)
        | Rules::Schedule(_)
        | Rules::Siloed(_)
        | Rules::Strategy(_)
        | Rules::Spm(_) => None,
    };
    let methods = match regime.rules() {
        Rules::Siloed(siloed) => {
            let used = siloed.methods.values().filter_map(|method| library.methods.get(method));
            used.map(|method| (method.id().to_owned(), method.clone())).collect()
        }
        Rules::Tims(_)
        | Rules::Span(_)
        | Rules::Schedule(_)
        | Rules::Harmonized(_)
        | Rules::Strategy(_)
        | Rules::Spm(_) => BTreeMap::new(),
    };
    Ok(RegimeResult {
        regime: regime.clone(),
        methods,
        breaker,
        arrays_sha256: prepared.arrays_sha256(),
        currency: input.currency.clone(),
        total: total.map_err(crate::error::Stop::from)?,
        accounts,
    })
}

/// The figures of one input under each rule book, in the order asked for.
#[derive(Clone, Debug)]
pub struct RunResult {
    /// The printed steps of the input's `what_if`.
    what_if: Vec<Json>,
    unsettled_gain: Figure,
    as_of: Timestamp,
    input_sha256: Digest,
    currency: Currency,
    results: Vec<RegimeResult>,
}

impl RunResult {
    /// What the positions that name an entry price have gained since, rounded down; a loss is
    /// negative. The other side's exposure is its negative.
    #[must_use]
    pub fn unsettled_gain(&self) -> Figure {
        self.unsettled_gain
    }

    /// The time of the market.
    #[must_use]
    pub fn as_of(&self) -> Timestamp {
        self.as_of
    }

    /// SHA-256 of the canonical JSON of the input.
    #[must_use]
    pub fn input_sha256(&self) -> Digest {
        self.input_sha256
    }

    /// What figures are reported in.
    #[must_use]
    pub fn currency(&self) -> &Currency {
        &self.currency
    }

    /// One result for each rule book asked for.
    #[must_use]
    pub fn results(&self) -> &[RegimeResult] {
        &self.results
    }

    /// The printed result, `pledger.margin.result.v1`.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let mut members = vec![
            ("schema", Json::text(RESULT_SCHEMA)),
            ("engine", Json::text(crate::ENGINE)),
            ("as_of", Json::text(self.as_of.to_string())),
            ("input_sha256", Json::text(self.input_sha256.to_string())),
            ("reporting_currency", Json::text(self.currency.code())),
            ("results", Json::array(self.results.iter().map(RegimeResult::to_json))),
        ];
        if !self.what_if.is_empty() {
            members.push(("what_if", Json::array(self.what_if.iter().cloned())));
        }
        Json::object(members)
    }

    /// One line per figure, for people.
    #[must_use]
    pub fn table(&self) -> String {
        crate::table::of_run(&self.to_json())
    }

    /// Every figure with its reasons as a page that needs no network and no script.
    #[must_use]
    pub fn page(&self) -> String {
        crate::page::of_run(&self.to_json())
    }
}

/// The figures of one rule book.
#[derive(Clone, Debug)]
pub struct RegimeResult {
    regime: Regime,
    /// Rule books whose methods it used.
    methods: BTreeMap<String, Regime>,
    /// The step of the pool's breaker, if the rule book has one and the input names a pool.
    breaker: Option<Json>,
    arrays_sha256: Option<Digest>,
    currency: Currency,
    total: Figure,
    accounts: Vec<AccountResult>,
}

impl RegimeResult {
    /// The rule book, overrides included.
    #[must_use]
    pub fn regime(&self) -> &Regime {
        &self.regime
    }

    /// The sum of all accounts' requirements.
    #[must_use]
    pub fn total(&self) -> Figure {
        self.total
    }

    /// By name, in byte order.
    #[must_use]
    pub fn accounts(&self) -> &[AccountResult] {
        &self.accounts
    }

    /// One account's figures.
    #[must_use]
    pub fn account(&self, name: &str) -> Option<&AccountResult> {
        self.accounts.iter().find(|account| account.account == name)
    }

    fn to_json(&self) -> Json {
        let overridden = self.regime.is_overridden() || self.methods.values().any(Regime::is_overridden);
        let mut members = vec![
            ("regime", Json::text(self.regime.id())),
            ("version", Json::text(self.regime.version())),
            ("regime_sha256", Json::text(self.regime.sha256().to_string())),
            ("overridden", Json::Bool(overridden)),
            ("assumed", Json::text(self.regime.assumed().to_string())),
            ("total", Json::text(self.currency.print(self.total))),
            ("accounts", Json::array(self.accounts.iter().map(AccountResult::to_json))),
        ];
        members.extend(self.breaker.clone().map(|breaker| ("breaker", breaker)));
        if let Some(digest) = self.arrays_sha256 {
            members.push(("arrays_sha256", Json::text(digest.to_string())));
        }
        if !self.methods.is_empty() {
            let methods = self
                .methods
                .iter()
                .map(|(id, method)| (id.as_str(), Json::text(method.sha256().to_string())));
            members.push(("methods", Json::object(methods)));
        }
        Json::object(members)
    }
}

/// The figures of one account under one rule book.
#[derive(Clone, Debug)]
pub struct AccountResult {
    account: String,
    currency: Currency,
    assessment: Assessment,
}

impl AccountResult {
    /// The account.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.account
    }

    /// What it needs, to 1e-8.
    #[must_use]
    pub fn requirement(&self) -> Figure {
        self.assessment.requirement
    }

    /// What it needs, as an exact number.
    #[must_use]
    pub fn requirement_exact(&self) -> Exact {
        self.assessment.requirement.exact()
    }

    /// What it needs as printed: in cents, toward +∞.
    #[must_use]
    pub fn requirement_printed(&self) -> String {
        self.currency.print(self.assessment.requirement)
    }

    /// Why it needs that.
    #[must_use]
    pub fn explain(&self) -> &Node {
        &self.assessment.explain
    }

    /// The printed account: figures, arrays, explanation, and what the rule book adds.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let mut members = vec![
            ("account", Json::text(self.account.as_str())),
            ("figures", self.assessment.figures_json(&self.currency)),
        ];
        members.extend(self.assessment.arrays_json(&self.currency).map(|arrays| ("arrays", arrays)));
        members.push(("explain", self.assessment.explain.to_json()));
        members.extend(self.assessment.more.iter().cloned());
        Json::object(members)
    }
}

impl From<Overflow> for Failure {
    fn from(overflow: Overflow) -> Self {
        crate::error::Stop::from(overflow).into()
    }
}
