//! Section 3, "After authentication": messages and histories.

use std::time::Duration;

use serde_json::{Value, json};
use tertulia_testkit::{KaapehClient, TestServer};

use super::{STRANGER, ask, device, direct_chat, group, member, nothing_else, refused, text};

async fn say(client: &mut KaapehClient, chat: &str, content: &str) {
    let data = json!({ "chatId": chat, "content": content });
    client.request("message:send", &data).await;
}

fn contents(messages: &Value) -> Vec<&str> {
    let list = messages["messages"].as_array();
    list.unwrap_or_else(|| panic!("a list was expected in {messages}"))
        .iter()
        .filter_map(|message| message["content"].as_str())
        .collect()
}

/// `message:list`: `message:list:ok` `{chatId, messages}`, oldest first, with a
/// `limit`; errors as `room:join`.
#[tokio::test]
async fn message_list_has_the_last_ones_oldest_first() {
    let server = TestServer::spawn().await;
    let (mut ines, _) = member(&server, "ines").await;
    let (mut tomas, _) = member(&server, "tomas").await;
    let chat = group(&mut ines, &mut []).await;
    for number in 1..=5 {
        say(&mut ines, &chat, &number.to_string()).await;
        ines.expect("message:receive").await;
    }
    for (limit, expected) in [
        (json!(2), vec!["4", "5"]),
        (json!(0), vec!["5"]),
        (json!(-7), vec!["5"]),
        (json!(1_000_000), vec!["1", "2", "3", "4", "5"]),
        (json!(null), vec!["1", "2", "3", "4", "5"]),
        (json!("2"), vec!["1", "2", "3", "4", "5"]),
    ] {
        let data = json!({ "chatId": chat, "limit": limit });
        let list = ask(&mut ines, "message:list", data, "message:list:ok").await;
        assert_eq!(list["chatId"], chat.as_str());
        assert_eq!(contents(&list), expected, "{limit}");
    }
    let kind = "message:list";
    for (data, error) in [
        (json!({}), "Falta chatId"),
        (json!({ "chatId": STRANGER }), "No eres miembro de ese chat"),
        (json!({ "chatId": "c-1" }), "No eres miembro de ese chat"),
        (json!({ "chatId": chat }), "No eres miembro de ese chat"),
    ] {
        refused(&mut tomas, kind, data, error).await;
    }
    ines.finish().await;
    tomas.finish().await;
    server.shutdown().await;
}

/// `room:join`: `room:join:ok` `{chatId}`, then `message:list:ok` with the last
/// 150 messages, oldest first; `No eres miembro de ese chat`.
#[tokio::test]
async fn room_join_brings_the_last_150() {
    let server = TestServer::spawn().await;
    let (mut ines, account) = member(&server, "ines").await;
    let (mut tomas, _) = member(&server, "tomas").await;
    let chat = group(&mut ines, &mut []).await;
    for number in 1..=152 {
        say(&mut ines, &chat, &number.to_string()).await;
    }
    let mut sent = Vec::new();
    for _ in 1..=152 {
        sent.push(ines.expect("message:receive").await);
    }

    let data = json!({ "chatId": chat });
    let joined = ask(&mut ines, "room:join", data.clone(), "room:join:ok").await;
    assert_eq!(joined, data);
    let list = ines.expect("message:list:ok").await;
    assert_eq!(list, json!({ "chatId": chat, "messages": sent[2..] }));
    assert_eq!(sent[151]["senderId"], account.id.as_str());
    assert_eq!(contents(&list)[149], "152");

    for (data, error) in [
        (data, "No eres miembro de ese chat"),
        (json!({ "chatId": "c-1" }), "No eres miembro de ese chat"),
        (json!({}), "Falta chatId"),
    ] {
        refused(&mut tomas, "room:join", data, error).await;
    }
    ines.finish().await;
    tomas.finish().await;
    server.shutdown().await;
}

/// `message:send`: no reply of its own; `message:receive` to every socket of
/// every member, sender included, joined or not, each once.
#[tokio::test]
async fn a_message_reaches_every_socket_of_every_member_once() {
    let server = TestServer::spawn().await;
    let (mut ines, account) = member(&server, "ines").await;
    let (mut tomas, tomas_account) = member(&server, "tomas").await;
    let chat = direct_chat(&mut ines, &mut tomas, &tomas_account).await;
    let mut phone = device(&server, "phone", &account).await;
    // §6: one socket that joined must not keep the message from the others.
    let data = json!({ "chatId": chat });
    ask(&mut tomas, "room:join", data, "room:join:ok").await;
    tomas.expect("message:list:ok").await;

    let data = json!({ "chatId": chat, "content": "¿café?", "kind": "emoji" });
    ines.request("message:send", &data).await;
    let heard = ines.expect("message:receive").await;
    assert_eq!(
        heard,
        json!({
            "id": heard["id"], "chatId": chat, "senderId": account.id, "kind": "emoji",
            "content": "¿café?", "createdAt": 1_771_400_000_123_i64,
        })
    );
    assert_eq!(tomas.expect("message:receive").await, heard);
    assert_eq!(phone.expect("message:receive").await, heard);
    nothing_else(&mut ines, &mut [&mut tomas, &mut phone]).await;
    for client in [ines, tomas, phone] {
        client.finish().await;
    }
    server.shutdown().await;
}

/// `message:send`: `kind` `text`, `emoji` or `object`, default `text`; histories
/// and chat lists say it again.
#[tokio::test]
async fn kinds_are_kept() {
    let server = TestServer::spawn().await;
    let (mut ines, _) = member(&server, "ines").await;
    let chat = group(&mut ines, &mut []).await;
    for (kind, shown) in [
        (json!(null), "text"),
        (json!("text"), "text"),
        (json!("emoji"), "emoji"),
        (json!("object"), "object"),
    ] {
        let data = json!({ "chatId": chat, "content": "x", "kind": kind });
        let heard = ask(&mut ines, "message:send", data, "message:receive").await;
        assert_eq!(heard["kind"], shown);
    }
    let data = json!({ "chatId": chat });
    let list = ask(&mut ines, "message:list", data, "message:list:ok").await;
    let kinds: Vec<_> = list["messages"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|message| text(&message["kind"]))
        .collect();
    assert_eq!(kinds, ["text", "text", "emoji", "object"]);
    let list = ask(&mut ines, "chat:list", json!({}), "chat:list:ok").await;
    assert_eq!(list["chats"][0]["lastMessage"]["kind"], "object");
    ines.finish().await;
    server.shutdown().await;
}

/// `message:send`: `Faltan campos` · `No eres miembro de ese chat`.
#[tokio::test]
async fn send_errors() {
    let server = TestServer::spawn().await;
    let (mut ines, _) = member(&server, "ines").await;
    let (mut tomas, _) = member(&server, "tomas").await;
    let chat = group(&mut ines, &mut []).await;
    for data in [
        json!({}),
        json!({ "chatId": chat }),
        json!({ "chatId": chat, "content": "" }),
        json!({ "chatId": chat, "content": " \n " }),
        json!({ "chatId": chat, "content": 7 }),
        json!({ "content": "x" }),
    ] {
        refused(&mut ines, "message:send", data, "Faltan campos").await;
    }
    for chat in [chat.as_str(), STRANGER, "c-1"] {
        let data = json!({ "chatId": chat, "content": "hola" });
        let error = "No eres miembro de ese chat";
        refused(&mut tomas, "message:send", data, error).await;
    }
    nothing_else(&mut ines, &mut []).await;
    ines.finish().await;
    tomas.finish().await;
    server.shutdown().await;
}

/// Errors of pipelined sends come in the order of the sends.
#[tokio::test]
async fn refusals_come_in_order() {
    let server = TestServer::spawn().await;
    let (mut ines, _) = member(&server, "ines").await;
    let chat = group(&mut ines, &mut []).await;
    say(&mut ines, &chat, "one").await;
    say(&mut ines, STRANGER, "two").await;
    let data = json!({ "chatId": chat, "content": "three", "kind": "x" });
    ines.request("message:send", &data).await;
    ines.request("user:findByUsername", &json!({})).await;
    let mut frames = Vec::new();
    for _ in 0..4 {
        frames.push(ines.recv().await);
    }
    let (heard, replies): (Vec<_>, Vec<_>) = frames
        .iter()
        .partition(|frame| frame["type"] == "message:receive");
    assert_eq!(heard[0]["data"]["content"], "one");
    assert_eq!(
        replies,
        [
            &json!({"type": "error", "data": {"message": "No eres miembro de ese chat"}}),
            &json!({"type": "error", "data": {"message": "Tipo de mensaje inválido"}}),
            &json!({"type": "user:notFound", "data": {"username": ""}}),
        ]
    );
    ines.finish().await;
    server.shutdown().await;
}

/// Details: a chat opened by `chat:created` or `group:created` is selected
/// without `room:join`; delivery does not depend on having joined. Histories of
/// a person who comes later hold what was said before.
#[tokio::test]
async fn delivery_does_not_depend_on_joining() {
    let server = TestServer::spawn().await;
    let (mut ines, _) = member(&server, "ines").await;
    let (mut tomas, account) = member(&server, "tomas").await;
    let chat = group(&mut ines, &mut [(&mut tomas, &account)]).await;
    say(&mut ines, &chat, "hola").await;
    let heard = ines.expect("message:receive").await;
    assert_eq!(tomas.expect("message:receive").await, heard);
    let mut later = device(&server, "later", &account).await;
    say(&mut ines, &chat, "¿y tú?").await;
    let heard = ines.expect("message:receive").await;
    assert_eq!(tomas.expect("message:receive").await, heard);
    assert_eq!(later.expect("message:receive").await, heard);
    let data = json!({ "chatId": chat });
    let list = ask(&mut later, "message:list", data, "message:list:ok").await;
    assert_eq!(contents(&list), ["hola", "¿y tú?"]);
    for client in [ines, tomas, later] {
        client.finish().await;
    }
    server.shutdown().await;
}

/// `reliability.md` §2, "messages per user": beyond it an old client is read
/// more slowly, and nothing is refused.
#[tokio::test]
async fn a_flood_is_read_more_slowly() {
    let server = TestServer::builder()
        .settings(|settings| {
            settings.transport.messages_per_second = 20.try_into().unwrap();
            settings.transport.message_burst = 5.try_into().unwrap();
        })
        .spawn()
        .await;
    let (mut ines, _) = member(&server, "ines").await;
    let chat = group(&mut ines, &mut []).await;
    let began = std::time::Instant::now();
    for number in 1..=15 {
        say(&mut ines, &chat, &number.to_string()).await;
    }
    for number in 1..=15 {
        let heard = ines.expect("message:receive").await;
        assert_eq!(heard["content"], number.to_string());
    }
    // Registering and making the group took two of the five; twelve had to wait
    // 50 ms each.
    assert!(began.elapsed() >= Duration::from_millis(450));
    ines.finish().await;
    server.shutdown().await;
}

/// The same for what only reads, and for `hello`: both cost the store more than
/// a message does.
#[tokio::test]
async fn a_flood_of_questions_is_read_more_slowly() {
    let server = TestServer::builder()
        .settings(|settings| {
            settings.transport.messages_per_second = 20.try_into().unwrap();
            settings.transport.message_burst = 1.try_into().unwrap();
        })
        .spawn()
        .await;
    let (mut ines, account) = member(&server, "ines").await;
    let chat = group(&mut ines, &mut []).await;
    for (question, data, answers) in [
        ("chat:list", json!({}), &["chat:list:ok"][..]),
        (
            "message:list",
            json!({ "chatId": chat }),
            &["message:list:ok"],
        ),
        (
            "room:join",
            json!({ "chatId": chat }),
            &["room:join:ok", "message:list:ok"],
        ),
        (
            "user:findByUsername",
            json!({ "username": "ines" }),
            &["user:found"],
        ),
        ("hello", json!({ "token": account.token }), &["hello:ok"]),
    ] {
        let began = std::time::Instant::now();
        for _ in 0..6 {
            ines.request(question, &data).await;
        }
        for answer in answers.repeat(6) {
            ines.expect(answer).await;
        }
        let took = began.elapsed();
        assert!(took >= Duration::from_millis(200), "{question}: {took:?}");
    }
    ines.finish().await;
    server.shutdown().await;
}
