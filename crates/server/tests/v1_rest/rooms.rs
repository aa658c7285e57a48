//! Making, finding, changing and closing rooms.

use std::time::Duration;

use insta::assert_snapshot;
use serde_json::{Value, json};
use tertulia_testkit::TestServer;

use crate::{Person, person, refusal, seen, text};

#[tokio::test]
async fn a_group_is_made_with_its_members() {
    let server = TestServer::spawn().await;
    let ines = person(&server, "ines").await;
    let tomas = person(&server, "tomas").await;
    let room = json!({
        "kind": "group",
        "title": " Cafetal ",
        "description": "turno tarde",
        "members": [tomas.id, tomas.id, ines.id],
        "open": true,
        "owner": tomas.id,
    });
    let made = ines.api.post("/v1/rooms", room).await;
    assert_snapshot!(seen(&made), @r#"
    201 Created
    {
      "id": "1",
      "uuid": "27cd5b44-4516-430b-8a77-0919e8676cff",
      "kind": "group",
      "title": "Cafetal",
      "description": "turno tarde",
      "visibility": "private",
      "open": false,
      "created_at": "2026-02-18T07:33:20.123Z",
      "updated_at": "2026-02-18T07:33:20.123Z",
      "peer": null,
      "role": "owner",
      "last_seq": 0,
      "revision": 1,
      "read_seq": 0,
      "unread": 0,
      "last_message": null
    }
    "#);
    let path = format!("/v1/rooms/{}", text(&made.json()["id"]));
    assert_eq!(ines.api.get(&path).await.json(), made.json());
    let other = tomas.api.get(&path).await.json();
    assert_eq!(other["role"], "member");
    server.shutdown().await;
}

#[tokio::test]
async fn two_people_have_one_direct_room() {
    let server = TestServer::spawn().await;
    let ines = person(&server, "ines").await;
    let tomas = person(&server, "tomas").await;
    let direct = json!({"kind": "direct", "members": [tomas.id]});
    let made = ines.api.post("/v1/rooms", direct).await;
    assert_snapshot!(seen(&made), @r#"
    201 Created
    {
      "id": "1",
      "uuid": "27cd5b44-4516-430b-8a77-0919e8676cff",
      "kind": "direct",
      "title": null,
      "description": null,
      "visibility": "private",
      "open": false,
      "created_at": "2026-02-18T07:33:20.123Z",
      "updated_at": "2026-02-18T07:33:20.123Z",
      "peer": {
        "id": "2",
        "uuid": "4687e965-68c4-4210-9c44-2a5c3c97d714",
        "username": "tomas",
        "display_name": "tomas",
        "avatar_url": null
      },
      "role": "member",
      "last_seq": 0,
      "revision": 1,
      "read_seq": 0,
      "unread": 0,
      "last_message": null
    }
    "#);
    let direct = json!({"kind": "direct", "members": [ines.id]});
    let found = tomas.api.post("/v1/rooms", direct).await;
    assert_eq!(found.status, 200);
    assert_eq!(found.json()["id"], made.json()["id"]);
    assert_eq!(found.json()["peer"]["username"], "ines");
    server.shutdown().await;
}

#[tokio::test]
async fn a_room_is_not_made_of_wrong_fields() {
    let server = TestServer::spawn().await;
    let ines = person(&server, "ines").await;
    let tomas = person(&server, "tomas").await;
    let many: Vec<String> = (1..=300).map(|id: u32| id.to_string()).collect();
    let long = "x".repeat(3_000);
    let mut refusals = Vec::new();
    for body in [
        json!({}),
        json!({"kind": "club", "title": "a"}),
        json!({"kind": "group"}),
        json!({"kind": "group", "title": "\n"}),
        json!({"kind": "group", "title": &long}),
        json!({"kind": "group", "title": "a", "description": &long}),
        json!({"kind": "group", "title": "a", "visibility": "secret"}),
        json!({"kind": "group", "title": "a", "members": "7"}),
        json!({"kind": "group", "title": "a", "members": [7]}),
        json!({"kind": "group", "title": "a", "members": ["99"]}),
        json!({"kind": "group", "title": "a", "members": many}),
        json!({"kind": "direct"}),
        json!({"kind": "direct", "members": [ines.id, tomas.id]}),
        json!({"kind": "direct", "members": [ines.id]}),
        json!({"kind": "direct", "members": ["99"]}),
        json!({"kind": "direct", "members": [tomas.id], "title": "a"}),
        json!({"kind": "direct", "members": [tomas.id], "visibility": "public"}),
    ] {
        refusals.push(refusal(&ines.api.post("/v1/rooms", body).await));
    }
    assert_snapshot!(refusals.join("\n"), @r"
    422 invalid_field /kind missing
    422 invalid_field /kind malformed
    422 invalid_field /title missing
    422 invalid_field /title empty
    422 invalid_field /title too_long max 100
    422 invalid_field /description too_long max 2000
    422 invalid_field /visibility malformed
    422 invalid_field /members malformed
    422 invalid_field /members malformed
    404 user_not_found
    422 invalid_field /members too_long max 256
    422 invalid_field /members malformed
    422 invalid_field /members malformed
    409 direct_with_self
    404 user_not_found
    422 invalid_field /title not_allowed
    422 invalid_field /visibility not_allowed
    ");
    server.shutdown().await;
}

async fn titles(person: &Person, path: &str) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = person
            .api
            .get(&format!("{path}?limit=2{cursor}"))
            .await
            .json();
        let items = page["items"].as_array().cloned().unwrap_or_default();
        pages.push(items.iter().map(|room| text(&room["title"])).collect());
        match &page["next_cursor"] {
            Value::Null => return pages,
            next => cursor = format!("&cursor={}", text(next)),
        }
    }
}

/// The room with the newest message comes first, empty ones last.
#[tokio::test]
async fn ones_rooms_come_in_pages() {
    let server = TestServer::spawn().await;
    let ines = person(&server, "ines").await;
    let tomas = person(&server, "tomas").await;
    tomas.group("not hers", &[]).await;
    let mut rooms = Vec::new();
    for title in ["first", "second", "third", "fourth", "fifth"] {
        rooms.push(ines.group(title, &[]).await);
    }
    for room in [3, 1] {
        server.advance(Duration::from_secs(1));
        ines.say(&rooms[room], "hola").await;
    }
    let expected = [
        vec!["second", "fourth"],
        vec!["fifth", "third"],
        vec!["first"],
    ];
    assert_eq!(titles(&ines, "/v1/rooms").await, expected);
    server.shutdown().await;
}

/// A list goes on behind a room whose newest message nobody sees any more.
#[tokio::test]
async fn a_deleted_message_loses_no_room_of_the_list() {
    let server = TestServer::spawn().await;
    let ines = person(&server, "ines").await;
    let mut rooms = Vec::new();
    for title in ["a", "b", "c", "d"] {
        server.advance(Duration::from_secs(1));
        let room = ines.group(title, &[]).await;
        let message = ines.say(&room, "hola").await;
        rooms.push((room, message));
    }
    for (room, message) in &rooms[1..] {
        let path = format!("/v1/rooms/{room}/messages/{message}");
        assert_eq!(ines.api.delete(&path).await.status, 204);
    }
    assert_eq!(titles(&ines, "/v1/rooms").await, [["d", "c"], ["b", "a"]]);
    server.shutdown().await;
}

#[tokio::test]
async fn a_room_shows_what_its_reader_has_not_read() {
    let server = TestServer::spawn().await;
    let ines = person(&server, "ines").await;
    let tomas = person(&server, "tomas").await;
    let room = ines.group("Cafetal", &[&tomas]).await;
    ines.say(&room, "uno").await;
    ines.say(&room, "dos").await;
    let marked = json!({"read": 1});
    let path = format!("/v1/rooms/{room}/receipts");
    assert_eq!(tomas.api.put(&path, marked).await.status, 204);
    assert_snapshot!(seen(&tomas.api.get("/v1/rooms").await), @r#"
    200 OK
    {
      "items": [
        {
          "id": "1",
          "uuid": "27cd5b44-4516-430b-8a77-0919e8676cff",
          "kind": "group",
          "title": "Cafetal",
          "description": null,
          "visibility": "private",
          "open": false,
          "created_at": "2026-02-18T07:33:20.123Z",
          "updated_at": "2026-02-18T07:33:20.123Z",
          "peer": null,
          "role": "member",
          "last_seq": 2,
          "revision": 2,
          "read_seq": 1,
          "unread": 1,
          "last_message": {
            "id": "2",
            "uuid": "15058de0-a51d-4852-aaed-f8e6ea8b6bb7",
            "room_id": "1",
            "seq": 2,
            "client_id": null,
            "sender": {
              "id": "1",
              "uuid": "614f5601-77dc-4567-be8b-cf144dd4fc9a",
              "username": "ines",
              "display_name": "ines",
              "avatar_url": null
            },
            "kind": "text",
            "text": "dos",
            "reply_to": null,
            "files": [],
            "reactions": [],
            "edited_at": null,
            "deleted_at": null,
            "created_at": "2026-02-18T07:33:20.123Z"
          }
        }
      ],
      "next_cursor": null
    }
    "#);
    server.shutdown().await;
}

#[tokio::test]
async fn anyone_finds_a_public_room_but_does_not_read_it() {
    let server = TestServer::spawn().await;
    let ines = person(&server, "ines").await;
    let tomas = person(&server, "tomas").await;
    let public = json!({"kind": "channel", "title": "Avisos", "visibility": "public"});
    let public = ines.room(public).await;
    ines.group("Cafetal", &[]).await;
    ines.say(&public, "hola").await;
    assert_snapshot!(seen(&tomas.api.get("/v1/rooms/public").await), @r#"
    200 OK
    {
      "items": [
        {
          "id": "1",
          "uuid": "27cd5b44-4516-430b-8a77-0919e8676cff",
          "kind": "channel",
          "title": "Avisos",
          "description": null,
          "visibility": "public",
          "open": false,
          "created_at": "2026-02-18T07:33:20.123Z",
          "updated_at": "2026-02-18T07:33:20.123Z",
          "peer": null,
          "role": null,
          "last_seq": 0,
          "revision": 0,
          "read_seq": 0,
          "unread": 0,
          "last_message": null
        }
      ],
      "next_cursor": null
    }
    "#);
    let path = format!("/v1/rooms/{public}");
    let listed = tomas.api.get("/v1/rooms/public").await.json();
    let looked = tomas.api.get(&path).await.json();
    assert_eq!(looked, listed["items"][0]);
    let history = tomas.api.get(&format!("{path}/messages")).await;
    assert_eq!(refusal(&history), "404 room_not_found");
    server.shutdown().await;
}

#[tokio::test]
async fn owner_and_admins_change_a_room() {
    let server = TestServer::spawn().await;
    let ines = person(&server, "ines").await;
    let tomas = person(&server, "tomas").await;
    let room = ines.group("Cafetal", &[&tomas]).await;
    let path = format!("/v1/rooms/{room}");
    server.advance(Duration::from_secs(60));
    let patch = json!({"title": "Cafetal 2", "description": "turno", "visibility": "public"});
    assert_snapshot!(seen(&ines.api.patch(&path, patch).await), @r#"
    200 OK
    {
      "id": "1",
      "uuid": "27cd5b44-4516-430b-8a77-0919e8676cff",
      "kind": "group",
      "title": "Cafetal 2",
      "description": "turno",
      "visibility": "public",
      "open": false,
      "created_at": "2026-02-18T07:33:20.123Z",
      "updated_at": "2026-02-18T07:34:20.123Z",
      "peer": null,
      "role": "owner",
      "last_seq": 0,
      "revision": 2,
      "read_seq": 0,
      "unread": 0,
      "last_message": null
    }
    "#);
    let patch = json!({"description": null});
    let changed = ines.api.patch(&path, patch).await.json();
    assert!(changed["description"].is_null());
    assert_eq!(changed["title"], "Cafetal 2");
    let unchanged = ines.api.patch(&path, json!({})).await;
    assert_eq!(unchanged.json(), changed);

    let mut refusals = Vec::new();
    for (person, body) in [
        (&tomas, json!({"title": "x"})),
        (&ines, json!({"title": null})),
        (&ines, json!({"title": ""})),
        (&ines, json!({"visibility": null})),
        (&ines, json!({"visibility": "x"})),
        (&ines, json!({"description": 7})),
    ] {
        refusals.push(refusal(&person.api.patch(&path, body).await));
    }
    assert_snapshot!(refusals.join("\n"), @r"
    403 role_too_low
    422 invalid_field /title malformed
    422 invalid_field /title empty
    422 invalid_field /visibility malformed
    422 invalid_field /visibility malformed
    422 invalid_field /description malformed
    ");
    server.shutdown().await;
}

#[tokio::test]
async fn only_the_owner_closes_a_room() {
    let server = TestServer::spawn().await;
    let ines = person(&server, "ines").await;
    let tomas = person(&server, "tomas").await;
    let room = ines.group("Cafetal", &[&tomas]).await;
    let path = format!("/v1/rooms/{room}");
    assert_eq!(refusal(&tomas.api.delete(&path).await), "403 role_too_low");
    assert_eq!(ines.api.delete(&path).await.status, 204);
    assert_eq!(refusal(&ines.api.delete(&path).await), "404 room_not_found");
    assert_eq!(refusal(&tomas.api.get(&path).await), "404 room_not_found");
    let rooms = ines.api.get("/v1/rooms").await.json();
    assert_eq!(rooms["items"], json!([]));
    server.shutdown().await;
}

#[tokio::test]
async fn a_direct_room_cannot_be_changed_or_left() {
    let server = TestServer::spawn().await;
    let ines = person(&server, "ines").await;
    let tomas = person(&server, "tomas").await;
    let room = ines
        .room(json!({"kind": "direct", "members": [tomas.id]}))
        .await;
    let path = format!("/v1/rooms/{room}");
    let third = format!("{path}/members/{}", ines.id);
    for refused in [
        ines.api.patch(&path, json!({"title": "x"})).await,
        ines.api.delete(&path).await,
        ines.api.post_nothing(&format!("{path}/leave")).await,
        ines.api.post_nothing(&format!("{path}/invites")).await,
        ines.api.put_nothing(&third).await,
        ines.api.delete(&third).await,
    ] {
        assert_eq!(refusal(&refused), "403 direct_room");
    }
    let join = ines.api.post_nothing(&format!("{path}/join")).await;
    assert_eq!(refusal(&join), "409 already_member");
    server.shutdown().await;
}
