//! The running server: everything wired together, and taken apart in order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tertulia_dialects::common::Context as DialectContext;
use tertulia_dialects::common::files::{FileLinks, PublicAddress};
use tertulia_domain::Chat;
use tertulia_hub::{Hub, HubSettings};
use tertulia_store::Database;
use tokio::net::TcpListener;
use tokio::time::{Instant, timeout_at};

use crate::config::{ListenAddress, NetworkSettings, Settings};
use crate::engine::Engine;
use crate::live::Live;
use crate::measure;
use crate::net::tls::Certificate;
use crate::net::{Admission, Bounds, Front, Listener, Patience, Turns, bind, most_connections};
use crate::routes::{self, Parts};
use crate::stop::{self, StopOrder};
use crate::world::World;

/// How long a shutdown may take before what is not finished is dropped; within
/// the 10 s of G15.
const DRAIN: Duration = Duration::from_secs(8);

/// A server that listens. Dropping it without [`Server::shutdown`] drops what is
/// in progress.
pub struct Server {
    addresses: Vec<SocketAddr>,
    metrics_address: Option<SocketAddr>,
    first_start: bool,
    chat: Arc<Chat>,
    live: Live,
    certificate: Option<Arc<Certificate>>,
    order: StopOrder,
}

/// Makes a server from its settings and starts it: opens the database, listens
/// and serves. Needs a Tokio runtime. Port 0 listens on any free port, see
/// [`Server::addresses`].
///
/// # Errors
/// When a folder, the secret, the database, the certificate or an address
/// cannot be used; nothing runs then.
pub async fn build(settings: Settings, world: World) -> anyhow::Result<Server> {
    measure::recorder();
    let certificate = match settings.network.tls.files() {
        Some((chain, key)) => Some(Arc::new(Certificate::load(chain, key)?)),
        None => None,
    };
    let listeners = bind_all(&settings.network.listen).await?;
    let metrics_listeners = bind_all(settings.network.metrics_listen.as_slice()).await?;
    let engine = Engine::start(&settings, &world).await?;
    // Over SQLite there is one node: whoever carried out these uploads is gone.
    if matches!(settings.storage.database(), Database::Sqlite(_)) {
        engine.chat.abandon_orphaned_uploads().await?;
    }

    let links = Arc::new(FileLinks::new(
        engine.signer,
        Arc::clone(&world.clock),
        public_address(&settings.network, listeners.first()),
        settings.transport.file_link_lifetime,
    ));
    let (codecs, codec_ids) = tertulia_dialects::codecs(&links);
    let live = Live::start(
        hub_settings(&settings),
        codecs,
        settings.outbox,
        &engine.chat,
        engine.events,
    );
    let context = DialectContext::new(
        Arc::clone(&engine.chat),
        Arc::clone(&live.hub),
        codec_ids,
        links,
        settings.transport.clone(),
    );
    let (order, stop) = stop::channel();
    let parts = Parts {
        chat: Arc::clone(&engine.chat),
        hub: Arc::clone(&live.hub),
        codecs: codec_ids,
        stop: stop.clone(),
        vitals: live.vitals.clone(),
        name: settings.app_name.as_str().into(),
    };
    let admission = Arc::new(Admission::new(bounds(&settings)));
    let patience = Patience {
        head: settings.listener.header_timeout,
        stall: settings.transport.stall_timeout,
    };
    let listen = |service, certificate| Listener {
        front: Arc::new(Front::new(service, patience, stop.clone())),
        admission: Arc::clone(&admission),
        certificate,
        turns: Turns::default(),
    };
    let service = routes::public(&settings, context, &parts, &admission);
    let public = listen(service, certificate.clone());
    let internal = listen(routes::internal(&parts), None);
    drop((parts, stop));
    let addresses = run_all(&public, listeners)?;
    let metrics_address = run_all(&internal, metrics_listeners)?.first().copied();
    Ok(Server {
        addresses,
        metrics_address,
        first_start: engine.first_start,
        chat: engine.chat,
        live,
        certificate,
        order,
    })
}

async fn bind_all(addresses: &[ListenAddress]) -> anyhow::Result<Vec<TcpListener>> {
    let mut listeners = Vec::new();
    for address in addresses {
        listeners.extend(bind(&address.host, address.port).await?);
    }
    Ok(listeners)
}

fn run_all(listener: &Listener, sockets: Vec<TcpListener>) -> anyhow::Result<Vec<SocketAddr>> {
    let addresses = sockets
        .iter()
        .map(TcpListener::local_addr)
        .collect::<Result<_, _>>()
        .context("a listener has no address")?;
    for socket in sockets {
        tokio::spawn(listener.clone().run(socket));
    }
    Ok(addresses)
}

/// How clients reach this server: as somebody said, else at the first address
/// where it listens, as it is called on this machine.
fn public_address(network: &NetworkSettings, first: Option<&TcpListener>) -> PublicAddress {
    if let Some(base) = &network.public_url {
        return PublicAddress {
            base: base.clone(),
            is_certain: true,
        };
    }
    let scheme = match network.tls.files() {
        Some(_) => "https",
        None => "http",
    };
    let bound = first.and_then(|listener| listener.local_addr().ok());
    let port = bound.map_or(0, |address| address.port());
    let host = network.listen.first().map(|address| match &*address.host {
        "0.0.0.0" | "::" => "127.0.0.1".to_owned(),
        host => host.to_owned(),
    });
    let address = ListenAddress {
        host: host.unwrap_or_default(),
        port,
    };
    PublicAddress {
        base: format!("{scheme}://{address}"),
        is_certain: false,
    }
}

fn hub_settings(settings: &Settings) -> HubSettings {
    HubSettings {
        presence_grace: settings.presence_grace,
        ..settings.transport.hub()
    }
}

fn bounds(settings: &Settings) -> Bounds {
    let listener = &settings.listener;
    Bounds {
        connections: listener.connections.unwrap_or_else(most_connections),
        attempts_per_second: listener.connection_attempts_per_second,
        per_address: settings.transport.unauthenticated_per_address,
        trusted_proxies: settings.transport.trusted_proxies.clone(),
    }
}

impl Server {
    /// Where it listens, in the order of the settings.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Where `/metrics` has an address of its own.
    #[must_use]
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics_address
    }

    /// Whether this start made the data folder.
    #[must_use]
    pub fn is_first_start(&self) -> bool {
        self.first_start
    }

    /// The chat behind it.
    #[must_use]
    pub fn chat(&self) -> &Arc<Chat> {
        &self.chat
    }

    /// Its live connections.
    #[must_use]
    pub fn hub(&self) -> &Arc<Hub> {
        &self.live.hub
    }

    /// Waits until something has ended by itself that the server cannot do
    /// without; the log says what. The server is not ready from then on: shut it
    /// down and start it anew.
    pub async fn failed(&self) {
        self.live.vitals.failure().await;
    }

    /// Reads the certificate anew.
    ///
    /// # Errors
    /// When it cannot be used; the old one stays in use.
    pub fn reload_certificate(&self) -> anyhow::Result<()> {
        match &self.certificate {
            Some(certificate) => certificate.reload(),
            None => Ok(()),
        }
    }

    /// Stops (G15): takes no more connections, finishes and acknowledges what is
    /// in progress, tells clients to come back, and closes the store. What is
    /// not finished within 8 s is dropped.
    pub async fn shutdown(self) {
        let deadline = Instant::now() + DRAIN;
        self.order.request();
        self.live.close_connections(DRAIN).await;
        if timeout_at(deadline, self.order.finished()).await.is_err() {
            tracing::warn!("some requests took too long and were dropped");
            self.order.insist();
            self.order.finished().await;
        }
        self.chat.shutdown().await;
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server")
            .field("addresses", &self.addresses)
            .finish_non_exhaustive()
    }
}
