//! Section 6, "Must not be reproduced", row by row: what the original did wrong
//! and what holds instead.

use std::time::Duration;

use serde_json::json;
use tertulia_testkit::{
    Closed, KaapehAccount, KaapehClient, PASSWORD, Socket, TestServer, Transcript,
};

use super::{
    STRANGER, ask, auth_refused, device, direct_chat, group, member, nothing_else, refused, text,
};

/// "a message goes only to sockets that joined the room as soon as one socket
/// did": it reaches every socket of every member, once.
#[tokio::test]
async fn joining_takes_nothing_from_others() {
    let server = TestServer::spawn().await;
    let (mut ines, _) = member(&server, "ines").await;
    let (mut tomas, account) = member(&server, "tomas").await;
    let chat = direct_chat(&mut ines, &mut tomas, &account).await;
    let data = json!({ "chatId": chat });
    ask(&mut tomas, "room:join", data, "room:join:ok").await;
    tomas.expect("message:list:ok").await;
    let data = json!({ "chatId": chat, "content": "hola" });
    let heard = ask(&mut ines, "message:send", data, "message:receive").await;
    assert_eq!(tomas.expect("message:receive").await, heard);
    nothing_else(&mut ines, &mut [&mut tomas]).await;
    ines.finish().await;
    tomas.finish().await;
    server.shutdown().await;
}

/// "malformed `data`, unknown `kind`, any database error: socket dies": answered
/// with `error`, the socket stays; unknown `kind`: `Tipo de mensaje inválido`.
#[tokio::test]
async fn a_bad_frame_costs_nothing() {
    let server = TestServer::spawn().await;
    let (mut ines, _) = member(&server, "ines").await;
    let chat = group(&mut ines, &mut []).await;
    for kind in [
        json!("image"),
        json!("TEXT"),
        json!(""),
        json!(7),
        json!({}),
    ] {
        let data = json!({ "chatId": chat, "content": "x", "kind": kind });
        refused(&mut ines, "message:send", data, "Tipo de mensaje inválido").await;
    }
    let data = json!({ "chatId": chat, "content": "sigo aquí" });
    ask(&mut ines, "message:send", data, "message:receive").await;
    ines.finish().await;
    server.shutdown().await;
}

/// The same row, where storage takes no writes.
#[tokio::test]
async fn a_storage_error_costs_nothing() {
    let server = TestServer::spawn().await;
    let (mut ines, _) = member(&server, "ines").await;
    let chat = group(&mut ines, &mut []).await;
    server.chat().shutdown().await;
    server.expect_error_log("a request could not be carried out");
    let error = "Servicio no disponible. Prueba de nuevo en unos segundos";
    let data = json!({ "chatId": chat, "content": "x" });
    refused(&mut ines, "message:send", data, error).await;
    refused(&mut ines, "group:create", json!({ "title": "x" }), error).await;
    let list = ask(&mut ines, "chat:list", json!({}), "chat:list:ok").await;
    assert_eq!(list["chats"][0]["id"], chat.as_str());
    ines.finish().await;
    server.shutdown().await;
}

/// "`group:invite` accepts a direct chat, and an unknown user": refused with `El
/// chat no es un grupo`, `Usuario destino no existe`.
#[tokio::test]
async fn no_third_reader_and_no_false_success() {
    let server = TestServer::spawn().await;
    let (mut ines, _) = member(&server, "ines").await;
    let (mut tomas, tomas_account) = member(&server, "tomas").await;
    let (mut eva, eva_account) = member(&server, "eva").await;
    let direct = direct_chat(&mut ines, &mut tomas, &tomas_account).await;
    let group = group(&mut ines, &mut []).await;
    let kind = "group:invite";
    for invited in [&eva_account.id, &tomas_account.id] {
        let data = json!({ "groupId": direct, "userId": invited });
        refused(&mut ines, kind, data, "El chat no es un grupo").await;
    }
    let data = json!({ "groupId": direct, "userId": eva_account.id });
    refused(&mut eva, kind, data, "No eres miembro del grupo").await;
    for nobody in [STRANGER, "eva"] {
        let data = json!({ "groupId": group, "userId": nobody });
        refused(&mut ines, kind, data, "Usuario destino no existe").await;
    }
    for client in [ines, tomas, eva] {
        client.finish().await;
    }
    server.shutdown().await;
}

/// "invited person and other members learn nothing": `chat:created` `{chat,
/// autoSelect:false}` to the invitee and the other members.
#[tokio::test]
async fn invited_person_and_members_learn_of_it() {
    let server = TestServer::spawn().await;
    let (mut ines, ines_account) = member(&server, "ines").await;
    let (mut tomas, tomas_account) = member(&server, "tomas").await;
    let (mut eva, eva_account) = member(&server, "eva").await;
    let chat = group(&mut ines, &mut [(&mut tomas, &tomas_account)]).await;
    let mut tablet = device(&server, "tablet", &ines_account).await;
    let mut phone = device(&server, "phone", &eva_account).await;

    let data = json!({ "groupId": chat, "userId": eva_account.id });
    ask(&mut ines, "group:invite", data, "group:invite:ok").await;
    let told = eva.expect("chat:created").await;
    assert_eq!(told["autoSelect"], false);
    assert_eq!(told["chat"]["id"], chat.as_str());
    assert_eq!(told["chat"]["title"], "Cafetal");
    let members = told["chat"]["members"].as_array().into_iter().flatten();
    let members: Vec<_> = members.map(|member| text(&member["id"])).collect();
    let accounts = [&ines_account.id, &tomas_account.id, &eva_account.id];
    assert_eq!(members.iter().collect::<Vec<_>>(), accounts);
    assert_eq!(phone.expect("chat:created").await, told);
    assert_eq!(tomas.expect("chat:created").await, told);
    // Not to the inviter.
    let mut others = [&mut tablet, &mut tomas, &mut eva, &mut phone];
    nothing_else(&mut ines, &mut others).await;
    for client in [ines, tomas, eva, tablet, phone] {
        client.finish().await;
    }
    server.shutdown().await;
}

/// The same row, where the second login is right and yet cannot enter: the
/// socket is as a new one, with time to log in and a place among those without a
/// login.
#[tokio::test]
async fn a_socket_between_two_accounts_is_as_a_new_one() {
    let server = TestServer::builder()
        .settings(|settings| {
            settings.transport.kaapehchat_auth_timeout = Duration::from_secs(6);
            settings.transport.connections_per_user = 1;
            settings.transport.unauthenticated_per_address = 1;
        })
        .spawn()
        .await;
    let (mut shared, ines) = member(&server, "ines").await;
    let (tomas, tomas_account) = member(&server, "tomas").await;
    let (eva, eva_account) = member(&server, "eva").await;
    eva.finish().await;
    let not_authenticated = || Closed::Frame(1008, "not_authenticated".to_owned());
    // As long as a socket may stay without a login.
    let mut idle = server.kaapehchat("idle").await;
    assert_eq!(idle.recv_close().await, not_authenticated());
    let eva = when_there_is_a_place(&server, &eva_account).await;

    let full = "Tienes demasiadas conexiones abiertas";
    let token = json!({ "token": tomas_account.token });
    refused(&mut shared, "hello", token.clone(), full).await;
    refused(&mut shared, "chat:list", json!({}), "No autenticado").await;
    let address = server.address();
    let further = Socket::try_connect("further", address, "/", &[], Transcript::default());
    assert!(further.await.is_err(), "the place is taken");
    assert_eq!(shared.recv_close().await, not_authenticated());

    // Without a place it ends at once.
    let mut shared = when_there_is_a_place(&server, &ines).await;
    let waiting = server.kaapehchat("waiting").await;
    let hello = json!({ "type": "hello", "data": token });
    shared.send(&hello).await;
    assert_eq!(shared.recv().await["data"]["message"], full);
    assert_eq!(shared.recv_close().await, not_authenticated());
    waiting.finish().await;
    eva.finish().await;
    tomas.finish().await;
    server.shutdown().await;
}

/// A socket of this person, as soon as another may be without a login.
async fn when_there_is_a_place(server: &TestServer, account: &KaapehAccount) -> Socket {
    loop {
        let transcript = Transcript::default();
        let socket = Socket::try_connect("next", server.address(), "/", &[], transcript).await;
        if let Ok(mut socket) = socket {
            let data = json!({ "token": account.token });
            socket.send(&json!({ "type": "hello", "data": data })).await;
            assert_eq!(socket.recv().await["type"], "hello:ok");
            return socket;
        }
    }
}

/// "logging in twice on one socket with two accounts leaves the first binding
/// alive": the old binding is dropped first.
#[tokio::test]
async fn one_socket_speaks_for_one_account() {
    let server = TestServer::builder()
        .variable("TERTULIA_PRESENCE_GRACE", "50ms")
        .spawn()
        .await;
    let (mut ines, _) = member(&server, "ines").await;
    let (mut shared, tomas_account) = member(&server, "tomas").await;
    let chat = direct_chat(&mut ines, &mut shared, &tomas_account).await;

    let eva = json!({ "displayName": "Eva", "username": "eva", "password": PASSWORD });
    ask(&mut shared, "auth:register", eva, "auth:ok").await;
    shared.expect("hello:ok").await;
    let gone = ines.expect("presence:update").await;
    let offline = json!({ "userId": tomas_account.id, "status": "offline" });
    assert_eq!(gone, offline);

    let data = json!({ "chatId": chat, "content": "¿Tomás?" });
    let said = ask(&mut ines, "message:send", data.clone(), "message:receive").await;
    refused(
        &mut shared,
        "message:send",
        data,
        "No eres miembro de ese chat",
    )
    .await;
    let list = ask(&mut shared, "chat:list", json!({}), "chat:list:ok").await;
    assert_eq!(list, json!({ "chats": [] }));
    nothing_else(&mut shared, &mut []).await;

    // And back again, by token; a login that fails changes nothing.
    let token = json!({ "token": tomas_account.token });
    ask(&mut shared, "hello", token, "hello:ok").await;
    ines.expect("presence:update").await;
    let wrong = json!({ "usernameOrEmail": "eva", "password": "x" });
    auth_refused(&mut shared, "auth:login", wrong, "Credenciales incorrectas").await;
    let list = ask(&mut shared, "chat:list", json!({}), "chat:list:ok").await;
    assert_eq!(list["chats"][0]["lastMessage"], said);
    nothing_else(&mut shared, &mut [&mut ines]).await;
    ines.finish().await;
    shared.finish().await;
    server.shutdown().await;
}

/// "`hello` with a valid token of a deleted user answers `hello:ok` with `user:
/// null`": `Token inválido`; the same for one who is suspended.
#[tokio::test]
async fn a_deleted_user_does_not_come_back() {
    use tertulia_domain::UserState;
    let server = TestServer::spawn().await;
    for (name, state) in [("ines", UserState::Deleted), ("eva", UserState::Suspended)] {
        let (mut socket, account) = member(&server, name).await;
        let chat = server.chat();
        let user = chat.authenticate(&account.token).await.unwrap().user();
        chat.set_user_state(user, state).await.unwrap();
        // The open socket ends too.
        let refusal = socket.expect("error").await;
        assert_eq!(refusal, json!({ "message": "Token inválido" }));
        socket.recv_close().await;

        let mut again = server.kaapehchat("again").await;
        let token = json!({ "token": account.token });
        refused(&mut again, "hello", token, "Token inválido").await;
        let login = json!({ "usernameOrEmail": name, "password": PASSWORD });
        auth_refused(&mut again, "auth:login", login, "Credenciales incorrectas").await;
        again.finish().await;
    }
    server.shutdown().await;
}

/// "two simultaneous `chat:createDirect` create two chats": one pair, one chat.
#[tokio::test]
async fn two_who_ask_at_once_share_one_chat() {
    let server = TestServer::spawn().await;
    let (mut ines, ines_account) = member(&server, "ines").await;
    let (mut tomas, tomas_account) = member(&server, "tomas").await;
    ines.request("chat:createDirect", &json!({ "userId": tomas_account.id }))
        .await;
    tomas
        .request("chat:createDirect", &json!({ "userId": ines_account.id }))
        .await;
    // A reply for each, and the news for whoever came second, before or after.
    let (first, mut told) = selected(&mut ines).await;
    let (second, told_too) = selected(&mut tomas).await;
    told += told_too;
    assert_eq!(first, second);
    let status = json!({ "status": "online" });
    ines.request("presence:update", &status).await;
    for client in [&mut ines, &mut tomas] {
        told += news_before_presence(client).await;
        let list = ask(client, "chat:list", json!({}), "chat:list:ok").await;
        let chats = list["chats"].as_array().into_iter().flatten();
        let ids: Vec<_> = chats.map(|chat| text(&chat["id"])).collect();
        assert_eq!(ids, [first.as_str()]);
    }
    assert_eq!(told, 1);
    ines.finish().await;
    tomas.finish().await;
    server.shutdown().await;
}

/// The chat of the reply, and how much news came before it.
async fn selected(client: &mut KaapehClient) -> (String, usize) {
    let mut told = 0;
    loop {
        let created = client.expect("chat:created").await;
        if created["autoSelect"] == true {
            return (text(&created["chat"]["id"]), told);
        }
        told += 1;
    }
}

async fn news_before_presence(client: &mut KaapehClient) -> usize {
    let mut told = 0;
    loop {
        let frame = client.recv().await;
        if frame["type"] == "presence:update" {
            return told;
        }
        assert_eq!(frame["type"], "chat:created");
        assert_eq!(frame["data"]["autoSelect"], false);
        told += 1;
    }
}

/// "login and registration do not announce presence": they do as `hello` does.
#[tokio::test]
async fn a_login_is_announced() {
    let server = TestServer::builder()
        .variable("TERTULIA_PRESENCE_GRACE", "50ms")
        .spawn()
        .await;
    let (mut ines, _) = member(&server, "ines").await;
    let (mut tomas, account) = member(&server, "tomas").await;
    direct_chat(&mut ines, &mut tomas, &account).await;
    tomas.finish().await;
    ines.expect("presence:update").await;
    let mut back = server.kaapehchat("back").await;
    let login = json!({ "usernameOrEmail": "tomas", "password": PASSWORD });
    ask(&mut back, "auth:login", login, "auth:ok").await;
    back.expect("hello:ok").await;
    let came = ines.expect("presence:update").await;
    assert_eq!(came, json!({ "userId": account.id, "status": "online" }));
    ines.finish().await;
    back.finish().await;
    server.shutdown().await;
}

/// "status lives in the table: a crash leaves people online": it is derived from
/// live sockets, also one that vanished without a word, and after a restart.
#[tokio::test]
async fn nobody_stays_online_without_a_socket() {
    let folder = tempfile::tempdir().unwrap();
    let spawn = |seed| {
        TestServer::builder()
            .variable("TERTULIA_PRESENCE_GRACE", "50ms")
            .data_dir(folder.path().join("data"))
            .seed(seed)
            .spawn()
    };
    let server = spawn(1).await;
    let (mut ines, ines_account) = member(&server, "ines").await;
    let (mut tomas, account) = member(&server, "tomas").await;
    direct_chat(&mut ines, &mut tomas, &account).await;
    tomas.vanish();
    let gone = ines.expect("presence:update").await;
    assert_eq!(gone, json!({ "userId": account.id, "status": "offline" }));
    ines.vanish();
    server.shutdown().await;

    let server = spawn(2).await;
    let mut ines = device(&server, "ines", &ines_account).await;
    let list = ask(&mut ines, "chat:list", json!({}), "chat:list:ok").await;
    let members = &list["chats"][0]["members"];
    assert_eq!(members[0]["status"], "online");
    assert_eq!(members[1]["status"], "offline");
    ines.finish().await;
    server.shutdown().await;
}

/// "`JWT_SECRET` falls back to a public word": the weak default is refused.
#[tokio::test]
async fn a_public_secret_is_refused() {
    for secret in [
        "change_me",
        "short",
        "change_me_change_me_change_me_change_me",
    ] {
        let started = TestServer::builder()
            .variable("JWT_SECRET", secret)
            .try_spawn()
            .await;
        let Err(error) = started else {
            panic!("the secret {secret} was taken");
        };
        assert!(error.to_string().contains("JWT_SECRET"), "{error}");
    }
}

/// "no rate limit": attempts are limited per account, also when the password is
/// right by then; another account is not concerned.
#[tokio::test]
async fn guessing_is_slowed_down() {
    let server = TestServer::spawn().await;
    let (ines, _) = member(&server, "ines").await;
    let (tomas, _) = member(&server, "tomas").await;
    let mut client = server.kaapehchat("client").await;
    let login =
        |name: &str, password: &str| json!({ "usernameOrEmail": name, "password": password });
    let kind = "auth:login";
    for _ in 0..6 {
        let wrong = login("ines", "wrong-password");
        auth_refused(&mut client, kind, wrong, "Credenciales incorrectas").await;
    }
    let wait = "Demasiados intentos. Espera 1 s y prueba de nuevo";
    auth_refused(&mut client, kind, login("ines", PASSWORD), wait).await;
    ask(&mut client, kind, login("tomas", PASSWORD), "auth:ok").await;
    client.expect("hello:ok").await;
    server.advance(std::time::Duration::from_secs(1));
    ask(&mut client, kind, login("ines", PASSWORD), "auth:ok").await;
    client.expect("hello:ok").await;
    for client in [ines, tomas, client] {
        client.finish().await;
    }
    server.shutdown().await;
}

/// "passwords of any length": at least 8 characters at registration,
/// `auth:error` `La contraseña debe tener al menos 8 caracteres`.
#[tokio::test]
async fn passwords_have_at_least_eight_characters() {
    let server = TestServer::spawn().await;
    let mut client = server.kaapehchat("client").await;
    let account =
        |password: &str| json!({ "displayName": "x", "username": "ines", "password": password });
    let kind = "auth:register";
    let short = "La contraseña debe tener al menos 8 caracteres";
    for password in ["a", "siete77", "ñññññññ"] {
        auth_refused(&mut client, kind, account(password), short).await;
    }
    let common = "Esa contraseña es demasiado común";
    auth_refused(&mut client, kind, account("password"), common).await;
    ask(&mut client, kind, account("ñandú-88"), "auth:ok").await;
    client.expect("hello:ok").await;
    client.finish().await;
    server.shutdown().await;
}

/// "no length limits": `content`, `title`, `displayName` are limited, with
/// `error` (`auth:error` at registration).
#[tokio::test]
async fn lengths_are_limited() {
    let server = TestServer::spawn().await;
    let (mut ines, _) = member(&server, "ines").await;
    let chat = group(&mut ines, &mut []).await;
    let mut nobody = server.kaapehchat("nobody").await;

    let content = |length| json!({ "chatId": chat, "content": "ñ".repeat(length) });
    let error = "El campo content admite 20000 caracteres como máximo";
    refused(&mut ines, "message:send", content(20_001), error).await;
    let heard = ask(
        &mut ines,
        "message:send",
        content(20_000),
        "message:receive",
    )
    .await;
    assert_eq!(text(&heard["content"]).chars().count(), 20_000);

    let title = |length| json!({ "title": "ñ".repeat(length) });
    let error = "El campo title admite 100 caracteres como máximo";
    refused(&mut ines, "group:create", title(101), error).await;
    ask(&mut ines, "group:create", title(100), "group:created").await;
    let description = json!({ "title": "x", "description": "ñ".repeat(2_001) });
    let error = "El campo description admite 2000 caracteres como máximo";
    refused(&mut ines, "group:create", description, error).await;

    let account = |field: &str, length| {
        let mut account = json!({ "displayName": "x", "username": "eva", "password": PASSWORD });
        account[field] = json!("ñ".repeat(length));
        account
    };
    for (field, most) in [("displayName", 100), ("username", 50), ("password", 256)] {
        let error = format!("El campo {field} admite {most} caracteres como máximo");
        let long = account(field, most + 1);
        auth_refused(&mut nobody, "auth:register", long, &error).await;
    }
    let odd = json!({ "displayName": "a\nb", "username": "eva", "password": PASSWORD });
    let error = "El campo displayName tiene caracteres no permitidos";
    auth_refused(&mut nobody, "auth:register", odd, error).await;
    ines.finish().await;
    nobody.finish().await;
    server.shutdown().await;
}

/// "any member may invite": by design.
#[tokio::test]
async fn any_member_may_invite() {
    let server = TestServer::spawn().await;
    let (mut ines, _) = member(&server, "ines").await;
    let (mut tomas, tomas_account) = member(&server, "tomas").await;
    let (mut eva, eva_account) = member(&server, "eva").await;
    let chat = group(&mut ines, &mut [(&mut tomas, &tomas_account)]).await;
    let data = json!({ "groupId": chat, "userId": eva_account.id });
    ask(&mut tomas, "group:invite", data, "group:invite:ok").await;
    ines.expect("chat:created").await;
    eva.expect("chat:created").await;
    for client in [ines, tomas, eva] {
        client.finish().await;
    }
    server.shutdown().await;
}
