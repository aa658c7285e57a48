//! The settings of `server` itself, with their defaults. Those of other crates
//! are their own structs: [`Limits`](tertulia_domain::Limits),
//! [`TransportSettings`](tertulia_dialects::common::settings::TransportSettings).

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tertulia_auth::SigningSecret;
use tertulia_store::Database;

use super::address::ListenAddress;

/// Where the server listens.
#[derive(Clone, Debug)]
pub struct NetworkSettings {
    /// Every listener serves everything. Never empty.
    pub listen: Vec<ListenAddress>,
    /// Where `/metrics` is, when not on every listener (S20).
    pub metrics_listen: Option<ListenAddress>,
    /// How the server is reached from outside: scheme, host and perhaps a
    /// port, without a slash at the end.
    pub public_url: Option<String>,
    /// TLS, when it is served.
    pub tls: TlsSettings,
}

impl Default for NetworkSettings {
    fn default() -> Self {
        Self {
            listen: vec![ListenAddress {
                host: "127.0.0.1".to_owned(),
                port: 8000,
            }],
            metrics_listen: None,
            public_url: None,
            tls: TlsSettings::default(),
        }
    }
}

/// The files that TLS is served with. Loading the settings sees to it that
/// both are given or none.
#[derive(Clone, Debug, Default)]
pub struct TlsSettings {
    pub(super) certificate: Option<PathBuf>,
    pub(super) key: Option<PathBuf>,
}

impl TlsSettings {
    /// The certificate chain and its key, both PEM; none for plain HTTP.
    #[must_use]
    pub fn files(&self) -> Option<(&Path, &Path)> {
        self.certificate.as_deref().zip(self.key.as_deref())
    }
}

/// Where data is kept.
#[derive(Clone, Debug)]
pub struct StorageSettings {
    /// The folder of everything that the server keeps.
    pub data_dir: PathBuf,
    pub(super) database: Option<Database>,
}

impl StorageSettings {
    /// The database.
    #[must_use]
    pub fn database(&self) -> Database {
        let in_data_dir = || Database::Sqlite(self.data_dir.join("tertulia.db"));
        self.database.clone().unwrap_or_else(in_data_dir)
    }
}

impl Default for StorageSettings {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("data"),
            database: None,
        }
    }
}

/// How the rows are seen to that SQL clients insert into the table `outbox`.
#[derive(Clone, Copy, Debug)]
pub struct OutboxSettings {
    /// How often to look for them where the database does not tell; zero never
    /// looks.
    pub poll_interval: Duration,
    /// How long they are kept once they were seen to.
    pub kept: Duration,
}

impl Default for OutboxSettings {
    fn default() -> Self {
        Self {
            poll_interval: Duration::from_millis(100),
            kept: Duration::from_secs(7 * 24 * 60 * 60),
        }
    }
}

/// What tokens are signed with.
#[derive(Clone, Debug, Default)]
pub struct TokenSettings {
    /// The configured signing secret. None: the one in the data directory,
    /// see [`secret_file`](super::secret_file).
    pub secret: Option<SigningSecret>,
    /// Still verifies after a change of secrets (S3).
    pub previous_secret: Option<SigningSecret>,
    /// Verifies tokens of an older KaapehChat installation.
    pub kaapehchat_secret: Option<SigningSecret>,
    /// Verifies tokens of an older SOS-Habilidoso installation: the key of its
    /// calls.
    pub sos_secret: Option<SigningSecret>,
    /// The same: the key of its sockets, where it is another one.
    pub sos_socket_secret: Option<SigningSecret>,
    /// Verifies tokens of an older IzpoChat installation.
    pub izpochat_secret: Option<SigningSecret>,
}

/// Tokens that the app signs itself. Loading the settings sees to it that at
/// most one kind of key is given.
#[derive(Clone, Debug)]
pub struct AppTokenSettings {
    pub(super) secret: Option<SigningSecret>,
    pub(super) public_key: Option<PathBuf>,
    pub(super) key_set: Option<PathBuf>,
    /// The claim with the app's own id for the user.
    pub user_claim: String,
    /// The claim with the user's name, for people.
    pub name_claim: String,
    /// Who must have issued them.
    pub issuer: Option<String>,
    /// For whom they must be.
    pub audience: Option<String>,
}

/// Where the key is that verifies the app's tokens.
#[derive(Clone, Copy, Debug)]
pub enum AppKeySource<'a> {
    /// A secret that the app signs with too.
    Secret(&'a SigningSecret),
    /// A PEM file.
    PublicKey(&'a Path),
    /// A file with a JSON Web Key Set.
    KeySet(&'a Path),
}

impl AppTokenSettings {
    /// None when the app's tokens are not taken.
    #[must_use]
    pub fn key(&self) -> Option<AppKeySource<'_>> {
        self.keys().next()
    }

    /// Every key that is given.
    pub(super) fn keys(&self) -> impl Iterator<Item = AppKeySource<'_>> {
        let secret = self.secret.as_ref().map(AppKeySource::Secret);
        let public_key = self.public_key.as_deref().map(AppKeySource::PublicKey);
        let key_set = self.key_set.as_deref().map(AppKeySource::KeySet);
        [secret, public_key, key_set].into_iter().flatten()
    }
}

impl Default for AppTokenSettings {
    fn default() -> Self {
        Self {
            secret: None,
            public_key: None,
            key_set: None,
            user_claim: "sub".to_owned(),
            name_claim: "name".to_owned(),
            issuer: None,
            audience: None,
        }
    }
}

/// What is logged, and how.
#[derive(Clone, Debug)]
pub struct LogSettings {
    /// A level, or directives as `tracing_subscriber::EnvFilter` reads them;
    /// it has read them once already.
    pub filter: String,
    /// The form of a line.
    pub format: LogFormat,
    /// Whether a WebSocket that breaks off is logged.
    pub websocket_disconnects: bool,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self {
            filter: "info".to_owned(),
            format: LogFormat::Auto,
            websocket_disconnects: false,
        }
    }
}

/// The form of a line of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people on a terminal, else JSON.
    Auto,
    /// For people.
    Human,
    /// One JSON object per line.
    Json,
}

/// Bounds on connections before anybody speaks a dialect
/// (`reliability.md` §2).
#[derive(Clone, Debug)]
pub struct ListenerSettings {
    /// Connections in all. None: as many as the limit of open files allows,
    /// with a reserve.
    pub connections: Option<usize>,
    /// New connections of one address in a second.
    pub connection_attempts_per_second: NonZeroU32,
    /// How long the headers of a request may take.
    pub header_timeout: Duration,
}

impl Default for ListenerSettings {
    fn default() -> Self {
        Self {
            connections: None,
            connection_attempts_per_second: const { NonZeroU32::new(100).unwrap() },
            header_timeout: Duration::from_secs(10),
        }
    }
}
