//! Section 7, the example session, frame by frame.

use serde_json::json;
use tertulia_testkit::TestServer;

use super::{answers, expect, open, person, refused, socket_path, text};

#[tokio::test]
async fn the_example_session() {
    let server = TestServer::spawn().await;
    let (vale, memo) = (person(&server, "vale").await, person(&server, "memo").await);
    let stranger = person(&server, "ceci").await;

    let login = json!({ "login": "vale", "password": "Gol-2026x" });
    let login = server.http().post("/api/auth/login/", &login).await;
    assert_eq!(login.status, 200);
    let login = login.json();
    assert_eq!(login["user"]["display_name"], "Vale Ríos");
    assert!(login["refresh"].is_string() && login["access"].is_string());

    let opened = vale.http.post("/api/users/chat/memo/", &json!({})).await;
    assert_eq!(opened.status, 201);
    let opened = opened.json();
    assert_eq!(opened["created"], true);
    assert_eq!(opened["chat"]["chat_type"], "private");
    let chat = text(&opened["chat"]["id"]);

    let mut a = open(&server, &vale, &chat).await;
    let mut b = open(&server, &memo, &chat).await;
    expect(&mut a, "user_status").await;

    a.send(&json!({ "type": "typing", "is_typing": true }))
        .await;
    expect(&mut b, "typing_status").await;
    a.send_text(
        r#"{"type":"chat_message","content":"¿Cascarita el sábado?","message_type":"text"}"#,
    )
    .await;
    let said = expect(&mut a, "chat_message").await;
    expect(&mut b, "chat_message").await;
    let message = text(&said["message"]["id"]);
    let path = format!("/api/messaging/chats/{chat}/send_message/");
    let again = json!({ "content": "¿Cascarita el sábado?", "message_type": "text" });
    let again = vale.http.post(&path, &again).await;
    assert_eq!(again.status, 201);
    assert_eq!(again.json()["id"], message.as_str());

    let reaction = json!({
        "type": "react_message", "message_id": message, "reaction_type": "golazo",
    });
    b.send(&json!({ "type": "read_message", "message_id": message }))
        .await;
    b.send(&reaction).await;
    b.send(&reaction).await;
    b.send(&json!({ "type": "chat_message", "content": "¡Va!", "reply_to": message }))
        .await;
    for socket in [&mut a, &mut b] {
        expect(socket, "message_read").await;
        assert_eq!(expect(socket, "message_reaction").await["added"], true);
        assert_eq!(expect(socket, "message_reaction").await["added"], false);
        expect(socket, "chat_message").await;
    }
    a.send(&json!({
        "type": "edit_message", "message_id": message, "content": "¿Cascarita el domingo?",
    }))
    .await;
    for socket in [&mut a, &mut b] {
        expect(socket, "message_edited").await;
    }
    let delete = json!({ "type": "delete_message", "message_id": message });
    refused(
        &mut b,
        delete.clone(),
        "Solo puedes eliminar tus propios mensajes",
    )
    .await;
    a.send(&delete).await;
    for socket in [&mut a, &mut b] {
        expect(socket, "message_deleted").await;
    }
    a.send_text("{not json").await;
    expect(&mut a, "error").await;
    b.finish().await;
    expect(&mut a, "user_status").await;

    let path = socket_path(&chat, &stranger.access);
    let handshake = server.http().request(http::Method::GET, &path);
    let handshake = handshake
        .header(http::header::CONNECTION, "upgrade")
        .header(http::header::UPGRADE, "websocket")
        .header(http::header::SEC_WEBSOCKET_VERSION, "13")
        .header(http::header::SEC_WEBSOCKET_KEY, "dGhlIHNhbXBsZSBub25jZQ==");
    assert_eq!(handshake.send().await.status, 403);
    let path = format!("/api/messaging/chats/{chat}/");
    let history = vale.http.get(&format!("{path}messages/")).await.json();
    assert_eq!(history["count"], 1, "the deleted message is shown no more");
    let no_chat = stranger.http.get(&path).await;
    answers(&no_chat, 404, &json!({ "detail": "No encontrado." }));

    insta::assert_snapshot!(server.transcript().text(), @r#"
    vale ← {"type":"user_status","user_id":"4687e965-68c4-4210-9c44-2a5c3c97d714","username":"memo","status":"online"}
    vale → {"type":"typing","is_typing":true}
    memo ← {"type":"typing_status","user_id":"614f5601-77dc-4567-be8b-cf144dd4fc9a","username":"vale","is_typing":true}
    vale → {"type":"chat_message","content":"¿Cascarita el sábado?","message_type":"text"}
    vale ← {"type":"chat_message","message":{"id":"9a43ec34-1fb6-421f-a618-9f99d6ffa35c","chat_room":"8160c69f-01d1-40de-b87e-c812cd6aded6","sender":{"id":"614f5601-77dc-4567-be8b-cf144dd4fc9a","username":"vale","display_name":"Vale Ríos","avatar_url":null,"email":null,"full_name":"","avatar":null,"cover_photo":null,"cover_photo_url":null,"bio":"","position":"","team":"","contact_number":"","interests":[],"social_links":{},"followers_count":0,"following_count":0,"posts_count":0,"is_verified":false,"is_private":false,"show_email":false,"show_phone":false,"created_at":null,"last_active":null,"account_type":null,"company_name":"","industry":"","website":""},"content":"¿Cascarita el sábado?","message_type":"text","image":null,"video":null,"audio":null,"file_url":"","file_name":"","file_size":null,"reply_to":null,"is_edited":false,"is_deleted":false,"is_reply":false,"created_at":"2026-02-18T07:33:20.123Z","updated_at":"2026-02-18T07:33:20.123Z","reactions":[],"user_reaction":null,"is_read":false,"read_by_count":0,"story_id":null,"story_preview":null}}
    memo ← {"type":"chat_message","message":{"id":"9a43ec34-1fb6-421f-a618-9f99d6ffa35c","chat_room":"8160c69f-01d1-40de-b87e-c812cd6aded6","sender":{"id":"614f5601-77dc-4567-be8b-cf144dd4fc9a","username":"vale","display_name":"Vale Ríos","avatar_url":null,"email":null,"full_name":"","avatar":null,"cover_photo":null,"cover_photo_url":null,"bio":"","position":"","team":"","contact_number":"","interests":[],"social_links":{},"followers_count":0,"following_count":0,"posts_count":0,"is_verified":false,"is_private":false,"show_email":false,"show_phone":false,"created_at":null,"last_active":null,"account_type":null,"company_name":"","industry":"","website":""},"content":"¿Cascarita el sábado?","message_type":"text","image":null,"video":null,"audio":null,"file_url":"","file_name":"","file_size":null,"reply_to":null,"is_edited":false,"is_deleted":false,"is_reply":false,"created_at":"2026-02-18T07:33:20.123Z","updated_at":"2026-02-18T07:33:20.123Z","reactions":[],"user_reaction":null,"is_read":false,"read_by_count":0,"story_id":null,"story_preview":null}}
    memo → {"type":"read_message","message_id":"9a43ec34-1fb6-421f-a618-9f99d6ffa35c"}
    memo → {"type":"react_message","message_id":"9a43ec34-1fb6-421f-a618-9f99d6ffa35c","reaction_type":"golazo"}
    memo → {"type":"react_message","message_id":"9a43ec34-1fb6-421f-a618-9f99d6ffa35c","reaction_type":"golazo"}
    memo → {"type":"chat_message","content":"¡Va!","reply_to":"9a43ec34-1fb6-421f-a618-9f99d6ffa35c"}
    vale ← {"type":"message_read","message_id":"9a43ec34-1fb6-421f-a618-9f99d6ffa35c","user_id":"4687e965-68c4-4210-9c44-2a5c3c97d714","username":"memo"}
    vale ← {"type":"message_reaction","message_id":"9a43ec34-1fb6-421f-a618-9f99d6ffa35c","user_id":"4687e965-68c4-4210-9c44-2a5c3c97d714","username":"memo","reaction_type":"golazo","added":true}
    vale ← {"type":"message_reaction","message_id":"9a43ec34-1fb6-421f-a618-9f99d6ffa35c","user_id":"4687e965-68c4-4210-9c44-2a5c3c97d714","username":"memo","reaction_type":"golazo","added":false}
    vale ← {"type":"chat_message","message":{"id":"922649b8-79a7-41be-9f71-b2bba7fb223a","chat_room":"8160c69f-01d1-40de-b87e-c812cd6aded6","sender":{"id":"4687e965-68c4-4210-9c44-2a5c3c97d714","username":"memo","display_name":"memo","avatar_url":null,"email":null,"full_name":"","avatar":null,"cover_photo":null,"cover_photo_url":null,"bio":"","position":"","team":"","contact_number":"","interests":[],"social_links":{},"followers_count":0,"following_count":0,"posts_count":0,"is_verified":false,"is_private":false,"show_email":false,"show_phone":false,"created_at":null,"last_active":null,"account_type":null,"company_name":"","industry":"","website":""},"content":"¡Va!","message_type":"text","image":null,"video":null,"audio":null,"file_url":"","file_name":"","file_size":null,"reply_to":{"id":"9a43ec34-1fb6-421f-a618-9f99d6ffa35c","sender":{"username":"vale","display_name":"Vale Ríos"},"content":"¿Cascarita el sábado?","message_type":"text"},"is_edited":false,"is_deleted":false,"is_reply":true,"created_at":"2026-02-18T07:33:20.123Z","updated_at":"2026-02-18T07:33:20.123Z","reactions":[],"user_reaction":null,"is_read":false,"read_by_count":0,"story_id":null,"story_preview":null}}
    memo ← {"type":"message_read","message_id":"9a43ec34-1fb6-421f-a618-9f99d6ffa35c","user_id":"4687e965-68c4-4210-9c44-2a5c3c97d714","username":"memo"}
    memo ← {"type":"message_reaction","message_id":"9a43ec34-1fb6-421f-a618-9f99d6ffa35c","user_id":"4687e965-68c4-4210-9c44-2a5c3c97d714","username":"memo","reaction_type":"golazo","added":true}
    memo ← {"type":"message_reaction","message_id":"9a43ec34-1fb6-421f-a618-9f99d6ffa35c","user_id":"4687e965-68c4-4210-9c44-2a5c3c97d714","username":"memo","reaction_type":"golazo","added":false}
    memo ← {"type":"chat_message","message":{"id":"922649b8-79a7-41be-9f71-b2bba7fb223a","chat_room":"8160c69f-01d1-40de-b87e-c812cd6aded6","sender":{"id":"4687e965-68c4-4210-9c44-2a5c3c97d714","username":"memo","display_name":"memo","avatar_url":null,"email":null,"full_name":"","avatar":null,"cover_photo":null,"cover_photo_url":null,"bio":"","position":"","team":"","contact_number":"","interests":[],"social_links":{},"followers_count":0,"following_count":0,"posts_count":0,"is_verified":false,"is_private":false,"show_email":false,"show_phone":false,"created_at":null,"last_active":null,"account_type":null,"company_name":"","industry":"","website":""},"content":"¡Va!","message_type":"text","image":null,"video":null,"audio":null,"file_url":"","file_name":"","file_size":null,"reply_to":{"id":"9a43ec34-1fb6-421f-a618-9f99d6ffa35c","sender":{"username":"vale","display_name":"Vale Ríos"},"content":"¿Cascarita el sábado?","message_type":"text"},"is_edited":false,"is_deleted":false,"is_reply":true,"created_at":"2026-02-18T07:33:20.123Z","updated_at":"2026-02-18T07:33:20.123Z","reactions":[],"user_reaction":null,"is_read":false,"read_by_count":0,"story_id":null,"story_preview":null}}
    vale → {"type":"edit_message","message_id":"9a43ec34-1fb6-421f-a618-9f99d6ffa35c","content":"¿Cascarita el domingo?"}
    vale ← {"type":"message_edited","message":{"id":"9a43ec34-1fb6-421f-a618-9f99d6ffa35c","chat_room":"8160c69f-01d1-40de-b87e-c812cd6aded6","sender":{"id":"614f5601-77dc-4567-be8b-cf144dd4fc9a","username":"vale","display_name":"Vale Ríos","avatar_url":null,"email":null,"full_name":"","avatar":null,"cover_photo":null,"cover_photo_url":null,"bio":"","position":"","team":"","contact_number":"","interests":[],"social_links":{},"followers_count":0,"following_count":0,"posts_count":0,"is_verified":false,"is_private":false,"show_email":false,"show_phone":false,"created_at":null,"last_active":null,"account_type":null,"company_name":"","industry":"","website":""},"content":"¿Cascarita el domingo?","message_type":"text","image":null,"video":null,"audio":null,"file_url":"","file_name":"","file_size":null,"reply_to":null,"is_edited":true,"is_deleted":false,"is_reply":false,"created_at":"2026-02-18T07:33:20.123Z","updated_at":"2026-02-18T07:33:20.123Z","reactions":[],"user_reaction":null,"is_read":false,"read_by_count":1,"story_id":null,"story_preview":null}}
    memo ← {"type":"message_edited","message":{"id":"9a43ec34-1fb6-421f-a618-9f99d6ffa35c","chat_room":"8160c69f-01d1-40de-b87e-c812cd6aded6","sender":{"id":"614f5601-77dc-4567-be8b-cf144dd4fc9a","username":"vale","display_name":"Vale Ríos","avatar_url":null,"email":null,"full_name":"","avatar":null,"cover_photo":null,"cover_photo_url":null,"bio":"","position":"","team":"","contact_number":"","interests":[],"social_links":{},"followers_count":0,"following_count":0,"posts_count":0,"is_verified":false,"is_private":false,"show_email":false,"show_phone":false,"created_at":null,"last_active":null,"account_type":null,"company_name":"","industry":"","website":""},"content":"¿Cascarita el domingo?","message_type":"text","image":null,"video":null,"audio":null,"file_url":"","file_name":"","file_size":null,"reply_to":null,"is_edited":true,"is_deleted":false,"is_reply":false,"created_at":"2026-02-18T07:33:20.123Z","updated_at":"2026-02-18T07:33:20.123Z","reactions":[],"user_reaction":null,"is_read":false,"read_by_count":1,"story_id":null,"story_preview":null}}
    memo → {"type":"delete_message","message_id":"9a43ec34-1fb6-421f-a618-9f99d6ffa35c"}
    memo ← {"type":"error","message":"Solo puedes eliminar tus propios mensajes","error":"Solo puedes eliminar tus propios mensajes"}
    vale → {"type":"delete_message","message_id":"9a43ec34-1fb6-421f-a618-9f99d6ffa35c"}
    vale ← {"type":"message_deleted","message_id":"9a43ec34-1fb6-421f-a618-9f99d6ffa35c","user_id":"614f5601-77dc-4567-be8b-cf144dd4fc9a"}
    memo ← {"type":"message_deleted","message_id":"9a43ec34-1fb6-421f-a618-9f99d6ffa35c","user_id":"614f5601-77dc-4567-be8b-cf144dd4fc9a"}
    vale → {not json
    vale ← {"type":"error","message":"Formato JSON inválido","error":"Formato JSON inválido"}
    vale ← {"type":"user_status","user_id":"4687e965-68c4-4210-9c44-2a5c3c97d714","username":"memo","status":"offline"}
    "#);
    a.finish().await;
    server.shutdown().await;
}
