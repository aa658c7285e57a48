//! A server as a process of its own: started on one core, watched through
//! `/proc`, ended with the run.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use sqlx::{Connection, PgConnection};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::world::{Place, SECRET};

/// `USER_HZ`: what `/proc/<pid>/stat` counts in, on every Linux platform that
/// Rust supports.
const TICKS_PER_SECOND: f64 = 100.0;

/// Where servers run, and where the load does.
const SERVER_CORE: &str = "0";
const LOAD_CORE: &str = "1";

/// How long a server may take until it listens.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running server.
pub(crate) struct Server {
    process: Child,
    pid: u32,
    /// Its database's first process, where that is not within the server.
    database: Option<u32>,
    /// Where it listens.
    pub(crate) address: String,
    /// From its start until it said where it listens.
    pub(crate) start: Duration,
}

impl Server {
    /// Starts `program` on the first core and waits for the line that says
    /// where it listens.
    pub(crate) async fn start(
        program: &Path,
        arguments: &[&str],
        variables: &[(&str, String)],
    ) -> Result<Self> {
        let mut command = pinned(program);
        command
            .args(arguments)
            // Nothing that is set here must change what is measured.
            .env_clear();
        command.envs(variables.iter().map(|(name, value)| (*name, value)));
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let began = Instant::now();
        let mut process = command
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let pid = process.id().context("the server ended at once")?;
        let stdout = process.stdout.take().context("the server has no output")?;
        let mut lines = BufReader::new(stdout).lines();
        let listening = async {
            while let Some(line) = lines.next_line().await? {
                if let Some((_, address)) = line.split_once("WS server: ws://") {
                    return Ok(address.trim().trim_end_matches('/').to_owned());
                }
            }
            bail!("{} ended before it listened", program.display())
        };
        let address = tokio::time::timeout(PATIENCE, listening)
            .await
            .with_context(|| format!("{} does not listen", program.display()))??;
        let start = began.elapsed();
        // Goes on reading, so that the server never waits for its output.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self {
            process,
            pid,
            database: None,
            address,
            start,
        })
    }

    /// What it has cost so far, its database included.
    pub(crate) fn usage(&self) -> Result<Usage> {
        let mut cpu = times(self.pid)?.own;
        if let Some(database) = self.database {
            cpu += family(database)?;
        }
        Ok(Usage {
            cpu,
            resident_kib: self.status("VmRSS:")?,
        })
    }

    /// The most memory it has had since [`forget_peak`](Self::forget_peak).
    pub(crate) fn peak_kib(&self) -> Result<u64> {
        self.status("VmHWM:")
    }

    /// Lets the peak of its memory begin where it is now.
    pub(crate) fn forget_peak(&self) -> Result<()> {
        std::fs::write(format!("/proc/{}/clear_refs", self.pid), "5").context("clear_refs")
    }

    fn status(&self, field: &str) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        let value = line.with_context(|| format!("no {field}"))?.trim();
        Ok(value.trim_end_matches("kB").trim().parse()?)
    }

    /// Ends it.
    pub(crate) async fn stop(mut self) -> Result<()> {
        self.process.kill().await.context("cannot end the server")
    }
}

/// What processes have used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    /// User and system time.
    pub(crate) cpu: Duration,
    /// Memory of the server that is really there, without its database's.
    pub(crate) resident_kib: u64,
}

/// A process's times.
struct Times {
    parent: u32,
    own: Duration,
    /// Of children that have ended.
    children: Duration,
}

fn times(pid: u32) -> Result<Times> {
    let stat =
        std::fs::read_to_string(format!("/proc/{pid}/stat")).context("needs Linux's /proc")?;
    // The program's name, in brackets, may hold anything; fields are counted after it.
    let (_, fields) = stat.rsplit_once(')').context("odd /proc/…/stat")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let field = |index: usize| fields.get(index).context("short /proc/…/stat");
    let ticks = |index| -> Result<f64> { Ok(field(index)?.parse()?) };
    let time = |ticks: f64| Duration::from_secs_f64(ticks / TICKS_PER_SECOND);
    Ok(Times {
        parent: field(1)?.parse()?,
        own: time(ticks(11)? + ticks(12)?),
        children: time(ticks(13)? + ticks(14)?),
    })
}

/// A process with all its children, those that ended included.
fn family(pid: u32) -> Result<Duration> {
    let first = times(pid)?;
    let mut cpu = first.own + first.children;
    for entry in std::fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let child = name.to_str().and_then(|name| name.parse().ok());
        if let Some(Ok(times)) = child.map(times)
            && times.parent == pid
        {
            cpu += times.own;
        }
    }
    Ok(cpu)
}

/// Things that this program does not bring itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tools {
    /// The program `tertulia`.
    pub(crate) tertulia: PathBuf,
    /// The folder of the Node.js packages.
    pub(crate) node: Option<PathBuf>,
    /// A PostgreSQL: its address without a database's name, and its first process.
    pub(crate) postgres: Option<(String, u32)>,
}

impl Tools {
    /// What is measured, by its versions.
    pub(crate) async fn versions(&self) -> Result<String> {
        let mut versions = format!("Tertulia {}", env!("CARGO_PKG_VERSION"));
        if self.node.is_some() {
            let mut node = Command::new("/usr/bin/env");
            node.args(["node", "--version"]).env("PATH", PATH);
            let node = String::from_utf8(node.output().await?.stdout)?;
            let packages = include_str!("../peers/node/package.json");
            let packages: serde_json::Value = serde_json::from_str(packages)?;
            let socket_io = packages["dependencies"]["socket.io"].as_str();
            let socket_io = socket_io.context("no version of Socket.IO")?;
            let _ = write!(
                versions,
                ", Node.js {} with Socket.IO {socket_io}",
                node.trim()
            );
        }
        if let Some((address, _)) = &self.postgres {
            let mut database = PgConnection::connect(&format!("{address}/postgres")).await?;
            let version = sqlx::query_scalar::<_, String>("SHOW server_version");
            let version = version.fetch_one(&mut database).await?;
            database.close().await?;
            let _ = write!(versions, ", PostgreSQL {version}");
        }
        Ok(versions)
    }

    /// What a whole run needs, and is not there.
    pub(crate) fn missing(&self) -> Option<&'static str> {
        match (&self.node, &self.postgres) {
            (None, _) => Some("Node.js is missing"),
            (_, None) => Some("PostgreSQL is missing"),
            (Some(_), Some(_)) => None,
        }
    }
}

/// Where Node.js is looked for.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Starts Tertulia. Of its limits, rates and counts are raised: everything else
/// is as for everybody.
pub(crate) async fn tertulia(tools: &Tools, place: &Place) -> Result<Server> {
    const MANY: &str = "100000";
    const RAISED: [&str; 6] = [
        "TERTULIA_LIMIT_MESSAGES_PER_SECOND",
        "TERTULIA_LIMIT_MESSAGE_BURST",
        "TERTULIA_LIMIT_CONNECTION_ATTEMPTS_PER_SECOND",
        "TERTULIA_LIMIT_CONNECTIONS_PER_USER",
        "TERTULIA_LIMIT_UNAUTHENTICATED_PER_ADDRESS",
        "TERTULIA_LIMIT_ROOMS_PER_CONNECTION",
    ];
    let mut variables = vec![
        ("TERTULIA_LISTEN", "127.0.0.1:0".to_owned()),
        ("TERTULIA_DATA_DIR", place.folder.display().to_string()),
        ("TERTULIA_JWT_SECRET", SECRET.to_owned()),
        ("TERTULIA_LOG", "warn".to_owned()),
    ];
    variables.extend(RAISED.map(|name| (name, MANY.to_owned())));
    if let Some(database) = &place.database {
        variables.push(("TERTULIA_DATABASE_URL", database.clone()));
    }
    let mut server = Server::start(&tools.tertulia, &["serve"], &variables).await?;
    let postgres = tools.postgres.as_ref().filter(|_| place.database.is_some());
    server.database = postgres.map(|(_, pid)| *pid);
    Ok(server)
}

/// Starts the Node.js peer, in memory or over a database.
pub(crate) async fn node(tools: &Tools, database: Option<&str>) -> Result<Server> {
    let packages = tools.node.as_ref().context("no Node.js packages")?;
    let packages = packages.to_str().context("an odd path")?;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/node/server.mjs");
    let mut arguments = vec![script, packages];
    arguments.extend(database);
    let mut server = Server::start(
        Path::new("/usr/bin/env"),
        &node_command(&arguments),
        &[
            ("PATH", PATH.to_owned()),
            ("NODE_ENV", "production".to_owned()),
        ],
    )
    .await?;
    let postgres = tools.postgres.as_ref().filter(|_| database.is_some());
    server.database = postgres.map(|(_, pid)| *pid);
    Ok(server)
}

fn node_command<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    let mut command = vec!["node"];
    command.extend(arguments);
    command
}

/// Starts the limit server, which is this program.
pub(crate) async fn limit() -> Result<Server> {
    Server::start(&std::env::current_exe()?, &["limit-server"], &[]).await
}

/// Asks the system for as many open files as it will give, for the load and for
/// the servers that it starts. What it refuses is seen when connections fail.
pub(crate) fn raise_file_limit() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

        let maximum = getrlimit(Resource::Nofile).maximum;
        let raised = Rlimit {
            current: maximum,
            maximum,
        };
        if let Err(error) = setrlimit(Resource::Nofile, raised) {
            eprintln!("note: the limit of open files stays as it is: {error}");
        }
    }
}

/// How many files, and so connections, a process may have open.
pub(crate) fn file_limit() -> usize {
    #[cfg(unix)]
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    #[cfg(not(unix))]
    let limit = None;
    limit.map_or(usize::MAX, |limit: u64| {
        usize::try_from(limit).unwrap_or(usize::MAX)
    })
}

/// Puts the load itself on the second core, away from the server.
pub(crate) fn pin_load() {
    if !pin(LOAD_CORE) {
        eprintln!(
            "note: taskset is missing or there is one core: load and server share what there is"
        );
    }
}

/// Does something where the servers run, then goes back to the load's core.
pub(crate) fn on_servers_core<T>(work: impl FnOnce() -> T) -> T {
    pin(SERVER_CORE);
    let done = work();
    pin(LOAD_CORE);
    done
}

fn pin(core: &str) -> bool {
    let pid = std::process::id().to_string();
    let pinned = std::process::Command::new("taskset")
        .args(["-cp", core, &pid])
        .stdout(Stdio::null())
        .status();
    pinned.is_ok_and(|status| status.success())
}

fn pinned(program: &Path) -> Command {
    let one_core = std::thread::available_parallelism().is_ok_and(|cores| cores.get() == 1);
    let taskset = std::process::Command::new("taskset")
        .arg("--version")
        .stdout(Stdio::null())
        .status();
    // Once the load is pinned, one core is all that it sees.
    if one_core && !is_pinned() || !taskset.is_ok_and(|status| status.success()) {
        return Command::new(program);
    }
    // taskset replaces itself by the program: the pid stays.
    let mut command = Command::new("taskset");
    command.args(["-c", SERVER_CORE]).arg(program);
    command
}

/// Whether this process runs on the second core alone.
fn is_pinned() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let allowed = status
        .lines()
        .find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    allowed.is_some_and(|list| list.trim() == LOAD_CORE)
}
