//! The same bytes however the program was compiled: each answer's digest, by this build and by builds
//! for this very processor, one without any optimisation and one with all of it.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ledger::digest::Digest;
use ledger::json::Json;
use margin::vectors;

/// Options of every model, on a lattice that reaches far from the usual.
fn lattice() -> Json {
    let mut cases = Vec::new();
    for (model, right) in
        [("bsm", "call"), ("bsm", "put"), ("black76", "put"), ("crr", "call"), ("crr", "put")]
    {
        for strike in ["37.7", "88", "100", "100.3", "131.9", "400"] {
            for (years, rate, carry) in
                [("0.001", "0.3", "0"), ("0.27", "0.05", "0.081"), ("3.3", "-0.02", "0.01")]
            {
                for (given, number) in [("vol", "0.013"), ("vol", "0.37"), ("vol", "2.9"), ("price", "21.7")]
                {
                    let members = [
                        ("id", cases.len().to_string()),
                        ("model", model.to_owned()),
                        ("right", right.to_owned()),
                        ("underlying", "100".to_owned()),
                        ("strike", strike.to_owned()),
                        ("t", years.to_owned()),
                        ("rate", rate.to_owned()),
                        ("yield", carry.to_owned()),
                        (given, number.to_owned()),
                    ];
                    cases.push(Json::object(members.map(|(key, value)| (key, Json::text(value)))));
                }
            }
        }
    }
    // Each case is a file of its own, because one without a volatility is an error of the whole.
    let vector = |(place, case): (usize, Json)| {
        let input = [("schema", Json::text("pledger.margin.price.v1")), ("cases", Json::array([case]))];
        Json::object([
            ("name", Json::text(format!("lattice-{place}"))),
            ("command", Json::text("price")),
            ("input", Json::object(input)),
        ])
    };
    let vectors = Json::array(cases.into_iter().enumerate().map(vector));
    Json::object([("schema", Json::text("pledger.margin.vectors.v1")), ("vectors", vectors)])
}

/// What the example prints, by this build.
fn printed_here(files: &[PathBuf]) -> String {
    let mut printed = String::new();
    for path in files {
        let bytes = fs::read(path).expect("a file that was just written");
        for (name, answer) in vectors::answers(&bytes).expect("a vectors file") {
            writeln!(printed, "{name} {}", Digest::of(answer.to_jcs().as_bytes())).expect("a text grows");
        }
    }
    printed
}

/// What it prints when built for this processor, with `margin` and its functions at that level.
fn printed_by_another(files: &[PathBuf], level: &str) -> String {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("determinism");
    let mut build = Command::new(env!("CARGO"));
    build.args(["run", "--quiet", "--locked", "-p", "margin", "--example", "digests", "--target-dir"]);
    build.arg(folder).env("RUSTFLAGS", "-C target-cpu=native").env_remove("CARGO_ENCODED_RUSTFLAGS");
    // What margin rests on is exact arithmetic, which no level changes; built plainly it is built soon.
    build.args(["--config", "profile.dev.package.\"*\".opt-level=0"]);
    for package in ["margin", "libm"] {
        build.args(["--config", &format!("profile.dev.package.{package}.opt-level={level}")]);
    }
    build.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).arg("--").args(files);
    let output = build.output().expect("cargo runs");
    assert!(output.status.success(), "level {level}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("digests are text")
}

#[test]
fn figures_do_not_depend_on_how_the_program_was_compiled() {
    let folder = tempfile::tempdir().expect("a folder");
    let made = folder.path().join("lattice.json");
    fs::write(&made, lattice().to_jcs()).expect("a file");
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let files = [golden.join("margin.json"), golden.join("margin-linear.json"), made];
    let here = printed_here(&files);
    assert!(here.lines().count() > 450, "every case has an answer");
    for level in ["0", "3"] {
        let other = printed_by_another(&files, level);
        let apart: Vec<_> = here.lines().zip(other.lines()).filter(|(here, other)| here != other).collect();
        assert!(apart.is_empty() && here.len() == other.len(), "level {level}: {apart:?}");
    }
}
