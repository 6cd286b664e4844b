//! Counting checks while they are made, on one thread or several.

use super::report::{Check, CheckId, CheckResult, Finding};

/// What became of each check so far.
#[derive(Clone, Debug)]
pub(super) struct Tallies(Vec<Tally>);

#[derive(Clone, Debug, Default)]
struct Tally {
    count: u64,
    is_begun: bool,
    failures: u64,
    failure: Option<Finding>,
    undecided: Option<Finding>,
    skipped: Option<Finding>,
    remark: Option<Finding>,
}

impl Default for Tallies {
    fn default() -> Self {
        Self(vec![Tally::default(); CheckId::ALL.len()])
    }
}

impl Tallies {
    /// So many more things were looked at; 0 says that there was nothing to look at.
    pub(super) fn count(&mut self, id: CheckId, more: u64) {
        let tally = self.of(id);
        tally.is_begun = true;
        tally.count += more;
    }

    /// Proven not to hold. Of several failures the one at the first record is told.
    pub(super) fn fail(&mut self, id: CheckId, finding: Finding) {
        let tally = self.of(id);
        tally.failures += 1;
        keep_first(&mut tally.failure, finding);
    }

    /// Asked for, and could not be decided.
    pub(super) fn undecided(&mut self, id: CheckId, finding: Finding) {
        keep_first(&mut self.of(id).undecided, finding);
    }

    /// Not asked for.
    pub(super) fn skip(&mut self, id: CheckId, reason: &str) {
        self.of(id).skipped = Some(Finding::new(reason));
    }

    /// To be told beside a check that holds.
    pub(super) fn remark(&mut self, id: CheckId, reason: &str) {
        self.of(id).remark = Some(Finding::new(reason));
    }

    /// Takes up what another thread counted.
    pub(super) fn merge(&mut self, other: Self) {
        for (tally, other) in self.0.iter_mut().zip(other.0) {
            tally.count += other.count;
            tally.is_begun |= other.is_begun;
            tally.failures += other.failures;
            other.failure.into_iter().for_each(|finding| keep_first(&mut tally.failure, finding));
            other.undecided.into_iter().for_each(|finding| keep_first(&mut tally.undecided, finding));
            tally.skipped = tally.skipped.take().or(other.skipped);
            tally.remark = tally.remark.take().or(other.remark);
        }
    }

    /// Every check, each with what became of it; `elsewhere` says why the mode does not make the rest.
    pub(super) fn finish(self, elsewhere: &str) -> Vec<Check> {
        CheckId::ALL.iter().zip(self.0).map(|(id, tally)| tally.finish(*id, elsewhere)).collect()
    }

    fn of(&mut self, id: CheckId) -> &mut Tally {
        &mut self.0[id as usize]
    }
}

impl Tally {
    fn finish(self, id: CheckId, elsewhere: &str) -> Check {
        let count = self.count;
        let check = |result, finding, is_asked| Check { id, result, count, finding, is_asked };
        if let Some(mut finding) = self.failure {
            if self.failures > 1 {
                finding.reason = format!("{} (the first of {} failures)", finding.reason, self.failures);
            }
            return check(CheckResult::Fail, Some(finding), true);
        }
        if let Some(finding) = self.undecided {
            return check(CheckResult::NotChecked, Some(finding), true);
        }
        if self.is_begun {
            return check(CheckResult::Pass, self.remark, true);
        }
        let reason = self.skipped.unwrap_or_else(|| Finding::new(elsewhere));
        check(CheckResult::NotChecked, Some(reason), false)
    }
}

/// Keeps the finding at the earlier record; one without a record only if there is none yet.
fn keep_first(kept: &mut Option<Finding>, finding: Finding) {
    let at = |finding: &Finding| finding.first_seq.unwrap_or(u64::MAX);
    if kept.as_ref().is_none_or(|kept| at(&finding) < at(kept)) {
        *kept = Some(finding);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::report::{Report, Verdict};

    fn verdict(fill: impl FnOnce(&mut Tallies)) -> Verdict {
        let mut tallies = Tallies::default();
        fill(&mut tallies);
        let checks = tallies.finish("elsewhere");
        assert_eq!(checks.len(), CheckId::ALL.len(), "no check is silent");
        Report { checks, ..Report::default() }.verdict()
    }

    #[test]
    fn one_failure_decides_and_what_was_not_asked_does_not() {
        let finding = || Finding::at(3, "x");
        for (name, want, got) in [
            ("nothing asked", Verdict::Good, verdict(|_| {})),
            ("skipped", Verdict::Good, verdict(|t| t.skip(CheckId::Quorum, "not asked"))),
            ("passed", Verdict::Good, verdict(|t| t.count(CheckId::Frames, 1))),
            ("undecided", Verdict::Undecidable, verdict(|t| t.undecided(CheckId::Frames, finding()))),
            (
                "both",
                Verdict::Bad,
                verdict(|t| {
                    t.undecided(CheckId::Frames, finding());
                    t.fail(CheckId::Tiles, finding());
                }),
            ),
        ] {
            assert_eq!(got, want, "{name}");
        }
    }

    #[test]
    fn the_first_record_is_told_whichever_thread_saw_it() {
        let (mut a, mut b) = (Tallies::default(), Tallies::default());
        a.fail(CheckId::Replay, Finding::new("somewhere"));
        a.fail(CheckId::Replay, Finding::at(7, "late"));
        b.fail(CheckId::Replay, Finding::at(5, "early"));
        a.merge(b);
        let checks = a.finish("elsewhere");
        let found = checks.iter().find(|check| check.id == CheckId::Replay).unwrap().finding.clone().unwrap();
        assert_eq!((found.first_seq, found.reason.as_str()), (Some(5), "early (the first of 3 failures)"));
    }
}
