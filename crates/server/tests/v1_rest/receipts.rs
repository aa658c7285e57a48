//! Delivered and read marks.

use std::time::Duration;

use insta::assert_snapshot;
use serde_json::json;
use tertulia_testkit::TestServer;

use crate::{person, refusal, seen, text};

#[tokio::test]
async fn who_read_a_message_and_when() {
    let server = TestServer::spawn().await;
    let ines = person(&server, "ines").await;
    let tomas = person(&server, "tomas").await;
    let eva = person(&server, "eva").await;
    let room = ines.group("Cafetal", &[&tomas, &eva]).await;
    let message = ines.say(&room, "hola").await;
    let marks = format!("/v1/rooms/{room}/receipts");
    let receipts = format!("/v1/rooms/{room}/messages/{message}/receipts");

    server.advance(Duration::from_secs(1));
    let delivered = json!({"delivered": 1});
    assert_eq!(tomas.api.put(&marks, delivered).await.status, 204);
    server.advance(Duration::from_secs(1));
    let read = json!({"read": 1});
    assert_eq!(tomas.api.put(&marks, read.clone()).await.status, 204);
    server.advance(Duration::from_secs(1));
    assert_eq!(tomas.api.put(&marks, read).await.status, 204, "again");
    assert_snapshot!(seen(&ines.api.get(&receipts).await), @r#"
    200 OK
    {
      "items": [
        {
          "user_id": "2",
          "delivered_at": "2026-02-18T07:33:21.123Z",
          "read_at": "2026-02-18T07:33:22.123Z"
        },
        {
          "user_id": "3",
          "delivered_at": null,
          "read_at": null
        }
      ],
      "next_cursor": null
    }
    "#);

    let first = ines.api.get(&format!("{receipts}?limit=1")).await.json();
    let cursor = text(&first["next_cursor"]);
    let second = ines
        .api
        .get(&format!("{receipts}?limit=1&cursor={cursor}"))
        .await
        .json();
    assert_eq!(second["items"][0]["user_id"], eva.id);
    server.shutdown().await;
}

#[tokio::test]
async fn a_mark_names_the_wrong_field() {
    let server = TestServer::spawn().await;
    let ines = person(&server, "ines").await;
    let room = ines.group("Cafetal", &[]).await;
    let path = format!("/v1/rooms/{room}/receipts");
    let mut refusals = Vec::new();
    for body in [
        json!({}),
        json!({"read": null}),
        json!({"read": 0}),
        json!({"read": "1"}),
        json!({"delivered": -1}),
        json!({"delivered": 1.5}),
    ] {
        refusals.push(refusal(&ines.api.put(&path, body).await));
    }
    assert_snapshot!(refusals.join("\n"), @r"
    422 invalid_field /read missing
    422 invalid_field /read missing
    422 invalid_field /read malformed
    422 invalid_field /read malformed
    422 invalid_field /delivered malformed
    422 invalid_field /delivered malformed
    ");
    let beyond = json!({"delivered": 7, "read": 9});
    assert_eq!(ines.api.put(&path, beyond).await.status, 204);
    for message in ["99", "x"] {
        let path = format!("/v1/rooms/{room}/messages/{message}/receipts");
        let refused = ines.api.get(&path).await;
        assert_eq!(refusal(&refused), "404 message_not_found");
    }
    server.shutdown().await;
}
