//! Servers that tests talk to, each started for this run alone, on a free port
//! of this machine, with its data below the target folder.
//!
//! To add one: a script in `xtask/services/` that becomes the server
//! (`<name>.sh FOLDER PORT`, and exit code 127 when its programs are not
//! installed), and a row here. A server ends with us, however we end: the
//! scripts ask the kernel for a signal when their parent dies.

use std::ffi::OsString;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::process;
use crate::python;
use crate::skips::Skip;
use crate::workspace::Workspace;

/// How long a server may take until it answers.
const PATIENCE: Duration = Duration::from_secs(120);

/// How much of what a server says is shown when something fails.
const LAST_LINES: usize = 10;

/// A server that tests use.
struct Service {
    name: &'static str,
    /// What is not tested without it.
    serves: &'static str,
    /// The Python packages it is made of: a file in `xtask/requirements/`. The
    /// script learns of them in `PYTHON`.
    python: Option<&'static str>,
    /// What Debian calls it.
    packages: &'static [&'static str],
    /// The variable that tells the tests its address.
    variable: &'static str,
    /// Its address, by its port.
    address: fn(u16) -> String,
    /// A command that succeeds once it answers at a port.
    answers: fn(u16) -> Command,
    /// The signal that ends it without waiting for its clients.
    stop: &'static str,
    /// What runs with its data there.
    carries: Carries,
}

/// What runs over a server in a run of everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carries {
    /// Nothing but the tests that look for its variable.
    Nothing,
    /// What every store must do.
    Store,
    /// That, and the whole server over it.
    Everything,
}

const SERVICES: &[Service] = &[
    Service {
        name: "postgres",
        serves: "every test on PostgreSQL",
        python: None,
        packages: &["postgresql"],
        variable: "TERTULIA_TEST_POSTGRES",
        address: |port| format!("postgres://tertulia@127.0.0.1:{port}/postgres"),
        answers: |port| {
            let mut command = Command::new("pg_isready");
            command.args(["--host=127.0.0.1", &format!("--port={port}")]);
            command
        },
        stop: "INT",
        carries: Carries::Everything,
    },
    Service {
        name: "pgbouncer",
        serves: "every test through a pooler",
        python: None,
        packages: &["postgresql", "pgbouncer"],
        variable: "TERTULIA_TEST_PGBOUNCER",
        address: |port| format!("postgres://tertulia@127.0.0.1:{port}/postgres?prepare=false"),
        // It answers before the database behind it does.
        answers: |port| {
            let mut command = Command::new("psql");
            command.args(["--host=127.0.0.1", &format!("--port={port}")]);
            command.args(["--username=tertulia", "--command=SELECT 1", "postgres"]);
            command
        },
        stop: "INT",
        carries: Carries::Store,
    },
    Service {
        name: "mariadb",
        serves: "every test on MariaDB",
        python: None,
        packages: &["mariadb-server", "mariadb-client"],
        variable: "TERTULIA_TEST_MARIADB",
        address: |port| format!("mysql://tertulia@127.0.0.1:{port}/test"),
        answers: |port| {
            let mut command = Command::new("mariadb-admin");
            command.args(["--no-defaults", "--host=127.0.0.1", "--user=tertulia"]);
            command.args([&format!("--port={port}"), "ping"]);
            command
        },
        stop: "TERM",
        carries: Carries::Everything,
    },
    Service {
        name: "s3",
        serves: "every test of files on S3",
        python: Some("services"),
        packages: &[],
        variable: "TERTULIA_TEST_S3",
        address: |port| format!("http://127.0.0.1:{port}"),
        answers: accepts,
        stop: "TERM",
        carries: Carries::Nothing,
    },
    Service {
        name: "gcs",
        serves: "every test of files on Google Cloud Storage",
        python: Some("services"),
        packages: &[],
        variable: "TERTULIA_TEST_GCS",
        address: |port| format!("http://127.0.0.1:{port}"),
        answers: accepts,
        stop: "TERM",
        carries: Carries::Nothing,
    },
];

/// A command that succeeds once anything listens.
fn accepts(port: u16) -> Command {
    let mut command = Command::new("bash");
    command.args(["-c", &format!("exec 3<>/dev/tcp/127.0.0.1/{port}")]);
    command
}

/// A server that runs until this is dropped.
pub(crate) struct Running {
    /// What it is called in the table.
    pub(crate) name: &'static str,
    /// The variable that tells the tests its address, and the address.
    pub(crate) variable: (&'static str, OsString),
    /// What runs with its data there.
    pub(crate) carries: Carries,
    child: Child,
    folder: PathBuf,
    stop: &'static str,
}

impl Running {
    /// Its process, which any others of it have as their parent.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs, and what it said last.
    pub(crate) fn state(&mut self) -> String {
        let state = match self.child.try_wait() {
            Ok(None) => "runs".to_owned(),
            Ok(Some(status)) => format!("ended ({status})"),
            Err(error) => format!("is not known ({error})"),
        };
        format!("{} {state}: {}", self.name, last_words(self))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let id = self.child.id().to_string();
        let _ = process::output(Command::new("kill").args(["-s", self.stop, &id]));
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Starts every server, all at once; names those that could not be had.
pub(crate) fn start(workspace: &Workspace) -> (Vec<Running>, Vec<Skip>) {
    let mut running = Vec::new();
    let mut skips = vec![Skip {
        name: "mysql-8",
        reason: "MariaDB stands for it, since no package registry offers it".to_owned(),
    }];
    let started: Vec<_> = SERVICES
        .iter()
        .map(|service| (service, begin(service, workspace, &[])))
        .collect();
    for (service, started) in started {
        match started.and_then(|(server, port)| ready(service, server, port)) {
            Ok(server) => running.push(server),
            Err(error) => skips.push(Skip {
                name: service.name,
                reason: format!("{}, since {error:#}", service.serves),
            }),
        }
    }
    (running, skips)
}

/// Starts a PostgreSQL that flushes to the disk as one does in earnest, on the
/// first core where there are two, for a benchmark.
pub(crate) fn start_durable_postgres(workspace: &Workspace) -> Result<Running> {
    let service = SERVICES.iter().find(|service| service.name == "postgres");
    let service = service.context("the table has no PostgreSQL")?;
    let (server, port) = begin(service, workspace, &["durable"])?;
    ready(service, server, port)
}

/// Starts a server, and installs it first where it is not there.
fn begin(service: &Service, workspace: &Workspace, how: &[&str]) -> Result<(Running, u16)> {
    if !cfg!(target_os = "linux") {
        bail!("it is started on Linux only");
    }
    let (mut server, port) = launch(service, workspace, how)?;
    if let Some(status) = ended_early(&mut server)? {
        if status != 127 {
            bail!("{}.sh ended with {status}", service.name);
        }
        process::install_on_debian(service.packages)?;
        return launch(service, workspace, how);
    }
    Ok((server, port))
}

fn launch(service: &Service, workspace: &Workspace, how: &[&str]) -> Result<(Running, u16)> {
    let folder = folder(service, workspace)?;
    let port = free_port()?;
    let log = fs::File::create(folder.join("log"))?;
    let script = workspace.root.join("xtask/services").join(service.name);
    let mut command = Command::new(script.with_extension("sh"));
    if let Some(packages) = service.python {
        let python = python::with_packages(workspace, packages)?;
        command.env("PYTHON", python.interpreter());
    }
    let child = command
        .arg(&folder)
        .arg(port.to_string())
        .args(how)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .with_context(|| format!("cannot start {}.sh", service.name))?;
    let running = Running {
        name: service.name,
        variable: (service.variable, (service.address)(port).into()),
        carries: service.carries,
        child,
        folder,
        stop: service.stop,
    };
    Ok((running, port))
}

/// The exit code of a script that found nothing to start.
fn ended_early(server: &mut Running) -> Result<Option<i32>> {
    let looks_until = Instant::now() + Duration::from_millis(500);
    while Instant::now() < looks_until {
        if let Some(status) = server.child.try_wait()? {
            return Ok(Some(status.code().unwrap_or(-1)));
        }
        sleep(Duration::from_millis(20));
    }
    Ok(None)
}

fn ready(service: &Service, mut server: Running, port: u16) -> Result<Running> {
    let until = Instant::now() + PATIENCE;
    while process::output(&mut (service.answers)(port)).is_err() {
        if let Some(status) = server.child.try_wait()? {
            bail!("{} ended ({status}): {}", service.name, last_words(&server));
        }
        if Instant::now() > until {
            bail!("{} does not answer: {}", service.name, last_words(&server));
        }
        sleep(Duration::from_millis(100));
    }
    eprintln!("started {} on port {port}", service.name);
    Ok(server)
}

fn last_words(server: &Running) -> String {
    let log = fs::read_to_string(server.folder.join("log")).unwrap_or_default();
    let lines: Vec<_> = log.lines().rev().take(LAST_LINES).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("; ")
}

/// An empty folder of this run, where the server's own user may write: below
/// the target folder or, when that lies in a home that nobody else may enter,
/// where the system keeps what is for a while only.
fn folder(service: &Service, workspace: &Workspace) -> Result<PathBuf> {
    let name = format!("{}-{}", service.name, std::process::id());
    let below_target = workspace.scratch.join("services");
    fs::create_dir_all(&below_target)?;
    remove_left_over(&below_target, service.name);
    let parent = if anyone_may_enter(&below_target) {
        below_target
    } else {
        std::env::temp_dir()
    };
    let folder = parent.join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// Data of runs that were killed.
fn remove_left_over(below: &Path, service: &str) {
    for entry in fs::read_dir(below).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner = name.strip_prefix(service).and_then(|n| n.strip_prefix('-'));
        if owner.is_some_and(|id| !Path::new("/proc").join(id).exists()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn anyone_may_enter(folder: &Path) -> bool {
    let mut probe = Command::new("setpriv");
    if process::is_root() {
        probe.args(["--reuid=nobody", "--regid=nogroup", "--clear-groups"]);
    }
    process::output(probe.arg("test").arg("-x").arg(folder)).is_ok()
}

/// A port that nobody listens on now.
fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}
