//! The README's commands are run as they stand there, with the port and the question taken care of.

use std::path::Path;
use std::process::{Command, Output};

use tests::process::{ServerProcess, WitnessProcess, pledger};

/// The commands of the README's shell blocks, continuation lines joined.
fn commands() -> Vec<String> {
    let readme = include_str!("../../README.md");
    let blocks = readme.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    let text = blocks.collect::<String>().replace("\\\n", " ");
    text.lines().map(|line| line.split(" # ").next().unwrap_or(line).trim().to_owned()).collect()
}

/// The README's configuration of a witness.
fn configuration() -> &'static str {
    let rest = include_str!("../../README.md").split("```toml\n").nth(1);
    rest.and_then(|rest| rest.split("```").next()).expect("a configuration")
}

fn shell(dir: &Path, line: &str) -> Output {
    let bin = pledger().parent().expect("a binary has a folder");
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
    let run = Command::new("sh").args(["-ec", line]).current_dir(dir).env("PATH", path).output();
    run.expect("there is a shell")
}

#[test]
fn the_readmes_commands_run() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let mut server = None;
    let mut run = 0;
    for line in commands() {
        if line.starts_with("cargo ") || line.starts_with("tests/run") || line.is_empty() {
            // The two commands of a fresh machine: tests/run runs this, and the demo after it.
            continue;
        }
        if line.starts_with("pledger serve") {
            server = Some(ServerProcess::start(&dir.path().join("books")));
            continue;
        }
        if line.starts_with("pledger witness ") {
            let config = dir.path().join("witness.toml");
            std::fs::write(&config, configuration()).expect("a file");
            WitnessProcess::start(&config, line.contains("--first-start")).kill();
            continue;
        }
        let url = server.as_ref().map_or("", ServerProcess::url);
        let line = line.replace("http://127.0.0.1:8080", url).replace("pledger sign", "pledger sign --yes");
        let output = shell(dir.path(), &line);
        assert!(output.status.success(), "{line}\n{}", String::from_utf8_lossy(&output.stderr));
        run += 1;
    }
    assert_eq!(run, 5, "init, a body, sign, submit, a witness's key");
}
