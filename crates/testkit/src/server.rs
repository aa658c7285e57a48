//! A server in the test's own process.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::header::{HeaderName, HeaderValue};
use parking_lot::Mutex;
use tempfile::TempDir;
use tertulia_auth::HashCost;
use tertulia_domain::Chat;
use tertulia_server::config::{self, Inputs, Settings};
use tertulia_server::{Server, World};

use crate::database;
use crate::inbox::within_patience;
use crate::logs::LogWatch;
use crate::socket::WatchedSocket;
use crate::{
    HttpClient, KaapehClient, SeededRandom, Socket, SocketIoClient, SqlClient, TestClock,
    Transcript, V1Client,
};

/// Argon2 at its least: tests are not about how long a hash takes.
const CHEAP: HashCost = HashCost {
    memory_kib: 8,
    passes: 1,
};

/// Each request of a test has a connection of its own, and they come as fast as
/// the machine goes: only a test of this bound sets it lower.
const CONNECTION_ATTEMPTS: &str = "TERTULIA_LIMIT_CONNECTION_ATTEMPTS_PER_SECOND";

/// Who has gone is told of at a moment that depends on how fast the machine goes: only
/// a test that waits for it sets this lower.
const PRESENCE_GRACE: &str = "TERTULIA_PRESENCE_GRACE";

/// A running server with a database of its own, at port 0.
#[derive(Debug)]
pub struct TestServer {
    /// None once it was shut down.
    server: Option<Server>,
    clock: Arc<TestClock>,
    data_dir: PathBuf,
    /// Keeps the folder until the end, where the test brought none.
    _folder: Option<TempDir>,
    transcript: Transcript,
    sockets: Mutex<Vec<WatchedSocket>>,
    logs: LogWatch,
}

/// A server to be started with something else than the defaults.
pub struct TestServerBuilder {
    variables: Vec<(String, String)>,
    change: Box<dyn FnOnce(&mut Settings)>,
    data_dir: Option<PathBuf>,
    clock: Arc<TestClock>,
    seed: u64,
}

impl TestServer {
    /// Starts a server with the defaults.
    pub async fn spawn() -> Self {
        Self::builder().spawn().await
    }

    /// A server to be started with something else than the defaults.
    #[must_use]
    pub fn builder() -> TestServerBuilder {
        TestServerBuilder {
            variables: [(CONNECTION_ATTEMPTS, "1000000"), (PRESENCE_GRACE, "30s")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            change: Box::new(|_| {}),
            data_dir: None,
            clock: Arc::default(),
            seed: 1,
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server().addresses()[0]
    }

    /// The server itself.
    #[must_use]
    pub fn server(&self) -> &Server {
        match &self.server {
            Some(server) => server,
            None => unreachable!("only `shutdown` takes it, and takes `self` too"),
        }
    }

    /// The chat behind it, to prepare what a test does not want to say on the
    /// wire.
    #[must_use]
    pub fn chat(&self) -> &Arc<Chat> {
        self.server().chat()
    }

    /// Its clock.
    #[must_use]
    pub fn clock(&self) -> &TestClock {
        &self.clock
    }

    /// Lets its time of day pass. Timers of sockets go by the runtime's time.
    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// An app with a connection of its own to its database.
    pub async fn sql(&self) -> SqlClient {
        SqlClient::open(&self.data_dir).await
    }

    /// Where it keeps its data.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Everything that was said on its sockets.
    #[must_use]
    pub fn transcript(&self) -> &Transcript {
        &self.transcript
    }

    /// A new KaapehChat socket under this name.
    pub async fn kaapehchat(&self, name: &str) -> KaapehClient {
        KaapehClient::new(self.socket(name, "/", &[]).await)
    }

    /// A new socket of `/v1/ws` under this name, live as the token's user.
    pub async fn v1_socket(&self, name: &str, token: &str) -> V1Client {
        let mut client = V1Client::new(self.socket(name, "/v1/ws", &[]).await);
        client.authenticate(token).await;
        client
    }

    /// A new Socket.IO client under this name, with this query, which is in no
    /// namespace yet.
    pub async fn socketio_visitor(&self, name: &str, query: &str) -> SocketIoClient {
        let path = format!("/socket.io/?EIO=4&transport=websocket&{query}");
        SocketIoClient::open(self.socket(name, &path, &[]).await).await
    }

    /// A new Socket.IO client under this name, live as the user of this bare
    /// `user_id`.
    pub async fn socketio(&self, name: &str, user_id: &str) -> SocketIoClient {
        let query = format!("user_id={user_id}");
        let mut client = self.socketio_visitor(name, &query).await;
        client.enter(&serde_json::Value::Null).await;
        client
    }

    /// A new socket at any path, with further headers.
    pub async fn socket(
        &self,
        name: &str,
        path: &str,
        headers: &[(HeaderName, HeaderValue)],
    ) -> Socket {
        let transcript = self.transcript.clone();
        let socket = Socket::connect(name, self.address(), path, headers, transcript).await;
        self.sockets.lock().push(socket.watch());
        socket
    }

    /// Talks HTTP to it.
    #[must_use]
    pub fn http(&self) -> HttpClient {
        HttpClient::new(self.address())
    }

    /// An error in the log that contains `text` is no surprise.
    pub fn expect_error_log(&self, text: &str) {
        self.logs.expect(text);
    }

    /// Stops the server as SIGTERM does, and checks that nothing was left over.
    ///
    /// # Panics
    /// When a socket has unread frames, or an error was logged that nobody
    /// expected.
    pub async fn shutdown(mut self) {
        self.stop().await;
        let sockets = std::mem::take(&mut *self.sockets.lock());
        for socket in sockets {
            socket.refuse_unread_at_end().await;
        }
        self.logs.refuse_unexpected();
    }

    async fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            within_patience("the server to stop", server.shutdown()).await;
        }
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        if self.server.is_some() && !std::thread::panicking() {
            panic!("end the test with `server.shutdown().await`, which checks what was left over");
        }
    }
}

impl TestServerBuilder {
    /// With an environment variable.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With settings changed in place; called once.
    #[must_use]
    pub fn settings(mut self, change: impl FnOnce(&mut Settings) + 'static) -> Self {
        self.change = Box::new(change);
        self
    }

    /// Over a data folder that may hold data already. Whoever starts several
    /// servers over one folder gives each its own [`seed`](Self::seed).
    #[must_use]
    pub fn data_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(path.into());
        self
    }

    /// With another server's clock.
    #[must_use]
    pub fn clock(mut self, clock: Arc<TestClock>) -> Self {
        self.clock = clock;
        self
    }

    /// With other randomness.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Starts it.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn spawn(self) -> TestServer {
        match self.try_spawn().await {
            Ok(server) => server,
            Err(error) => panic!("the server did not start: {error:#}"),
        }
    }

    /// Starts it, or says why it does not start.
    ///
    /// # Errors
    /// As `tertulia_server::build`, and for wrong settings.
    pub async fn try_spawn(self) -> Result<TestServer, Box<dyn std::error::Error + Send + Sync>> {
        tertulia_server::install_provider();
        tertulia_server::raise_file_limit();
        let logs = LogWatch::start();
        let (data_dir, folder) = match self.data_dir {
            Some(path) => (path, None),
            None => {
                let folder = tempfile::tempdir()?;
                (folder.path().join("data"), Some(folder))
            }
        };
        let mut variables = self.variables;
        variables.extend(database::variable_for(&data_dir, &variables));
        let mut settings = config::load(&Inputs::from_variables(variables))?;
        if !settings
            .network
            .listen
            .iter()
            .all(|listen| listen.port == 0)
        {
            settings.network.listen = vec!["127.0.0.1:0".parse().map_err(|_| "no address")?];
        }
        settings.storage.data_dir.clone_from(&data_dir);
        (self.change)(&mut settings);
        let world = World {
            clock: Arc::clone(&self.clock) as _,
            random: Arc::new(SeededRandom::new(self.seed)),
            hash_cost: CHEAP,
        };
        let server = tertulia_server::build(settings, world).await?;
        Ok(TestServer {
            server: Some(server),
            clock: self.clock,
            data_dir,
            _folder: folder,
            transcript: Transcript::default(),
            sockets: Mutex::default(),
            logs,
        })
    }
}
