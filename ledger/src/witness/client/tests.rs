use super::*;
use crate::cosignature::Cosigner;
use crate::merkle::{TreeHead, leaf_hash, root_of};
use crate::note::{KeyName, LogSigner};
use crate::policy::Witnessed;

const ORIGIN: &str = "ledger.example/c";
const REFRESH: Duration = Duration::from_secs(600);

fn log() -> LogSigner {
    LogSigner::new(KeyName::new(ORIGIN).unwrap(), &[100; 32])
}

fn witness(place: usize) -> Cosigner {
    let seed = u8::try_from(place + 1).unwrap();
    Cosigner::new(KeyName::new(&format!("w{place}.example")).unwrap(), &[seed; 32])
}

fn policy(quorum: &str) -> Policy {
    let lines: String =
        (0..3).map(|i| format!("witness w{i} {} http://w{i}\n", witness(i).verifier())).collect();
    Policy::parse(&format!("log {}\n{lines}{quorum}", log().verifier())).unwrap()
}

fn two_of_three() -> Witnesses {
    Witnesses::new(policy("group g 2 w0 w1 w2\nquorum g\n"), REFRESH, |party| party.url.is_some())
}

fn checkpoint(size: u64) -> Arc<SignedCheckpoint> {
    let head = TreeHead { size, root: root_of((0..size).map(|i| leaf_hash(&i.to_be_bytes()))) };
    Arc::new(SignedCheckpoint::sign(ORIGIN, [&log()], head).unwrap())
}

/// That many seconds after the start, when the clock showed a million.
fn at(secs: u64) -> Now {
    Now { passed: Duration::from_secs(secs), secs: 1_000_000 + secs }
}

fn ask(witnesses: &mut Witnesses, place: usize, now: Now) -> Ask {
    match witnesses.next(place, now) {
        Next::Ask(ask) => ask,
        Next::Rest(rest) => panic!("w{place} rests {rest:?}"),
    }
}

fn rests(witnesses: &mut Witnesses, place: usize, now: Now) -> Option<Duration> {
    match witnesses.next(place, now) {
        Next::Rest(rest) => rest,
        Next::Ask(ask) => panic!("w{place} is asked {ask:?}"),
    }
}

fn cosigned(place: usize, ask: &Ask, time: u64) -> Reply {
    let line = witness(place).cosign(ask.checkpoint.note().text(), time);
    Reply::Answer { status: 200, body: line.to_string().into_bytes() }
}

fn conflict(size: &str) -> Reply {
    Reply::Answer { status: 409, body: size.as_bytes().to_vec() }
}

/// An honest answer now; what follows from it.
fn cosigns(witnesses: &mut Witnesses, place: usize, ask: &Ask, now: Now) -> Vec<Event> {
    let reply = cosigned(place, ask, now.secs);
    witnesses.answered(place, reply, ask.checkpoint.head().size, now, 0)
}

fn shown(events: &[Event]) -> Option<Witnessed> {
    events.iter().find_map(|event| match event {
        Event::Witnessed(checkpoint) => Some(policy("quorum none\n").check(&checkpoint.to_string()).unwrap()),
        Event::Alarm(_) | Event::Ahead { .. } => None,
    })
}

fn alarms(events: &[Event]) -> Vec<String> {
    let alarm = |event: &Event| match event {
        Event::Alarm(alarm) => Some(format!("{} {}", alarm.witness, alarm.kind)),
        Event::Witnessed(_) | Event::Ahead { .. } => None,
    };
    events.iter().filter_map(alarm).collect()
}

fn names(witnessed: &Witnessed) -> Vec<&str> {
    witnessed.cosigned.iter().map(|(name, _)| name.as_str()).collect()
}

#[test]
fn a_quorum_is_shown_and_a_late_line_is_added_in_the_policys_order() {
    let mut all = two_of_three();
    assert_eq!(rests(&mut all, 0, at(0)), None, "nothing is published");
    all.publish(checkpoint(5));
    let asks: Vec<Ask> = (0..3).map(|place| ask(&mut all, place, at(1))).collect();
    assert!(asks.iter().all(|ask| (ask.old, ask.checkpoint.head().size) == (0, 5)));
    assert_eq!(rests(&mut all, 0, at(1)), None, "one request on its way");
    assert_eq!(cosigns(&mut all, 2, &asks[2], at(1)), []);
    assert_eq!(all.witnessed_size(), None);
    let first = shown(&cosigns(&mut all, 1, &asks[1], at(2))).unwrap();
    assert_eq!((first.checkpoint.head().size, names(&first)), (5, vec!["w1", "w2"]));
    // A new tree is published, the others go on to it, and the slow one ends with the old.
    all.publish(checkpoint(6));
    let next = ask(&mut all, 1, at(3));
    assert_eq!((next.old, next.checkpoint.head().size), (5, 6));
    let late = shown(&cosigns(&mut all, 0, &asks[0], at(4))).unwrap();
    assert_eq!((late.checkpoint.head().size, names(&late)), (5, vec!["w0", "w1", "w2"]));
    assert_eq!(ask(&mut all, 0, at(4)).old, 5);
}

#[test]
fn all_are_asked_for_one_tree_while_the_log_grows() {
    let mut all = two_of_three();
    all.publish(checkpoint(1));
    let first = ask(&mut all, 0, at(0));
    for size in 2..50 {
        all.publish(checkpoint(size));
    }
    let second = ask(&mut all, 1, at(0));
    assert_eq!(second.checkpoint.head().size, 1, "a quorum cosigns one tree");
    cosigns(&mut all, 0, &first, at(0));
    assert!(rests(&mut all, 0, at(0)).is_some());
    assert!(shown(&cosigns(&mut all, 1, &second, at(0))).is_some());
    assert_eq!(ask(&mut all, 0, at(0)).checkpoint.head().size, 49, "then for the newest, and none between");
}

#[test]
fn one_that_does_not_answer_holds_nobody_up() {
    let mut all = two_of_three();
    all.publish(checkpoint(1));
    ask(&mut all, 2, at(0));
    for size in 2..30 {
        let asks = [ask(&mut all, 0, at(size)), ask(&mut all, 1, at(size))];
        for (place, ask) in asks.iter().enumerate() {
            cosigns(&mut all, place, ask, at(size));
        }
        assert_eq!(all.witnessed_size(), Some(size - 1));
        all.publish(checkpoint(size));
    }
    assert_eq!(all.answered(2, Reply::None("timed out".into()), 29, at(40), 0), []);
    assert!(rests(&mut all, 2, at(40)).is_some_and(|rest| rest < Duration::from_secs(1)));
}

#[test]
fn with_too_few_the_newest_is_asked_for_each_time() {
    let mut all = two_of_three();
    all.publish(checkpoint(1));
    for place in [1, 2] {
        ask(&mut all, place, at(0));
        all.answered(place, Reply::None("refused".into()), 1, at(0), u16::MAX);
    }
    let only = ask(&mut all, 0, at(0));
    assert_eq!(cosigns(&mut all, 0, &only, at(0)), []);
    all.publish(checkpoint(7));
    let again = ask(&mut all, 0, at(0));
    assert_eq!((again.old, again.checkpoint.head().size), (1, 7), "nobody is left who could answer for 1");
    cosigns(&mut all, 0, &again, at(1));
    all.publish(checkpoint(9));
    let back = ask(&mut all, 1, at(10));
    assert_eq!(back.checkpoint.head().size, 7, "one that came back joins whom it can join");
    let witnessed = shown(&cosigns(&mut all, 1, &back, at(10))).unwrap();
    assert_eq!(names(&witnessed), ["w0", "w1"]);
}

#[test]
fn attempts_come_later_and_later() {
    let mut all = two_of_three();
    all.publish(checkpoint(1));
    let mut now = at(0);
    let mut waited = Vec::new();
    for jitter in [0, u16::MAX, 0, 0, 0, 0, 0, u16::MAX, 0] {
        ask(&mut all, 0, now);
        let reply = Reply::Answer { status: 500, body: Vec::new() };
        assert_eq!(all.answered(0, reply, 1, now, jitter), []);
        let rest = rests(&mut all, 0, now).unwrap();
        waited.push(rest.as_millis());
        now.passed += rest;
    }
    assert_eq!(waited, [750, 2_500, 3_000, 6_000, 12_000, 24_000, 45_000, 75_000, 45_000]);
    let asked = ask(&mut all, 0, now);
    cosigns(&mut all, 0, &asked, now);
    now.passed += REFRESH;
    ask(&mut all, 0, now);
    all.answered(0, Reply::None("once more".into()), 1, now, 0);
    assert_eq!(rests(&mut all, 0, now), Some(Duration::from_millis(750)), "a good answer is a new start");
}

#[test]
fn an_unchanged_tree_is_witnessed_again() {
    let mut all = two_of_three();
    all.publish(checkpoint(4));
    for place in 0..3 {
        let asked = ask(&mut all, place, at(0));
        cosigns(&mut all, place, &asked, at(0));
    }
    assert_eq!(all.witnessed_since(), Some(1_000_000));
    assert_eq!(rests(&mut all, 0, at(10)), Some(REFRESH - Duration::from_secs(10)));
    for (place, since) in [(0, 1_000_000), (1, 1_000_600)] {
        let asked = ask(&mut all, place, at(600));
        assert_eq!((asked.old, asked.checkpoint.head().size), (4, 4));
        let witnessed = shown(&cosigns(&mut all, place, &asked, at(600))).unwrap();
        assert_eq!(names(&witnessed).len(), 3, "lines of the first time stand until they are replaced");
        assert_eq!(all.witnessed_since(), Some(since));
    }
}

#[test]
fn a_conflict_is_corrected_once_at_once() {
    let mut all = two_of_three();
    all.publish(checkpoint(9));
    assert_eq!(ask(&mut all, 0, at(0)).old, 0);
    assert_eq!(all.answered(0, conflict("3\n"), 9, at(0), 0), []);
    assert_eq!(ask(&mut all, 0, at(0)).old, 3);
    // 409 for ever: no hammering.
    assert_eq!(all.answered(0, conflict("2\n"), 9, at(0), 0), []);
    assert_eq!(rests(&mut all, 0, at(0)), Some(Duration::from_millis(750)));
    for waits in 1..20 {
        let now = at(waits * 100);
        for size in ["5\n", "4\n"] {
            ask(&mut all, 0, now);
            assert_eq!(all.answered(0, conflict(size), 9, now, 0), []);
        }
        assert!(rests(&mut all, 0, now).is_some());
    }
    // One that saw a tree between this round's and ours waits for the next round.
    ask(&mut all, 0, at(5_000));
    all.publish(checkpoint(12));
    all.answered(0, conflict("11\n"), 12, at(5_000), 0);
    assert!(rests(&mut all, 0, at(5_000)).is_some());
    for place in [1, 2] {
        assert_eq!(ask(&mut all, place, at(5_000)).checkpoint.head().size, 9);
        all.answered(place, Reply::None("refused".into()), 12, at(5_000), 0);
    }
    let next = ask(&mut all, 0, at(5_000));
    assert_eq!((next.old, next.checkpoint.head().size), (11, 12));
}

#[test]
fn a_size_that_is_none_is_a_bad_answer() {
    for body in ["", "3", "03\n", "-1\n", "3\n\n", "three\n", "9223372036854775808\n"] {
        let mut all = two_of_three();
        all.publish(checkpoint(9));
        ask(&mut all, 0, at(0));
        let events = all.answered(0, conflict(body), 9, at(0), 0);
        assert_eq!(alarms(&events).len(), 1, "{body:?}");
        assert!(!all.is_halted() && rests(&mut all, 0, at(0)).is_some());
    }
}

#[test]
fn one_that_saw_more_than_we_have_stops_everything() {
    let mut all = two_of_three();
    all.publish(checkpoint(9));
    let (other, third) = (ask(&mut all, 1, at(0)), ask(&mut all, 2, at(0)));
    assert_eq!(all.answered(2, conflict("10\n"), 10, at(0), 0), [], "we signed 10 in the meantime");
    assert_eq!((third.old, all.is_halted()), (0, false));
    ask(&mut all, 0, at(0));
    let events = all.answered(0, conflict("11\n"), 10, at(0), 0);
    assert_eq!(events, [Event::Ahead { witness: "w0".to_owned(), size: 11, ours: 10 }]);
    assert!(all.is_halted());
    assert_eq!(cosigns(&mut all, 1, &other, at(1)), []);
    for place in 0..3 {
        assert_eq!(rests(&mut all, place, at(2_000)), None);
    }
}

#[test]
fn what_a_person_has_to_look_at() {
    let text = |ask: &Ask| ask.checkpoint.note().text().to_owned();
    let line = |place: usize, text: &str, time| witness(place).cosign(text, time).to_string();
    type Make<'a> = &'a dyn Fn(&Ask) -> (u16, String);
    let (now, other) = (1_000_000, checkpoint(8));
    let rows: [(&str, Make); 13] = [
        ("w0 refused size 9 from 0: no\\nproof", &|_| (422, "no\nproof".to_owned())),
        ("w0 answered 403", &|_| (403, String::new())),
        ("w0 answered 404", &|_| (404, String::new())),
        ("w0 gave no good cosignature: not a signed note", &|_| (200, String::new())),
        ("w0 gave no good cosignature: not a signed note", &|_| (200, "— w0.example\n".to_owned())),
        ("w0 gave no good cosignature: not a signed note", &|ask| {
            (200, line(0, &text(ask), now).trim_end().to_owned())
        }),
        ("w0 gave no good cosignature: no signature by a known key", &|ask| (200, line(1, &text(ask), now))),
        ("w0 gave no good cosignature: the signature of", &|_| (200, line(0, other.note().text(), now))),
        ("w0 gave no good cosignature: the signature of", &|ask| {
            (200, line(0, &text(ask), now) + &line(0, other.note().text(), now))
        }),
        ("w0 signed the time 1000301", &|ask| (200, line(0, &text(ask), now + 301))),
        ("w0 signed the time 999699", &|ask| (200, line(0, &text(ask), now - 301))),
        ("w0 signed the time 0", &|ask| (200, line(0, &text(ask), 0))),
        ("", &|ask| (200, line(1, &text(ask), now) + &line(0, &text(ask), now + 300))),
    ];
    for (want, answer) in rows {
        let mut all = two_of_three();
        all.publish(checkpoint(9));
        let honest = ask(&mut all, 2, at(0));
        cosigns(&mut all, 2, &honest, at(0));
        let (status, body) = answer(&ask(&mut all, 0, at(0)));
        let events = all.answered(0, Reply::Answer { status, body: body.clone().into_bytes() }, 9, at(0), 0);
        let told = alarms(&events);
        assert_eq!(told.len(), usize::from(!want.is_empty()), "{told:?}");
        assert!(told.iter().all(|told| told.starts_with(want)), "{told:?}");
        assert_eq!(shown(&events).is_some(), want.is_empty(), "{body}");
        assert!(rests(&mut all, 0, at(0)).is_some(), "and it is not asked again at once");
        assert!(!all.is_halted());
    }
}

#[test]
fn one_that_goes_back_in_time_is_not_counted() {
    let mut all = two_of_three();
    for (round, time, is_counted) in [(1, 1_000_100, true), (2, 1_000_099, false), (3, 1_000_100, true)] {
        all.publish(checkpoint(round));
        for place in [1, 0] {
            let asked = ask(&mut all, place, at(90));
            let reply = cosigned(place, &asked, if place == 0 { time } else { 1_000_090 });
            let events = all.answered(place, reply, round, at(90), 0);
            if place == 0 {
                assert_eq!(shown(&events).is_some(), is_counted, "{round}");
                assert_eq!(alarms(&events).len(), usize::from(!is_counted));
            }
        }
        // The third, so that the round ends.
        let asked = ask(&mut all, 2, at(90));
        cosigns(&mut all, 2, &asked, at(90));
    }
}

#[test]
fn what_was_cosigned_before_a_restart_is_taken_up() {
    let mut all = two_of_three();
    let (text, note) = (checkpoint(4).note().text().to_owned(), checkpoint(4));
    let by = |places: &[usize]| {
        let lines = places.iter().map(|place| witness(*place).cosign(&text, 1_000_000 + *place as u64));
        lines.fold((*note).clone(), |note, line| note.with_line(line).unwrap())
    };
    all.resume(&by(&[1]));
    assert_eq!((all.witnessed_size(), all.witnessed_since()), (None, None), "one is no quorum");
    all.resume(&by(&[1, 2]));
    assert_eq!((all.witnessed_size(), all.witnessed_since()), (Some(4), Some(1_000_001)));
    all.publish(checkpoint(6));
    let from: Vec<u64> = (0..3).map(|place| ask(&mut all, place, at(0)).old).collect();
    assert_eq!(from, [0, 4, 4]);
    // The same tree still stands: its lines are not forgotten when a third is added.
    let mut same = two_of_three();
    same.resume(&by(&[1, 2]));
    same.publish(checkpoint(4));
    let asked = ask(&mut same, 0, at(10));
    assert_eq!(names(&shown(&cosigns(&mut same, 0, &asked, at(10))).unwrap()), ["w0", "w1", "w2"]);
}

#[test]
fn whom_nobody_can_reach_is_not_asked() {
    let policy = policy("group g 2 w0 w1 w2\nquorum g\n");
    let mut all = Witnesses::new(policy, REFRESH, |party| party.name != "w1");
    all.publish(checkpoint(1));
    assert_eq!(rests(&mut all, 1, at(0)), None);
    let asks = [0, 2].map(|place| (place, ask(&mut all, place, at(0))));
    let events: Vec<Event> =
        asks.iter().flat_map(|(place, ask)| cosigns(&mut all, *place, ask, at(0))).collect();
    assert!(shown(&events).is_some());
    assert_eq!(all.answered(1, Reply::None("nobody asked".into()), 1, at(0), 0), []);
}

#[test]
fn a_policy_that_does_not_name_the_log_shows_nothing() {
    let lines = format!("witness w0 {} http://w0\nquorum w0\n", witness(0).verifier());
    let mut all = Witnesses::new(Policy::parse(&lines).unwrap(), REFRESH, |_| true);
    all.publish(checkpoint(1));
    let asked = ask(&mut all, 0, at(0));
    let events = cosigns(&mut all, 0, &asked, at(0));
    assert!(alarms(&events)[0].contains("the policy refuses"), "{events:?}");
    assert_eq!(all.witnessed_size(), None);
}
