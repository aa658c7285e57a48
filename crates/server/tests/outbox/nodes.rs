//! Several nodes over one database take the same rows.

use std::time::Duration;

use tertulia_testkit::TestServer;

use crate::relayed::insert_many;
use crate::{ana_and_beto, group, settled, texts};

/// Rows that are inserted by one statement, for one room.
const PART: usize = 100;
const PARTS: usize = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_that_look_at_the_same_time_never_double_a_row() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    // Each looks when the test says so, and only then.
    let node = |seed| {
        TestServer::builder()
            .variable("TERTULIA_OUTBOX_POLL_INTERVAL", "0")
            .data_dir(&data_dir)
            .seed(seed)
            .spawn()
    };
    let (one, two) = (node(1).await, node(2).await);
    let http = one.http();
    let (ana, beto) = ana_and_beto(&http).await;
    let rooms = [
        group(&http, &[&ana, &beto]).await,
        group(&http, &[&ana, &beto]).await,
    ];
    let mut app = one.sql().await;
    let rows_of = |part| part * PART + 1..=(part + 1) * PART;
    for part in 0..PARTS {
        insert_many(&mut app, &ana.id, &rooms[part % 2], rows_of(part)).await;
    }
    let (seen, also_seen) = tokio::join!(one.chat().relay_outbox(), two.chat().relay_outbox());
    seen.unwrap();
    also_seen.unwrap();
    // What one passed over because the other had it, the other has seen to.
    one.chat().relay_outbox().await.unwrap();
    settled(&mut app).await;
    for (place, room) in rooms.iter().enumerate() {
        let wanted: Vec<_> = (place..PARTS)
            .step_by(2)
            .flat_map(rows_of)
            .map(|row| format!("fila {row}"))
            .collect();
        let said = texts(&mut app, room).await;
        assert_eq!(said, wanted, "each once, in the order of the rows");
    }
    one.shutdown().await;
    two.shutdown().await;
}

/// The row waits while no node is there, and comes when one is.
#[tokio::test]
async fn what_was_inserted_while_nobody_was_there_is_sent_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let start = |seed| TestServer::builder().data_dir(&data_dir).seed(seed).spawn();
    let server = start(1).await;
    let http = server.http();
    let ana = http.v1_register("ana").await;
    let room = group(&http, &[&ana]).await;
    let mut app = server.sql().await;
    server.shutdown().await;
    insert_many(&mut app, &ana.id, &room, 1..=3).await;
    let server = start(2).await;
    settled(&mut app).await;
    assert_eq!(texts(&mut app, &room).await, ["fila 1", "fila 2", "fila 3"]);
    server.shutdown().await;
}

/// Old rows go; the message that they became stays.
#[tokio::test]
async fn rows_that_were_seen_to_are_removed_after_some_days() {
    let server = TestServer::spawn().await;
    let http = server.http();
    let ana = http.v1_register("ana").await;
    let room = group(&http, &[&ana]).await;
    let mut app = server.sql().await;
    insert_many(&mut app, &ana.id, &room, 1..=3).await;
    settled(&mut app).await;
    let week = Duration::from_secs(7 * 24 * 60 * 60);
    let rows = "SELECT COUNT(*) FROM outbox";
    server.chat().prune_outbox(week).await.unwrap();
    assert_eq!(app.value(rows).await, "3");
    server.advance(week + Duration::from_secs(1));
    server.chat().prune_outbox(week).await.unwrap();
    assert_eq!(app.value(rows).await, "0");
    assert_eq!(texts(&mut app, &room).await.len(), 3);
    server.shutdown().await;
}
