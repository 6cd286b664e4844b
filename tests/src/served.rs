//! A real ledger in a temporary directory, served over HTTP on loopback in this process.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use api::app::now;
use api::cli::init::{InitArgs, init};
use api::client::Client;
use api::cosigning::settings::ServeSettings;
use api::home::write_key;
use api::sealing::{Sealing, Times};
use api::serving::Serving;
use api::session::session_payload;
use api::verify::answer;
use ledger::envelope::{Envelope, Purpose};
use ledger::id::PartyId;
use ledger::verify::{Options, Report, directory};
use tempfile::TempDir;
use tokio::sync::oneshot;

use crate::http::{Answer, Http};
use crate::scribe::{Asked, Scribe, key, with_approval};
use crate::world;

/// Makes the ledger of a directory, with the operator `pb`.
///
/// # Panics
/// If it cannot be made.
pub fn init_ledger(dir: &Path) {
    let key_file = dir.join("pb.pem");
    write_key(&key_file, &key("pb")).expect("a key file");
    let args = InitArgs {
        dir: dir.join("ledger"),
        origin: world::ORIGIN.to_owned(),
        operator: "pb".to_owned(),
        legal_name: "pb".to_owned(),
        key: Some(key_file),
        log_key: None,
        witness_policy: None,
        sandbox: false,
    };
    init(&args).expect("a ledger is made");
}

/// Copies a folder and all in it.
///
/// # Panics
/// If that cannot be done.
pub fn copy_all(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let place = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            std::fs::create_dir_all(&place).expect("a folder");
            copy_all(&entry.path(), &place);
        } else {
            std::fs::copy(entry.path(), &place).expect("a copy");
        }
    }
}

struct Running {
    url: String,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

/// The ledger, its server and its parties.
pub struct TestLedger {
    dir: TempDir,
    running: Option<Running>,
    clients: BTreeMap<String, Client>,
    settings: ServeSettings,
    sealing: Option<Sealing>,
    /// Who writes its commands.
    pub scribe: Scribe,
}

impl TestLedger {
    /// A ledger with record 0, being served.
    ///
    /// # Panics
    /// If it cannot be made.
    #[must_use]
    pub fn open() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        init_ledger(dir.path());
        let mut scribe = Scribe::new(world::ORIGIN, "served");
        world::name_documents(&mut scribe);
        let settings = ServeSettings::default();
        let (running, clients) = (None, BTreeMap::new());
        let mut ledger = Self { dir, running, clients, settings, sealing: None, scribe };
        ledger.start();
        ledger
    }

    /// A copy of it as it stands, served by itself: two histories may follow under one origin and key.
    ///
    /// # Panics
    /// If it cannot be copied.
    #[must_use]
    pub fn copied(&mut self, settings: ServeSettings) -> Self {
        self.end();
        let dir = tempfile::tempdir().expect("a temporary directory");
        copy_all(self.dir.path(), dir.path());
        let mut scribe = Scribe::new(world::ORIGIN, "copied");
        world::name_documents(&mut scribe);
        let (running, clients) = (None, BTreeMap::new());
        let mut copy = Self { dir, running, clients, settings, sealing: None, scribe };
        self.start();
        copy.start();
        copy
    }

    /// What a crash leaves of it at this moment, served by itself: what was given to the system, without
    /// an end in good order.
    ///
    /// # Panics
    /// If it cannot be copied.
    #[must_use]
    pub fn crashed(&self) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        copy_all(self.dir.path(), dir.path());
        let scribe = Scribe::new(world::ORIGIN, "crashed");
        let settings = self.settings.clone();
        let (running, clients) = (None, BTreeMap::new());
        let mut crashed = Self { dir, running, clients, settings, sealing: None, scribe };
        crashed.start();
        crashed
    }

    /// Starts it again with another configuration.
    pub fn restart_with(&mut self, settings: ServeSettings) {
        self.end();
        self.settings = settings;
        self.start();
    }

    /// Its directory.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.dir.path().join("ledger")
    }

    /// The same with the cast and stage of [`world`].
    #[must_use]
    pub fn with_world() -> Self {
        let mut ledger = Self::open();
        ledger.play(world::STAGE);
        ledger
    }

    fn start(&mut self) {
        let (home, settings) = (self.dir.path().join("ledger"), self.settings.clone());
        let sealing = self.sealing.clone();
        let (tell, told) = std::sync::mpsc::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
            let runtime = runtime.expect("a runtime");
            let address = "127.0.0.1:0".parse().expect("an address");
            let serving = runtime.block_on(Serving::open_with(&home, address, &[], settings));
            let serving = serving.expect("it opens").sealing(sealing);
            tell.send(serving.url()).expect("the test waits for the address");
            let until = async {
                let _ = stopped.await;
            };
            runtime.block_on(serving.run(until)).expect("it ends in good order");
        });
        let url = told.recv().expect("the server starts");
        self.running = Some(Running { url, stop, thread });
    }

    fn end(&mut self) {
        // Kept connections would hold the server until they are closed.
        self.clients.clear();
        if let Some(running) = self.running.take() {
            let _ = running.stop.send(());
            let ended = running.thread.join();
            assert!(std::thread::panicking() || ended.is_ok(), "the server ended in good order");
        }
    }

    /// Ends in good order and starts again, making seals with a key of the operator's.
    ///
    /// # Panics
    /// If the key's file cannot be written.
    pub fn restart_sealing(&mut self, by: &str, times: Times) {
        let key_file = self.dir.path().join(format!("{by}.pem"));
        if !key_file.exists() {
            write_key(&key_file, &key(by)).expect("a key file");
        }
        self.sealing = Some(Sealing { key_file, times });
        self.restart();
    }

    /// Ends in good order and starts again, at another address.
    pub fn restart(&mut self) {
        self.end();
        self.start();
    }

    /// The same, with something done to its directory while nothing runs.
    pub fn restart_after(&mut self, harm: impl FnOnce(&Path)) {
        self.end();
        harm(&self.dir.path().join("ledger"));
        self.start();
    }

    /// Where it is reached.
    ///
    /// # Panics
    /// If it does not run.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.running.as_ref().expect("it runs").url
    }

    /// A stranger who asks it.
    #[must_use]
    pub fn http(&self) -> Http {
        Http::new(self.url())
    }

    /// A party with a session.
    ///
    /// # Panics
    /// If it gets none.
    pub fn client(&mut self, party: &str) -> &Client {
        if !self.clients.contains_key(party) {
            let client = self.fresh_client(party, party);
            self.clients.insert(party.to_owned(), client);
        }
        &self.clients[party]
    }

    /// A party with a session of its own, opened by that key.
    ///
    /// # Panics
    /// If it gets none.
    #[must_use]
    pub fn fresh_client(&self, party: &str, by: &str) -> Client {
        let mut client = Client::new(self.url());
        let id = PartyId::parse(party).expect("a party's id");
        client.sign_in(world::ORIGIN, &id, &key(by)).expect("a session");
        client
    }

    /// A session's token, for requests with headers of their own.
    ///
    /// # Panics
    /// If it gets none.
    #[must_use]
    pub fn token(&self, party: &str) -> String {
        let challenge = self.http().get("/v1/session/challenge").text("challenge");
        let id = PartyId::parse(party).expect("a party's id");
        let expires = now().plus_millis(60_000).expect("a time");
        let payload = session_payload(world::ORIGIN, &id, self.url(), &challenge, expires);
        let envelope = Envelope::sign(Purpose::Session, &payload, &[&key(party)]).to_string();
        self.http().send("POST", "/v1/session", &[], envelope.as_bytes()).text("token")
    }

    /// What a party is answered when it reads a path, whatever the status.
    ///
    /// # Panics
    /// If nobody answers.
    pub fn read(&mut self, party: &str, path: &str) -> Answer {
        let answer = self.client(party).send("GET", path, None).expect("an answer");
        Answer { status: answer.status, headers: Vec::new(), body: answer.body }
    }

    /// Uploads what a command brings.
    ///
    /// # Panics
    /// If it is not taken.
    pub fn upload(&mut self, asked: &Asked) {
        let party = if asked.documents.is_empty() { return } else { asked.author.clone() };
        for document in &asked.documents {
            self.client(&party).upload(document).expect("a document is held");
        }
    }

    /// Signs and sends one line.
    ///
    /// # Panics
    /// If nobody answers.
    pub fn line(&mut self, line: &str) -> Answer {
        self.send(line, "")
    }

    /// Signs and sends one line with a query, such as `?wait=witnessed`.
    ///
    /// # Panics
    /// If nobody answers.
    pub fn send(&mut self, line: &str, query: &str) -> Answer {
        let asked = self.scribe.read(line, now());
        self.upload(&asked);
        let envelope = self.scribe.sign(&asked, now());
        let path = format!("/v1/commands{query}");
        let answer = self.http().send("POST", &path, &[], envelope.to_string().as_bytes());
        if answer.status < 300 {
            self.scribe.recorded(&asked, envelope.id());
            if let Some(approval) = with_approval(line, &envelope.id().to_string()) {
                return self.send(&approval, query);
            }
        }
        answer
    }

    /// Plays lines that all hold.
    ///
    /// # Panics
    /// If one does not.
    pub fn play(&mut self, lines: &str) {
        for line in world::lines(lines) {
            let answer = self.line(line);
            assert_eq!(answer.status, 201, "{line}: {}", String::from_utf8_lossy(&answer.body));
        }
    }
}

impl TestLedger {
    /// What an auditor finds in its directory; the server is stopped for it and started again.
    pub fn verified(&mut self) -> Report {
        self.end();
        let home = self.dir.path().join("ledger");
        let report = directory(&home, &Options { answer: Some(&answer), ..Options::default() });
        self.start();
        report
    }
}

impl Drop for TestLedger {
    fn drop(&mut self) {
        self.end();
    }
}
