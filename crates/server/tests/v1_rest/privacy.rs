//! S7: to a stranger a room that it may not know of is no room at all, whatever
//! is asked.

use http::Method;
use serde_json::{Value, json};
use tertulia_testkit::TestServer;

use crate::{Person, person, refusal, seen};

/// Every call on a room, with a body that is good where one is needed.
fn calls(room: &str, message: &str, user: &str) -> Vec<(Method, String, Option<Value>)> {
    let at = |rest: &str| format!("/v1/rooms/{room}{rest}");
    let member = at(&format!("/members/{user}"));
    let message = at(&format!("/messages/{message}"));
    let reaction = format!("{message}/reactions/x");
    vec![
        (Method::GET, at(""), None),
        (Method::PATCH, at(""), Some(json!({"title": "x"}))),
        (Method::DELETE, at(""), None),
        (Method::GET, at("/members"), None),
        (Method::PUT, member.clone(), Some(json!({"role": "owner"}))),
        (Method::DELETE, member, None),
        (Method::POST, at("/join"), None),
        (Method::POST, at("/leave"), None),
        (Method::POST, at("/invites"), None),
        (Method::GET, at("/messages"), None),
        (Method::POST, at("/messages"), Some(json!({"text": "x"}))),
        (Method::PATCH, message.clone(), Some(json!({"text": "x"}))),
        (Method::DELETE, message.clone(), None),
        (Method::DELETE, format!("{message}?for=me"), None),
        (Method::PUT, reaction.clone(), None),
        (Method::DELETE, reaction, None),
        (Method::GET, format!("{message}/receipts"), None),
        (Method::PUT, at("/receipts"), Some(json!({"read": 1}))),
    ]
}

async fn answers(person: &Person, calls: Vec<(Method, String, Option<Value>)>) -> Vec<String> {
    let mut answers = Vec::new();
    for (method, path, body) in calls {
        let answer = person.api.call(method, &path, body).await;
        assert_eq!(refusal(&answer), "404 room_not_found", "{path}");
        answers.push(seen(&answer));
    }
    answers
}

#[tokio::test]
async fn a_strangers_room_is_no_room() {
    let server = TestServer::spawn().await;
    let ines = person(&server, "ines").await;
    let tomas = person(&server, "tomas").await;
    let stranger = person(&server, "eva").await;
    let nothing = answers(&stranger, calls("99", "1", &tomas.id)).await;
    let direct = json!({"kind": "direct", "members": [tomas.id]});
    let channel = json!({"kind": "channel", "title": "Avisos"});
    for body in [
        json!({"kind": "group", "title": "Cafetal", "members": [tomas.id]}),
        direct,
        channel,
    ] {
        let room = ines.room(body).await;
        let message = ines.say(&room, "hola").await;
        let private = answers(&stranger, calls(&room, &message, &tomas.id)).await;
        assert_eq!(private, nothing);
    }
    let odd = answers(&stranger, calls("x", "1", &tomas.id)).await;
    assert_eq!(odd, nothing);
    server.shutdown().await;
}

#[tokio::test]
async fn who_has_left_is_a_stranger() {
    let server = TestServer::spawn().await;
    let ines = person(&server, "ines").await;
    let tomas = person(&server, "tomas").await;
    let room = ines.group("Cafetal", &[&tomas]).await;
    let message = ines.say(&room, "hola").await;
    let left = tomas
        .api
        .post_nothing(&format!("/v1/rooms/{room}/leave"))
        .await;
    assert_eq!(left.status, 204);
    answers(&tomas, calls(&room, &message, &ines.id)).await;
    server.shutdown().await;
}

/// A message is found in its own room only.
#[tokio::test]
async fn a_message_of_another_room_is_no_message() {
    let server = TestServer::spawn().await;
    let ines = person(&server, "ines").await;
    let eva = person(&server, "eva").await;
    let secret = ines.group("Cafetal", &[]).await;
    let message = ines.say(&secret, "hola").await;
    let own = eva.group("Mía", &[]).await;
    let path = format!("/v1/rooms/{own}/messages/{message}");
    for answer in [
        eva.api.patch(&path, json!({"text": "x"})).await,
        eva.api.delete(&path).await,
        eva.api.delete(&format!("{path}?for=me")).await,
        eva.api.put_nothing(&format!("{path}/reactions/x")).await,
        eva.api.get(&format!("{path}/receipts")).await,
    ] {
        assert_eq!(refusal(&answer), "404 message_not_found");
    }
    server.shutdown().await;
}
