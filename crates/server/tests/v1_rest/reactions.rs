//! Reactions to messages.

use insta::assert_snapshot;
use serde_json::Value;
use tertulia_testkit::TestServer;

use crate::{Person, person, refusal};

async fn reactions(person: &Person, room: &str) -> Value {
    let path = format!("/v1/rooms/{room}/messages");
    person.api.get(&path).await.json()["items"][0]["reactions"].clone()
}

#[tokio::test]
async fn reactions_are_counted_by_emoji() {
    let server = TestServer::spawn().await;
    let ines = person(&server, "ines").await;
    let tomas = person(&server, "tomas").await;
    let room = ines.group("Cafetal", &[&tomas]).await;
    let message = ines.say(&room, "hola").await;
    let path = format!("/v1/rooms/{room}/messages/{message}/reactions");
    let thumb = format!("{path}/%F0%9F%91%8D");
    let word = format!("{path}/golazo");
    for (person, path) in [
        (&tomas, &thumb),
        (&ines, &word),
        (&ines, &thumb),
        (&ines, &thumb),
    ] {
        assert_eq!(person.api.put_nothing(path).await.status, 204);
    }
    let standing = reactions(&ines, &room).await;
    let standing = serde_json::to_string_pretty(&standing).expect("a value is JSON");
    assert_snapshot!(standing, @r#"
    [
      {
        "emoji": "👍",
        "count": 2,
        "user_ids": [
          "2",
          "1"
        ]
      },
      {
        "emoji": "golazo",
        "count": 1,
        "user_ids": [
          "1"
        ]
      }
    ]
    "#);
    for _ in 0..2 {
        assert_eq!(ines.api.delete(&thumb).await.status, 204);
    }
    assert_eq!(tomas.api.delete(&word).await.status, 204, "not his own");
    let standing = reactions(&tomas, &room).await;
    assert_eq!(standing[0]["user_ids"], serde_json::json!([tomas.id]));
    assert_eq!(standing[1]["count"], 1);
    server.shutdown().await;
}

#[tokio::test]
async fn what_is_no_reaction_is_refused() {
    let server = TestServer::spawn().await;
    let ines = person(&server, "ines").await;
    let room = ines.group("Cafetal", &[]).await;
    let message = ines.say(&room, "hola").await;
    let mut refusals = Vec::new();
    for (message, emoji) in [
        (message.as_str(), "x".repeat(65)),
        (message.as_str(), "a%0Ab".to_owned()),
        ("99", "x".to_owned()),
        ("x", "x".to_owned()),
    ] {
        let path = format!("/v1/rooms/{room}/messages/{message}/reactions/{emoji}");
        refusals.push(refusal(&ines.api.put_nothing(&path).await));
        refusals.push(refusal(&ines.api.delete(&path).await));
    }
    let path = format!("/v1/rooms/{room}/messages/{message}");
    assert_eq!(ines.api.delete(&path).await.status, 204);
    let deleted = ines.api.put_nothing(&format!("{path}/reactions/x")).await;
    refusals.push(refusal(&deleted));
    assert_snapshot!(refusals.join("\n"), @r"
    422 invalid_field /emoji too_long max 64
    422 invalid_field /emoji too_long max 64
    422 invalid_field /emoji malformed
    422 invalid_field /emoji malformed
    404 message_not_found
    404 message_not_found
    404 message_not_found
    404 message_not_found
    409 message_deleted
    ");
    server.shutdown().await;
}
