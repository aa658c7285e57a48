//! Section 3, "After authentication": chats, people, presence.

use std::time::Duration;

use serde_json::{Value, json};
use tertulia_testkit::TestServer;

use super::{STRANGER, ask, device, direct_chat, group, member, nothing_else, refused, text};

/// `chat:list`: `chat:list:ok` `{chats}`, newest last message first, empty chats
/// last; `members` filled, oneself included; `lastMessage` absent when empty.
#[tokio::test]
async fn chat_list_has_the_newest_first() {
    let server = TestServer::spawn().await;
    let (mut ines, _) = member(&server, "ines").await;
    let (mut tomas, tomas_account) = member(&server, "tomas").await;
    let direct = direct_chat(&mut ines, &mut tomas, &tomas_account).await;
    let older = group(&mut ines, &mut []).await;
    let empty = group(&mut ines, &mut []).await;
    let data = json!({ "chatId": older, "content": "first" });
    ask(&mut ines, "message:send", data, "message:receive").await;
    server.advance(Duration::from_secs(1));
    let data = json!({ "chatId": direct, "content": "second" });
    ask(&mut tomas, "message:send", data, "message:receive").await;
    ines.expect("message:receive").await;
    server.transcript().clear();

    let list = ask(&mut ines, "chat:list", json!({}), "chat:list:ok").await;
    let ids: Vec<_> = list["chats"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|chat| text(&chat["id"]))
        .collect();
    assert_eq!(ids, [direct, older, empty]);
    insta::assert_snapshot!(server.transcript().text(), @r#"
    ines → {"type":"chat:list","data":{}}
    ines ← {"type":"chat:list:ok","data":{"chats":[{"id":"27cd5b44-4516-430b-8a77-0919e8676cff","type":"direct","title":"tomas","description":null,"members":[{"id":"614f5601-77dc-4567-be8b-cf144dd4fc9a","username":"ines","displayName":"ines","avatarUrl":null,"status":"online"},{"id":"4687e965-68c4-4210-9c44-2a5c3c97d714","username":"tomas","displayName":"tomas","avatarUrl":null,"status":"online"}],"lastMessage":{"id":"15058de0-a51d-4852-aaed-f8e6ea8b6bb7","chatId":"27cd5b44-4516-430b-8a77-0919e8676cff","senderId":"4687e965-68c4-4210-9c44-2a5c3c97d714","kind":"text","content":"second","createdAt":1771400001123}},{"id":"84d0c512-0bd7-4c99-ba89-07c967192b96","type":"group","title":"Cafetal","description":null,"members":[{"id":"614f5601-77dc-4567-be8b-cf144dd4fc9a","username":"ines","displayName":"ines","avatarUrl":null,"status":"online"}],"lastMessage":{"id":"9a43ec34-1fb6-421f-a618-9f99d6ffa35c","chatId":"84d0c512-0bd7-4c99-ba89-07c967192b96","senderId":"614f5601-77dc-4567-be8b-cf144dd4fc9a","kind":"text","content":"first","createdAt":1771400000123}},{"id":"6d2c075a-68e2-4c65-9ce0-dc482f6f6170","type":"group","title":"Cafetal","description":null,"members":[{"id":"614f5601-77dc-4567-be8b-cf144dd4fc9a","username":"ines","displayName":"ines","avatarUrl":null,"status":"online"}]}]}}
    "#);

    ines.finish().await;
    tomas.finish().await;
    server.shutdown().await;
}

/// `user:findByUsername`: trimmed and lower-cased; `user:found` or
/// `user:notFound` `{username}`, one of them always.
#[tokio::test]
async fn find_by_username_always_answers() {
    let server = TestServer::spawn().await;
    let (mut ines, account) = member(&server, "ines").await;
    let kind = "user:findByUsername";
    let username = json!({ "username": "  INES " });
    let found = ask(&mut ines, kind, username, "user:found").await;
    assert_eq!(
        found,
        json!({ "user": {
            "id": account.id, "username": "ines", "displayName": "ines", "avatarUrl": null,
            "status": "online",
        } })
    );
    for (data, username) in [
        (json!({ "username": " Nadie " }), "nadie"),
        (json!({ "username": "in" }), "in"),
        (json!({}), ""),
        (json!({ "username": null }), ""),
        (json!({ "username": ["ines"] }), ""),
    ] {
        let answer = ask(&mut ines, kind, data, "user:notFound").await;
        assert_eq!(answer, json!({ "username": username }));
    }
    ines.finish().await;
    server.shutdown().await;
}

/// `chat:createDirect`: `chat:created` `{chat, autoSelect: true}` to the caller,
/// also when the chat already exists; only when new, every socket of the other
/// user gets their view with `autoSelect: false`.
#[tokio::test]
async fn create_direct_tells_the_other_user_once() {
    let server = TestServer::spawn().await;
    let (mut ines, _) = member(&server, "ines").await;
    let (mut tomas, account) = member(&server, "tomas").await;
    let mut phone = device(&server, "phone", &account).await;
    let data = json!({ "userId": account.id });

    let created = ask(&mut ines, "chat:createDirect", data.clone(), "chat:created").await;
    assert_eq!(created["autoSelect"], true);
    assert_eq!(created["chat"]["title"], "tomas");
    assert_eq!(created["chat"]["type"], "direct");
    assert_eq!(created["chat"]["description"], json!(null));
    assert_eq!(created["chat"]["lastMessage"], json!(null));
    let names = |chat: &Value| {
        let members = chat["members"].as_array().into_iter().flatten();
        members
            .map(|member| text(&member["username"]))
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&created["chat"]), ["ines", "tomas"]);
    for socket in [&mut tomas, &mut phone] {
        let told = socket.expect("chat:created").await;
        assert_eq!(told["autoSelect"], false);
        assert_eq!(told["chat"]["id"], created["chat"]["id"]);
        assert_eq!(told["chat"]["title"], "ines");
        assert_eq!(names(&told["chat"]), ["ines", "tomas"]);
    }

    let again = ask(&mut ines, "chat:createDirect", data, "chat:created").await;
    assert_eq!(again, created);
    nothing_else(&mut ines, &mut [&mut tomas, &mut phone]).await;
    ines.finish().await;
    tomas.finish().await;
    phone.finish().await;
    server.shutdown().await;
}

/// `chat:createDirect`: `Falta userId` · `No puedes crear chat contigo mismo` ·
/// `Usuario destino no existe`.
#[tokio::test]
async fn create_direct_errors() {
    let server = TestServer::spawn().await;
    let (mut ines, account) = member(&server, "ines").await;
    for (data, error) in [
        (json!({}), "Falta userId"),
        (json!({ "userId": "" }), "Falta userId"),
        (
            json!({ "userId": account.id }),
            "No puedes crear chat contigo mismo",
        ),
        (json!({ "userId": STRANGER }), "Usuario destino no existe"),
        (json!({ "userId": "tomas" }), "Usuario destino no existe"),
    ] {
        refused(&mut ines, "chat:createDirect", data, error).await;
    }
    ines.finish().await;
    server.shutdown().await;
}

/// `group:create`: `group:created` `{chat}` to the caller, who is the owner; to
/// nobody else. `Falta title`.
#[tokio::test]
async fn create_group_tells_nobody_else() {
    let server = TestServer::spawn().await;
    let (mut ines, account) = member(&server, "ines").await;
    let mut phone = device(&server, "phone", &account).await;
    let data = json!({ "title": "  Cafetal ", "description": " turno tarde " });
    let created = ask(&mut ines, "group:create", data, "group:created").await;
    let user = json!({
        "id": account.id, "username": "ines", "displayName": "ines", "avatarUrl": null,
        "status": "online",
    });
    assert_eq!(
        created,
        json!({ "chat": {
            "id": created["chat"]["id"], "type": "group", "title": "Cafetal",
            "description": "turno tarde", "members": [user],
        } })
    );
    for description in [json!(null), json!(""), json!(7)] {
        let data = json!({ "title": "x", "description": description });
        let created = ask(&mut ines, "group:create", data, "group:created").await;
        assert_eq!(created["chat"]["description"], json!(null));
    }
    for data in [
        json!({}),
        json!({ "title": "  " }),
        json!({ "title": null }),
    ] {
        refused(&mut ines, "group:create", data, "Falta title").await;
    }
    nothing_else(&mut ines, &mut [&mut phone]).await;

    let identity = server.chat().authenticate(&account.token).await.unwrap();
    let id = text(&created["chat"]["id"]).parse::<uuid::Uuid>().unwrap();
    let own = server.chat().room(identity.user(), id).await.unwrap();
    let role = own.membership.map(|membership| membership.role);
    assert_eq!(role, Some(tertulia_domain::Role::Owner));
    ines.finish().await;
    phone.finish().await;
    server.shutdown().await;
}

/// `group:invite`: `group:invite:ok` `{groupId, userId}`; `Faltan campos` · `No
/// eres miembro del grupo`. Any member may invite (§6).
#[tokio::test]
async fn invite_answers_with_both_ids() {
    let server = TestServer::spawn().await;
    let (mut ines, _) = member(&server, "ines").await;
    let (mut tomas, tomas_account) = member(&server, "tomas").await;
    let (mut eva, eva_account) = member(&server, "eva").await;
    let group = group(&mut ines, &mut [(&mut tomas, &tomas_account)]).await;
    let kind = "group:invite";

    let data = json!({ "groupId": group, "userId": eva_account.id });
    refused(&mut eva, kind, data.clone(), "No eres miembro del grupo").await;
    let answer = ask(&mut tomas, kind, data.clone(), "group:invite:ok").await;
    assert_eq!(answer, data);
    eva.expect("chat:created").await;
    ines.expect("chat:created").await;
    // Once more changes nothing and tells nobody.
    let answer = ask(&mut ines, kind, data.clone(), "group:invite:ok").await;
    assert_eq!(answer, data);

    for data in [
        json!({}),
        json!({ "groupId": group }),
        json!({ "userId": eva_account.id }),
        json!({ "groupId": "", "userId": "" }),
    ] {
        refused(&mut ines, kind, data, "Faltan campos").await;
    }
    for group in [STRANGER, "c-1"] {
        let data = json!({ "groupId": group, "userId": eva_account.id });
        refused(&mut ines, kind, data, "No eres miembro del grupo").await;
    }
    nothing_else(&mut ines, &mut [&mut tomas, &mut eva]).await;
    for client in [ines, tomas, eva] {
        client.finish().await;
    }
    server.shutdown().await;
}

/// `presence:update`: trimmed and lower-cased; to everyone who shares a chat,
/// sender included, on all its sockets; not to others. `Estado inválido`.
#[tokio::test]
async fn presence_is_told_to_those_who_share_a_chat() {
    let server = TestServer::spawn().await;
    let (mut ines, account) = member(&server, "ines").await;
    let (mut tomas, tomas_account) = member(&server, "tomas").await;
    let (mut eva, _) = member(&server, "eva").await;
    direct_chat(&mut ines, &mut tomas, &tomas_account).await;
    group(&mut ines, &mut [(&mut tomas, &tomas_account)]).await;
    let mut phone = device(&server, "phone", &account).await;
    for (status, told) in [
        ("busy", "busy"),
        (" Offline ", "offline"),
        ("online", "online"),
    ] {
        let data = json!({ "status": status });
        ines.request("presence:update", &data).await;
        for socket in [&mut ines, &mut phone, &mut tomas] {
            let news = socket.expect("presence:update").await;
            assert_eq!(news, json!({ "userId": account.id, "status": told }));
        }
    }
    for data in [
        json!({}),
        json!({ "status": "away" }),
        json!({ "status": 1 }),
    ] {
        refused(&mut ines, "presence:update", data, "Estado inválido").await;
    }
    // Somebody without chats hears only of itself.
    nothing_else(&mut eva, &mut []).await;
    nothing_else(&mut ines, &mut [&mut phone, &mut tomas]).await;
    for client in [ines, tomas, eva, phone] {
        client.finish().await;
    }
    server.shutdown().await;
}

/// `presence:update` shows in lists and searches, and `offline` too while the
/// user is there.
#[tokio::test]
async fn a_chosen_status_is_shown_everywhere() {
    let server = TestServer::spawn().await;
    let (mut ines, _) = member(&server, "ines").await;
    let (mut tomas, account) = member(&server, "tomas").await;
    direct_chat(&mut ines, &mut tomas, &account).await;
    for status in ["busy", "offline", "online"] {
        tomas
            .request("presence:update", &json!({ "status": status }))
            .await;
        tomas.expect("presence:update").await;
        ines.expect("presence:update").await;
        let data = json!({ "username": "tomas" });
        let found = ask(&mut ines, "user:findByUsername", data, "user:found").await;
        assert_eq!(found["user"]["status"], status);
        let list = ask(&mut ines, "chat:list", json!({}), "chat:list:ok").await;
        assert_eq!(list["chats"][0]["members"][1]["status"], status);
    }
    ines.finish().await;
    tomas.finish().await;
    server.shutdown().await;
}

/// "unknown type": `Evento no soportado: <type>`.
#[tokio::test]
async fn an_unknown_type_is_named() {
    let server = TestServer::spawn().await;
    let (mut ines, _) = member(&server, "ines").await;
    for kind in ["chat:leave", "", "Hello", "message:receive"] {
        let error = format!("Evento no soportado: {kind}");
        refused(&mut ines, kind, json!({}), &error).await;
    }
    ines.finish().await;
    server.shutdown().await;
}
