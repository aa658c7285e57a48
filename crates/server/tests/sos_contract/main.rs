//! The SOS-Habilidoso contract, row by row: each test quotes the row that it
//! holds.
//!
//! [`example`] is the contract's section 7, [`transport`] its section 2,
//! [`events`] and [`refusals`] the socket of section 3, [`accounts`], [`chats`],
//! [`messages`] and [`media`] its calls, [`twice`] the sends that come on both transports,
//! [`settings`] section 5, [`mended`] section 6.

mod accounts;
mod chats;
mod events;
mod example;
mod media;
mod mended;
mod messages;
mod readers;
mod refusals;
mod settings;
mod transport;
mod twice;

use serde_json::{Value, json};
use tertulia_testkit::{HttpClient, HttpResponse, Socket, TestServer};

const PASSWORD: &str = "Gol-2026x";

/// Somebody with an account.
struct Person {
    id: String,
    username: String,
    access: String,
    refresh: String,
    /// Calls as this person.
    http: HttpClient,
}

/// Makes an account over the dialect's own call.
async fn person(server: &TestServer, username: &str) -> Person {
    let account = json!({
        "email": format!("{username}@liga.test"),
        "username": username,
        "display_name": display_name(username),
        "password": PASSWORD,
        "password_confirm": PASSWORD,
    });
    let made = server.http().post("/api/auth/register/", &account).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let made = made.json();
    let access = text(&made["tokens"]["access"]);
    Person {
        id: text(&made["user"]["id"]),
        username: username.to_owned(),
        http: server.http().bearer(&access),
        access,
        refresh: text(&made["tokens"]["refresh"]),
    }
}

fn display_name(username: &str) -> String {
    match username {
        "vale" => "Vale Ríos".to_owned(),
        other => other.to_owned(),
    }
}

/// The private chat of two people.
async fn private_chat(one: &Person, other: &Person) -> String {
    let path = format!("/api/users/chat/{}/", other.username);
    let opened = one.http.post(&path, &json!({})).await;
    text(&opened.json()["chat"]["id"])
}

/// A group of these people, made by the first.
async fn group(people: &[&Person]) -> String {
    let ids: Vec<_> = people[1..].iter().map(|person| &person.id).collect();
    let group = json!({ "name": "Liga", "chat_type": "group", "participant_ids": ids });
    let made = people[0].http.post("/api/messaging/chats/", &group).await;
    assert_eq!(made.status, 201, "{}", made.text());
    text(&made.json()["id"])
}

fn socket_path(chat: &str, token: &str) -> String {
    format!("/ws/chat/{chat}/?token={token}")
}

/// Opens the chat in a socket of this person, under its username.
async fn open(server: &TestServer, person: &Person, chat: &str) -> Socket {
    let path = socket_path(chat, &person.access);
    server.socket(&person.username, &path, &[]).await
}

/// Opens a further person's socket; those who are there already are told.
async fn open_beside(
    server: &TestServer,
    person: &Person,
    chat: &str,
    there: &mut [&mut Socket],
) -> Socket {
    let socket = open(server, person, chat).await;
    for other in there {
        let told = expect(other, "user_status").await;
        assert_eq!(told["user_id"], person.id.as_str(), "{told}");
    }
    socket
}

/// Two people in their private chat, each on a socket.
async fn pair(server: &TestServer) -> (Person, Person, String, Socket, Socket) {
    let (vale, memo) = (person(server, "vale").await, person(server, "memo").await);
    let chat = private_chat(&vale, &memo).await;
    let mut a = open(server, &vale, &chat).await;
    let b = open_beside(server, &memo, &chat, &mut [&mut a]).await;
    (vale, memo, chat, a, b)
}

/// The next frame, which must be of this type.
async fn expect(socket: &mut Socket, kind: &str) -> Value {
    let frame = socket.recv().await;
    assert_eq!(frame["type"], kind, "{} received {frame}", socket.name());
    frame
}

/// The next frame, which must be this refusal.
async fn refused(socket: &mut Socket, frame: Value, text: &str) {
    socket.send(&frame).await;
    let refusal = socket.recv().await;
    let expected = json!({ "type": "error", "message": text, "error": text });
    assert_eq!(refusal, expected, "{frame}");
}

/// Says something on the socket, and takes it from all of them; answers the id.
async fn say(sender: &mut Socket, others: &mut [&mut Socket], content: &str) -> String {
    sender
        .send(&json!({ "type": "chat_message", "content": content }))
        .await;
    let said = expect(sender, "chat_message").await;
    for other in others {
        assert_eq!(expect(other, "chat_message").await, said);
    }
    text(&said["message"]["id"])
}

/// Proves that nothing else came to these: the first writes, and that is the
/// next thing of which the others hear; what the first asks for in vain is the
/// next of which it hears itself.
async fn nothing_else(socket: &mut Socket, others: &mut [&mut Socket]) {
    socket
        .send(&json!({ "type": "typing", "is_typing": true }))
        .await;
    for other in others {
        expect(other, "typing_status").await;
    }
    refused(
        socket,
        json!({ "type": "nothing" }),
        "Tipo de evento desconocido",
    )
    .await;
}

/// Over HTTP, this status and exactly this body.
fn answers(response: &HttpResponse, status: u16, body: &Value) {
    assert_eq!(response.status, status, "{}", response.text());
    assert_eq!(&response.json(), body);
}

fn text(value: &Value) -> String {
    match value.as_str() {
        Some(text) => text.to_owned(),
        None => panic!("a string was expected, not {value}"),
    }
}
