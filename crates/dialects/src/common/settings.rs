//! Bounds and times of the transports (`reliability.md` §2). Bounds on what a
//! person may ask for live with the domain, in [`tertulia_domain::Limits`].

use std::num::NonZeroU32;
use std::time::Duration;

use tertulia_hub::{ConnectionSettings, HubSettings, OutboxLimits};

use super::client::Network;
use super::origin::{AllowedHosts, AllowedOrigins};

/// Each field is a setting; `server` fills it in.
#[derive(Clone, Debug)]
pub struct TransportSettings {
    /// Bytes of an HTTP body that is read as a whole.
    pub body_bytes: usize,
    /// Bytes of one WebSocket message, inflated; beyond it close 1009.
    pub message_bytes: usize,
    /// Bytes of one Socket.IO packet with its attachments, and of one polling
    /// body: what the clients of the older systems were told.
    pub socketio_bytes: usize,
    /// Binary attachments of one Socket.IO packet.
    pub socketio_attachments: usize,
    /// Engine.IO sessions that began over polling, and so may have no socket.
    pub polling_sessions: usize,
    /// How deep JSON may be nested.
    pub json_depth: usize,
    /// How many members one JSON object may have.
    pub json_members: usize,
    /// How many values one JSON text may hold in all, so that a small text
    /// cannot become a large thing in memory.
    pub json_values: usize,
    /// How often an idle connection is pinged.
    pub ping_interval: Duration,
    /// How long nothing may come after a ping.
    pub ping_timeout: Duration,
    /// How long a socket may stay without a login.
    pub auth_timeout: Duration,
    /// The same for KaapehChat, where people type the password on the open
    /// socket.
    pub kaapehchat_auth_timeout: Duration,
    /// Whether permessage-deflate is used with clients that offer it.
    pub compression: bool,
    /// Who may call from a browser (S10).
    pub allowed_origins: AllowedOrigins,
    /// Whose pages may open SOS-Habilidoso's sockets as well.
    pub sos_allowed_hosts: AllowedHosts,
    /// Whether a client that brings no token is believed to be whoever it says
    /// (S1).
    pub trust_user_id: TrustUserId,
    /// Whether REDUP's clients make groups by joining a name; unset: where
    /// clients are believed.
    pub ad_hoc_groups: Option<bool>,
    /// For how long a Socket.IO client that was cut off may come back and go on;
    /// zero when it may not.
    pub recovery_window: Duration,
    /// Proxies whose word on the client's address is taken (S19).
    pub trusted_proxies: Vec<Network>,
    /// How long an access token made by `/v1` lives.
    pub v1_access_lifetime: Duration,
    /// How long an access token made by KaapehChat lives.
    pub kaapehchat_access_lifetime: Duration,
    /// How long an access token made by IzpoChat lives.
    pub izpochat_access_lifetime: Duration,
    /// How long an access token made by SOS-Habilidoso's login lives.
    pub sos_access_lifetime: Duration,
    /// How long its refresh token lives.
    pub sos_refresh_lifetime: Duration,
    /// How long a link to a file is good, at least.
    pub file_link_lifetime: Duration,
    /// Messages that one user may send each second, for long.
    pub messages_per_second: NonZeroU32,
    /// Messages that one user may send at once: an old client flushes 200
    /// queued frames.
    pub message_burst: NonZeroU32,
    /// Connections of one user.
    pub connections_per_user: usize,
    /// Connections without a login from one address (a campus sits behind one).
    pub unauthenticated_per_address: usize,
    /// Rooms that one connection follows.
    pub rooms_per_connection: usize,
    /// Clients that are let in, and told what they missed, at the same moment;
    /// the others wait for their turn.
    pub entering_at_once: usize,
    /// Bytes that may wait for one socket before its client counts as too slow
    /// (G12).
    pub outbox_bytes: usize,
    /// How long a socket may take nothing before its client counts as too slow
    /// (G12).
    pub stall_timeout: Duration,
}

impl Default for TransportSettings {
    fn default() -> Self {
        Self {
            body_bytes: 256 * 1024,
            message_bytes: 1024 * 1024,
            socketio_bytes: 1_000_000,
            socketio_attachments: 10,
            polling_sessions: 10_000,
            json_depth: 32,
            json_members: 256,
            json_values: 65_536,
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
            auth_timeout: Duration::from_secs(10),
            kaapehchat_auth_timeout: Duration::from_secs(15 * 60),
            compression: false,
            allowed_origins: AllowedOrigins::Unset,
            sos_allowed_hosts: AllowedHosts::default(),
            trust_user_id: TrustUserId::No,
            ad_hoc_groups: None,
            recovery_window: Duration::from_secs(60 * 60),
            trusted_proxies: Vec::new(),
            v1_access_lifetime: Duration::from_secs(15 * 60),
            kaapehchat_access_lifetime: Duration::from_secs(8 * 60 * 60),
            izpochat_access_lifetime: Duration::from_secs(30 * 60),
            sos_access_lifetime: Duration::from_secs(60 * 60),
            sos_refresh_lifetime: Duration::from_secs(7 * 24 * 60 * 60),
            file_link_lifetime: Duration::from_secs(24 * 60 * 60),
            messages_per_second: const { NonZeroU32::new(10).unwrap() },
            message_burst: const { NonZeroU32::new(250).unwrap() },
            connections_per_user: 20,
            unauthenticated_per_address: 200,
            rooms_per_connection: 500,
            entering_at_once: 64,
            outbox_bytes: 1024 * 1024,
            stall_timeout: Duration::from_secs(10),
        }
    }
}

/// Whether, and where, a bare `user_id` is believed (`design.md` §5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TrustUserId {
    /// Nowhere.
    #[default]
    No,
    /// Where every listener is a loopback address; loading the settings sees to
    /// it.
    OnLoopback,
    /// On every listener.
    Everywhere,
}

impl TrustUserId {
    /// Whether it is believed here.
    #[must_use]
    pub fn is_on(self) -> bool {
        self != Self::No
    }
}

impl TransportSettings {
    /// Whether REDUP's clients make groups by joining a name
    /// (contracts/redup.md §6).
    #[must_use]
    pub fn allows_ad_hoc_groups(&self) -> bool {
        self.ad_hoc_groups.unwrap_or(self.trust_user_id.is_on())
    }

    /// What of this the hub has to know; the rest of its settings as they are
    /// by default.
    #[must_use]
    pub fn hub(&self) -> HubSettings {
        HubSettings {
            outbox: OutboxLimits {
                shared_bytes: self.outbox_bytes,
                ..OutboxLimits::default()
            },
            connection: ConnectionSettings {
                message_bytes: self.message_bytes,
                ping_interval: self.ping_interval,
                ping_timeout: self.ping_timeout,
                stall_timeout: self.stall_timeout,
                ..ConnectionSettings::default()
            },
            connections_per_user: self.connections_per_user,
            rooms_per_connection: self.rooms_per_connection,
            ..HubSettings::default()
        }
    }
}
