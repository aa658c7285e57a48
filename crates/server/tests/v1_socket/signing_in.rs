//! `auth` and `reauth`: whom a connection speaks for.

use http::header;
use insta::assert_snapshot;
use serde_json::json;
use tertulia_testkit::TestServer;

use crate::client::Client;
use crate::world::World;

#[tokio::test]
async fn ready_says_who_one_is_and_where_the_rooms_stand() {
    let world = World::new().await;
    let (ines, luis) = (world.person("ines").await, world.person("luis").await);
    let room = world.group(&[&ines, &luis]).await;
    world.say(&luis, &room, "hola").await;

    let mut client = world.socket("A").await;
    let (ready, missed) = client.auth(&ines.token, None).await;
    assert!(missed.is_empty());
    assert_snapshot!(ready, @r#"{"ev":"ready","ref":"r1","user":{"id":"1","uuid":"614f5601-77dc-4567-be8b-cf144dd4fc9a","username":"ines","display_name":"ines","avatar_url":null,"status":"online","last_seen_at":null,"email":null,"external_id":null,"created_at":"2026-02-18T07:33:20.123Z"},"cursor":{"1":[1,1]},"rooms":[{"id":"1","uuid":"27cd5b44-4516-430b-8a77-0919e8676cff","kind":"group","title":"Cafetal","description":null,"visibility":"private","open":false,"created_at":"2026-02-18T07:33:20.123Z","updated_at":"2026-02-18T07:33:20.123Z","peer":null,"role":"owner","last_seq":1,"revision":1,"read_seq":0,"unread":1,"last_message":{"id":"1","uuid":"9a43ec34-1fb6-421f-a618-9f99d6ffa35c","room_id":"1","seq":1,"client_id":null,"sender":{"id":"2","uuid":"4687e965-68c4-4210-9c44-2a5c3c97d714","username":"luis","display_name":"luis","avatar_url":null},"kind":"text","text":"hola","reply_to":null,"files":[],"reactions":[],"edited_at":null,"deleted_at":null,"created_at":"2026-02-18T07:33:20.123Z"}}],"next_cursor":null}"#);
    client.nothing_else().await;
    world.end([client]).await;
}

#[tokio::test]
async fn a_token_of_the_upgrade_request_is_enough() {
    let world = World::new().await;
    let ines = world.person("ines").await;
    let bearer = format!("Bearer {}", ines.token);
    let headers = [(header::AUTHORIZATION, bearer.as_str())];
    let mut client = Client::open(&world.server, &world.contract, "A", &headers).await;
    let ready = client.call(json!({"op": "auth"})).await;
    assert_eq!(ready["user"]["username"], "ines");
    client.event("live").await;
    world.end([client]).await;
}

#[tokio::test]
async fn a_bad_token_of_the_upgrade_request_is_refused_over_http() {
    let world = World::new().await;
    let upgrade = world
        .server
        .http()
        .bearer("nonsense")
        .request(http::Method::GET, "/v1/ws")
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_VERSION, "13")
        .header(header::SEC_WEBSOCKET_KEY, "dGhlIHNhbXBsZSBub25jZQ==");
    let refused = upgrade.send().await;
    assert_eq!(refused.status, 401);
    assert_eq!(refused.json()["code"], "invalid_token");
    world.end([]).await;
}

#[tokio::test]
async fn without_an_upgrade_the_path_says_what_it_speaks() {
    let world = World::new().await;
    let answer = world.server.http().get("/v1/ws").await;
    assert_eq!(answer.status, 426);
    assert_eq!(answer.header("upgrade"), "websocket");
    world.end([]).await;
}

/// S10: with a list of origins, a page that is not on it gets no socket.
#[tokio::test]
async fn a_page_that_is_not_on_the_list_is_refused() {
    let builder = TestServer::builder().variable("TERTULIA_ALLOWED_ORIGINS", "https://app.example");
    let world = World::with(builder).await;
    let upgrade = |origin: &str| {
        let http = world.server.http();
        let request = http.request(http::Method::GET, "/v1/ws");
        request
            .header(header::CONNECTION, "Upgrade")
            .header(header::UPGRADE, "websocket")
            .header(header::SEC_WEBSOCKET_VERSION, "13")
            .header(header::SEC_WEBSOCKET_KEY, "dGhlIHNhbXBsZSBub25jZQ==")
            .header(header::ORIGIN, origin)
    };
    let refused = upgrade("https://app.example.evil.test").send().await;
    assert_eq!(refused.status, 403);
    assert_eq!(refused.json()["code"], "origin_not_allowed");

    let headers = [(header::ORIGIN, "https://app.example")];
    let client = Client::open(&world.server, &world.contract, "A", &headers).await;
    world.end([client]).await;
}

#[tokio::test]
async fn a_refused_auth_can_be_repeated() {
    let world = World::new().await;
    let ines = world.person("ines").await;
    let mut client = world.socket("A").await;
    let missing = client.refused(json!({"op": "auth"}), "invalid_field").await;
    assert_snapshot!(missing, @r#"{"ev":"error","ref":"r1","code":"invalid_field","detail":"token is required.","errors":[{"pointer":"/token","code":"missing"}]}"#);
    let wrong = client
        .refused(json!({"op": "auth", "token": "nonsense"}), "invalid_token")
        .await;
    assert_snapshot!(wrong, @r#"{"ev":"error","ref":"r2","code":"invalid_token","detail":"The token is wrong, has ended or was revoked.","errors":[]}"#);
    client.auth(&ines.token, None).await;
    let again = json!({"op": "auth", "token": ines.token});
    let again = client.refused(again, "already_authenticated").await;
    assert_snapshot!(again, @r#"{"ev":"error","ref":"r4","code":"already_authenticated","detail":"You are authenticated already. To renew the token, send reauth.","errors":[]}"#);
    world.end([client]).await;
}

#[tokio::test]
async fn nothing_is_done_before_auth() {
    let world = World::new().await;
    let mut client = world.socket("A").await;
    for op in [
        json!({"op": "ping"}),
        json!({"op": "send", "room_id": "1", "text": "hola"}),
        json!({"op": "resume", "cursor": {}}),
        json!({"op": "reauth", "token": "x"}),
        json!({"op": "presence", "status": "busy"}),
    ] {
        client.refused(op, "unauthenticated").await;
    }
    world.end([client]).await;
}

/// Errors are explained in the language of the upgrade request; Spanish if none.
#[tokio::test]
async fn errors_are_explained_in_the_readers_language() {
    let world = World::new().await;
    let headers = [(header::ACCEPT_LANGUAGE, "de")];
    let mut spanish = Client::open(&world.server, &world.contract, "A", &headers).await;
    let mut english = world.socket("B").await;
    let ping = json!({"op": "ping"});
    let answer = spanish.refused(ping.clone(), "unauthenticated").await;
    assert_eq!(
        answer["detail"],
        "Envía primero la operación auth con un token de acceso."
    );
    let answer = english.refused(ping, "unauthenticated").await;
    assert_eq!(
        answer["detail"],
        "Send the op auth with an access token first."
    );
    world.end([spanish, english]).await;
}

#[tokio::test]
async fn a_user_has_only_so_many_connections() {
    let builder = TestServer::builder().settings(|settings| {
        settings.transport.connections_per_user = 1;
    });
    let world = World::with(builder).await;
    let ines = world.person("ines").await;
    let first = world.live("A", &ines).await;
    let mut second = world.socket("B").await;
    let auth = json!({"op": "auth", "token": ines.token});
    second.refused(auth, "too_many_connections").await;
    first.finish().await;
    second.auth(&ines.token, None).await;
    world.end([second]).await;
}

#[tokio::test]
async fn reauth_goes_on_under_another_login_of_the_same_user() {
    let world = World::new().await;
    let (ines, luis) = (world.person("ines").await, world.person("luis").await);
    let login = json!({"login": "ines", "password": tertulia_testkit::PASSWORD});
    let login = world
        .server
        .http()
        .post("/v1/auth/login", &login)
        .await
        .json();
    let fresh = login["access_token"].as_str().expect("tokens are strings");

    let mut client = world.live("A", &ines).await;
    client
        .refused(json!({"op": "reauth", "token": luis.token}), "other_user")
        .await;
    client
        .refused(
            json!({"op": "reauth", "token": "nonsense"}),
            "invalid_token",
        )
        .await;
    client.done(json!({"op": "reauth", "token": fresh})).await;

    // The old login ends; the connection is no longer part of it.
    let logout = json!({"refresh_token": ines.refresh_token});
    let ended = world.server.http().post("/v1/auth/logout", &logout).await;
    assert!(ended.status.is_success(), "{}", ended.text());
    client.nothing_else().await;
    client
        .refused(
            json!({"op": "reauth", "token": ines.token}),
            "invalid_token",
        )
        .await;
    world.end([client]).await;
}

/// The first page of rooms is bounded; the rest is a page of `GET /v1/rooms`.
#[tokio::test]
async fn ready_tells_where_the_list_of_rooms_goes_on() {
    let world = World::new().await;
    let ines = world.person("ines").await;
    let long = "a".repeat(20_000);
    for _ in 0..20 {
        let room = world.group(&[&ines]).await;
        world.say(&ines, &room, &long).await;
    }
    let mut client = world.socket("A").await;
    let (ready, _) = client.auth(&ines.token, None).await;
    let rooms = ready["rooms"].as_array().expect("there are rooms");
    assert_eq!(
        ready["cursor"].as_object().map(serde_json::Map::len),
        Some(20)
    );
    assert!(
        rooms.len() < 20,
        "all of them are more than a frame should hold"
    );
    let next = ready["next_cursor"].as_str().expect("there are more");
    let rest = world
        .http(&ines)
        .get(&format!("/v1/rooms?cursor={next}"))
        .await
        .json();
    let rest = rest["items"].as_array().expect("there are rooms");
    let mut ids: Vec<_> = rooms
        .iter()
        .chain(rest)
        .map(|room| room["id"].to_string())
        .collect();
    ids.sort();
    ids.dedup();
    assert_eq!((rooms.len() + rest.len(), ids.len()), (20, 20));
    world.end([client]).await;
}
