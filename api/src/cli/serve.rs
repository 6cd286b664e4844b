//! `pledger serve`: serves the ledger of a directory until it is told to stop.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread;

use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::fail;
use crate::cosigning::settings::ServeSettings;
use crate::sealing::{Sealing, Times};
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
    /// The operator's key for seals (`uses` = `seal`): then seals are made.
    #[arg(long)]
    seal_key: Option<PathBuf>,
    /// From one seal to the next: a number with `s`, `m` or `h`.
    #[arg(long, default_value = "1h", value_parser = duration_ms, requires = "seal_key")]
    seal_every: u64,
    /// Draw each interval from half to one and a half of it, so that nobody knows the next.
    #[arg(long, requires = "seal_key")]
    seal_irregular: bool,
    /// The close of the day, `HH:MM` UTC, which is always sealed.
    #[arg(long, default_value = "00:00", value_parser = of_day_ms, requires = "seal_key")]
    seal_close: u64,
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
    let times = Times {
        every_ms: Some(args.seal_every),
        is_irregular: args.seal_irregular,
        close_ms: Some(args.seal_close),
    };
    let sealing = args.seal_key.clone().map(|key_file| Sealing { key_file, times });
    let serving = serving.sealing(sealing);
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

/// `90s`, `15m` or `1h`, in milliseconds: at least a second.
fn duration_ms(text: &str) -> Result<u64, String> {
    let unit = [("s", 1_000), ("m", 60_000), ("h", 3_600_000)];
    let parsed = unit.into_iter().find_map(|(unit, ms)| {
        text.strip_suffix(unit)?.parse::<u64>().ok()?.checked_mul(ms).filter(|ms| *ms > 0)
    });
    parsed.ok_or_else(|| format!("{text} is no number with s, m or h"))
}

/// `HH:MM`, in milliseconds from midnight.
fn of_day_ms(text: &str) -> Result<u64, String> {
    let minutes = text.split_once(':').and_then(|(hours, minutes)| {
        let (hours, minutes) = (hours.parse::<u64>().ok()?, minutes.parse::<u64>().ok()?);
        (text.len() == 5 && hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
    });
    minutes.map(|minutes| minutes * 60_000).ok_or_else(|| format!("{text} is no time of day like 22:30"))
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
