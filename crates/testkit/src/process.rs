//! The real program as a process of its own, to be killed and started again.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;

use crate::database;
use crate::inbox::within_patience;
use crate::{HttpClient, Socket, Transcript, V1Client};

/// What the program prints for each listener.
const START_LINE: &str = "WS server: ws";

const LISTEN: &str = "TERTULIA_LISTEN";

/// Lines of output that are kept.
const KEPT_LINES: usize = 10_000;

/// A running `tertulia`.
#[derive(Debug)]
pub struct ServerProcess {
    child: Child,
    addresses: Vec<SocketAddr>,
    stdout: Output,
    stderr: Output,
}

/// A process about to be started.
#[derive(Clone, Debug)]
pub struct ServerProcessBuilder {
    binary: PathBuf,
    data_dir: PathBuf,
    variables: Vec<(String, String)>,
    /// A folder where the process sees a small disk of its own.
    #[cfg(target_os = "linux")]
    disk: Option<PathBuf>,
}

impl ServerProcess {
    /// The program at `binary` (`env!("CARGO_BIN_EXE_tertulia")` in the tests of
    /// `server`) over a data folder, which may hold data already. It inherits
    /// no variable that could be a setting.
    #[must_use]
    pub fn builder(
        binary: impl Into<PathBuf>,
        data_dir: impl Into<PathBuf>,
    ) -> ServerProcessBuilder {
        ServerProcessBuilder {
            binary: binary.into(),
            data_dir: data_dir.into(),
            variables: Vec::new(),
            #[cfg(target_os = "linux")]
            disk: None,
        }
    }

    /// Where it listens first.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.addresses[0]
    }

    /// Everywhere it listens.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Talks HTTP to it.
    #[must_use]
    pub fn http(&self) -> HttpClient {
        HttpClient::new(self.address())
    }

    /// A new socket at a path.
    pub async fn socket(&self, name: &str, path: &str) -> Socket {
        Socket::connect(name, self.address(), path, &[], Transcript::default()).await
    }

    /// A new socket of `/v1/ws`, live as the token's user.
    pub async fn v1_socket(&self, name: &str, token: &str) -> V1Client {
        let mut client = V1Client::new(self.socket(name, "/v1/ws").await);
        client.authenticate(token).await;
        client
    }

    /// Its process id.
    ///
    /// # Panics
    /// When it has ended.
    #[must_use]
    pub fn id(&self) -> u32 {
        match self.child.id() {
            Some(id) => id,
            None => panic!("the server has ended; {}", self.said()),
        }
    }

    /// Ends it without a warning, as `kill -9` does.
    pub async fn kill(&mut self) {
        if let Err(error) = within_patience("the kill", self.child.kill()).await {
            panic!("could not kill the server: {error}");
        }
    }

    /// Ends it well where the system has a way to ask for that. All that it said was
    /// read then.
    ///
    /// # Panics
    /// When it does not end well.
    pub async fn stop(&mut self) {
        #[cfg(unix)]
        self.terminate();
        #[cfg(not(unix))]
        if let Err(error) = self.child.start_kill() {
            panic!("could not kill the server: {error}");
        }
        let ended = self.wait().await;
        assert!(!cfg!(unix) || ended.success(), "{ended}; {}", self.said());
    }

    /// Asks it to stop, with SIGTERM.
    #[cfg(unix)]
    pub fn terminate(&self) {
        self.signal(rustix::process::Signal::TERM);
    }

    /// Asks it to read its certificate and log settings again, with SIGHUP.
    #[cfg(unix)]
    pub fn hang_up(&self) {
        self.signal(rustix::process::Signal::HUP);
    }

    #[cfg(unix)]
    fn signal(&self, signal: rustix::process::Signal) {
        let id = i32::try_from(self.id()).ok();
        let id = id.and_then(rustix::process::Pid::from_raw);
        let sent = id.map(|id| rustix::process::kill_process(id, signal));
        assert!(matches!(sent, Some(Ok(()))), "could not signal the server");
    }

    /// Waits until it has ended by itself, and all that it said was read.
    pub async fn wait(&mut self) -> ExitStatus {
        let status = match within_patience("the server to end", self.child.wait()).await {
            Ok(status) => status,
            Err(error) => panic!("could not wait for the server: {error}"),
        };
        self.stdout.end().await;
        self.stderr.end().await;
        status
    }

    /// What it printed on standard output so far.
    #[must_use]
    pub fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// What it logged so far.
    #[must_use]
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// Waits until it has logged something that contains `text`.
    pub async fn wait_for_log(&mut self, text: &str) {
        self.stderr.wait_for(text, 1).await;
    }

    /// The memory that it holds, in bytes: `VmRSS`.
    #[cfg(target_os = "linux")]
    #[must_use]
    pub fn resident_bytes(&self) -> u64 {
        let path = format!("/proc/{}/status", self.id());
        let status = std::fs::read_to_string(&path).unwrap_or_default();
        let kib = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .and_then(|rest| rest.trim().strip_suffix(" kB"))
            .and_then(|kib| kib.parse::<u64>().ok());
        match kib {
            Some(kib) => kib * 1024,
            None => panic!("{path} names no memory: {status}"),
        }
    }

    fn said(&self) -> String {
        format!("it said:\n{}\n{}", self.stdout(), self.stderr())
    }
}

impl ServerProcessBuilder {
    /// With an environment variable.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With a small disk of its own in this folder, which only it sees. Needs
    /// what [`can_mount`](crate::can_mount) says.
    #[cfg(target_os = "linux")]
    #[must_use]
    pub fn small_disk(mut self, folder: impl Into<PathBuf>) -> Self {
        self.disk = Some(folder.into());
        self
    }

    /// Starts it and waits until it listens.
    ///
    /// # Panics
    /// When it ends before.
    pub async fn spawn(&self) -> ServerProcess {
        let mut command = self.command(&[]);
        let mut child = match command.kill_on_drop(true).spawn() {
            Ok(child) => child,
            Err(error) => panic!("could not start {}: {error}", self.binary.display()),
        };
        let stdout = Output::collect(child.stdout.take());
        let stderr = Output::collect(child.stderr.take());
        let mut server = ServerProcess {
            child,
            addresses: Vec::new(),
            stdout,
            stderr,
        };
        server.stdout.wait_for(START_LINE, self.listeners()).await;
        server.addresses = addresses(&server.stdout());
        assert!(
            !server.addresses.is_empty(),
            "the server did not start; {}",
            server.said()
        );
        server
    }

    /// The program with arguments, to run to its end with its output collected.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.program();
        command
            .args(arguments)
            .env_clear()
            .env(LISTEN, "127.0.0.1:0")
            .env("TERTULIA_DATA_DIR", &self.data_dir)
            .envs(database::variable_for(&self.data_dir, &self.variables))
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(self.working_dir())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn program(&self) -> Command {
        #[cfg(target_os = "linux")]
        if let Some(disk) = &self.disk {
            return crate::on_small_disk(disk, &self.binary).into();
        }
        Command::new(&self.binary)
    }

    fn listeners(&self) -> usize {
        let listen = self.variables.iter().find(|(name, _)| name == LISTEN);
        listen.map_or(1, |(_, list)| list.split(',').count())
    }

    /// Where no `.env` or `tertulia.toml` of a developer lies.
    fn working_dir(&self) -> &Path {
        self.data_dir.parent().unwrap_or(&self.data_dir)
    }
}

fn addresses(stdout: &str) -> Vec<SocketAddr> {
    stdout
        .lines()
        .filter_map(|line| line.strip_prefix(START_LINE))
        .filter_map(|rest| rest.split_once("://"))
        .filter_map(|(_, address)| address.parse().ok())
        .collect()
}

/// Reads all the time, so that the process never waits for the test.
#[derive(Debug)]
struct Output(watch::Receiver<Vec<String>>);

impl Output {
    fn collect<R: AsyncRead + Unpin + Send + 'static>(from: Option<R>) -> Self {
        let (lines, output) = watch::channel(Vec::new());
        tokio::spawn(async move {
            let Some(from) = from else { return };
            let mut from = BufReader::new(from).lines();
            while let Ok(Some(line)) = from.next_line().await {
                lines.send_modify(|kept| {
                    if kept.len() < KEPT_LINES {
                        kept.push(line);
                    }
                });
            }
        });
        Self(output)
    }

    fn text(&self) -> String {
        self.0.borrow().join("\n")
    }

    /// Waits until there is no more to come.
    async fn end(&mut self) {
        // The error says just that.
        let _ = within_patience("the end of what it says", self.0.wait_for(|_| false)).await;
    }

    /// Waits for so many lines with this text, or for the end.
    async fn wait_for(&mut self, text: &str, count: usize) {
        let seen = |lines: &Vec<String>| {
            let found = lines.iter().filter(|line| line.contains(text));
            found.count() >= count
        };
        // An error says that the output has ended.
        let _ = within_patience(text, self.0.wait_for(seen)).await;
    }
}
