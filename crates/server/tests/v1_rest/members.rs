//! Who belongs to a room; entering and leaving it.

use insta::assert_snapshot;
use serde_json::{Value, json};
use tertulia_testkit::TestServer;

use crate::{Person, person, refusal, seen, text};

async fn members(person: &Person, room: &str) -> Vec<String> {
    let path = format!("/v1/rooms/{room}/members");
    let page = person.api.get(&path).await.json();
    let items = page["items"].as_array().cloned().unwrap_or_default();
    let show = |member: &Value| {
        let name = text(&member["user"]["username"]);
        format!("{name} {}", text(&member["role"]))
    };
    items.iter().map(show).collect()
}

#[tokio::test]
async fn members_bring_in_members_and_the_owner_gives_roles() {
    let server = TestServer::spawn().await;
    let ines = person(&server, "ines").await;
    let tomas = person(&server, "tomas").await;
    let eva = person(&server, "eva").await;
    let room = ines.group("Cafetal", &[&tomas]).await;
    let path = |of: &Person| format!("/v1/rooms/{room}/members/{}", of.id);

    let admitted = tomas.api.put_nothing(&path(&eva)).await;
    assert_snapshot!(seen(&admitted), @r#"
    200 OK
    {
      "user": {
        "id": "3",
        "uuid": "84d0c512-0bd7-4c99-ba89-07c967192b96",
        "username": "eva",
        "display_name": "eva",
        "avatar_url": null
      },
      "role": "member",
      "state": "active",
      "joined_at": "2026-02-18T07:33:20.123Z",
      "delivered_seq": 0,
      "read_seq": 0
    }
    "#);
    let again = tomas.api.put(&path(&eva), json!({"role": "member"})).await;
    assert_eq!(again.json(), admitted.json());

    let refused = tomas.api.put(&path(&eva), json!({"role": "admin"})).await;
    assert_eq!(refusal(&refused), "403 role_too_low");
    let raised = ines.api.put(&path(&eva), json!({"role": "admin"})).await;
    assert_eq!(raised.json()["role"], "admin");
    let passed = ines.api.put(&path(&tomas), json!({"role": "owner"})).await;
    assert_eq!(passed.json()["role"], "owner");
    let expected = ["ines admin", "tomas owner", "eva admin"];
    assert_eq!(members(&ines, &room).await, expected);
    server.shutdown().await;
}

#[tokio::test]
async fn nobody_is_admitted_by_mistake() {
    let server = TestServer::spawn().await;
    let ines = person(&server, "ines").await;
    let room = ines.group("Cafetal", &[]).await;
    let mut refusals = Vec::new();
    for (user, body) in [
        ("99", json!({})),
        ("x", json!({})),
        (ines.id.as_str(), json!({"role": "king"})),
        (ines.id.as_str(), json!({"role": 7})),
        (ines.id.as_str(), json!([])),
    ] {
        let path = format!("/v1/rooms/{room}/members/{user}");
        refusals.push(refusal(&ines.api.put(&path, body).await));
    }
    assert_snapshot!(refusals.join("\n"), @r"
    404 user_not_found
    404 user_not_found
    422 invalid_field /role malformed
    422 invalid_field /role malformed
    422 invalid_field  malformed
    ");
    server.shutdown().await;
}

#[tokio::test]
async fn members_come_in_pages() {
    let server = TestServer::spawn().await;
    let ines = person(&server, "ines").await;
    let tomas = person(&server, "tomas").await;
    let eva = person(&server, "eva").await;
    let room = ines.group("Cafetal", &[&tomas, &eva]).await;
    let path = format!("/v1/rooms/{room}/members?limit=2");
    let first = ines.api.get(&path).await.json();
    assert_eq!(first["items"].as_array().map(Vec::len), Some(2));
    let cursor = text(&first["next_cursor"]);
    let second = ines.api.get(&format!("{path}&cursor={cursor}")).await;
    assert_snapshot!(seen(&second), @r#"
    200 OK
    {
      "items": [
        {
          "user": {
            "id": "3",
            "uuid": "84d0c512-0bd7-4c99-ba89-07c967192b96",
            "username": "eva",
            "display_name": "eva",
            "avatar_url": null
          },
          "role": "member",
          "state": "active",
          "joined_at": "2026-02-18T07:33:20.123Z",
          "delivered_seq": 0,
          "read_seq": 0
        }
      ],
      "next_cursor": null
    }
    "#);
    let users = ines
        .api
        .get(&format!("/v1/users?query=i&cursor={cursor}"))
        .await;
    assert_eq!(users.status, 200);
    let rooms = ines.api.get(&format!("/v1/rooms?cursor={cursor}")).await;
    assert_eq!(refusal(&rooms), "422 invalid_field /cursor malformed");
    server.shutdown().await;
}

#[tokio::test]
async fn whoever_stands_higher_puts_out() {
    let server = TestServer::spawn().await;
    let ines = person(&server, "ines").await;
    let tomas = person(&server, "tomas").await;
    let eva = person(&server, "eva").await;
    let room = ines.group("Cafetal", &[&tomas, &eva]).await;
    let path = |of: &Person| format!("/v1/rooms/{room}/members/{}", of.id);

    let refused = tomas.api.delete(&path(&eva)).await;
    assert_eq!(refusal(&refused), "403 role_too_low");
    let odd = ines.api.delete(&format!("{}?ban=maybe", path(&eva))).await;
    assert_eq!(refusal(&odd), "422 invalid_field /ban malformed");
    assert_eq!(ines.api.delete(&path(&eva)).await.status, 204);
    let again = ines.api.delete(&path(&eva)).await;
    assert_eq!(refusal(&again), "404 member_not_found");
    let banned = ines.api.delete(&format!("{}?ban=true", path(&tomas))).await;
    assert_eq!(banned.status, 204);
    assert_eq!(members(&ines, &room).await, ["ines owner"]);

    let room_path = format!("/v1/rooms/{room}");
    let left = eva.api.get(&room_path).await;
    assert_eq!(refusal(&left), "404 room_not_found");
    let banned = tomas.api.get(&room_path).await;
    assert_snapshot!(seen(&banned), @r#"
    403 Forbidden
    {
      "type": "urn:tertulia:error:banned",
      "title": "Expulsado de la sala",
      "status": 403,
      "detail": "Te expulsaron de esta sala.",
      "code": "banned",
      "errors": [],
      "request_id": "[request_id]"
    }
    "#);
    server.shutdown().await;
}

#[tokio::test]
async fn anyone_enters_a_public_room_and_leaves_it() {
    let server = TestServer::spawn().await;
    let ines = person(&server, "ines").await;
    let tomas = person(&server, "tomas").await;
    let room = json!({"kind": "group", "title": "Plaza", "visibility": "public"});
    let room = ines.room(room).await;
    let path = format!("/v1/rooms/{room}");
    ines.say(&room, "antes").await;
    let joined = tomas.api.post_nothing(&format!("{path}/join")).await;
    assert_snapshot!(seen(&joined), @r#"
    200 OK
    {
      "id": "1",
      "uuid": "27cd5b44-4516-430b-8a77-0919e8676cff",
      "kind": "group",
      "title": "Plaza",
      "description": null,
      "visibility": "public",
      "open": false,
      "created_at": "2026-02-18T07:33:20.123Z",
      "updated_at": "2026-02-18T07:33:20.123Z",
      "peer": null,
      "role": "member",
      "last_seq": 1,
      "revision": 2,
      "read_seq": 0,
      "unread": 0,
      "last_message": {
        "id": "1",
        "uuid": "9a43ec34-1fb6-421f-a618-9f99d6ffa35c",
        "room_id": "1",
        "seq": 1,
        "client_id": null,
        "sender": {
          "id": "1",
          "uuid": "614f5601-77dc-4567-be8b-cf144dd4fc9a",
          "username": "ines",
          "display_name": "ines",
          "avatar_url": null
        },
        "kind": "text",
        "text": "antes",
        "reply_to": null,
        "files": [],
        "reactions": [],
        "edited_at": null,
        "deleted_at": null,
        "created_at": "2026-02-18T07:33:20.123Z"
      }
    }
    "#);
    let again = tomas.api.post_nothing(&format!("{path}/join")).await;
    assert_eq!(refusal(&again), "409 already_member");
    let left = tomas.api.post_nothing(&format!("{path}/leave")).await;
    assert_eq!(left.status, 204);
    let again = tomas.api.post_nothing(&format!("{path}/leave")).await;
    assert_eq!(refusal(&again), "404 room_not_found");
    server.shutdown().await;
}

#[tokio::test]
async fn an_owner_who_leaves_passes_the_room_on() {
    let server = TestServer::spawn().await;
    let ines = person(&server, "ines").await;
    let tomas = person(&server, "tomas").await;
    let room = ines.group("Cafetal", &[&tomas]).await;
    let left = ines
        .api
        .post_nothing(&format!("/v1/rooms/{room}/leave"))
        .await;
    assert_eq!(left.status, 204);
    assert_eq!(members(&tomas, &room).await, ["tomas owner"]);
    server.shutdown().await;
}
