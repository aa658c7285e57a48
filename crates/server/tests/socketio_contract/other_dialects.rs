//! One room, every dialect: each message arrives everywhere, once, in one order.

use serde_json::{Value, json};
use tertulia_domain::chat::RoomDraft;
use tertulia_domain::{RoomKind, Visibility};
use tertulia_testkit::{KaapehClient, SocketIoClient, TestServer, V1Client};

use super::{open_group, person, text, to, to_room, trusting};

/// How many messages each person sends.
const EACH: usize = 25;

/// The texts that a client hears, in their order, without its own answers.
async fn heard_by_socketio(client: &mut SocketIoClient, count: usize) -> Vec<String> {
    let mut heard = Vec::new();
    let mut acks = 0;
    while heard.len() < count || acks < EACH {
        let packet = client.packet().await;
        let event: Value = serde_json::from_str(&packet[2..]).unwrap();
        match event[0].as_str() {
            Some("receive_message") => heard.push(text(&event[1]["message"])),
            Some("ack") => {
                assert_eq!(event[1]["status"], "sent");
                acks += 1;
            }
            _ => panic!("{packet}"),
        }
    }
    heard
}

async fn heard_by_kaapehchat(client: &mut KaapehClient, count: usize) -> Vec<String> {
    let mut heard = Vec::new();
    for _ in 0..count {
        heard.push(text(&client.expect("message:receive").await["content"]));
    }
    heard
}

async fn heard_by_v1(client: &mut V1Client, count: usize) -> Vec<String> {
    let (mut heard, mut answers) = (Vec::new(), 0);
    while heard.len() < count || answers < EACH {
        let frame = client.recv().await;
        match frame["ev"].as_str() {
            Some("message") => heard.push(text(&frame["message"]["text"])),
            Some("ok") => answers += 1,
            _ => panic!("{frame}"),
        }
    }
    heard
}

#[tokio::test]
async fn every_message_arrives_everywhere_once_in_one_order() {
    let server = trusting().await;
    let mut kaapeh = server.kaapehchat("kaapeh").await;
    let kaapeh_account = kaapeh.register("tomas").await;
    let account = server.http().v1_register("eva").await;
    let mut v1 = server.v1_socket("v1", &account.token).await;
    let mut upred = server.socketio("upred", "31").await;
    let mut redup = server.socketio("redup", "ana").await;

    let owner = person(&server, "31").await;
    let mut members = vec![person(&server, "ana").await.id];
    for token in [&kaapeh_account.token, &account.token] {
        members.push(server.chat().authenticate(token).await.unwrap().user());
    }
    let draft = RoomDraft {
        kind: RoomKind::Group,
        title: "Cafetal".to_owned(),
        description: None,
        visibility: Visibility::Private,
        open: false,
        members,
    };
    let room = server.chat().create_room(&owner, draft).await.unwrap();
    kaapeh.expect("chat:created").await;
    v1.expect("room").await;
    open_group(&mut upred, room.id).await;
    open_group(&mut redup, room.id).await;
    upred.expect("user_joined_group").await;

    let uuid = room.uuid.to_string();
    for number in 0..EACH {
        let said = |who: &str| format!("{who} {number}");
        upred
            .emit("send_message", &to_room(&uuid, "31", &said("upred")))
            .await;
        let mut message = to(&room.id.to_string(), "ana", &said("redup"));
        message["type"] = "grupal".into();
        redup.emit("send_message", &message).await;
        let data = json!({ "chatId": uuid, "content": said("kaapeh") });
        kaapeh.request("message:send", &data).await;
        let fields = json!({ "room_id": room.id.to_string(), "text": said("v1") });
        v1.request("send", &fields).await;
    }
    let count = 4 * EACH;
    let order = heard_by_kaapehchat(&mut kaapeh, count).await;
    assert_eq!(heard_by_v1(&mut v1, count).await, order);
    assert_eq!(heard_by_socketio(&mut upred, count).await, order);
    assert_eq!(heard_by_socketio(&mut redup, count).await, order);
    for who in ["upred", "redup", "kaapeh", "v1"] {
        let of_one = order.iter().filter(|text| text.starts_with(who));
        let expected: Vec<_> = (0..EACH).map(|number| format!("{who} {number}")).collect();
        assert!(of_one.eq(expected.iter()), "{who}: {order:?}");
    }
    upred.finish().await;
    redup.finish().await;
    kaapeh.finish().await;
    v1.finish().await;
    server.shutdown().await;
}

/// A direct chat between two of them: what one says, the other hears, and the
/// files and kinds that a dialect does not have do no harm.
#[tokio::test]
async fn a_direct_chat_across_dialects() {
    let server = trusting().await;
    let mut kaapeh = server.kaapehchat("kaapeh").await;
    kaapeh.register("tomas").await;
    let mut redup = server.socketio("redup", "ana").await;
    let mut message = to("tomas", "ana", "");
    message["type"] = "image".into();
    message["url_archivo"] = "https://x.test/plano.png".into();
    let ack = redup.ask("send_message", message, "ack").await;
    assert_eq!(ack["message_type"], "imagen");
    kaapeh.expect("chat:created").await;
    // Whoever cannot be shown the file is told where it is.
    let heard = kaapeh.expect("message:receive").await;
    assert_eq!(heard["content"], "https://x.test/plano.png");
    assert_eq!(heard["chatId"], ack["sala_uuid"]);

    let data = json!({ "chatId": ack["sala_uuid"], "kind": "emoji", "content": "👍" });
    kaapeh.request("message:send", &data).await;
    kaapeh.expect("message:receive").await;
    let heard = redup.expect("receive_message").await;
    assert_eq!(heard["message"], "👍");
    assert_eq!(heard["message_type"], "texto");
    assert_eq!(heard["to"], "ana");
    kaapeh.finish().await;
    redup.finish().await;
    server.shutdown().await;
}

/// Edits, deletions, reactions, typing and calls have no form on this wire.
#[tokio::test]
async fn what_has_no_form_is_not_told() {
    use tertulia_domain::command::Toggle;
    use tertulia_domain::{Draft, Status};
    let server: TestServer = trusting().await;
    let room = super::group(&server, &["31", "58"]).await;
    let mut reader = server.socketio("B", "58").await;
    open_group(&mut reader, room.id).await;
    let author = person(&server, "31").await;
    let chat = server.chat();
    let sent = chat
        .send(&author, room.id, Draft::text("uno"))
        .await
        .unwrap();
    reader.expect("receive_message").await;
    let id = sent.message.id;
    chat.edit(&author, room.id, id, "dos").await.unwrap();
    chat.react(&author, room.id, id, "👍", Toggle::On)
        .await
        .unwrap();
    chat.delete(&author, room.id, id).await.unwrap();
    chat.typing(&author, room.id, true).await.unwrap();
    chat.choose_status(&author, Status::Busy).await;
    super::nothing_else(&server, &mut [("58", &mut reader)]).await;
    reader.finish().await;
    server.shutdown().await;
}
