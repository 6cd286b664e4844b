//! `pledger bench` reports what its documentation says, over a ledger that is one. Never a timed test.

use std::process::{Command, Output};

use ledger::json::{Json, read};
use tests::process::pledger;

/// Every figure, section by section, as the module of the benchmark lists them.
const RECOVERY: [(&str, &[&str]); 7] = [
    ("", &["format", "version", "seed", "records", "frames", "runs"]),
    ("machine", &["cores", "memory_kib", "load_before", "load_after"]),
    ("limits", &["sha256_bytes_per_s", "fdatasync_per_s", "read_bytes_per_s"]),
    (
        "open",
        &[
            "snapshot_ms",
            "snapshot_cpu_ms",
            "replay_ms",
            "replay_cpu_ms",
            "replay_store_ms",
            "replay_records_per_s",
            "index_ms_per_million",
        ],
    ),
    ("size", &["journal_bytes", "journal_bytes_per_record", "snapshot_bytes", "index_bytes"]),
    ("memory", &["account_bytes", "open_movement_bytes", "settled_movement_bytes", "idempotency_key_bytes"]),
    ("state", &["accounts", "movements", "open_movements", "agree"]),
];

#[test]
fn seal_reports_every_figure_and_a_proof_within_its_budget() {
    let output =
        run(&["bench", "seal", "--accounts", "300", "--runs", "2", "--log-records", "4096", "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told = read(&output.stdout).expect("JSON");
    for pointer in [
        "/format",
        "/machine/cores",
        "/limits/sha256_bytes_per_s",
        "/seal/seal_ms",
        "/seal/seal_cpu_ms",
        "/proof/make_ms",
        "/proof/verify_ms",
    ] {
        assert!(
            told.pointer(pointer).and_then(Json::as_str).is_some_and(|text| !text.is_empty()),
            "{pointer}"
        );
    }
    let bytes =
        told.pointer("/proof/bytes").and_then(Json::as_str).and_then(|bytes| bytes.parse::<u64>().ok());
    assert!(bytes.is_some_and(|bytes| bytes < 4_096), "{bytes:?}");
}

#[test]
fn verify_reports_every_figure_beside_its_limits() {
    let output = run(&["bench", "verify", "--records", "300", "--runs", "1", "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told = read(&output.stdout).expect("JSON");
    for pointer in [
        "/limits/sha256_bytes_per_s",
        "/limits/verify_strict_per_s",
        "/verify/records_per_s",
        "/verify/signatures_per_s",
        "/verify/of_the_limit_percent",
        "/verify/export_bytes",
    ] {
        assert!(
            told.pointer(pointer).and_then(Json::as_str).is_some_and(|text| !text.is_empty()),
            "{pointer}"
        );
    }
    assert_eq!(told.pointer("/verify/verdict").and_then(Json::as_str), Some("good"));
}

fn run(args: &[&str]) -> Output {
    Command::new(pledger()).args(args).output().expect("pledger runs")
}

#[test]
fn recovery_reports_every_figure_and_one_state() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let ledger = dir.path().join("ledger");
    let ledger = ledger.to_str().expect("a path of text");
    let args = ["bench", "recovery", "--records", "400", "--runs", "2", "--dir", ledger];
    let output = run(&[&args[..], &["--json"]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told = read(&output.stdout).expect("JSON");
    for (section, keys) in RECOVERY {
        let figures = if section.is_empty() { Some(&told) } else { told.get(section) };
        let figures = figures.and_then(Json::as_object).expect("a section");
        let texts = figures.iter().filter_map(|(key, value)| value.as_str().map(|_| key.as_str()));
        assert_eq!(texts.collect::<Vec<_>>(), keys, "{section}");
    }
    let text = |pointer: &str| told.pointer(pointer).and_then(Json::as_str);
    assert_eq!(text("/format"), Some("pledger.bench.recovery.v1"));
    assert_eq!(text("/records"), Some("400"));
    assert_eq!(text("/state/agree"), Some("true"));

    let verified = run(&["verify", "--dir", ledger]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    let again = run(&args);
    let table = String::from_utf8_lossy(&again.stdout).into_owned();
    assert!(again.status.success() && table.contains("replay_records_per_s"), "{table}");
    assert!(!run(&["bench", "recovery", "--records", "401", "--dir", ledger]).status.success());
}
