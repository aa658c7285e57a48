//! "For each text it does both": a send on the socket and a send over HTTP of
//! the same words are one message.

use std::time::Duration;

use serde_json::{Value, json};
use tertulia_testkit::{TestServer, is_sqlite};

use super::{Person, expect, nothing_else, pair, say, text};

async fn post(person: &Person, chat: &str, body: Value) -> String {
    let path = format!("/api/messaging/chats/{chat}/send_message/");
    let sent = person.http.post(&path, &body).await;
    assert_eq!(sent.status, 201, "{}", sent.text());
    text(&sent.json()["id"])
}

async fn count(person: &Person, chat: &str) -> Value {
    let path = format!("/api/messaging/chats/{chat}/messages/");
    person.http.get(&path).await.json()["count"].take()
}

/// "whichever came first … The REST answer is 201 with the existing message; the
/// broadcast happens once".
#[tokio::test]
async fn both_sends_of_a_text_are_one_message() {
    let server = TestServer::spawn().await;
    let (vale, _, chat, mut a, mut b) = pair(&server).await;
    let first = say(&mut a, &mut [&mut b], "¿Cascarita?").await;
    let body = json!({ "content": " ¿Cascarita? ", "message_type": "text" });
    assert_eq!(post(&vale, &chat, body).await, first);
    nothing_else(&mut a, &mut [&mut b]).await;

    let second = post(&vale, &chat, json!({ "content": "¿Hoy?" })).await;
    for socket in [&mut a, &mut b] {
        assert_eq!(
            expect(socket, "chat_message").await["message"]["id"],
            second.as_str()
        );
    }
    a.send(&json!({ "type": "chat_message", "content": "¿Hoy?" }))
        .await;
    nothing_else(&mut a, &mut [&mut b]).await;
    assert_eq!(count(&vale, &chat).await, 2);
    server.shutdown().await;
}

/// "a person repeating "ok" on one transport still sends two"; "oldest unpaired
/// first".
#[tokio::test]
async fn ok_said_twice_on_one_transport_is_two_messages() {
    let server = TestServer::spawn().await;
    let (vale, _, chat, mut a, mut b) = pair(&server).await;
    let first = say(&mut a, &mut [&mut b], "ok").await;
    let second = say(&mut a, &mut [&mut b], "ok").await;
    assert_ne!(first, second);
    let ok = || json!({ "content": "ok" });
    assert_eq!(post(&vale, &chat, ok()).await, first);
    assert_eq!(post(&vale, &chat, ok()).await, second);
    nothing_else(&mut a, &mut [&mut b]).await;
    let third = post(&vale, &chat, ok()).await;
    let fourth = post(&vale, &chat, ok()).await;
    assert_ne!(third, fourth);
    for said in [&third, &fourth] {
        for socket in [&mut a, &mut b] {
            let told = expect(socket, "chat_message").await;
            assert_eq!(told["message"]["id"], said.as_str());
        }
    }
    assert_eq!(count(&vale, &chat).await, 4);
    server.shutdown().await;
}

/// "within 10 s": what comes later is another message.
#[tokio::test]
async fn later_than_ten_seconds_it_is_said_again() {
    if !is_sqlite() {
        // A server's clock cannot be moved: the store's own tests make rows older.
        return;
    }
    let server = TestServer::spawn().await;
    let (vale, _, chat, mut a, mut b) = pair(&server).await;
    let first = say(&mut a, &mut [&mut b], "ok").await;
    server.advance(Duration::from_millis(10_001));
    assert_ne!(post(&vale, &chat, json!({ "content": "ok" })).await, first);
    for socket in [&mut a, &mut b] {
        expect(socket, "chat_message").await;
    }
    server.shutdown().await;
}

/// "with the same type and content" and by the same user.
#[tokio::test]
async fn another_type_other_words_or_another_person_is_another_message() {
    let server = TestServer::spawn().await;
    let (vale, memo, chat, mut a, mut b) = pair(&server).await;
    let first = say(&mut a, &mut [&mut b], "ok").await;
    for (person, body) in [
        (&vale, json!({ "content": "ok", "message_type": "emoji" })),
        (&vale, json!({ "content": "OK" })),
        (&memo, json!({ "content": "ok" })),
    ] {
        assert_ne!(post(person, &chat, body).await, first);
        for socket in [&mut a, &mut b] {
            expect(socket, "chat_message").await;
        }
    }
    assert_eq!(post(&vale, &chat, json!({ "content": "ok" })).await, first);
    server.shutdown().await;
}

/// "also for two sends at the same moment": whatever the order in which they
/// arrive, each text is told once and stored once.
#[tokio::test]
async fn sends_at_the_same_moment_are_one_message() {
    const TEXTS: usize = 25;
    let server = TestServer::spawn().await;
    let (vale, _, chat, mut a, mut b) = pair(&server).await;
    let mut calls = Vec::new();
    for number in 0..TEXTS {
        let (http, chat) = (vale.http.clone(), chat.clone());
        calls.push(tokio::spawn(async move {
            let path = format!("/api/messaging/chats/{chat}/send_message/");
            let body = json!({ "content": format!("texto {number}") });
            text(&http.post(&path, &body).await.json()["id"])
        }));
        let content = format!("texto {number}");
        a.send(&json!({ "type": "chat_message", "content": content }))
            .await;
    }
    let mut answered = Vec::new();
    for call in calls {
        answered.push(call.await.unwrap());
    }
    let mut told = Vec::new();
    for _ in 0..TEXTS {
        let said = expect(&mut b, "chat_message").await;
        assert_eq!(expect(&mut a, "chat_message").await, said);
        told.push(text(&said["message"]["id"]));
    }
    nothing_else(&mut a, &mut [&mut b]).await;
    answered.sort_unstable();
    told.sort_unstable();
    assert_eq!(answered, told);
    assert_eq!(count(&vale, &chat).await, TEXTS);
    server.shutdown().await;
}
