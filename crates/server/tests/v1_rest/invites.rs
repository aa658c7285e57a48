//! Codes that let their bearers into a room.

use std::time::Duration;

use insta::assert_snapshot;
use serde_json::json;
use tertulia_testkit::TestServer;

use crate::{Person, person, refusal, seen, text};

async fn invite(person: &Person, room: &str, body: serde_json::Value) -> String {
    let path = format!("/v1/rooms/{room}/invites");
    let response = person.api.post(&path, body).await;
    assert_eq!(response.status, 201, "{}", response.text());
    format!("/v1/invites/{}", text(&response.json()["code"]))
}

#[tokio::test]
async fn an_invite_lets_its_bearer_in() {
    let server = TestServer::spawn().await;
    let ines = person(&server, "ines").await;
    let tomas = person(&server, "tomas").await;
    let room = ines.group("Cafetal", &[]).await;
    let made = ines
        .api
        .post_nothing(&format!("/v1/rooms/{room}/invites"))
        .await;
    assert_snapshot!(seen(&made), @r#"
    201 Created
    {
      "code": "hNDFEgvXDJm6iQfJZxkrlg",
      "room_id": "1",
      "uses_left": null,
      "created_at": "2026-02-18T07:33:20.123Z",
      "expires_at": "2026-02-25T07:33:20.123Z"
    }
    "#);
    let path = format!("/v1/invites/{}", text(&made.json()["code"]));
    let entered = tomas.api.post_nothing(&path).await;
    assert_eq!(entered.status, 200);
    assert_eq!(entered.json()["id"], room);
    assert_eq!(entered.json()["role"], "member");
    let again = tomas.api.post_nothing(&path).await;
    assert_eq!(refusal(&again), "409 already_member");
    server.shutdown().await;
}

#[tokio::test]
async fn an_invite_ends_by_time_and_by_use() {
    let server = TestServer::spawn().await;
    let ines = person(&server, "ines").await;
    let tomas = person(&server, "tomas").await;
    let eva = person(&server, "eva").await;
    let room = ines.group("Cafetal", &[]).await;
    let once = invite(&ines, &room, json!({"uses": 1})).await;
    let short = invite(&ines, &room, json!({"expires_in": 60})).await;
    assert_eq!(tomas.api.post_nothing(&once).await.status, 200);
    let spent = eva.api.post_nothing(&once).await;
    assert_eq!(refusal(&spent), "404 invite_not_found");
    server.advance(Duration::from_secs(61));
    let ended = eva.api.post_nothing(&short).await;
    assert_eq!(refusal(&ended), "404 invite_not_found");
    let unknown = eva.api.post_nothing("/v1/invites/nonsense").await;
    assert_eq!(seen(&unknown), seen(&ended));
    server.shutdown().await;
}

#[tokio::test]
async fn an_invite_is_not_made_of_wrong_fields() {
    let server = TestServer::spawn().await;
    let ines = person(&server, "ines").await;
    let room = ines.group("Cafetal", &[]).await;
    let path = format!("/v1/rooms/{room}/invites");
    let mut refusals = Vec::new();
    for body in [
        json!({"expires_in": 59}),
        json!({"expires_in": 2_592_001}),
        json!({"expires_in": -1}),
        json!({"expires_in": "60"}),
        json!({"uses": 0}),
        json!({"uses": 1.5}),
        json!(7),
    ] {
        refusals.push(refusal(&ines.api.post(&path, body).await));
    }
    assert_snapshot!(refusals.join("\n"), @r"
    422 invalid_field /expires_in malformed
    422 invalid_field /expires_in malformed
    422 invalid_field /expires_in malformed
    422 invalid_field /expires_in malformed
    422 invalid_field /uses malformed
    422 invalid_field /uses malformed
    422 invalid_field  malformed
    ");
    server.shutdown().await;
}

#[tokio::test]
async fn in_a_channel_members_do_not_invite() {
    let server = TestServer::spawn().await;
    let ines = person(&server, "ines").await;
    let tomas = person(&server, "tomas").await;
    let eva = person(&server, "eva").await;
    let room = json!({"kind": "channel", "title": "Avisos", "members": [tomas.id, eva.id]});
    let room = ines.room(room).await;
    let path = format!("/v1/rooms/{room}/invites");
    let refused = tomas.api.post_nothing(&path).await;
    assert_eq!(refusal(&refused), "403 role_too_low");

    let code = invite(&ines, &room, json!({})).await;
    let banned = format!("/v1/rooms/{room}/members/{}?ban=true", eva.id);
    assert_eq!(ines.api.delete(&banned).await.status, 204);
    let refused = eva.api.post_nothing(&code).await;
    assert_eq!(refusal(&refused), "403 banned");
    server.shutdown().await;
}
