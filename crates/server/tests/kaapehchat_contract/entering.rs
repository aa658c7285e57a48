//! Section 3, "Before authentication".

use std::time::Duration;

use serde_json::json;
use tertulia_testkit::{Closed, PASSWORD, TestServer};

use super::{ask, auth_refused, device, direct_chat, member, nothing_else, refused, text};

/// `auth:register`: fields are trimmed, username and e-mail lower-cased;
/// `auth:ok` `{token, user}`, then `hello:ok` `{userId}` without a `user` key.
#[tokio::test]
async fn register_answers_auth_ok_then_hello_ok() {
    let server = TestServer::spawn().await;
    let mut ines = server.kaapehchat("ines").await;
    ines.request(
        "auth:register",
        &json!({
            "displayName": " Inés Mora ", "username": " INES ", "email": " Ines@LAN.test ",
            "password": PASSWORD,
        }),
    )
    .await;
    let signed_in = ines.expect("auth:ok").await;
    let id = &signed_in["user"]["id"];
    let user = json!({
        "id": id, "username": "ines", "displayName": "Inés Mora", "avatarUrl": null,
        "status": "online",
    });
    assert_eq!(signed_in["user"], user);
    assert_eq!(signed_in.as_object().map(serde_json::Map::len), Some(2));
    assert_eq!(ines.expect("hello:ok").await, json!({ "userId": id }));
    let found = json!({ "username": "ines" });
    ask(&mut ines, "user:findByUsername", found, "user:found").await;
    ines.finish().await;
    server.shutdown().await;
}

/// `auth:register`: an empty e-mail is none, so that two users may have none.
#[tokio::test]
async fn an_empty_email_is_none() {
    let server = TestServer::spawn().await;
    for (name, email) in [("a", json!("")), ("b", json!("  ")), ("c", json!(null))] {
        let mut client = server.kaapehchat(name).await;
        let account = json!({
            "displayName": name, "username": name, "password": PASSWORD, "email": email,
        });
        ask(&mut client, "auth:register", account, "auth:ok").await;
        client.expect("hello:ok").await;
        client.finish().await;
    }
    server.shutdown().await;
}

/// `auth:register`: `auth:error` `Faltan campos` · `Username ya existe` · `Email
/// ya existe`.
#[tokio::test]
async fn register_errors() {
    let server = TestServer::spawn().await;
    let mut ines = server.kaapehchat("ines").await;
    let account = |username: &str, email: &str| {
        json!({
            "displayName": "x", "username": username, "email": email, "password": PASSWORD,
        })
    };
    let first = account("ines", "ines@lan.test");
    ask(&mut ines, "auth:register", first, "auth:ok").await;
    ines.expect("hello:ok").await;

    let mut other = server.kaapehchat("other").await;
    let kind = "auth:register";
    for field in ["displayName", "username", "password"] {
        let mut missing = account("tomas", "tomas@lan.test");
        missing[field] = json!(" ");
        if field == "password" {
            missing[field] = json!("");
        }
        auth_refused(&mut other, kind, missing, "Faltan campos").await;
    }
    auth_refused(&mut other, kind, json!({}), "Faltan campos").await;
    let taken = account(" Ines ", "tomas@lan.test");
    auth_refused(&mut other, kind, taken, "Username ya existe").await;
    let taken = account("tomas", "INES@lan.test");
    auth_refused(&mut other, kind, taken, "Email ya existe").await;
    let odd = account("tomas", "nonsense");
    auth_refused(&mut other, kind, odd, "Email inválido").await;
    refused(&mut other, "chat:list", json!({}), "No autenticado").await;

    other.finish().await;
    ines.finish().await;
    server.shutdown().await;
}

/// `auth:login`: with an `@` it is tried as e-mail first, then as username; both
/// are trimmed and lower-cased; answered as `auth:register`.
#[tokio::test]
async fn login_by_username_or_email() {
    let server = TestServer::spawn().await;
    let mut ines = server.kaapehchat("ines").await;
    let account = json!({
        "displayName": "Inés", "username": "ines", "email": "ines@lan.test",
        "password": PASSWORD,
    });
    let made = ask(&mut ines, "auth:register", account, "auth:ok").await;
    ines.expect("hello:ok").await;
    // A username may look like an address.
    let account = json!({ "displayName": "T", "username": "tomas@x", "password": PASSWORD });
    let mut tomas = server.kaapehchat("tomas").await;
    ask(&mut tomas, "auth:register", account, "auth:ok").await;
    tomas.expect("hello:ok").await;

    for (login, name) in [
        ("ines", "Inés"),
        (" INES ", "Inés"),
        ("Ines@LAN.test", "Inés"),
        ("tomas@x", "T"),
    ] {
        let mut client = server.kaapehchat(login).await;
        let credentials = json!({ "usernameOrEmail": login, "password": PASSWORD });
        let signed_in = ask(&mut client, "auth:login", credentials, "auth:ok").await;
        assert_eq!(signed_in["user"]["displayName"], name, "{login}");
        assert_eq!(signed_in["user"]["status"], "online");
        let hello = client.expect("hello:ok").await;
        assert_eq!(hello, json!({ "userId": signed_in["user"]["id"] }));
        assert_ne!(signed_in["token"], made["token"]);
        client.finish().await;
    }
    ines.finish().await;
    tomas.finish().await;
    server.shutdown().await;
}

/// `auth:login`: `auth:error` `Faltan credenciales` · `Credenciales incorrectas`,
/// the same text for an unknown user and a bad password.
#[tokio::test]
async fn login_errors() {
    let server = TestServer::spawn().await;
    let (ines, _) = member(&server, "ines").await;
    let mut client = server.kaapehchat("client").await;
    let kind = "auth:login";
    for data in [
        json!({}),
        json!({ "usernameOrEmail": "ines" }),
        json!({ "password": PASSWORD }),
        json!({ "usernameOrEmail": " ", "password": PASSWORD }),
    ] {
        auth_refused(&mut client, kind, data, "Faltan credenciales").await;
    }
    for (login, password) in [
        ("ines", "another-password-7"),
        ("nobody", PASSWORD),
        ("nobody@lan.test", PASSWORD),
    ] {
        let data = json!({ "usernameOrEmail": login, "password": password });
        auth_refused(&mut client, kind, data, "Credenciales incorrectas").await;
    }
    client.finish().await;
    ines.finish().await;
    server.shutdown().await;
}

/// `hello`: `hello:ok` `{userId, user}`; then `presence:update` `online` to
/// related users, and not to the socket itself.
#[tokio::test]
async fn hello_answers_with_the_user_and_tells_related_users() {
    let server = TestServer::builder()
        .variable("TERTULIA_PRESENCE_GRACE", "50ms")
        .spawn()
        .await;
    let (mut ines, _) = member(&server, "ines").await;
    let (mut tomas, account) = member(&server, "tomas").await;
    direct_chat(&mut ines, &mut tomas, &account).await;
    tomas.finish().await;
    let left = ines.expect("presence:update").await;
    assert_eq!(left, json!({ "userId": account.id, "status": "offline" }));

    let mut back = server.kaapehchat("back").await;
    let token = json!({ "token": account.token });
    let hello = ask(&mut back, "hello", token, "hello:ok").await;
    assert_eq!(
        hello,
        json!({
            "userId": account.id,
            "user": {
                "id": account.id, "username": "tomas", "displayName": "tomas",
                "avatarUrl": null, "status": "online",
            },
        })
    );
    let came = ines.expect("presence:update").await;
    assert_eq!(came, json!({ "userId": account.id, "status": "online" }));
    nothing_else(&mut back, &mut [&mut ines]).await;

    ines.finish().await;
    back.finish().await;
    server.shutdown().await;
}

/// `hello`: `error` `Falta token` · `Token inválido`.
#[tokio::test]
async fn hello_errors() {
    let server = TestServer::spawn().await;
    let (ines, account) = member(&server, "ines").await;
    let mut client = server.kaapehchat("client").await;
    for data in [json!({}), json!({ "token": "" }), json!({ "token": 7 })] {
        refused(&mut client, "hello", data, "Falta token").await;
    }
    let mut forged = account.token.clone();
    forged.replace_range(account.token.len() - 3.., "AAA");
    for token in ["x", "a.b.c", forged.as_str()] {
        refused(
            &mut client,
            "hello",
            json!({ "token": token }),
            "Token inválido",
        )
        .await;
    }
    client.finish().await;
    ines.finish().await;
    server.shutdown().await;
}

/// "anything else": `error` `No autenticado`, known events and unknown ones.
#[tokio::test]
async fn anything_else_is_not_authenticated() {
    let server = TestServer::spawn().await;
    let mut client = server.kaapehchat("client").await;
    for kind in [
        "chat:list",
        "message:list",
        "user:findByUsername",
        "chat:createDirect",
        "group:create",
        "group:invite",
        "room:join",
        "message:send",
        "presence:update",
        "rtc:signal",
        "nothing",
        "",
    ] {
        refused(&mut client, kind, json!({}), "No autenticado").await;
    }
    client.finish().await;
    server.shutdown().await;
}

/// §2 "Token": 8 h. At its end `Token inválido`, then the close.
#[tokio::test]
async fn a_token_ends_after_eight_hours() {
    let server = TestServer::spawn().await;
    let (mut ines, account) = member(&server, "ines").await;
    // Its times are whole seconds; the clock stands 123 ms behind one.
    server.advance(Duration::from_secs(8 * 3600) - Duration::from_millis(223));
    let mut late = device(&server, "late", &account).await;
    let refusal = late.expect("error").await;
    assert_eq!(refusal, json!({ "message": "Token inválido" }));
    let closed = Closed::Frame(1008, "token_expired".to_owned());
    assert_eq!(late.recv_close().await, closed);

    server.advance(Duration::from_millis(100));
    let mut later = server.kaapehchat("later").await;
    let token = json!({ "token": account.token });
    refused(&mut later, "hello", token, "Token inválido").await;
    later.finish().await;
    // The first socket's timer goes by the time that its runtime saw pass.
    ask(&mut ines, "chat:list", json!({}), "chat:list:ok").await;
    ines.finish().await;
    server.shutdown().await;
}

/// `reliability.md` S4: a session that is ended gets the same, at once.
#[tokio::test]
async fn a_session_that_is_ended_closes_its_sockets() {
    let server = TestServer::spawn().await;
    let (mut ines, account) = member(&server, "ines").await;
    let mut other = server.kaapehchat("other").await;
    let credentials = json!({ "usernameOrEmail": "ines", "password": PASSWORD });
    ask(&mut other, "auth:login", credentials, "auth:ok").await;
    other.expect("hello:ok").await;

    let identity = server.chat().authenticate(&account.token).await.unwrap();
    let session = identity.session.unwrap();
    let user = identity.user();
    server.chat().end_session(user, session).await.unwrap();
    let refusal = ines.expect("error").await;
    assert_eq!(refusal, json!({ "message": "Token inválido" }));
    let closed = Closed::Frame(1008, "session_ended".to_owned());
    assert_eq!(ines.recv_close().await, closed);

    ask(&mut other, "chat:list", json!({}), "chat:list:ok").await;
    let mut again = server.kaapehchat("again").await;
    let token = json!({ "token": account.token });
    refused(&mut again, "hello", token, "Token inválido").await;
    again.finish().await;
    other.finish().await;
    server.shutdown().await;
}

/// `reliability.md` §2, "to authenticate": KaapehChat has 15 minutes, here
/// fewer; who has logged in is left alone.
#[tokio::test]
async fn a_socket_without_a_login_is_closed() {
    let server = TestServer::builder()
        .settings(|settings| {
            settings.transport.kaapehchat_auth_timeout = Duration::from_secs(5);
        })
        .spawn()
        .await;
    let (mut ines, _) = member(&server, "ines").await;
    let mut nobody = server.kaapehchat("nobody").await;
    let closed = Closed::Frame(1008, "not_authenticated".to_owned());
    assert_eq!(nobody.recv_close().await, closed);
    ask(&mut ines, "chat:list", json!({}), "chat:list:ok").await;
    ines.finish().await;
    server.shutdown().await;
}

/// `reliability.md` §2, "connections per user".
#[tokio::test]
async fn a_user_has_so_many_sockets() {
    let server = TestServer::builder()
        .variable("TERTULIA_LIMIT_CONNECTIONS_PER_USER", "2")
        .spawn()
        .await;
    let (ines, account) = member(&server, "ines").await;
    let second = device(&server, "second", &account).await;
    let mut third = server.kaapehchat("third").await;
    let token = json!({ "token": account.token });
    let text = "Tienes demasiadas conexiones abiertas";
    refused(&mut third, "hello", token, text).await;
    refused(&mut third, "chat:list", json!({}), "No autenticado").await;
    second.finish().await;
    third.finish().await;
    ines.finish().await;
    server.shutdown().await;
}

/// §2 "Token": claims `sub` (UUID), `usr`, `iat`, `exp` = `iat` + 28 800.
#[tokio::test]
async fn the_token_has_the_claims_of_the_original() {
    let server = TestServer::spawn().await;
    let (ines, account) = member(&server, "ines").await;
    let payload = account.token.split('.').nth(1).unwrap();
    let payload = base64::Engine::decode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, payload);
    let claims: serde_json::Value = serde_json::from_slice(&payload.unwrap()).unwrap();
    assert_eq!(claims["sub"], account.id.as_str());
    assert_eq!(claims["usr"], "ines");
    let seconds = |name: &str| claims[name].as_i64().unwrap();
    assert_eq!(seconds("exp"), seconds("iat") + 28_800);
    assert_eq!(text(&claims["iss"]), "tertulia");
    ines.finish().await;
    server.shutdown().await;
}
