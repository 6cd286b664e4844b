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
        let (child, url) = listen(Command::new(pledger()).arg("serve").arg("--dir").arg(dir));
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

/// A running witness, as [`ServerProcess`] a ledger's server.
pub struct WitnessProcess(ServerProcess);

impl WitnessProcess {
    /// Serves the witness of a configuration on a free port.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start(settings: &Path, is_first: bool) -> Self {
        let mut command = Command::new(pledger());
        command.arg("witness").args(is_first.then_some("--first-start")).arg("--config").arg(settings);
        let (child, url) = listen(&mut command);
        Self(ServerProcess { child, url })
    }

    /// Where it is reached.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// Kills it: SIGKILL, no chance to end in good order.
    pub fn kill(self) {
        self.0.kill();
    }
}

/// Starts a server on a free port and waits until it says where.
fn listen(command: &mut Command) -> (Child, String) {
    let mut child = command
        .args(["--listen", "127.0.0.1:0"])
        .env("PLEDGER_LOG", "error")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("pledger starts");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("its output is piped");
    BufReader::new(stdout).read_line(&mut line).expect("it says where it listens");
    let url = line.trim().strip_prefix("listening on ").expect("listening on …").to_owned();
    (child, url)
}
