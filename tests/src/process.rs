//! The real `pledger` binary, started, killed and started again.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// The binary beside this test's own, built now if it is not current.
///
/// Cargo tells `CARGO_BIN_EXE_*` only to tests of the binary's own package, so it is asked to build
/// `pledger` in the same profile and place; when nothing has changed that takes a moment.
///
/// # Panics
/// If it cannot be built.
pub fn pledger() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let test = std::env::current_exe().expect("a test has a file");
        let profile = test.parent().and_then(Path::parent).expect("target/<profile>/deps");
        let name = match profile.file_name().and_then(|name| name.to_str()) {
            Some("debug") | None => "dev",
            Some(other) => other,
        };
        let target = profile.parent().expect("target/<profile>");
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--offline", "--package", "api", "--bin", "pledger"])
            .args(["--profile", name, "--target-dir"])
            .arg(target)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status();
        assert!(built.expect("cargo runs").success(), "pledger is built");
        profile.join("pledger")
    })
}

/// A running server.
pub struct ServerProcess {
    child: Child,
    url: String,
}

impl ServerProcess {
    /// Serves the ledger of a directory on a free port.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start(dir: &Path) -> Self {
        let mut child = Command::new(pledger())
            .args(["serve", "--listen", "127.0.0.1:0", "--dir"])
            .arg(dir)
            .env("PLEDGER_LOG", "error")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("pledger starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("its output is piped");
        BufReader::new(stdout).read_line(&mut line).expect("it says where it listens");
        let url = line.trim().strip_prefix("listening on ").expect("listening on …").to_owned();
        Self { child, url }
    }

    /// Where it is reached.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Kills it: SIGKILL, no chance to end in good order.
    ///
    /// # Panics
    /// If it cannot be killed.
    pub fn kill(mut self) {
        self.child.kill().expect("it is killed");
        self.child.wait().expect("it is gone");
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // Killed already, or a test that failed leaves none behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
