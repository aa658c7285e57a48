//! Each op, its answer, and what others are told.

use insta::assert_snapshot;
use serde_json::{Value, json};
use tertulia_testkit::V1Account;

use crate::client::Client;
use crate::world::World;

/// Two people in a group, one of them on two devices, all live.
struct Scene {
    world: World,
    room: String,
    ines: V1Account,
    luis: V1Account,
    /// Inés, on two devices.
    phone: Client,
    laptop: Client,
    /// Luis.
    other: Client,
}

impl Scene {
    async fn new() -> Self {
        let world = World::new().await;
        let (ines, luis) = (world.person("ines").await, world.person("luis").await);
        let room = world.group(&[&ines, &luis]).await;
        let phone = world.live("phone", &ines).await;
        let laptop = world.live("laptop", &ines).await;
        let mut other = world.live("other", &luis).await;
        other.done(json!({"op": "ping"})).await;
        let mut scene = Self {
            world,
            room,
            ines,
            luis,
            phone,
            laptop,
            other,
        };
        scene.forget_arrivals().await;
        scene
    }

    /// Whoever is live already is told who comes.
    async fn forget_arrivals(&mut self) {
        for client in [&mut self.phone, &mut self.laptop] {
            assert_eq!(client.event("presence").await["status"], "online");
        }
    }

    /// Says something from the phone, and has everyone read it.
    async fn say(&mut self, text: &str) -> Value {
        let send = json!({"op": "send", "room_id": self.room, "text": text});
        let answer = self.phone.done(send).await;
        for client in [&mut self.phone, &mut self.laptop, &mut self.other] {
            assert_eq!(client.event("message").await["message"]["id"], answer["id"]);
        }
        answer
    }

    /// The next frame of everyone, which must be the same for all.
    async fn told(&mut self, event: &str) -> Value {
        let told = self.phone.event(event).await;
        for client in [&mut self.laptop, &mut self.other] {
            assert_eq!(client.event(event).await, told);
        }
        told
    }

    async fn end(mut self) {
        for client in [&mut self.phone, &mut self.laptop, &mut self.other] {
            client.nothing_else().await;
        }
        // Those who stay are told who goes; the test is over by then.
        self.other.finish().await;
        self.world.end([]).await;
        self.phone.vanish();
        self.laptop.vanish();
    }
}

#[tokio::test]
async fn a_send_is_acknowledged_and_told_to_every_device_once() {
    let mut scene = Scene::new().await;
    let send = json!({
        "op": "send", "room_id": scene.room, "text": "¿café?", "client_id": "c-1"
    });
    assert_snapshot!(scene.phone.done(send).await, @r#"{"ev":"ok","ref":"r2","room_id":"1","id":"1","uuid":"9a43ec34-1fb6-421f-a618-9f99d6ffa35c","seq":1,"repeated":false,"created_at":"2026-02-18T07:33:20.123Z"}"#);
    assert_snapshot!(scene.told("message").await, @r#"{"ev":"message","room_id":"1","seq":1,"revision":1,"message":{"id":"1","uuid":"9a43ec34-1fb6-421f-a618-9f99d6ffa35c","room_id":"1","seq":1,"client_id":"c-1","sender":{"id":"1","uuid":"614f5601-77dc-4567-be8b-cf144dd4fc9a","username":"ines","display_name":"ines","avatar_url":null},"kind":"text","text":"¿café?","reply_to":null,"files":[],"reactions":[],"edited_at":null,"deleted_at":null,"created_at":"2026-02-18T07:33:20.123Z"}}"#);
    scene.end().await;
}

/// G6: a retry is harmless, from whatever device.
#[tokio::test]
async fn a_repeated_send_gets_the_first_result() {
    let mut scene = Scene::new().await;
    let send = json!({
        "op": "send", "room_id": scene.room, "text": "¿café?", "client_id": "c-1"
    });
    let first = scene.phone.done(send.clone()).await;
    scene.told("message").await;
    let mut expected = first.clone();
    expected["repeated"] = json!(true);
    for client in [&mut scene.phone, &mut scene.laptop] {
        let mut again = client.done(send.clone()).await;
        again["ref"] = expected["ref"].clone();
        assert_eq!(again, expected);
    }
    let mut other_words = send.clone();
    other_words["text"] = json!("¿té?");
    let reused = scene.phone.refused(other_words, "client_id_reused").await;
    assert_snapshot!(reused, @r#"{"ev":"error","ref":"r4","code":"client_id_reused","detail":"You sent another message with the same client_id. Use a new one.","errors":[]}"#);
    // The id is the sender's own: another person's send with it is another send.
    let other = scene.other.done(send).await;
    assert_eq!(
        (&other["seq"], &other["repeated"]),
        (&json!(2), &json!(false))
    );
    scene.told("message").await;
    scene.end().await;
}

/// G6, concurrently: two devices send the same at the same moment.
#[tokio::test]
async fn the_same_send_on_two_sockets_is_stored_once() {
    let mut scene = Scene::new().await;
    for turn in 1..=20 {
        let send = json!({
            "op": "send", "room_id": scene.room, "text": "hola", "client_id": format!("c-{turn}")
        });
        let asked = (
            scene.phone.ask(send.clone()).await,
            scene.laptop.ask(send).await,
        );
        let phone = scene.phone.answer(&asked.0).await;
        let laptop = scene.laptop.answer(&asked.1).await;
        assert_eq!((&phone["seq"], &phone["id"]), (&json!(turn), &laptop["id"]));
        let mut repeated = [phone["repeated"].as_bool(), laptop["repeated"].as_bool()];
        repeated.sort();
        assert_eq!(repeated, [Some(false), Some(true)]);
        assert_eq!(scene.told("message").await["message"]["id"], phone["id"]);
    }
    scene.end().await;
}

/// Sends follow one another without waiting; they are stored and answered in
/// their order, also where one in the middle is refused.
#[tokio::test]
async fn sends_are_answered_in_their_order() {
    let mut scene = Scene::new().await;
    let mut asked = Vec::new();
    for number in 0..100 {
        let text = if number == 50 { " " } else { "hola" };
        let send = json!({"op": "send", "room_id": scene.room, "text": text});
        let mut op = send;
        op["ref"] = json!(number.to_string());
        scene.phone.send(&op).await;
        asked.push(number.to_string());
    }
    scene
        .phone
        .send(&json!({"op": "ping", "ref": "ping"}))
        .await;
    let mut seq = 0;
    for reference in asked {
        let answer = scene.phone.answer(&reference).await;
        if reference == "50" {
            assert_eq!(
                answer["errors"],
                json!([{"pointer": "/text", "code": "empty"}])
            );
        } else {
            seq += 1;
            assert_eq!(answer["seq"], seq);
        }
    }
    assert_eq!(scene.phone.answer("ping").await["ev"], "ok");
    for seq in 1..=99 {
        assert_eq!(scene.told("message").await["seq"], seq);
    }
    scene.end().await;
}

#[tokio::test]
async fn a_message_is_edited() {
    let mut scene = Scene::new().await;
    let said = scene.say("cafe").await;
    let edit = json!({"op": "edit", "room_id": scene.room, "id": said["id"], "text": "café"});
    assert_snapshot!(scene.phone.done(edit.clone()).await, @r#"{"ev":"ok","ref":"r3"}"#);
    assert_snapshot!(scene.told("message.edited").await, @r#"{"ev":"message.edited","room_id":"1","seq":1,"revision":2,"message":{"id":"1","uuid":"9a43ec34-1fb6-421f-a618-9f99d6ffa35c","room_id":"1","seq":1,"client_id":null,"sender":{"id":"1","uuid":"614f5601-77dc-4567-be8b-cf144dd4fc9a","username":"ines","display_name":"ines","avatar_url":null},"kind":"text","text":"café","reply_to":null,"files":[],"reactions":[],"edited_at":"2026-02-18T07:33:20.123Z","deleted_at":null,"created_at":"2026-02-18T07:33:20.123Z"}}"#);
    // The same words again: nothing happens.
    scene.phone.done(edit.clone()).await;
    scene.other.refused(edit, "not_the_author").await;
    scene.end().await;
}

#[tokio::test]
async fn a_message_is_taken_back() {
    let mut scene = Scene::new().await;
    let said = scene.say("adiós").await;
    let delete = json!({"op": "delete", "room_id": scene.room, "id": said["id"]});
    scene.other.refused(delete.clone(), "not_the_author").await;
    scene.phone.done(delete.clone()).await;
    assert_snapshot!(scene.told("message.deleted").await, @r#"{"ev":"message.deleted","room_id":"1","seq":1,"revision":2,"id":"1","message_seq":1,"for":"everyone","by":"1","deleted_at":"2026-02-18T07:33:20.123Z"}"#);
    scene.phone.done(delete).await;
    let edit = json!({"op": "edit", "room_id": scene.room, "id": said["id"], "text": "hola"});
    scene.phone.refused(edit, "message_deleted").await;
    scene.end().await;
}

/// Put out of one's own sight: one's other devices learn it, nobody else does.
#[tokio::test]
async fn a_message_is_hidden_from_its_reader_alone() {
    let mut scene = Scene::new().await;
    let said = scene.say("spam").await;
    let tablet = scene.world.live("tablet", &scene.luis).await;
    let hide = json!({"op": "delete", "room_id": scene.room, "id": said["id"], "for": "me"});
    scene.other.done(hide).await;
    let told = scene.other.event("message.deleted").await;
    assert_snapshot!(told, @r#"{"ev":"message.deleted","room_id":"1","seq":1,"revision":2,"id":"1","message_seq":1,"for":"me","by":"2","deleted_at":null}"#);
    let mut tablet = tablet;
    assert_eq!(tablet.event("message.deleted").await, told);
    // What comes next is told to all, with the revision that nobody else saw.
    let react = json!({
        "op": "react", "room_id": scene.room, "id": said["id"], "emoji": "👍", "on": true
    });
    scene.phone.done(react).await;
    let reaction = scene.told("reaction").await;
    assert_eq!(tablet.event("reaction").await, reaction);
    let revision = told["revision"].as_i64().map(|revision| revision + 1);
    assert_eq!(reaction["revision"].as_i64(), revision);
    tablet.nothing_else().await;
    tablet.finish().await;
    scene.end().await;
}

#[tokio::test]
async fn reactions_come_and_go() {
    let mut scene = Scene::new().await;
    let said = scene.say("gol").await;
    let mut react = json!({
        "op": "react", "room_id": scene.room, "id": said["id"], "emoji": "golazo", "on": true
    });
    scene.other.done(react.clone()).await;
    assert_snapshot!(scene.told("reaction").await, @r#"{"ev":"reaction","room_id":"1","seq":1,"revision":2,"id":"1","message_seq":1,"user_id":"2","emoji":"golazo","on":true,"at":"2026-02-18T07:33:20.123Z"}"#);
    scene.other.done(react.clone()).await;
    react["on"] = json!(false);
    scene.other.done(react.clone()).await;
    assert_eq!(scene.told("reaction").await["on"], false);
    react["emoji"] = json!("x".repeat(65));
    let long = json!({"pointer": "/emoji", "code": "too_long", "max": 64});
    let mut op = react;
    op["ref"] = json!("long");
    scene.other.send(&op).await;
    assert_eq!(scene.other.answer("long").await["errors"], json!([long]));
    scene.end().await;
}

#[tokio::test]
async fn receipts_only_grow() {
    let mut scene = Scene::new().await;
    for _ in 0..3 {
        scene.say("hola").await;
    }
    scene
        .other
        .done(json!({"op": "receipt", "room_id": scene.room, "delivered": 3}))
        .await;
    assert_snapshot!(scene.told("receipt").await, @r#"{"ev":"receipt","room_id":"1","seq":3,"revision":2,"user_id":"2","marks":[{"kind":"delivered","from":1,"to":3,"at":"2026-02-18T07:33:20.123Z"}]}"#);
    scene
        .other
        .done(json!({"op": "receipt", "room_id": scene.room, "read": 2}))
        .await;
    assert_snapshot!(scene.told("receipt").await, @r#"{"ev":"receipt","room_id":"1","seq":3,"revision":3,"user_id":"2","marks":[{"kind":"read","from":1,"to":2,"at":"2026-02-18T07:33:20.123Z"}]}"#);
    // What was read before is read already: nobody is told.
    scene
        .other
        .done(json!({"op": "receipt", "room_id": scene.room, "read": 1}))
        .await;
    scene.end().await;
}

/// Typing is not told to its author, on no device.
#[tokio::test]
async fn the_others_are_told_who_is_writing() {
    let mut scene = Scene::new().await;
    let typing = json!({"op": "typing", "room_id": scene.room, "on": true});
    scene.phone.done(typing).await;
    assert_snapshot!(scene.other.event("typing").await, @r#"{"ev":"typing","room_id":"1","user_id":"1","on":true}"#);
    scene.end().await;
}

#[tokio::test]
async fn a_status_is_chosen_and_told_to_ones_own_devices_too() {
    let mut scene = Scene::new().await;
    scene
        .phone
        .done(json!({"op": "presence", "status": "busy"}))
        .await;
    assert_snapshot!(scene.told("presence").await, @r#"{"ev":"presence","user_id":"1","status":"busy"}"#);
    let ready = {
        let mut tablet = scene.world.socket("tablet").await;
        let (ready, _) = tablet.auth(&scene.ines.token, None).await;
        tablet.finish().await;
        ready
    };
    assert_eq!(ready["user"]["status"], "busy");
    scene.end().await;
}

/// S8: signals go between members of one room, and the server says who sends.
#[tokio::test]
async fn call_signals_reach_whom_they_are_for() {
    let mut scene = Scene::new().await;
    let eva = scene.world.person("eva").await;
    let mut third = scene.world.live("third", &eva).await;
    scene.world.admit(&scene.ines, &scene.room, &eva).await;
    scene.told("member").await;
    third.event("member").await;

    let all = json!({
        "op": "signal", "room_id": scene.room, "type": "offer", "mode": "video",
        "payload": {"sdp": "v=0", "a": [1.5, null]}, "from": "9"
    });
    scene.phone.send(&all).await;
    assert_eq!(scene.phone.recv().await["ev"], "ok");
    let told = scene.other.event("signal").await;
    assert_snapshot!(told, @r#"{"ev":"signal","room_id":"1","from":"1","to":null,"type":"offer","payload":{"sdp":"v=0","a":[1.5,null]},"mode":"video"}"#);
    assert_eq!(third.event("signal").await, told);

    let one = json!({"op": "signal", "room_id": scene.room, "to": eva.id, "type": "end"});
    scene.other.done(one).await;
    assert_snapshot!(third.event("signal").await, @r#"{"ev":"signal","room_id":"1","from":"2","to":"3","type":"end","payload":null,"mode":null}"#);

    let stranger = json!({"op": "signal", "room_id": scene.room, "to": "99", "type": "end"});
    scene.other.refused(stranger, "member_not_found").await;
    third.nothing_else().await;
    scene.end().await;
    third.vanish();
}

#[tokio::test]
async fn a_ping_is_answered() {
    let mut scene = Scene::new().await;
    scene.phone.send(&json!({"op": "ping"})).await;
    assert_snapshot!(scene.phone.recv().await, @r#"{"ev":"ok"}"#);
    assert_snapshot!(scene.phone.done(json!({"op": "ping"})).await, @r#"{"ev":"ok","ref":"r2"}"#);
    scene.end().await;
}
