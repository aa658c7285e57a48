//! A database server that is a test's own: to be killed, to stand still, to run
//! out of disk. The tests of `store`, which must not see this crate, take in
//! this file.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::net::TcpStream;

/// How long a server may take until it answers.
const PATIENCE: Duration = Duration::from_secs(90);

/// Below those that systems hand out.
const FIRST_PORT: u16 = 18_000;
const PORTS: u16 = 12_000;

/// Enough for an empty database and some minutes of messages.
const SMALL_DISK: &str = "size=192m,mode=755";

/// Gives the command behind it a small disk at `$1`, in a view of the file system
/// that ends with it.
const ON_SMALL_DISK: &str = r#"mount -t tmpfs -o "$0" none "$1" && shift && exec "$@""#;

/// A database server that is ours to kill.
#[derive(Debug)]
pub struct DatabaseServer {
    script: PathBuf,
    folder: TempDir,
    port: u16,
    /// Whether its data lies on a disk of its own, a small one.
    is_cramped: bool,
    child: Child,
}

impl DatabaseServer {
    /// Of the kind that the tests run on; none on SQLite.
    pub async fn start() -> Option<Self> {
        Self::start_with(false, &[]).await
    }

    /// One that offers TLS by these files, `server.crt` and `server.key`.
    pub async fn start_with_files(files: &[(&str, &str)]) -> Option<Self> {
        Self::start_with(false, files).await
    }

    /// One with a small disk of its own. None where this needs rights that the
    /// test does not have.
    pub async fn start_on_small_disk() -> Option<Self> {
        if !can_mount() {
            eprintln!("left out: a small disk can be mounted by root on Linux only");
            return None;
        }
        Self::start_with(true, &[]).await
    }

    async fn start_with(is_cramped: bool, files: &[(&str, &str)]) -> Option<Self> {
        #[expect(clippy::disallowed_methods, reason = "how the test command says it")]
        let tested = std::env::var("TEST_DATABASE_URL").ok()?;
        let name = match tested.split_once(':')?.0 {
            "mysql" => "mariadb.sh",
            _ => "postgres.sh",
        };
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../xtask/services");
        let script = script.join(name);
        let folder = tempfile::tempdir().expect("a temporary folder");
        open_to_all(folder.path());
        let data = folder.path().join("server");
        std::fs::create_dir(&data).expect("a folder");
        for (name, text) in files {
            std::fs::write(data.join(name), text).expect("written");
        }
        let port = free_port();
        let child = launch(&script, &data, port, is_cramped);
        let mut server = Self {
            script,
            folder,
            port,
            is_cramped,
            child,
        };
        server.until_it_answers().await;
        Some(server)
    }

    /// The address of a database there, which is made when it is first used.
    pub fn url(&self) -> String {
        let port = self.port;
        if self.script.ends_with("mariadb.sh") {
            format!("mysql://tertulia@127.0.0.1:{port}/chat")
        } else {
            format!("postgres://tertulia@127.0.0.1:{port}/postgres?schema=chat")
        }
    }

    /// Starts it again for as long as it ends before it answers: the one before
    /// may still be in its way.
    pub async fn until_it_answers(&mut self) {
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
            assert!(Instant::now() < until, "the server does not start");
            if self.child.try_wait().expect("its state").is_some() {
                assert!(!self.is_cramped, "its disk is gone with it");
                let data = self.folder.path().join("server");
                self.child = launch(&self.script, &data, self.port, false);
            }
            tokio::task::yield_now().await;
        }
    }

    /// Ends it without a warning.
    pub fn kill(&mut self) {
        for process in self.processes() {
            signal("KILL", process);
        }
        self.child.wait().expect("it has ended");
    }

    /// Ends it without a warning, and starts it over the same data.
    pub async fn kill_and_restart(&mut self) {
        self.kill();
        self.until_it_answers().await;
    }

    /// Lets it stand still.
    pub fn stop(&self) {
        for process in self.processes() {
            signal("STOP", process);
        }
    }

    /// After [`stop`](Self::stop).
    pub fn go_on(&self) {
        for process in self.processes() {
            signal("CONT", process);
        }
    }

    /// Leaves no room on its small disk.
    pub fn fill_disk(&self) {
        fill(&self.filler());
    }

    /// After [`fill_disk`](Self::fill_disk).
    pub fn free_disk(&self) {
        std::fs::remove_file(self.filler()).expect("removed");
    }

    /// On its disk, which only it sees.
    fn filler(&self) -> PathBuf {
        let folder = self.folder.path().join("server/filler");
        seen_by(self.child.id(), &folder)
    }

    /// The server and those that it has started.
    fn processes(&self) -> Vec<u32> {
        let own = self.child.id();
        let entries = std::fs::read_dir("/proc").expect("Linux");
        let numbers = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        let children = numbers.filter(|number: &u32| {
            let stat = std::fs::read_to_string(format!("/proc/{number}/stat"));
            let stat = stat.unwrap_or_default();
            let parent = stat
                .rsplit(')')
                .next()
                .and_then(|rest| rest.split(' ').nth(2));
            parent == Some(&own.to_string())
        });
        std::iter::once(own).chain(children).collect()
    }
}

impl Drop for DatabaseServer {
    fn drop(&mut self) {
        for process in self.processes() {
            signal("KILL", process);
        }
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = log(&self.folder.path().join("server"));
            let said = std::fs::read_to_string(log).unwrap_or_default();
            eprintln!("the database server said:\n{said}");
        }
    }
}

/// A path as another process sees it.
pub fn seen_by(process: u32, path: &Path) -> PathBuf {
    let root = PathBuf::from(format!("/proc/{process}/root"));
    root.join(path.strip_prefix("/").unwrap_or(path))
}

/// Writes a file until there is no room for more.
pub fn fill(path: &Path) {
    let mut file = File::create(path).expect("a file");
    for block in [1 << 20, 4_096, 1] {
        let block = vec![0; block];
        loop {
            match file.write(&block) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => break,
                Err(error) => panic!("{error}"),
            }
        }
    }
}

/// Whether we may give a process a disk of its own.
pub fn can_mount() -> bool {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut tried = on_small_disk(folder.path(), Path::new("true"));
    let tried = tried.stderr(Stdio::null()).status();
    tried.is_ok_and(|status| status.success())
}

/// A command that sees a small disk in this folder.
pub fn on_small_disk(folder: &Path, program: &Path) -> Command {
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "sh", "-c", ON_SMALL_DISK, SMALL_DISK])
        .arg(folder)
        .arg(program);
    command
}

/// What the server says of itself.
fn log(data: &Path) -> PathBuf {
    data.with_extension("log")
}

fn launch(script: &Path, data: &Path, port: u16, is_cramped: bool) -> Child {
    let log = log(data);
    let log = File::options().create(true).append(true).open(log);
    let log = log.expect("a file");
    let mut command = match is_cramped {
        true => on_small_disk(data, script),
        false => Command::new(script),
    };
    let started = command
        .arg(data)
        .arg(port.to_string())
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a file"))
        .stderr(log)
        .spawn();
    started.expect("the script starts")
}

/// A port that nobody listens on, and that the system gives to nobody: else a
/// test that asks for any port could have it until the server does.
fn free_port() -> u16 {
    static ASKED: AtomicU32 = AtomicU32::new(0);
    let own = std::process::id().wrapping_mul(64);
    let free = std::iter::repeat_with(|| ASKED.fetch_add(1, Ordering::Relaxed))
        .take(usize::from(PORTS))
        .filter_map(|asked| u16::try_from(own.wrapping_add(asked) % u32::from(PORTS)).ok())
        .map(|place| FIRST_PORT + place)
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    free.expect("some port is free")
}

/// The server may be another user.
fn open_to_all(folder: &Path) {
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder, mode).expect("ours to change");
}

fn signal(name: &str, process: u32) {
    let sent = Command::new("kill")
        .args(["-s", name, &process.to_string()])
        .stderr(Stdio::null())
        .status();
    sent.expect("`kill` runs");
}
