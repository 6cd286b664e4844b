//! The same bits however the program was compiled.
//!
//! All floating point of `margin` lies in `margin::pricing` (`tidy` reads the tree for that), and what
//! computes there lies in three files that know nothing of the crate. So they are compiled here by
//! themselves, for any processor and for this very one, with no optimisation and with all of it, and
//! price a lattice of options; and their values are those of this build's `pledger margin price`.
//! `tests/run` compares whole results of the development and the release program.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ledger::decimal::print_scaled;
use ledger::json::Json;
use toml::Table;

/// The files that compute, and the program that asks them.
const FORMULAS: [&str; 3] = ["european.rs", "implied.rs", "tree.rs"];
const HARNESS: &str = include_str!("determinism/harness.rs");

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A package of the formulas alone, on the version of `libm` that the workspace is locked to.
fn write_package(folder: &Path) {
    let lock = fs::read_to_string(root().join("Cargo.lock")).expect("a lock file");
    let lock: Table = lock.parse().expect("a lock file is TOML");
    let packages = lock["package"].as_array().expect("packages");
    let libm = packages.iter().find(|package| package["name"].as_str() == Some("libm")).expect("libm");
    let version = libm["version"].as_str().expect("a version");
    let manifest = format!(
        "[package]\nname = \"determinism\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n\
         [dependencies]\nlibm = {{ version = \"={version}\", default-features = false }}\n"
    );
    let source = folder.join("src");
    fs::create_dir_all(&source).expect("a folder");
    fs::write(folder.join("Cargo.toml"), manifest).expect("a manifest");
    fs::write(source.join("main.rs"), HARNESS).expect("a program");
    for file in FORMULAS {
        let text = fs::read_to_string(root().join("margin/src/pricing").join(file)).expect("formulas");
        fs::write(source.join(file), text).expect("a file");
    }
}

/// What the package prints when compiled like that.
fn printed(folder: &Path, level: &str, processor: &str) -> String {
    let mut build = Command::new(env!("CARGO"));
    build
        .args(["run", "--quiet", "--offline", "--target-dir"])
        .arg(folder.join(format!("{level}-{processor}")));
    build.args(["--config", &format!("profile.dev.opt-level={level}")]).current_dir(folder);
    build
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env("RUSTFLAGS", format!("-A dead_code -C target-cpu={processor}"));
    let output = build.output().expect("cargo runs");
    assert!(output.status.success(), "{level} {processor}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("numbers are text")
}

/// The value of each case of the same lattice by this build; `None` where no volatility gives the price.
fn values_here() -> Vec<Option<String>> {
    let mut values = Vec::new();
    for (model, right) in
        [("bsm", "call"), ("bsm", "put"), ("black76", "put"), ("crr", "call"), ("crr", "put")]
    {
        for strike in ["37.7", "88", "100", "100.3", "131.9", "400"] {
            for (years, rate, carry) in
                [("0.001", "0.3", "0"), ("0.27", "0.05", "0.081"), ("3.3", "-0.02", "0.01")]
            {
                for (given, number) in [("vol", "0.013"), ("vol", "0.37"), ("vol", "2.9"), ("price", "21.7")]
                {
                    let case = [
                        ("id", "c"),
                        ("model", model),
                        ("right", right),
                        ("underlying", "100"),
                        ("strike", strike),
                        ("t", years),
                        ("rate", rate),
                        ("yield", carry),
                        (given, number),
                    ];
                    values.push(value_here(Json::object(case.map(|(key, text)| (key, Json::text(text))))));
                }
            }
        }
    }
    values
}

fn value_here(case: Json) -> Option<String> {
    let input = [("schema", Json::text("pledger.margin.price.v1")), ("cases", Json::array([case]))];
    let priced = margin::price_tree(&Json::object(input)).ok()?;
    priced.pointer("/results/0/value").and_then(Json::as_str).map(str::to_owned)
}

/// The canonical text of a number with eight decimals.
fn canonical(text: &str) -> String {
    let digits: String = text.chars().filter(|c| *c != '.').collect();
    print_scaled(&digits.parse().expect("digits"), 8)
}

#[test]
fn figures_do_not_depend_on_how_the_program_was_compiled() {
    let folder = tempfile::tempdir().expect("a folder");
    write_package(folder.path());
    let plain = printed(folder.path(), "0", "generic");
    let values = values_here();
    assert_eq!(plain.lines().count(), values.len());
    assert!(values.iter().flatten().count() > 300, "most of the lattice has a value");
    for (line, value) in plain.lines().zip(&values) {
        let there = line.split(' ').nth(1).filter(|text| *text != "none").map(canonical);
        assert_eq!(there.as_deref(), value.as_deref(), "{line}");
    }
    for (level, processor) in [("0", "native"), ("3", "generic"), ("3", "native")] {
        for (here, there) in plain.lines().zip(printed(folder.path(), level, processor).lines()) {
            assert_eq!(here, there, "{level} {processor}");
        }
    }
}
