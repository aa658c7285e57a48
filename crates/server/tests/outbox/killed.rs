//! `kill -9` while rows become messages.

use tertulia_testkit::{ServerProcess, SqlClient};
use tokio::time::timeout;

use crate::relayed::insert_many;
use crate::{PATIENCE, ana_and_beto, group, settled, texts};

const BINARY: &str = env!("CARGO_BIN_EXE_tertulia");
const KILLS: usize = 5;
const ROWS: usize = 2_000;

/// A kill hits between a message and the mark on its row only if they were two
/// steps: then a row would be lost, or become two messages.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_any_moment_neither_loses_a_row_nor_doubles_it() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let program = ServerProcess::builder(BINARY, &data_dir);
    let mut server = program.spawn().await;
    let http = server.http();
    let (ana, beto) = ana_and_beto(&http).await;
    let room = group(&http, &[&ana, &beto]).await;
    let mut app = SqlClient::open(&data_dir).await;
    let mut cut_off = 0;
    for round in 0..KILLS {
        let first = round * ROWS + 1;
        insert_many(&mut app, &ana.id, &room, first..=first + ROWS - 1).await;
        // Once some of this round's rows have become messages, and not all.
        let seen = format!("SELECT COUNT(*) FROM messages WHERE room_id = {room}");
        let some = async {
            while app.value(&seen).await.parse::<usize>().unwrap() < first + 40 * round {
                tokio::task::yield_now().await;
            }
        };
        let in_time = timeout(PATIENCE, some).await;
        assert!(in_time.is_ok(), "the rows do not become messages");
        server.kill().await;
        let waiting = "SELECT COUNT(*) FROM outbox WHERE state = 'waiting'";
        cut_off += usize::from(app.value(waiting).await != "0");
        server = program.spawn().await;
        settled(&mut app).await;
    }
    assert!(cut_off > 0, "no kill came while rows waited");
    let wanted: Vec<_> = (1..=KILLS * ROWS)
        .map(|row| format!("fila {row}"))
        .collect();
    assert!(
        texts(&mut app, &room).await == wanted,
        "each row once, in order"
    );
    server.kill().await;
}
