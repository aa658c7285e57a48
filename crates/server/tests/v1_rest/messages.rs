//! Saying something, changing it, taking it back, and reading what was said.

use std::time::Duration;

use http::{HeaderName, Method};
use insta::assert_snapshot;
use serde_json::{Value, json};
use tertulia_testkit::{HttpResponse, TestServer};

use crate::{Person, person, refusal, seen, text};

async fn send_with_key(person: &Person, path: &str, key: &str, body: Value) -> HttpResponse {
    let request = person
        .api
        .request(Method::POST, path)
        .header(HeaderName::from_static("idempotency-key"), key)
        .json(&body);
    person.api.send(&Method::POST, path, request).await
}

#[tokio::test]
async fn a_message_is_stored_and_shown() {
    let server = TestServer::spawn().await;
    let ines = person(&server, "ines").await;
    let room = ines.group("Cafetal", &[]).await;
    let path = format!("/v1/rooms/{room}/messages");
    let first = ines
        .api
        .post(&path, json!({"text": "¿café a las 5?"}))
        .await;
    assert_snapshot!(seen(&first), @r#"
    201 Created
    {
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
      "text": "¿café a las 5?",
      "reply_to": null,
      "files": [],
      "reactions": [],
      "edited_at": null,
      "deleted_at": null,
      "created_at": "2026-02-18T07:33:20.123Z"
    }
    "#);
    let answer = json!({
        "text": "sí 👍",
        "kind": "image",
        "reply_to": first.json()["id"],
        "file_ids": [],
        "client_id": "c-1",
        "seq": 99,
        "sender": "99",
        "created_at": "1999-01-01T00:00:00.000Z",
    });
    let answer = ines.api.post(&path, answer).await;
    assert_snapshot!(seen(&answer), @r#"
    201 Created
    {
      "id": "2",
      "uuid": "15058de0-a51d-4852-aaed-f8e6ea8b6bb7",
      "room_id": "1",
      "seq": 2,
      "client_id": "c-1",
      "sender": {
        "id": "1",
        "uuid": "614f5601-77dc-4567-be8b-cf144dd4fc9a",
        "username": "ines",
        "display_name": "ines",
        "avatar_url": null
      },
      "kind": "image",
      "text": "sí 👍",
      "reply_to": "1",
      "files": [],
      "reactions": [],
      "edited_at": null,
      "deleted_at": null,
      "created_at": "2026-02-18T07:33:20.123Z"
    }
    "#);
    let history = ines.api.get(&path).await.json();
    assert_eq!(history["items"], json!([first.json(), answer.json()]));
    server.shutdown().await;
}

/// G6: a retry is harmless, by whatever way the id came.
#[tokio::test]
async fn a_repeated_send_gets_the_first_result() {
    let server = TestServer::spawn().await;
    let ines = person(&server, "ines").await;
    let tomas = person(&server, "tomas").await;
    let room = ines.group("Cafetal", &[&tomas]).await;
    let other = ines.group("Otra", &[]).await;
    let path = format!("/v1/rooms/{room}/messages");
    let message = json!({"text": "hola", "client_id": "c-1"});
    let first = ines.api.post(&path, message.clone()).await;
    assert_eq!(first.status, 201);
    server.advance(Duration::from_secs(5));
    let again = ines.api.post(&path, message.clone()).await;
    assert_eq!(again.status, 200);
    assert_eq!(again.json(), first.json());
    let by_header = send_with_key(&ines, &path, "c-1", json!({"text": "hola"})).await;
    assert_eq!(by_header.status, 200);
    assert_eq!(by_header.json(), first.json());
    let by_both = send_with_key(&ines, &path, "c-1", message.clone()).await;
    assert_eq!(by_both.status, 200);

    let changed = json!({"text": "adiós", "client_id": "c-1"});
    let changed = ines.api.post(&path, changed).await;
    assert_snapshot!(seen(&changed), @r#"
    409 Conflict
    {
      "type": "urn:tertulia:error:client_id_reused",
      "title": "client_id repetido",
      "status": 409,
      "detail": "Ya enviaste otro mensaje con el mismo client_id. Usa uno nuevo.",
      "code": "client_id_reused",
      "errors": [],
      "request_id": "[request_id]"
    }
    "#);
    let elsewhere = format!("/v1/rooms/{other}/messages");
    let elsewhere = ines.api.post(&elsewhere, message.clone()).await;
    assert_eq!(refusal(&elsewhere), "409 client_id_reused");
    let somebody_else = tomas.api.post(&path, message.clone()).await;
    assert_eq!(somebody_else.status, 201);
    let differs = send_with_key(&ines, &path, "c-2", message).await;
    assert_eq!(refusal(&differs), "422 invalid_field /client_id malformed");
    let long = send_with_key(&ines, &path, &"x".repeat(65), json!({"text": "a"})).await;
    assert_eq!(
        refusal(&long),
        "422 invalid_field /client_id too_long max 64"
    );
    server.shutdown().await;
}

#[tokio::test]
async fn a_message_is_not_made_of_wrong_fields() {
    let server = TestServer::spawn().await;
    let ines = person(&server, "ines").await;
    let room = ines.group("Cafetal", &[]).await;
    let other = ines.group("Otra", &[]).await;
    let elsewhere = ines.say(&other, "aquí no").await;
    let path = format!("/v1/rooms/{room}/messages");
    let long = "ñ".repeat(20_001);
    let mut refusals = Vec::new();
    for body in [
        json!({}),
        json!({"text": null}),
        json!({"text": 7}),
        json!({"text": ""}),
        json!({"text": " \n"}),
        json!({"text": &long}),
        json!({"text": "a", "kind": "system"}),
        json!({"text": "a", "kind": "sticker"}),
        json!({"text": "a", "reply_to": 7}),
        json!({"text": "a", "reply_to": "99"}),
        json!({"text": "a", "reply_to": elsewhere}),
        json!({"text": "a", "file_ids": ["1"]}),
        json!({"file_ids": (1..12).map(|id| id.to_string()).collect::<Vec<_>>()}),
        json!({"text": "a", "file_ids": "1"}),
        json!({"text": "a", "client_id": ""}),
        json!({"text": "a", "client_id": "x".repeat(65)}),
        json!({"text": "a", "client_id": 7}),
        json!(["a"]),
    ] {
        refusals.push(refusal(&ines.api.post(&path, body).await));
    }
    assert_snapshot!(refusals.join("\n"), @r"
    422 invalid_field /text empty
    422 invalid_field /text empty
    422 invalid_field /text malformed
    422 invalid_field /text empty
    422 invalid_field /text empty
    422 invalid_field /text too_long max 20000
    422 invalid_field /kind malformed
    422 invalid_field /kind malformed
    422 invalid_field /reply_to malformed
    422 invalid_field /reply_to malformed
    422 invalid_field /reply_to malformed
    404 file_not_found
    422 invalid_field /file_ids too_long max 10
    422 invalid_field /file_ids malformed
    422 invalid_field /client_id empty
    422 invalid_field /client_id too_long max 64
    422 invalid_field /client_id malformed
    422 invalid_field  malformed
    ");
    let longest = json!({"text": &long[..40_000]});
    assert_eq!(ines.api.post(&path, longest).await.status, 201);
    let history = ines.api.get(&path).await.json();
    assert_eq!(history["items"].as_array().map(Vec::len), Some(1));
    server.shutdown().await;
}

#[tokio::test]
async fn in_a_channel_only_owner_and_admins_speak() {
    let server = TestServer::spawn().await;
    let ines = person(&server, "ines").await;
    let tomas = person(&server, "tomas").await;
    let room = json!({"kind": "channel", "title": "Avisos", "members": [tomas.id]});
    let room = ines.room(room).await;
    let path = format!("/v1/rooms/{room}/messages");
    let refused = tomas.api.post(&path, json!({"text": "hola"})).await;
    assert_snapshot!(seen(&refused), @r#"
    403 Forbidden
    {
      "type": "urn:tertulia:error:role_too_low",
      "title": "Hace falta un rol superior",
      "status": 403,
      "detail": "Tu rol en esta sala no lo permite.",
      "code": "role_too_low",
      "errors": [],
      "request_id": "[request_id]"
    }
    "#);
    server.shutdown().await;
}

#[tokio::test]
async fn who_sends_too_fast_is_told_to_wait() {
    let server = TestServer::builder()
        .variable("TERTULIA_LIMIT_MESSAGE_BURST", "3")
        .variable("TERTULIA_LIMIT_MESSAGES_PER_SECOND", "1")
        .spawn()
        .await;
    let ines = person(&server, "ines").await;
    let tomas = person(&server, "tomas").await;
    let room = ines.group("Cafetal", &[&tomas]).await;
    let path = format!("/v1/rooms/{room}/messages");
    let mut refused = None;
    for _ in 0..50 {
        let answer = ines.api.post(&path, json!({"text": "hola"})).await;
        if answer.status != 201 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("nobody sends fifty messages within their second");
    assert_eq!(refusal(&refused), "429 slow_down");
    assert_eq!(refused.header("retry-after"), "1");
    tomas.say(&room, "yo sí").await;
    server.shutdown().await;
}

async fn walk(person: &Person, path: &str) -> Vec<Vec<i64>> {
    let mut pages = Vec::new();
    let mut next = path.to_owned();
    loop {
        let page = person.api.get(&next).await.json();
        let items = page["items"].as_array().cloned().unwrap_or_default();
        pages.push(
            items
                .iter()
                .filter_map(|message| message["seq"].as_i64())
                .collect(),
        );
        match &page["next_cursor"] {
            Value::Null => return pages,
            cursor => next = format!("{path}&cursor={}", text(cursor)),
        }
    }
}

#[tokio::test]
async fn history_is_read_in_both_directions() {
    let server = TestServer::spawn().await;
    let ines = person(&server, "ines").await;
    let room = ines.group("Cafetal", &[]).await;
    for number in 1..=7 {
        ines.say(&room, &format!("{number}")).await;
    }
    let mut walks = Vec::new();
    for query in [
        "limit=3",
        "limit=7",
        "before=4&limit=2",
        "after=4&limit=2",
        "after=0&limit=3",
        "after=2&before=6&limit=2",
        "after=7",
        "before=1",
        "before=0",
        "after=99",
    ] {
        let path = format!("/v1/rooms/{room}/messages?{query}");
        walks.push(format!("{query}: {:?}", walk(&ines, &path).await));
    }
    assert_snapshot!(walks.join("\n"), @r"
    limit=3: [[5, 6, 7], [2, 3, 4], [1]]
    limit=7: [[1, 2, 3, 4, 5, 6, 7]]
    before=4&limit=2: [[2, 3], [1]]
    after=4&limit=2: [[5, 6], [7]]
    after=0&limit=3: [[1, 2, 3], [4, 5, 6], [7]]
    after=2&before=6&limit=2: [[4, 5], [3]]
    after=7: [[]]
    before=1: [[]]
    before=0: [[]]
    after=99: [[]]
    ");
    for (query, expected) in [
        ("before=x", "422 invalid_field /before malformed"),
        ("after=-1", "422 invalid_field /after malformed"),
        (
            "after=99999999999999999999",
            "422 invalid_field /after malformed",
        ),
        ("limit=101", "422 invalid_field /limit malformed"),
        ("cursor=x", "422 invalid_field /cursor malformed"),
    ] {
        let refused = ines
            .api
            .get(&format!("/v1/rooms/{room}/messages?{query}"))
            .await;
        assert_eq!(refusal(&refused), expected, "{query}");
    }
    server.shutdown().await;
}

#[tokio::test]
async fn authors_change_their_words() {
    let server = TestServer::spawn().await;
    let ines = person(&server, "ines").await;
    let tomas = person(&server, "tomas").await;
    let room = ines.group("Cafetal", &[&tomas]).await;
    let message = ines.say(&room, "holla").await;
    let path = format!("/v1/rooms/{room}/messages/{message}");
    server.advance(Duration::from_secs(2));
    let edited = ines.api.patch(&path, json!({"text": "hola"})).await;
    assert_snapshot!(seen(&edited), @r#"
    200 OK
    {
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
      "text": "hola",
      "reply_to": null,
      "files": [],
      "reactions": [],
      "edited_at": "2026-02-18T07:33:22.123Z",
      "deleted_at": null,
      "created_at": "2026-02-18T07:33:20.123Z"
    }
    "#);

    let mut refusals = Vec::new();
    for (person, path, body) in [
        (&tomas, path.clone(), json!({"text": "mío"})),
        (&ines, path.clone(), json!({})),
        (&ines, path.clone(), json!({"text": ""})),
        (
            &ines,
            format!("/v1/rooms/{room}/messages/99"),
            json!({"text": "a"}),
        ),
        (
            &ines,
            format!("/v1/rooms/{room}/messages/x"),
            json!({"text": "a"}),
        ),
    ] {
        refusals.push(refusal(&person.api.patch(&path, body).await));
    }
    assert_snapshot!(refusals.join("\n"), @r"
    403 not_the_author
    422 invalid_field /text missing
    422 invalid_field /text empty
    404 message_not_found
    404 message_not_found
    ");
    server.shutdown().await;
}

#[tokio::test]
async fn a_message_taken_back_keeps_its_place() {
    let server = TestServer::spawn().await;
    let ines = person(&server, "ines").await;
    let tomas = person(&server, "tomas").await;
    let room = ines.group("Cafetal", &[&tomas]).await;
    let message = tomas.say(&room, "perdón").await;
    let other = ines.say(&room, "nada").await;
    let path = format!("/v1/rooms/{room}/messages/{message}");
    let not_his = format!("/v1/rooms/{room}/messages/{other}");
    let refused = tomas.api.delete(&not_his).await;
    assert_eq!(refusal(&refused), "403 not_the_author");

    assert_eq!(tomas.api.delete(&path).await.status, 204);
    assert_eq!(
        ines.api.delete(&path).await.status,
        204,
        "twice is no error"
    );
    let history = ines
        .api
        .get(&format!("/v1/rooms/{room}/messages?limit=2"))
        .await;
    assert_snapshot!(seen(&history), @r#"
    200 OK
    {
      "items": [
        {
          "id": "1",
          "uuid": "9a43ec34-1fb6-421f-a618-9f99d6ffa35c",
          "room_id": "1",
          "seq": 1,
          "client_id": null,
          "sender": {
            "id": "2",
            "uuid": "4687e965-68c4-4210-9c44-2a5c3c97d714",
            "username": "tomas",
            "display_name": "tomas",
            "avatar_url": null
          },
          "kind": "text",
          "text": "",
          "reply_to": null,
          "files": [],
          "reactions": [],
          "edited_at": null,
          "deleted_at": "2026-02-18T07:33:20.123Z",
          "created_at": "2026-02-18T07:33:20.123Z"
        },
        {
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
          "text": "nada",
          "reply_to": null,
          "files": [],
          "reactions": [],
          "edited_at": null,
          "deleted_at": null,
          "created_at": "2026-02-18T07:33:20.123Z"
        }
      ],
      "next_cursor": null
    }
    "#);
    let edited = tomas.api.patch(&path, json!({"text": "otra vez"})).await;
    assert_eq!(refusal(&edited), "409 message_deleted");
    assert_eq!(ines.api.delete(&not_his).await.status, 204);
    server.shutdown().await;
}

#[tokio::test]
async fn a_message_goes_out_of_ones_own_sight() {
    let server = TestServer::spawn().await;
    let ines = person(&server, "ines").await;
    let tomas = person(&server, "tomas").await;
    let room = ines.group("Cafetal", &[&tomas]).await;
    let message = tomas.say(&room, "hola").await;
    let path = format!("/v1/rooms/{room}/messages/{message}");
    let hidden = ines.api.delete(&format!("{path}?for=me")).await;
    assert_eq!(hidden.status, 204);
    let list = format!("/v1/rooms/{room}/messages");
    assert_eq!(ines.api.get(&list).await.json()["items"], json!([]));
    let seen_by_others = tomas.api.get(&list).await.json();
    assert_eq!(seen_by_others["items"][0]["text"], "hola");

    for (query, expected) in [
        ("?for=nobody", "422 invalid_field /for malformed"),
        ("?for=", "422 invalid_field /for malformed"),
    ] {
        let refused = tomas.api.delete(&format!("{path}{query}")).await;
        assert_eq!(refusal(&refused), expected);
    }
    let gone = tomas.api.delete(&format!("{path}?for=everyone")).await;
    assert_eq!(gone.status, 204);
    server.shutdown().await;
}
