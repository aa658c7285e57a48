//! A server that is killed, started again, or stands still while messages are
//! sent (criterion: nothing confirmed is lost, nothing refused appears, service
//! returns by itself). Each test has a server of its own, to be killed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tertulia_domain::command::Outcome;
use tertulia_domain::{RoomId, UserId};
use tokio::sync::watch;

use crate::database_server::DatabaseServer;
use crate::world::{World, draft_with, soon};

const PATIENCE: Duration = Duration::from_secs(90);

/// Messages between two faults.
const BETWEEN: usize = 40;

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
        let mut outcomes = world.store.commit(Arc::new(vec![command]), soon()).await;
        match outcomes.pop().expect("one command has one outcome") {
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
async fn under(faults: impl AsyncFnOnce(&mut DatabaseServer, &World, &mut watch::Receiver<usize>)) {
    let Some(mut server) = DatabaseServer::start().await else {
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
