//! An app inserts rows into `outbox` in transactions of its own; they become
//! messages and go out live, exactly once (issue 6, criterion 4;
//! `docs/reference/outbox.md`). On SQLite, or on the server that
//! `TEST_DATABASE_URL` names.

mod functions;
mod killed;
mod nodes;
mod relayed;

use std::time::Duration;

use serde_json::{Value, json};
use tertulia_testkit::{HttpClient, SqlClient, V1Account};

/// How long to wait for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// Two people with accounts.
async fn ana_and_beto(http: &HttpClient) -> (V1Account, V1Account) {
    let ana = http.v1_register("ana").await;
    (ana, http.v1_register("beto").await)
}

/// A group that the first of them makes; its id.
async fn group(http: &HttpClient, members: &[&V1Account]) -> String {
    let others: Vec<_> = members[1..].iter().map(|member| &member.id).collect();
    let draft = json!({"kind": "group", "title": "Cafetal", "members": others});
    let owner = http.bearer(&members[0].token);
    let made = owner.post("/v1/rooms", &draft).await;
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()["id"].as_str().expect("a string").to_owned()
}

/// The words of a room's messages, in their order.
async fn texts(app: &mut SqlClient, room: &str) -> Vec<String> {
    let sql = format!("SELECT text FROM messages WHERE room_id = {room} ORDER BY seq");
    let rows = app.rows(&sql).await;
    rows.into_iter().flatten().flatten().collect()
}

/// Waits until no row waits any more.
async fn settled(app: &mut SqlClient) {
    let waiting = "SELECT COUNT(*) FROM outbox WHERE state = 'waiting'";
    let all = async {
        while app.value(waiting).await != "0" {
            tokio::task::yield_now().await;
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, all).await;
    assert!(in_time.is_ok(), "rows still wait");
}

/// What a message event says.
fn said(event: &Value) -> (String, String) {
    let message = &event["message"];
    let text = message["text"].as_str().expect("a text").to_owned();
    let sender = message["sender"]["id"].as_str().expect("somebody");
    (sender.to_owned(), text)
}
