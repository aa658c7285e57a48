//! A server as a process of its own: started on one core, watched through
//! `/proc`, ended with the run.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// `USER_HZ`: what `/proc/<pid>/stat` counts in, on every Linux platform that
/// Rust supports.
const TICKS_PER_SECOND: f64 = 100.0;

/// A running server.
pub(crate) struct Server {
    process: Child,
    pid: u32,
    /// Where it listens.
    pub(crate) address: String,
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
        let mut process = command
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let pid = process.id().context("the server ended at once")?;
        let stdout = process.stdout.take().context("the server has no output")?;
        let mut lines = BufReader::new(stdout).lines();
        let address = loop {
            match lines.next_line().await? {
                Some(line) => {
                    if let Some((_, address)) = line.split_once("WS server: ws://") {
                        break address.trim().trim_end_matches('/').to_owned();
                    }
                }
                None => bail!("the server ended before it listened"),
            }
        };
        // Goes on reading, so that the server never waits for its output.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self {
            process,
            pid,
            address,
        })
    }

    /// What it has cost so far.
    pub(crate) fn usage(&self) -> Result<Usage> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid))
            .context("needs Linux's /proc")?;
        // The program's name, in brackets, may hold anything; fields are counted after it.
        let fields: Vec<&str> = stat
            .rsplit_once(')')
            .context("odd /proc/…/stat")?
            .1
            .split_whitespace()
            .collect();
        let ticks = |index: usize| -> Result<f64> {
            Ok(fields.get(index).context("short /proc/…/stat")?.parse()?)
        };
        let cpu = Duration::from_secs_f64((ticks(11)? + ticks(12)?) / TICKS_PER_SECOND);
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let resident = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .context("no VmRSS")?;
        let kib = resident.trim().trim_end_matches("kB").trim().parse()?;
        Ok(Usage {
            cpu,
            resident_kib: kib,
        })
    }

    /// Ends it.
    pub(crate) async fn stop(mut self) -> Result<()> {
        self.process.kill().await.context("cannot end the server")
    }
}

/// Starts Tertulia, whose binary lies beside this one, over a fresh folder. Of
/// its limits, rates and counts are raised: everything else is as for everybody.
pub(crate) async fn tertulia(data: &Path) -> Result<Server> {
    const MANY: &str = "100000";
    const RAISED: [&str; 6] = [
        "TERTULIA_LIMIT_MESSAGES_PER_SECOND",
        "TERTULIA_LIMIT_MESSAGE_BURST",
        "TERTULIA_LIMIT_CONNECTION_ATTEMPTS_PER_SECOND",
        "TERTULIA_LIMIT_CONNECTIONS_PER_USER",
        "TERTULIA_LIMIT_INITIAL_MEMBERS",
        "TERTULIA_LIMIT_REGISTRATIONS_PER_ADDRESS",
    ];
    let mut variables = vec![
        ("TERTULIA_LISTEN", "127.0.0.1:0".to_owned()),
        ("TERTULIA_DATA_DIR", data.display().to_string()),
        ("TERTULIA_LOG", "warn".to_owned()),
    ];
    variables.extend(RAISED.map(|name| (name, MANY.to_owned())));
    let own = std::env::current_exe()?;
    let program = own.parent().context("a program lies in a folder")?;
    Server::start(&program.join("tertulia"), &["serve"], &variables).await
}

/// What a process has used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    /// User and system time.
    pub(crate) cpu: Duration,
    /// Memory that is really there.
    pub(crate) resident_kib: u64,
}

/// Puts the load itself on the second core, away from the server.
pub(crate) fn pin_load() {
    let pid = std::process::id().to_string();
    let pinned = std::process::Command::new("taskset")
        .args(["-cp", "1", &pid])
        .stdout(Stdio::null())
        .status();
    if !pinned.is_ok_and(|status| status.success()) {
        eprintln!(
            "note: taskset is missing or there is one core: load and server share what there is"
        );
    }
}

fn pinned(program: &Path) -> Command {
    let one_core = std::thread::available_parallelism().is_ok_and(|cores| cores.get() == 1);
    let taskset = std::process::Command::new("taskset")
        .arg("--version")
        .stdout(Stdio::null())
        .status();
    if one_core || !taskset.is_ok_and(|status| status.success()) {
        return Command::new(program);
    }
    // taskset replaces itself by the program: the pid stays.
    let mut command = Command::new("taskset");
    command.args(["-c", "0"]).arg(program);
    command
}
