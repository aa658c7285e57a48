//! What people do through other dialects, as KaapehChat's clients see it. Each
//! dialect calls the same chat, so the tests call it too.

use std::sync::Arc;

use http::Method;
use serde_json::{Value, json};
use tertulia_domain::chat::RoomDraft;
use tertulia_domain::room::RoomPatch;
use tertulia_domain::{Draft, MessageKind, Profile, Role, Room, RoomKind, UserId, Visibility};
use tertulia_testkit::{Form, KaapehAccount, TestServer, path_of};
use uuid::Uuid;

use super::{ask, group, member, nothing_else, refused, text};

async fn profile(server: &TestServer, account: &KaapehAccount) -> Arc<Profile> {
    let identity = server.chat().authenticate(&account.token).await.unwrap();
    identity.profile
}

fn draft(kind: RoomKind, members: Vec<UserId>) -> RoomDraft {
    RoomDraft {
        kind,
        title: "Cafetal".to_owned(),
        description: None,
        visibility: Visibility::Public,
        open: false,
        members,
    }
}

fn id(room: &Room) -> String {
    room.uuid.to_string()
}

fn names(told: &Value) -> Vec<String> {
    let members = told["chat"]["members"].as_array().into_iter().flatten();
    members.map(|member| text(&member["username"])).collect()
}

/// A new name stands at once on what is said from sockets that were open before.
#[tokio::test]
async fn older_sockets_speak_under_a_new_name() {
    let server = TestServer::spawn().await;
    let (mut ines, account) = member(&server, "ines").await;
    let (mut tomas, tomas_account) = member(&server, "tomas").await;
    let chat = group(&mut ines, &mut [(&mut tomas, &tomas_account)]).await;
    let mut laptop = server.v1_socket("laptop", &account.token).await;
    let mut reader = server.v1_socket("reader", &tomas_account.token).await;
    let http = server.http().bearer(&account.token);
    let renamed = json!({ "display_name": "Inés Mora" });
    assert_eq!(http.patch("/v1/me", &renamed).await.status, 200);
    let room = &http.get("/v1/rooms").await.json()["items"][0]["id"];

    let data = json!({ "chatId": chat, "content": "hola" });
    ines.request("message:send", &data).await;
    laptop.expect("message").await;
    let name = |told: Value| text(&told["message"]["sender"]["display_name"]);
    assert_eq!(name(reader.expect("message").await), "Inés Mora");

    let data = json!({ "room_id": room, "text": "¿qué tal?" });
    laptop.request("send", &data).await;
    assert_eq!(name(reader.expect("message").await), "Inés Mora");
    // Its `ok` and the message, in either order.
    laptop.recv().await;
    laptop.recv().await;
    for client in [&mut ines, &mut tomas] {
        client.expect("message:receive").await;
        client.expect("message:receive").await;
    }
    ines.finish().await;
    tomas.finish().await;
    laptop.finish().await;
    reader.finish().await;
    server.shutdown().await;
}

/// A group made with its members is told to them, not to who made it.
#[tokio::test]
async fn a_group_with_members_is_told_to_them() {
    let server = TestServer::spawn().await;
    let (mut ines, ines_account) = member(&server, "ines").await;
    let (mut tomas, tomas_account) = member(&server, "tomas").await;
    let (maker, other) = (
        profile(&server, &ines_account).await,
        profile(&server, &tomas_account).await,
    );
    for kind in [RoomKind::Group, RoomKind::Channel] {
        let draft = draft(kind, vec![other.id]);
        let room = server.chat().create_room(&maker, draft).await.unwrap();
        let told = tomas.expect("chat:created").await;
        assert_eq!(told["chat"]["id"], id(&room));
        assert_eq!(told["chat"]["type"], "group");
        assert_eq!(told["autoSelect"], false);
        assert_eq!(names(&told), ["ines", "tomas"]);
        nothing_else(&mut ines, &mut [&mut tomas]).await;
    }
    ines.finish().await;
    tomas.finish().await;
    server.shutdown().await;
}

/// Whoever joins, leaves or is put out: the remaining members get the new list;
/// who is gone hears nothing more of the room.
#[tokio::test]
async fn members_who_come_and_go() {
    let server = TestServer::spawn().await;
    let (mut ines, ines_account) = member(&server, "ines").await;
    let (mut tomas, tomas_account) = member(&server, "tomas").await;
    let (mut eva, eva_account) = member(&server, "eva").await;
    let maker = profile(&server, &ines_account).await;
    let (tomas_profile, eva_profile) = (
        profile(&server, &tomas_account).await,
        profile(&server, &eva_account).await,
    );
    let chat = server.chat();
    let room = chat
        .create_room(&maker, draft(RoomKind::Group, Vec::new()))
        .await
        .unwrap();

    chat.join(&tomas_profile, room.id).await.unwrap();
    let told = tomas.expect("chat:created").await;
    assert_eq!(names(&told), ["ines", "tomas"]);
    assert_eq!(ines.expect("chat:created").await, told);
    chat.admit(&maker, room.id, eva_profile.id, Role::Member)
        .await
        .unwrap();
    let told = tomas.expect("chat:created").await;
    assert_eq!(names(&told), ["ines", "tomas", "eva"]);
    assert_eq!(eva.expect("chat:created").await, told);

    chat.leave(&eva_profile, room.id).await.unwrap();
    let told = tomas.expect("chat:created").await;
    assert_eq!(names(&told), ["ines", "tomas"]);
    assert_eq!(ines.expect("chat:created").await, told);
    chat.remove(&maker, room.id, tomas_profile.id, false)
        .await
        .unwrap();
    let told = ines.expect("chat:created").await;
    assert_eq!(names(&told), ["ines"]);

    let data = json!({ "chatId": id(&room), "content": "¿quién queda?" });
    ask(&mut ines, "message:send", data.clone(), "message:receive").await;
    for gone in [&mut tomas, &mut eva] {
        nothing_else(gone, &mut []).await;
        let error = "No eres miembro de ese chat";
        refused(gone, "message:send", data.clone(), error).await;
    }
    for client in [ines, tomas, eva] {
        client.finish().await;
    }
    server.shutdown().await;
}

/// A new title is shown at once; a room that is closed is gone.
#[tokio::test]
async fn a_changed_title_is_shown() {
    let server = TestServer::spawn().await;
    let (mut ines, ines_account) = member(&server, "ines").await;
    let (mut tomas, tomas_account) = member(&server, "tomas").await;
    let maker = profile(&server, &ines_account).await;
    let room = group(&mut ines, &mut [(&mut tomas, &tomas_account)]).await;
    let room: Uuid = room.parse().unwrap();
    let patch = RoomPatch {
        title: Some("Cafetal de noche".to_owned()),
        description: Some(Some("turno noche".to_owned())),
        visibility: None,
        open: None,
    };
    server
        .chat()
        .update_room(&maker, room, patch)
        .await
        .unwrap();
    let told = ines.expect("chat:created").await;
    assert_eq!(told["chat"]["title"], "Cafetal de noche");
    assert_eq!(told["chat"]["description"], "turno noche");
    assert_eq!(tomas.expect("chat:created").await, told);

    server.chat().close_room(&maker, room).await.unwrap();
    let list = ask(&mut tomas, "chat:list", json!({}), "chat:list:ok").await;
    assert_eq!(list, json!({ "chats": [] }));
    nothing_else(&mut tomas, &mut []).await;
    nothing_else(&mut ines, &mut []).await;
    ines.finish().await;
    tomas.finish().await;
    server.shutdown().await;
}

/// An edit or a deletion has no frame here; histories and lists show what
/// stands. Reactions and receipts have none either.
#[tokio::test]
async fn edits_and_deletions_show_in_histories() {
    use tertulia_domain::command::Toggle;
    use tertulia_domain::receipt::Mark;
    use tertulia_domain::{ReceiptKind, Seq};
    let server = TestServer::spawn().await;
    let (mut ines, account) = member(&server, "ines").await;
    let author = profile(&server, &account).await;
    let room = group(&mut ines, &mut []).await;
    let key: Uuid = room.parse().unwrap();
    let chat = server.chat();
    for number in 1..=3 {
        let draft = Draft::text(number.to_string());
        chat.send(&author, key, draft).await.unwrap();
        ines.expect("message:receive").await;
    }
    let page = tertulia_domain::ports::MessagePage {
        before: None,
        after: None,
        limit: 3,
        deleted: true,
    };
    let said = chat.history(author.id, key, page, 3).await.unwrap();
    chat.edit(&author, key, said[0].id, "uno").await.unwrap();
    chat.delete(&author, key, said[2].id).await.unwrap();
    chat.react(&author, key, said[0].id, "👍", Toggle::On)
        .await
        .unwrap();
    chat.mark(&author, key, &[Mark::UpTo(ReceiptKind::Read, Seq(2))])
        .await
        .unwrap();
    chat.typing(&author, key, true).await.unwrap();
    nothing_else(&mut ines, &mut []).await;

    let data = json!({ "chatId": room });
    let list = ask(&mut ines, "message:list", data, "message:list:ok").await;
    let contents: Vec<_> = list["messages"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|message| text(&message["content"]))
        .collect();
    assert_eq!(contents, ["uno", "2"]);
    let list = ask(&mut ines, "chat:list", json!({}), "chat:list:ok").await;
    assert_eq!(list["chats"][0]["lastMessage"]["content"], "2");
    ines.finish().await;
    server.shutdown().await;
}

/// Kinds that this wire does not have are shown as `text`.
#[tokio::test]
async fn other_kinds_are_shown_as_text() {
    let server = TestServer::spawn().await;
    let (mut ines, account) = member(&server, "ines").await;
    let author = profile(&server, &account).await;
    let room = group(&mut ines, &mut []).await;
    let key: Uuid = room.parse().unwrap();
    let draft = Draft {
        kind: MessageKind::Image,
        ..Draft::text("el cafetal al amanecer")
    };
    server.chat().send(&author, key, draft).await.unwrap();
    let heard = ines.expect("message:receive").await;
    assert_eq!(heard["kind"], "text");
    assert_eq!(heard["content"], "el cafetal al amanecer");
    ines.finish().await;
    server.shutdown().await;
}

/// `User`: `username` in lower case, however it was registered.
#[tokio::test]
async fn usernames_are_shown_in_lower_case() {
    let server = TestServer::spawn().await;
    let (mut ines, _) = member(&server, "ines").await;
    server.http().v1_register("Tomás").await;
    let data = json!({ "username": "TOMÁS" });
    let found = ask(&mut ines, "user:findByUsername", data, "user:found").await;
    assert_eq!(found["user"]["username"], "tomás");
    assert_eq!(found["user"]["displayName"], "Tomás");
    ines.finish().await;
    server.shutdown().await;
}

/// In a channel only the owner and admins write, here too.
#[tokio::test]
async fn rules_of_other_dialects_hold_here() {
    let server = TestServer::spawn().await;
    let (mut ines, ines_account) = member(&server, "ines").await;
    let (mut tomas, tomas_account) = member(&server, "tomas").await;
    let maker = profile(&server, &ines_account).await;
    let other = profile(&server, &tomas_account).await;
    let draft = draft(RoomKind::Channel, vec![other.id]);
    let room = server.chat().create_room(&maker, draft).await.unwrap();
    tomas.expect("chat:created").await;
    let data = json!({ "chatId": id(&room), "content": "hola" });
    let error = "No tienes permiso para hacer eso";
    refused(&mut tomas, "message:send", data.clone(), error).await;
    ask(&mut ines, "message:send", data, "message:receive").await;
    tomas.expect("message:receive").await;
    ines.finish().await;
    tomas.finish().await;
    server.shutdown().await;
}

/// Files have no form here: the link to them is the text where there is no other. It
/// is so in `message:receive`, in `message:list:ok` and in `lastMessage`.
#[tokio::test]
async fn a_file_without_words_is_its_link() {
    let server = TestServer::spawn().await;
    let (mut ines, account) = member(&server, "ines").await;
    let (mut tomas, tomas_account) = member(&server, "tomas").await;
    let chat = group(&mut ines, &mut [(&mut tomas, &tomas_account)]).await;
    let http = server.http().bearer(&account.token);
    for name in ["uno.txt", "dos.txt"] {
        let form = Form::default().file("file", name, name.as_bytes());
        let request = http.request(Method::POST, "/v1/files").form(form);
        assert_eq!(request.send().await.status, 201);
    }
    let room = &http.get("/v1/rooms").await.json()["items"][0]["id"];
    let path = format!("/v1/rooms/{}/messages", text(room));
    for body in [
        json!({"file_ids": ["1"], "text": "con palabras"}),
        json!({"file_ids": ["1", "2"]}),
    ] {
        assert_eq!(http.post(&path, &body).await.status, 201);
    }
    let words = tomas.expect("message:receive").await;
    assert_eq!(words["content"], "con palabras");
    let links = tomas.expect("message:receive").await;
    assert_eq!(links["kind"], "text");
    let content = text(&links["content"]);
    let content: Vec<_> = content.lines().collect();
    assert_eq!(content.len(), 2, "{content:?}");
    for (link, name) in content.iter().zip(["uno.txt", "dos.txt"]) {
        let path = path_of(link);
        assert!(path.starts_with("/v1/files/"), "a link of ours: {link}");
        assert_eq!(server.http().get(path).await.text(), name);
    }
    let list = ask(
        &mut tomas,
        "message:list",
        json!({"chatId": chat}),
        "message:list:ok",
    )
    .await;
    assert_eq!(list["messages"][1]["content"], links["content"]);
    let chats = ask(&mut tomas, "chat:list", json!({}), "chat:list:ok").await;
    assert_eq!(
        chats["chats"][0]["lastMessage"]["content"],
        links["content"]
    );
    ines.forget_unread();
    ines.finish().await;
    tomas.finish().await;
    server.shutdown().await;
}

/// `avatarUrl`: a link of ours is signed anew wherever it is shown, so that an old
/// picture never dies. It is kept only if its user may see the file.
#[tokio::test]
async fn a_picture_of_ours_never_dies() {
    let server = TestServer::spawn().await;
    let ines = server.http().v1_register("ines").await;
    let http = server.http().bearer(&ines.token);
    let form = Form::default().file(
        "file",
        "foto.svg",
        b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>",
    );
    let request = http.request(Method::POST, "/v1/files").form(form);
    let file = request.send().await.json();
    let avatar = json!({"avatar_url": file["url"]});
    let changed = http.patch("/v1/me", &avatar).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    let eva = server.http().v1_register("eva").await;
    let stolen = server
        .http()
        .bearer(&eva.token)
        .patch("/v1/me", &avatar)
        .await;
    assert_eq!(stolen.status, 422, "{}", stolen.text());

    server.advance(std::time::Duration::from_secs(40 * 60 * 60));
    assert_eq!(server.http().get(&text(&file["url"])).await.status, 404);
    let (mut tomas, _) = member(&server, "tomas").await;
    let find = json!({"username": "ines"});
    let found = ask(&mut tomas, "user:findByUsername", find, "user:found").await;
    let link = text(&found["user"]["avatarUrl"]);
    let path = path_of(&link);
    assert!(path.starts_with("/v1/files/"), "a link of ours: {link}");
    assert_eq!(server.http().get(path).await.status, 200, "{link}");
    tomas.finish().await;
    server.shutdown().await;
}
