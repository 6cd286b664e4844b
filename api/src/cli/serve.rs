//! `pledger serve`: serves the ledger of a directory until it is told to stop.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread;

use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::fail;
use crate::cosigning::settings::ServeSettings;
use crate::serving::Serving;

/// Arguments of `pledger serve`.
#[derive(Args, Debug)]
pub struct ServeArgs {
    /// The ledger's directory, made by `pledger init`.
    #[arg(long)]
    dir: PathBuf,
    /// The loopback address to listen on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Another origin under which clients reach this server, for sessions; may be repeated.
    #[arg(long = "audience")]
    audiences: Vec<String>,
    /// A configuration (TOML): the table `[witness]` says how witnesses are asked.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Log as JSON lines.
    #[arg(long)]
    log_json: bool,
}

/// Serves; gives the exit code.
pub fn execute(args: &ServeArgs, stdout: &mut dyn Write) -> u8 {
    start_logging(args.log_json);
    let settings = args.config.as_deref().map_or(Ok(ServeSettings::default()), ServeSettings::read);
    let settings = match settings {
        Ok(settings) => settings,
        Err(message) => return fail(2, &message),
    };
    let threads = thread::available_parallelism().map_or(2, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return fail(2, &error.to_string()),
    };
    let serving = runtime.block_on(Serving::open_with(&args.dir, args.listen, &args.audiences, settings));
    let serving = match serving {
        Ok(serving) => serving,
        Err(error) => return fail(2, &error.to_string()),
    };
    // Heard from here on: whoever reads the line below may send a signal at once.
    let stop = match runtime.block_on(async { StopSignal::new() }) {
        Ok(stop) => stop,
        Err(error) => return fail(2, &error.to_string()),
    };
    // The one line a starting script waits for.
    if let Err(error) = writeln!(stdout, "listening on {}", serving.url()).and_then(|()| stdout.flush()) {
        return fail(2, &error.to_string());
    }
    match runtime.block_on(serving.run(stop.received())) {
        Ok(()) => 0,
        Err(error) => fail(1, &error.to_string()),
    }
}

/// SIGTERM and SIGINT, heard since it was made.
pub struct StopSignal {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignal {
    /// Starts to listen; inside a runtime.
    ///
    /// # Errors
    /// If the system gives no signals.
    pub fn new() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Resolves on the first of them.
    pub async fn received(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Says what happens on standard error, as much as `PLEDGER_LOG` asks for.
pub(super) fn start_logging(json: bool) {
    let filter = match std::env::var("PLEDGER_LOG") {
        Ok(asked) => tracing_subscriber::EnvFilter::try_new(&asked).unwrap_or_else(|error| {
            eprintln!("pledger: PLEDGER_LOG={asked}: {error}: logging at info");
            tracing_subscriber::EnvFilter::new("info")
        }),
        Err(_) => tracing_subscriber::EnvFilter::new("info"),
    };
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = if json { builder.json().try_init() } else { builder.with_ansi(false).try_init() };
    if started.is_err() {
        eprintln!("pledger: logging was started before");
    }
}
