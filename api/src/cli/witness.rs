//! `pledger witness`: serves a C2SP tlog-witness until it is told to stop.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::fail;
use super::serve::{StopSignal, start_logging};
use crate::witness::WitnessServer;
use crate::witness::settings::Settings;

/// Arguments of `pledger witness`.
#[derive(Args, Debug)]
pub struct WitnessArgs {
    /// The configuration: name, key, state and the logs to trust (TOML).
    #[arg(long)]
    config: PathBuf,
    /// The loopback address to listen on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
    /// Make the state: for a new key alone, and once.
    #[arg(long)]
    first_start: bool,
    /// Log as JSON lines.
    #[arg(long)]
    log_json: bool,
}

/// Serves; gives the exit code.
pub fn execute(args: &WitnessArgs, stdout: &mut dyn Write) -> u8 {
    start_logging(args.log_json);
    match serve(args, stdout) {
        Ok(()) => 0,
        Err(message) => fail(2, &message),
    }
}

fn serve(args: &WitnessArgs, stdout: &mut dyn Write) -> Result<(), String> {
    let settings = Settings::read(&args.config).map_err(|error| error.to_string())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let server = WitnessServer::open(settings, args.listen, args.first_start).await;
        let server = server.map_err(|error| error.to_string())?;
        // Heard from here on: whoever reads the line below may send a signal at once.
        let stop = StopSignal::new().map_err(|error| error.to_string())?;
        let told = writeln!(stdout, "listening on {}", server.url()).and_then(|()| stdout.flush());
        told.map_err(|error| error.to_string())?;
        server.run(stop.received()).await.map_err(|error| error.to_string())
    })
}
