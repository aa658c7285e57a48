//! Who is told: members, from the moment they come until the moment they go
//! (G9).

use serde_json::{Value, json};
use tertulia_testkit::TestServer;

use crate::client::Client;
use crate::world::World;

/// Takes events until the one that says how `user` stands to a room now.
async fn member(client: &mut Client, user: &str, state: &str) -> Value {
    let event = client.event("member").await;
    let member = &event["member"];
    assert_eq!(
        (&member["user"]["id"], &member["state"]),
        (&json!(user), &json!(state))
    );
    event
}

#[tokio::test]
async fn who_makes_a_room_and_who_is_in_it_are_told() {
    let world = World::new().await;
    let (ines, luis) = (world.person("ines").await, world.person("luis").await);
    let eva = world.person("eva").await;
    let mut clients = [world.live("A", &ines).await, world.live("B", &luis).await];
    let mut stranger = world.live("C", &eva).await;
    let room = world.group(&[&ines, &luis]).await;
    for client in &mut clients {
        let event = client.event("room").await;
        assert_eq!(
            (&event["room_id"], &event["change"]),
            (&json!(room), &json!("created"))
        );
        assert_eq!((&event["seq"], &event["revision"]), (&json!(0), &json!(1)));
        assert_eq!(event["members"].as_array().map(Vec::len), Some(2));
    }
    // It is followed at once.
    world.say(&luis, &room, "hola").await;
    for client in &mut clients {
        assert_eq!(client.event("message").await["seq"], 1);
    }
    stranger.nothing_else().await;
    for client in clients {
        client.vanish();
    }
    world.end([stranger]).await;
}

#[tokio::test]
async fn a_direct_room_is_told_to_both() {
    let world = World::new().await;
    let (ines, luis) = (world.person("ines").await, world.person("luis").await);
    let mut client = world.live("B", &luis).await;
    let open = json!({"kind": "direct", "members": [luis.id]});
    let opened = world.http(&ines).post("/v1/rooms", &open).await;
    assert_eq!(opened.status, 201, "{}", opened.text());
    let event = client.event("room").await;
    assert_eq!(
        (&event["room"]["kind"], &event["room"]["title"]),
        (&json!("direct"), &Value::Null)
    );
    // Opened a second time it is the same one: nothing happens.
    assert_eq!(world.http(&ines).post("/v1/rooms", &open).await.status, 200);
    client.nothing_else().await;
    world.end([client]).await;
}

#[tokio::test]
async fn who_is_added_is_told_from_then_on() {
    let world = World::new().await;
    let (ines, luis) = (world.person("ines").await, world.person("luis").await);
    let room = world.group(&[&ines]).await;
    world.say(&ines, &room, "antes").await;
    let mut client = world.live("B", &luis).await;
    world.admit(&ines, &room, &luis).await;
    let event = member(&mut client, &luis.id, "active").await;
    assert_eq!((&event["seq"], &event["revision"]), (&json!(1), &json!(2)));
    world.say(&ines, &room, "después").await;
    let message = client.event("message").await;
    assert_eq!(message["message"]["text"], "después");
    client.nothing_else().await;
    world.end([client]).await;
}

#[tokio::test]
async fn who_is_put_out_is_told_that_and_nothing_more() {
    let world = World::new().await;
    let (ines, luis) = (world.person("ines").await, world.person("luis").await);
    let room = world.group(&[&ines, &luis]).await;
    let mut devices = [
        world.live("phone", &luis).await,
        world.live("laptop", &luis).await,
    ];
    world.say(&ines, &room, "antes").await;
    world.remove(&ines, &room, &luis).await;
    world.say(&ines, &room, "después").await;
    for client in &mut devices {
        assert_eq!(client.event("message").await["message"]["text"], "antes");
        member(client, &luis.id, "left").await;
        let send = json!({"op": "send", "room_id": room, "text": "¿hola?"});
        client.refused(send, "room_not_found").await;
        client.nothing_else().await;
    }
    // Back again: from then on.
    world.admit(&ines, &room, &luis).await;
    world.say(&ines, &room, "otra vez").await;
    for client in &mut devices {
        member(client, &luis.id, "active").await;
        let message = client.event("message").await;
        assert_eq!(
            (&message["seq"], &message["message"]["text"]),
            (&json!(3), &json!("otra vez"))
        );
        client.nothing_else().await;
    }
    world.end(devices).await;
}

#[tokio::test]
async fn a_room_that_closes_is_the_last_that_is_told_of_it() {
    let world = World::new().await;
    let (ines, luis) = (world.person("ines").await, world.person("luis").await);
    let room = world.group(&[&ines, &luis]).await;
    let mut client = world.live("B", &luis).await;
    let path = format!("/v1/rooms/{room}");
    let changed = world
        .http(&ines)
        .patch(&path, &json!({"title": "Cafetería"}))
        .await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    let event = client.event("room").await;
    assert_eq!(
        (&event["change"], &event["room"]["title"]),
        (&json!("updated"), &json!("Cafetería"))
    );
    assert!(world.http(&ines).delete(&path).await.status.is_success());
    assert_eq!(client.event("room").await["change"], "closed");
    let send = json!({"op": "send", "room_id": room, "text": "¿hola?"});
    client.refused(send, "room_not_found").await;
    client.nothing_else().await;
    world.end([client]).await;
}

/// Presence is told to whoever shares a room, and to nobody else.
#[tokio::test]
async fn who_comes_and_goes_is_told_to_those_who_share_a_room() {
    let builder = TestServer::builder().variable("TERTULIA_PRESENCE_GRACE", "50ms");
    let world = World::with(builder).await;
    let (ines, luis) = (world.person("ines").await, world.person("luis").await);
    let eva = world.person("eva").await;
    world.group(&[&ines, &luis]).await;
    let mut friend = world.live("A", &ines).await;
    let mut stranger = world.live("C", &eva).await;
    let phone = world.live("phone", &luis).await;
    let came = friend.event("presence").await;
    assert_eq!(
        (&came["user_id"], &came["status"]),
        (&json!(luis.id), &json!("online"))
    );
    // A second device is no second arrival, and one that goes no departure.
    let laptop = world.live("laptop", &luis).await;
    phone.finish().await;
    laptop.finish().await;
    let went = friend.event("presence").await;
    assert_eq!(
        (&went["user_id"], &went["status"]),
        (&json!(luis.id), &json!("offline"))
    );
    friend.nothing_else().await;
    stranger.nothing_else().await;
    world.end([friend, stranger]).await;
}
