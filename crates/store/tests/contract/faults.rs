//! A server that is killed, started again, or stands still while messages are
//! sent (criterion: nothing confirmed is lost, nothing refused appears, service
//! returns by itself). Each test has a server of its own, to be killed.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tertulia_domain::command::Outcome;
use tertulia_domain::{RoomId, UserId};
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::world::{World, draft_with, server};

const PATIENCE: Duration = Duration::from_secs(90);

/// Messages between two faults.
const BETWEEN: usize = 40;

/// A database server that is ours to kill.
struct OwnServer {
    script: PathBuf,
    folder: TempDir,
    port: u16,
    child: Child,
}

impl OwnServer {
    /// Of the kind that the tests run on; none on SQLite.
    async fn start() -> Option<Self> {
        let name = match server()?.split_once(':')?.0 {
            "mysql" => "mariadb.sh",
            _ => "postgres.sh",
        };
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../xtask/services");
        let script = script.join(name);
        let folder = tempfile::tempdir().expect("a temporary folder");
        open_to_all(folder.path());
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("its number").port();
        drop(listener);
        let child = launch(&script, folder.path(), port);
        let mut server = Self {
            script,
            folder,
            port,
            child,
        };
        server.until_it_answers().await;
        Some(server)
    }

    fn url(&self) -> String {
        let port = self.port;
        if self.script.ends_with("mariadb.sh") {
            format!("mysql://tertulia@127.0.0.1:{port}/chat")
        } else {
            format!("postgres://tertulia@127.0.0.1:{port}/postgres?schema=chat")
        }
    }

    /// Starts it again for as long as the one before is still in its way.
    async fn until_it_answers(&mut self) {
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
            assert!(Instant::now() < until, "the server does not start");
            if self.child.try_wait().expect("its state").is_some() {
                self.child = launch(&self.script, self.folder.path(), self.port);
            }
            tokio::task::yield_now().await;
        }
    }

    async fn kill_and_restart(&mut self) {
        for process in self.processes() {
            signal("KILL", process);
        }
        self.child.wait().expect("it has ended");
        self.child = launch(&self.script, self.folder.path(), self.port);
        self.until_it_answers().await;
    }

    fn stop(&self) {
        for process in self.processes() {
            signal("STOP", process);
        }
    }

    fn go_on(&self) {
        for process in self.processes() {
            signal("CONT", process);
        }
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

impl Drop for OwnServer {
    fn drop(&mut self) {
        for process in self.processes() {
            signal("KILL", process);
        }
        let _ = self.child.wait();
    }
}

fn launch(script: &Path, folder: &Path, port: u16) -> Child {
    let started = Command::new(script)
        .arg(folder.join("server"))
        .arg(port.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    started.expect("the script starts")
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

/// What came of the sends.
#[derive(Default)]
struct Journal {
    confirmed: BTreeSet<String>,
    refused: BTreeSet<String>,
}

/// Sends one message after the other until told to end; nothing is sent twice.
async fn send(
    world: Arc<World>,
    (room, sender): (RoomId, UserId),
    confirmed: watch::Sender<usize>,
    end: watch::Receiver<bool>,
) -> Journal {
    let mut journal = Journal::default();
    // Made before, so that the sends need nothing else of the database.
    let first = world.append(room, sender, draft_with("c", "x")).await;
    let tertulia_domain::command::Command::Append { permit, message } = first else {
        unreachable!("an append is an append");
    };
    let ids = world
        .store
        .reserve_ids(tertulia_domain::ports::IdKind::Message, 1 << 24);
    let mut ids = ids.await.expect("ids");
    while !*end.borrow() {
        let id = ids.next().expect("enough ids");
        let client_id = format!("c-{id}");
        let mut message = message.clone();
        message.id = tertulia_domain::MessageId(id);
        message.draft = draft_with(&client_id, "x");
        let command = tertulia_domain::command::Command::Append {
            permit: permit.clone(),
            message,
        };
        match world.run(command).await {
            Ok(Outcome::Appended { .. }) => {
                journal.confirmed.insert(client_id);
                confirmed.send_modify(|count| *count += 1);
            }
            Ok(other) => panic!("sent once: {other:?}"),
            Err(_) => {
                journal.refused.insert(client_id);
                // A server that is away is asked again, not at once.
                tokio::task::yield_now().await;
            }
        }
    }
    journal
}

async fn wait_for(confirmed: &mut watch::Receiver<usize>, more: usize) {
    let wanted = *confirmed.borrow() + more;
    let done = tokio::time::timeout(PATIENCE, confirmed.wait_for(|count| *count >= wanted));
    done.await
        .expect("service returns")
        .expect("the sender lives");
}

async fn check(world: &World, journal: &Journal, (room, reader): (RoomId, UserId)) {
    let mut stored = BTreeSet::new();
    let mut after = None;
    let mut expected = 0;
    loop {
        let page = tertulia_domain::ports::MessagePage {
            before: None,
            after,
            limit: 500,
            deleted: true,
        };
        let page = world.page(room, reader, page).await;
        let Some(last) = page.last() else { break };
        after = Some(last.seq);
        for message in page {
            expected += 1;
            assert_eq!(message.seq.0, expected, "the numbers have no hole");
            let client_id = message.client_id.expect("each has one");
            assert!(stored.insert(client_id.as_str().to_owned()), "doubled");
        }
    }
    let lost: Vec<_> = journal.confirmed.difference(&stored).collect();
    assert!(lost.is_empty(), "confirmed and lost: {lost:?}");
    let appeared: Vec<_> = journal.refused.intersection(&stored).collect();
    assert!(appeared.is_empty(), "refused and stored: {appeared:?}");
    assert_eq!(stored.len(), journal.confirmed.len());
}

/// Runs senders while `faults` does its worst, then compares.
async fn under(faults: impl AsyncFnOnce(&mut OwnServer, &World, &mut watch::Receiver<usize>)) {
    let Some(mut server) = OwnServer::start().await else {
        return;
    };
    let world = Arc::new(World::at(&server.url()).await);
    let [ann] = world.users().await;
    let room = world.group(&[ann]).await;
    let (count, mut confirmed) = watch::channel(0);
    let (end, ends) = watch::channel(false);
    let sender = tokio::spawn(send(Arc::clone(&world), (room, ann), count, ends));
    wait_for(&mut confirmed, BETWEEN).await;
    faults(&mut server, &world, &mut confirmed).await;
    wait_for(&mut confirmed, BETWEEN).await;
    end.send_replace(true);
    let journal = sender.await.expect("the sender has not failed");
    check(&world, &journal, (room, ann)).await;
    // The world looks at its rows once more while the server is there.
    drop(world);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_while_messages_are_sent_loses_none() {
    under(async |server, _, confirmed| {
        for _ in 0..4 {
            server.kill_and_restart().await;
            wait_for(confirmed, BETWEEN).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stands_still_is_noticed_and_goes_on() {
    under(async |server, world, _| {
        server.stop();
        let asked = Instant::now();
        let answer = world.store.ping().await;
        let waited = asked.elapsed();
        server.go_on();
        assert!(answer.is_err(), "it takes no writes");
        assert!(waited < Duration::from_secs(30), "{waited:?}");
    })
    .await;
}
