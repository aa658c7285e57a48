//! `tertulia serve`.

use std::io::{self, IsTerminal, Write};

use anyhow::{Context, bail};

use super::supervisor::{self, State};
use crate::banner::Started;
use crate::config::Settings;
use crate::server::{Server, build};
use crate::world::World;
use crate::{net, telemetry};

/// Serves until a signal says stop, which is no error, or until something fails
/// that the server cannot do without. `load` reads the settings anew.
pub(super) async fn serve(
    settings: Settings,
    load: impl Fn() -> anyhow::Result<Settings>,
) -> anyhow::Result<()> {
    telemetry::start(&settings.log).context("TERTULIA_LOG")?;
    net::raise_file_limit();
    for notice in &settings.notices {
        tracing::warn!("{} / {}", notice.es, notice.en);
    }
    let mut signals = Signals::listen()?;
    let server = build(settings.clone(), World::real()).await?;
    announce(&server, &settings);
    supervisor::tell(State::Ready);
    let failed = loop {
        tokio::select! {
            signal = signals.next() => match signal {
                Signal::Reload => reload(&server, &load),
                Signal::Stop => break false,
            },
            () = server.failed() => break true,
        }
    };
    tracing::info!("stopping");
    supervisor::tell(State::Stopping);
    server.shutdown().await;
    tracing::info!("stopped");
    if failed {
        bail!(
            "el servidor no podía continuar y se detuvo / \
             the server could not go on and has stopped"
        );
    }
    Ok(())
}

/// Standard output may be closed; the server runs all the same.
fn announce(server: &Server, settings: &Settings) {
    let started = Started {
        addresses: server.addresses(),
        tls: settings.network.tls.files().is_some(),
        data_dir: &settings.storage.data_dir,
        first: server.is_first_start(),
    };
    let mut out = io::stdout().lock();
    if server.is_first_start() || out.is_terminal() {
        let _ = out.write_all(started.welcome().as_bytes());
    }
    let _ = out.write_all(started.lines().as_bytes());
    let _ = out.flush();
    tracing::info!(addresses = ?server.addresses(), "listening");
    if let Some(address) = server.metrics_address() {
        tracing::info!(%address, "metrics");
    }
}

/// What can change while the server runs: the certificate and the log. What
/// cannot be read anew stays as it was.
fn reload(server: &Server, load: impl Fn() -> anyhow::Result<Settings>) {
    let filter = load().and_then(|settings| telemetry::change_filter(&settings.log));
    match filter.and(server.reload_certificate()) {
        Ok(()) => tracing::info!("settings of the log and certificate were read anew"),
        Err(error) => tracing::error!("something stays as it was: {error:#}"),
    }
}

enum Signal {
    Stop,
    #[cfg_attr(not(unix), expect(dead_code, reason = "only Unix has this signal"))]
    Reload,
}

#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> anyhow::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hang_up: listen(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::Stop,
            _ = self.interrupt.recv() => Signal::Stop,
            _ = self.hang_up.recv() => Signal::Reload,
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> anyhow::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> Signal {
        // Without a handler for Ctrl+C the system ends the process.
        let _ = tokio::signal::ctrl_c().await;
        Signal::Stop
    }
}
