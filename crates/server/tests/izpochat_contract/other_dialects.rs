//! One message, everywhere, once.

use serde_json::json;
use tertulia_testkit::TestServer;

use crate::{enter, expect, nothing_else, person, room, say};

/// A message of an IzpoChat room reaches `/v1` and KaapehChat members once, and
/// theirs reach IzpoChat.
#[tokio::test]
async fn messages_cross() {
    let server = TestServer::spawn().await;
    let lidia = person(&server, "lidia").await;
    let bruno = person(&server, "bruno").await;
    let carla = person(&server, "carla").await;
    let id = room(&lidia, "Ensayo", false).await;
    for member in [&bruno, &carla] {
        member
            .post(&format!("/api/rooms/{id}/join"), &json!({}))
            .await;
    }
    let mut kaapeh = server.kaapehchat("K").await;
    kaapeh.hello(&bruno.token).await;
    kaapeh.request("chat:list", &json!({})).await;
    let chats = kaapeh.expect("chat:list:ok").await;
    let uuid = chats["chats"][0]["id"].clone();
    assert_eq!(chats["chats"][0]["title"], "Ensayo");
    let mut v1 = server.v1_socket("V", &carla.token).await;
    kaapeh.expect("presence:update").await;
    let (mut izpo, online) = enter(&server, &lidia, id).await;
    assert_eq!(
        online,
        [lidia.id],
        "who has the room open in a socket of its own"
    );
    kaapeh.expect("presence:update").await;
    v1.expect("presence").await;

    say(&mut izpo, "desde IzpoChat").await;
    let own = expect(&mut izpo, "message").await;
    assert_eq!(
        kaapeh.expect("message:receive").await["content"],
        "desde IzpoChat"
    );
    let event = v1.expect("message").await;
    assert_eq!(event["message"]["id"], own["id"].to_string());

    let send = json!({"chatId": uuid, "content": "desde Kaapeh", "kind": "text"});
    kaapeh.request("message:send", &send).await;
    kaapeh.expect("message:receive").await;
    v1.expect("message").await;
    let heard = expect(&mut izpo, "message").await;
    assert_eq!(heard["content"], "desde Kaapeh");
    assert_eq!(heard["sender"]["id"], bruno.id);

    let send = json!({"room_id": id.to_string(), "text": "desde v1"});
    v1.request("send", &send).await;
    let mut frames = [v1.recv().await, v1.recv().await];
    frames.sort_unstable_by_key(|frame| frame["ev"].to_string());
    assert_eq!(frames[0]["ev"], "message");
    assert_eq!(frames[1]["ev"], "ok");
    kaapeh.expect("message:receive").await;
    assert_eq!(expect(&mut izpo, "message").await["content"], "desde v1");

    let history = lidia.get(&format!("/api/rooms/{id}/messages")).await.json();
    let history: Vec<_> = history
        .as_array()
        .unwrap()
        .iter()
        .map(|message| message["content"].clone())
        .collect();
    assert_eq!(history, ["desde v1", "desde Kaapeh", "desde IzpoChat"]);
    nothing_else(&mut izpo).await;
    kaapeh.expect_nothing_else().await;
    v1.expect_nothing_else().await;
    server.shutdown().await;
}

/// Rooms of other protocols: a private group, a direct room with the other person's
/// name.
#[tokio::test]
async fn rooms_of_others_are_shown() {
    let server = TestServer::spawn().await;
    let lidia = person(&server, "lidia").await;
    let bruno = person(&server, "bruno").await;
    let v1 = server.http().bearer(&lidia.token);
    let group = json!({"kind": "group", "title": "Cafetal"});
    assert_eq!(v1.post("/v1/rooms", &group).await.status, 201);
    let direct = json!({"kind": "direct", "members": [bruno.id.to_string()]});
    assert_eq!(v1.post("/v1/rooms", &direct).await.status, 201);
    let public = json!({"kind": "group", "title": "Plaza", "visibility": "public"});
    let public = v1.post("/v1/rooms", &public).await.json();
    let mine = lidia.get("/api/users/me/rooms").await.json();
    let mut names: Vec<_> = mine
        .as_array()
        .unwrap()
        .iter()
        .map(|room| (room["name"].to_string(), room["is_private"].to_string()))
        .collect();
    names.sort_unstable();
    let names: Vec<_> = names
        .iter()
        .map(|(a, b)| (a.as_str(), b.as_str()))
        .collect();
    assert_eq!(
        names,
        [
            ("\"Cafetal\"", "true"),
            ("\"Plaza\"", "false"),
            ("\"bruno Ruiz\"", "true"),
        ]
    );
    // Public, but not open: anyone may find and join it, its members read it.
    let id = public["id"].as_str().unwrap();
    let listed = server.http().get("/api/rooms/").await.json();
    assert_eq!(listed[0]["name"], "Plaza");
    assert_eq!(listed[0]["members"], json!([]));
    let path = format!("/api/rooms/{id}/messages");
    assert_eq!(bruno.get(&path).await.status, 403);
    bruno
        .post(&format!("/api/rooms/{id}/join"), &json!({}))
        .await;
    assert_eq!(bruno.get(&path).await.status, 200);
    server.shutdown().await;
}
