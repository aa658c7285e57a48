//! The database is killed, stands still or has no room left while people send
//! (issue 6, criterion 2): nothing confirmed is lost, nothing is doubled, nothing
//! refused appears, memory stays bounded, readiness says so, and service returns
//! without a restart (`reliability.md` G2, G3, G6, G13).
//!
//! On SQLite only the disk can be full: it has no server to be killed.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use tertulia_testkit::checker::{Outcome, Send, check, check_reader};
use tertulia_testkit::{
    DatabaseServer, HttpResponse, Seen, Sender, ServerProcess, V1Account, can_mount, fill,
    is_sqlite, seen_by,
};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::{Journal, make_room, program, register};

const SENDERS: usize = 4;

/// Confirmed messages before a fault, and after it.
const BETWEEN: usize = 40;

/// What an outage may cost of memory, whatever is sent meanwhile.
const MOST_GROWTH: u64 = 64 * 1024 * 1024;

/// What the test itself says, many times: a disk that is nearly full is soon full.
const LONG: &str = "is anybody there? ";

/// How long what must come may take.
const PATIENCE: Duration = Duration::from_secs(90);

/// How long it may take to say that the database is away: a third of what a client
/// of these tests waits for an answer.
const SOON: Duration = Duration::from_secs(15);

/// A server with people who send without end.
struct Scene {
    server: ServerProcess,
    people: Vec<V1Account>,
    room: String,
    confirmed: watch::Receiver<usize>,
    senders: Vec<JoinHandle<Seen>>,
    is_over: Arc<AtomicBool>,
    /// What the test itself has sent.
    journal: Journal,
}

impl Scene {
    async fn begin(server: ServerProcess) -> Self {
        let people = register(&server, SENDERS).await;
        let room = make_room(&server, &people).await;
        let (acked, confirmed) = watch::channel(0);
        let is_over = Arc::new(AtomicBool::new(false));
        let mut senders = Vec::new();
        for (number, person) in people.iter().enumerate() {
            let socket = server.v1_socket(&person.id, &person.token).await;
            let sender = Sender::new(socket, &room);
            let (acked, is_over) = (acked.clone(), Arc::clone(&is_over));
            let client_ids = (0..)
                .map(move |message| format!("{number}-{message}"))
                .take_while(move |_| !is_over.load(Ordering::Relaxed));
            senders.push(tokio::spawn(
                async move { sender.run(client_ids, &acked).await },
            ));
        }
        let mut scene = Self {
            server,
            people,
            room,
            confirmed,
            senders,
            is_over,
            journal: Journal::default(),
        };
        scene.until_confirmed(BETWEEN).await;
        scene
    }

    async fn until_confirmed(&mut self, more: usize) {
        let wanted = *self.confirmed.borrow_and_update() + more;
        let enough = self.confirmed.wait_for(|count| *count >= wanted);
        let enough = timeout(PATIENCE, enough).await.expect("service returns");
        enough.expect("somebody sends");
    }

    /// Asks until the server says that it is ready, or that it is not.
    async fn until_ready(&self, is_ready: bool) {
        let status = if is_ready { 200 } else { 503 };
        let asked = async {
            while self.server.http().get("/health/ready").await.status != status {
                tokio::task::yield_now().await;
            }
        };
        let said = timeout(PATIENCE, asked).await;
        assert!(said.is_ok(), "ready is to be {is_ready}");
    }

    /// Sends by REST until it is refused: as something to be tried again.
    async fn until_refused(&mut self) {
        let sends = timeout(PATIENCE, self.refused(self.journal.sends.len())).await;
        let sends = sends.expect("what cannot be stored is refused");
        self.journal.sends.extend(sends);
    }

    /// Sends numbered from `first`, the last of which was refused.
    async fn refused(&self, first: usize) -> Vec<Send> {
        let http = self.server.http().bearer(&self.people[0].token);
        let path = format!("/v1/rooms/{}/messages", self.room);
        let mut sends = Vec::new();
        loop {
            let client_id = format!("rest-{}", first + sends.len());
            let sent_at = Instant::now();
            let body = json!({ "text": LONG.repeat(1_000), "client_id": client_id });
            let sent = http.post(&path, &body).await;
            let is_refused = sent.status == 503;
            let outcome = match is_refused {
                true => Outcome::Refused,
                false => acked(&sent),
            };
            sends.push(Send {
                client_id,
                sent_at,
                outcome,
            });
            if is_refused {
                return sends;
            }
        }
    }

    /// The answer to someone who reads.
    async fn read(&self) -> u16 {
        let http = self.server.http().bearer(&self.people[0].token);
        let path = format!("/v1/rooms/{}/messages", self.room);
        http.get(&path).await.status.as_u16()
    }

    /// Lets all come to their end and compares what they saw with what is stored.
    async fn end(mut self, memory_before: u64) {
        self.until_ready(true).await;
        self.until_confirmed(BETWEEN).await;
        self.is_over.store(true, Ordering::Relaxed);
        let mut journal = self.journal;
        for sender in self.senders {
            let seen = sender.await.expect("the sender has not failed");
            assert_eq!(seen.closed, None, "the connection outlived the outage");
            journal.sends.extend(seen.sends);
            journal.told.push(seen.told);
        }
        let unanswered = |send: &Send| send.outcome == Outcome::Unanswered;
        assert!(!journal.sends.iter().any(unanswered));
        let http = self.server.http().bearer(&self.people[0].token);
        let history = http.v1_history(&self.room).await;
        assert_eq!(check(&journal.sends, &history), []);
        for told in &journal.told {
            assert_eq!(check_reader(told, &history), []);
        }
        let grown = self.server.resident_bytes().saturating_sub(memory_before);
        assert!(grown < MOST_GROWTH, "{grown} bytes more");
        self.server.kill().await;
    }
}

fn acked(sent: &HttpResponse) -> Outcome {
    assert!(sent.status.is_success(), "{} {}", sent.status, sent.text());
    let message = sent.json();
    Outcome::Acked {
        id: message["id"].as_str().unwrap_or_default().to_owned(),
        seq: message["seq"].as_u64().unwrap_or_default(),
        at: Instant::now(),
    }
}

/// A scene over a database server of its own; none on SQLite.
async fn scene_over(database: Option<&DatabaseServer>, folder: &Path) -> Option<Scene> {
    let program = program(&folder.join("data")).variable("TERTULIA_DATABASE_URL", &database?.url());
    Some(Scene::begin(program.spawn().await).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_killed_comes_back_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let mut database = DatabaseServer::start().await;
    let Some(mut scene) = scene_over(database.as_ref(), folder.path()).await else {
        return;
    };
    let memory = scene.server.resident_bytes();
    for _ in 0..2 {
        let database = database.as_mut().unwrap();
        database.kill();
        scene.until_ready(false).await;
        scene.until_refused().await;
        let read = timeout(SOON, scene.read()).await;
        assert_eq!(read.expect("not waited for"), 503, "refused");
        database.until_it_answers().await;
        scene.until_ready(true).await;
        scene.until_confirmed(BETWEEN).await;
    }
    scene.end(memory).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_restarted_between_two_sends_is_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut database = DatabaseServer::start().await;
    let Some(mut scene) = scene_over(database.as_ref(), folder.path()).await else {
        return;
    };
    let memory = scene.server.resident_bytes();
    for _ in 0..3 {
        database.as_mut().unwrap().kill_and_restart().await;
        scene.until_confirmed(BETWEEN).await;
    }
    scene.end(memory).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_stands_still_refuses_sends_and_then_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let database = DatabaseServer::start().await;
    let Some(mut scene) = scene_over(database.as_ref(), folder.path()).await else {
        return;
    };
    let memory = scene.server.resident_bytes();
    let database = database.as_ref().unwrap();
    database.stop();
    // All at once: whoever's messages were being committed waits all the while.
    let all = async { tokio::join!(scene.until_ready(false), scene.refused(0), scene.read()) };
    let (_, refused, read) = timeout(PATIENCE, all).await.expect("each has an end");
    database.go_on();
    assert_eq!(read, 503, "refused in the end");
    scene.journal.sends.extend(refused);
    scene.end(memory).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_without_room_takes_nothing_until_it_has_some() {
    let folder = tempfile::tempdir().unwrap();
    let database = DatabaseServer::start_on_small_disk().await;
    let Some(mut scene) = scene_over(database.as_ref(), folder.path()).await else {
        return;
    };
    let memory = scene.server.resident_bytes();
    let database = database.as_ref().unwrap();
    database.fill_disk();
    scene.until_refused().await;
    scene.until_ready(false).await;
    database.free_disk();
    scene.end(memory).await;
}

/// Here the disk is that of the server itself, and reading goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_without_room_takes_nothing_until_it_has_some() {
    if !is_sqlite() {
        return;
    }
    if !can_mount() {
        eprintln!("left out: a small disk can be mounted by root on Linux only");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let program = program(&disk.join("data")).small_disk(&disk);
    let mut scene = Scene::begin(program.spawn().await).await;
    let memory = scene.server.resident_bytes();
    let filler = seen_by(scene.server.id(), &disk.join("filler"));
    fill(&filler);
    scene.until_refused().await;
    scene.until_ready(false).await;
    assert_eq!(scene.read().await, 200, "reading goes on");
    std::fs::remove_file(&filler).unwrap();
    scene.end(memory).await;
}
