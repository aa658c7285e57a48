//! What is not carried out. The connection lives on.

use serde_json::{Value, json};
use tertulia_testkit::TestServer;

use crate::client::Client;
use crate::world::World;

async fn code_of(client: &mut Client, frame: &str) -> Value {
    client.send_text(frame).await;
    let answer = client.recv().await;
    assert_eq!(answer["ev"], "error", "{frame}: {answer}");
    answer["code"].clone()
}

#[tokio::test]
async fn malformed_frames_are_answered_and_cost_no_connection() {
    let world = World::new().await;
    let ines = world.person("ines").await;
    let mut client = world.live("A", &ines).await;
    let deep = format!(
        r#"{{"op":"ping","x":{}1{}}}"#,
        "[".repeat(40),
        "]".repeat(40)
    );
    for (frame, code) in [
        ("", "malformed_json"),
        ("{", "malformed_json"),
        ("{\"op\":\"ping\"} {}", "malformed_json"),
        ("null", "not_an_object"),
        ("[{\"op\":\"ping\"}]", "not_an_object"),
        ("{}", "invalid_field"),
        ("{\"op\":1}", "invalid_field"),
        ("{\"op\":\"PING\"}", "unknown_op"),
        ("{\"op\":\"ping\",\"ref\":{}}", "invalid_field"),
        (
            "{\"op\":\"send\",\"room_id\":1,\"text\":\"x\"}",
            "invalid_field",
        ),
        ("{\"op\":\"send\",\"text\":\"x\"}", "invalid_field"),
        (&deep, "too_complex"),
    ] {
        assert_eq!(code_of(&mut client, frame).await, code, "{frame}");
    }
    client.send_binary(br#"{"op":"ping"}"#).await;
    assert_eq!(client.recv().await["code"], "not_text");
    client.nothing_else().await;
    world.end([client]).await;
}

/// S7: to a stranger it is as if there were no room.
#[tokio::test]
async fn a_room_one_does_not_belong_to_is_not_there() {
    let world = World::new().await;
    let (ines, luis) = (world.person("ines").await, world.person("luis").await);
    let room = world.group(&[&ines]).await;
    let said = world.say(&ines, &room, "secreto").await;
    let mut client = world.live("A", &luis).await;
    for room in [room.as_str(), "999"] {
        for mut op in [
            json!({"op": "send", "text": "hola"}),
            json!({"op": "edit", "id": said["id"], "text": "hola"}),
            json!({"op": "delete", "id": said["id"]}),
            json!({"op": "delete", "id": said["id"], "for": "me"}),
            json!({"op": "react", "id": said["id"], "emoji": "x", "on": true}),
            json!({"op": "receipt", "read": 1}),
            json!({"op": "typing", "on": true}),
            json!({"op": "signal", "type": "offer"}),
        ] {
            op["room_id"] = json!(room);
            client.refused(op, "room_not_found").await;
        }
    }
    client.nothing_else().await;
    world.end([client]).await;
}

#[tokio::test]
async fn a_message_of_another_room_is_not_there() {
    let world = World::new().await;
    let ines = world.person("ines").await;
    let (here, there) = (world.group(&[&ines]).await, world.group(&[&ines]).await);
    let said = world.say(&ines, &there, "hola").await;
    let mut client = world.live("A", &ines).await;
    for mut op in [
        json!({"op": "edit", "text": "x"}),
        json!({"op": "delete"}),
        json!({"op": "delete", "for": "me"}),
        json!({"op": "react", "emoji": "x", "on": true}),
    ] {
        op["room_id"] = json!(here);
        op["id"] = said["id"].clone();
        client.refused(op, "message_not_found").await;
    }
    let reply = json!({"op": "send", "room_id": here, "text": "x", "reply_to": said["id"]});
    client.refused(reply, "invalid_field").await;
    client.nothing_else().await;
    world.end([client]).await;
}

#[tokio::test]
async fn in_a_channel_only_those_who_keep_order_write() {
    let world = World::new().await;
    let (ines, luis) = (world.person("ines").await, world.person("luis").await);
    let room = world.room("channel", &[&ines, &luis]).await;
    let mut client = world.live("A", &luis).await;
    let send = json!({"op": "send", "room_id": room, "text": "hola"});
    client.refused(send, "role_too_low").await;
    world.end([client]).await;
}

/// `reliability.md` §2: beyond the rate, `/v1` is refused; a ping never is.
#[tokio::test]
async fn who_sends_too_fast_is_told_to_slow_down() {
    let builder = TestServer::builder().settings(|settings| {
        settings.transport.messages_per_second = const { std::num::NonZeroU32::new(1).unwrap() };
        // One of them makes the group.
        settings.transport.message_burst = const { std::num::NonZeroU32::new(4).unwrap() };
    });
    let world = World::with(builder).await;
    let ines = world.person("ines").await;
    let room = world.group(&[&ines]).await;
    let mut client = world.live("A", &ines).await;
    let typing = json!({"op": "typing", "room_id": room, "on": true});
    for _ in 0..3 {
        client.done(typing.clone()).await;
    }
    for op in [
        typing,
        json!({"op": "send", "room_id": room, "text": "hola"}),
        json!({"op": "resume", "cursor": {}}),
        json!({"op": "reauth", "token": ines.token}),
    ] {
        let answer = until_refused(&mut client, &op).await;
        assert_eq!(
            (&answer["code"], &answer["retry_after"]),
            (&json!("slow_down"), &json!(1)),
            "{op}: {answer}"
        );
    }
    client.done(json!({"op": "ping"})).await;
    // What was let through has left events behind.
    client.vanish();
    world.end([]).await;
}

/// The refusal of an op: one of each second is let through, and nobody says when.
async fn until_refused(client: &mut Client, op: &Value) -> Value {
    for _ in 0..50 {
        let answer = client.call(op.clone()).await;
        if answer["ev"] == "error" {
            return answer;
        }
    }
    panic!("fifty of {op} take longer than fifty seconds")
}
