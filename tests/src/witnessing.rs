//! Witnesses on loopback: real ones in this process, and ones that say whatever a test tells them.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use api::home::write_key;
use api::witness::WitnessServer;
use api::witness::settings::Settings;
use ledger::cosignature::Cosigner;
use ledger::key::SecretKey;
use ledger::note::KeyName;
use tempfile::TempDir;
use tokio::sync::oneshot;

use crate::http::Http;

/// The key of a witness by its name, the same in each test.
#[must_use]
pub fn witness_key(name: &str) -> SecretKey {
    SecretKey::from_seed(&ledger::digest::Digest::of(name.as_bytes()).0)
}

/// The witness's signing side, for those that lie.
///
/// # Panics
/// If the name is no key's.
#[must_use]
pub fn cosigner(name: &str) -> Cosigner {
    Cosigner::new(KeyName::new(name).expect("a key name"), &witness_key(name).seed())
}

/// Writes a witness's key and configuration into a folder; gives the configuration's path.
///
/// # Panics
/// If they cannot be written.
pub fn write_settings(folder: &Path, name: &str, logs: &[(&str, &str)]) -> PathBuf {
    let key = folder.join("witness.pem");
    if !key.exists() {
        write_key(&key, &witness_key(name)).expect("a key file");
    }
    let mut text = format!("name = \"{name}\"\nkey = \"witness.pem\"\nstate = \"state\"\n");
    for (origin, vkey) in logs {
        text.push_str(&format!("[[log]]\norigin = \"{origin}\"\nvkeys = [\"{vkey}\"]\n"));
    }
    let path = folder.join("witness.toml");
    fs::write(&path, text).expect("a configuration");
    path
}

struct Running {
    url: String,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

/// A real witness, served in this process.
pub struct TestWitness {
    /// Where its files are.
    pub dir: TempDir,
    name: String,
    settings: PathBuf,
    running: Option<Running>,
}

impl TestWitness {
    /// A new one, which trusts these logs: origins and vkeys.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn open(name: &str, logs: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let settings = write_settings(dir.path(), name, logs);
        let mut witness = Self { dir, name: name.to_owned(), settings, running: None };
        witness.start("127.0.0.1:0", true);
        witness
    }

    fn start(&mut self, listen: &str, is_first: bool) {
        let (settings, listen) = (self.settings.clone(), listen.parse().expect("an address"));
        let (tell, told) = std::sync::mpsc::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
            let runtime = runtime.expect("a runtime");
            let settings = Settings::read(&settings).expect("a configuration");
            let server = runtime.block_on(WitnessServer::open(settings, listen, is_first)).expect("it opens");
            tell.send(server.url()).expect("the test waits for the address");
            let until = async {
                let _ = stopped.await;
            };
            runtime.block_on(server.run(until)).expect("it ends in good order");
        });
        self.running = Some(Running { url: told.recv().expect("the witness starts"), stop, thread });
    }

    /// Ends it, as long as the test wants it gone.
    pub fn end(&mut self) -> Option<String> {
        let running = self.running.take()?;
        let _ = running.stop.send(());
        let ended = running.thread.join();
        assert!(thread::panicking() || ended.is_ok(), "the witness ended in good order");
        Some(running.url)
    }

    /// Ends it and starts it again at the same address, with its state.
    pub fn restart(&mut self) {
        if let Some(url) = self.end() {
            self.start(url.trim_start_matches("http://"), false);
        }
    }

    /// Starts it again where it was.
    pub fn start_at(&mut self, url: &str) {
        self.start(url.trim_start_matches("http://"), false);
    }

    /// Lets it trust another log or key: its owner edits the file and starts it again.
    pub fn trust(&mut self, logs: &[(&str, &str)]) {
        write_settings(self.dir.path(), &self.name, logs);
        self.restart();
    }

    /// Where it is reached.
    ///
    /// # Panics
    /// If it does not run.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.running.as_ref().expect("it runs").url
    }

    /// Whoever asks it.
    #[must_use]
    pub fn http(&self) -> Http {
        Http::new(self.url())
    }

    /// Its key.
    #[must_use]
    pub fn vkey(&self) -> String {
        cosigner(&self.name).verifier().to_string()
    }

    /// A policy's line for it.
    #[must_use]
    pub fn line(&self, name: &str) -> String {
        format!("witness {name} {} {}\n", self.vkey(), self.url())
    }
}

impl Drop for TestWitness {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

/// What a scripted server is asked: method, path, body.
#[derive(Clone, Debug)]
pub struct Asked {
    /// `GET` or `POST`.
    pub method: String,
    /// The path.
    pub path: String,
    /// The body.
    pub body: String,
}

/// What it says: a status and a body; `None` hangs up.
pub type Says = Box<dyn FnMut(&Asked) -> Option<(u16, Vec<u8>)> + Send>;

/// A server that says whatever a test tells it.
pub struct Scripted {
    url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Scripted {
    /// Serves on a free port as long as the test's process runs.
    ///
    /// # Panics
    /// If there is no port.
    #[must_use]
    pub fn serve(mut says: impl FnMut(&Asked) -> Option<(u16, String)> + Send + 'static) -> Self {
        Self::serve_bytes(Box::new(move |asked| {
            says(asked).map(|(status, body)| (status, body.into_bytes()))
        }))
    }

    /// The same with answers that are no text.
    ///
    /// # Panics
    /// If there is no port.
    #[must_use]
    pub fn serve_bytes(says: Says) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let (says, asked) = (Arc::new(Mutex::new(says)), Arc::new(Mutex::new(Vec::new())));
        let seen = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (says, seen) = (Arc::clone(&says), Arc::clone(&seen));
                // A client that goes away ends its connection, and only that.
                thread::spawn(move || answer(stream, &says, &seen));
            }
        });
        Self { url, asked }
    }

    /// Where it is reached.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What it was asked so far.
    ///
    /// # Panics
    /// If its thread panicked.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("no panic").clone()
    }
}

fn answer(mut stream: TcpStream, says: &Mutex<Says>, seen: &Mutex<Vec<Asked>>) -> io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let mut first = String::new();
        if reader.read_line(&mut first)? == 0 {
            return Ok(());
        }
        let mut words = first.split(' ').map(str::to_owned);
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().unwrap_or(0);
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let asked = Asked { method, path, body: String::from_utf8_lossy(&body).into_owned() };
        let said = says.lock().expect("no panic")(&asked);
        seen.lock().expect("no panic").push(asked);
        let Some((status, body)) = said else { return Ok(()) };
        let length = body.len();
        write!(stream, "HTTP/1.1 {status} -\r\nContent-Length: {length}\r\n\r\n")?;
        stream.write_all(&body)?;
    }
}
