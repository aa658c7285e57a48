//! Section 7, the example session, frame by frame.

use serde_json::json;
use tertulia_testkit::TestServer;

use super::{ask, member, text};

#[tokio::test]
async fn the_example_session() {
    let server = TestServer::builder()
        .variable("TERTULIA_PRESENCE_GRACE", "50ms")
        .spawn()
        .await;
    let mut earlier = server.kaapehchat("earlier").await;
    let tomas = json!({"displayName": "Tomás", "username": "tomas", "password": "clave-nueva-8"});
    let signed_in = ask(&mut earlier, "auth:register", tomas, "auth:ok").await;
    earlier.expect("hello:ok").await;
    let (token_b, tomas) = (text(&signed_in["token"]), text(&signed_in["user"]["id"]));
    earlier.finish().await;
    let (mut c, _) = member(&server, "C").await;
    server.transcript().clear();

    let mut a = server.kaapehchat("A").await;
    a.send_text(r#"{"type":"auth:register","data":{"displayName":"Inés Mora","username":"ines","email":"ines@lan.test","password":"clave-nueva-9"}}"#).await;
    a.expect("auth:ok").await;
    a.expect("hello:ok").await;
    a.send_text(r#"{"type":"chat:list","data":{}}"#).await;
    a.expect("chat:list:ok").await;

    let mut b = server.kaapehchat("B").await;
    b.request("hello", &json!({ "token": token_b })).await;
    b.expect("hello:ok").await;

    a.send_text(r#"{"type":"user:findByUsername","data":{"username":"tomas"}}"#)
        .await;
    a.expect("user:found").await;
    a.request("chat:createDirect", &json!({ "userId": tomas }))
        .await;
    let chat = text(&a.expect("chat:created").await["chat"]["id"]);
    b.expect("chat:created").await;

    b.request("room:join", &json!({ "chatId": chat })).await;
    b.expect("room:join:ok").await;
    b.expect("message:list:ok").await;

    a.request(
        "message:send",
        &json!({ "chatId": chat, "kind": "text", "content": "¿café a las 5?" }),
    )
    .await;
    a.expect("message:receive").await;
    b.expect("message:receive").await;

    a.send_text(r#"{"type":"presence:update","data":{"status":"busy"}}"#)
        .await;
    a.expect("presence:update").await;
    b.expect("presence:update").await;

    a.send_text(
        r#"{"type":"group:create","data":{"title":"Cafetal","description":"turno tarde"}}"#,
    )
    .await;
    let group = text(&a.expect("group:created").await["chat"]["id"]);
    a.request(
        "group:invite",
        &json!({ "groupId": group, "userId": tomas }),
    )
    .await;
    a.expect("group:invite:ok").await;
    b.expect("chat:created").await;

    a.request(
        "rtc:signal",
        &json!({
            "type": "offer", "chatId": chat, "toUserId": tomas, "mode": "video",
            "payload": { "type": "offer", "sdp": "v=0…" },
        }),
    )
    .await;
    b.expect("rtc:signal").await;
    b.request("rtc:signal", &json!({ "type": "end", "chatId": chat }))
        .await;
    a.expect("rtc:signal").await;

    c.request(
        "message:send",
        &json!({ "chatId": chat, "content": "hola" }),
    )
    .await;
    c.expect("error").await;

    b.finish().await;
    a.expect("presence:update").await;

    insta::assert_snapshot!(server.transcript().text(), @r#"
    A → {"type":"auth:register","data":{"displayName":"Inés Mora","username":"ines","email":"ines@lan.test","password":"clave-nueva-9"}}
    A ← {"type":"auth:ok","data":{"token":"eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJ0ZXJ0dWxpYSIsInN1YiI6Ijg0ZDBjNTEyLTBiZDctNGM5OS1iYTg5LTA3Yzk2NzE5MmI5NiIsInVzZXJfaWQiOiI4NGQwYzUxMi0wYmQ3LTRjOTktYmE4OS0wN2M5NjcxOTJiOTYiLCJ1aWQiOjMsInVzciI6ImluZXMiLCJ0b2tlbl90eXBlIjoiYWNjZXNzIiwic2lkIjozLCJqdGkiOiJmNWUwNGI1ZS00NDAyLTRlOGItODE1My0zNTAwYmI1OThjYmYiLCJpYXQiOjE3NzE0MDAwMDAsImV4cCI6MTc3MTQyODgwMH0.AWSDnHV7IVA57KNIp76fGW75HSkQk6ACaXDjb-WJlZg","user":{"id":"84d0c512-0bd7-4c99-ba89-07c967192b96","username":"ines","displayName":"Inés Mora","avatarUrl":null,"status":"online"}}}
    A ← {"type":"hello:ok","data":{"userId":"84d0c512-0bd7-4c99-ba89-07c967192b96"}}
    A → {"type":"chat:list","data":{}}
    A ← {"type":"chat:list:ok","data":{"chats":[]}}
    B → {"type":"hello","data":{"token":"eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJ0ZXJ0dWxpYSIsInN1YiI6IjYxNGY1NjAxLTc3ZGMtNDU2Ny1iZThiLWNmMTQ0ZGQ0ZmM5YSIsInVzZXJfaWQiOiI2MTRmNTYwMS03N2RjLTQ1NjctYmU4Yi1jZjE0NGRkNGZjOWEiLCJ1aWQiOjEsInVzciI6InRvbWFzIiwidG9rZW5fdHlwZSI6ImFjY2VzcyIsInNpZCI6MSwianRpIjoiNjMwYmZkYjctYTZhNi00NGE1LWIxYWEtMmI1N2RhZDBiYWQwIiwiaWF0IjoxNzcxNDAwMDAwLCJleHAiOjE3NzE0Mjg4MDB9.4REInwxqbTx_U8ZgNpqOEQH8SjBL95dqmKpYEmuOo6k"}}
    B ← {"type":"hello:ok","data":{"userId":"614f5601-77dc-4567-be8b-cf144dd4fc9a","user":{"id":"614f5601-77dc-4567-be8b-cf144dd4fc9a","username":"tomas","displayName":"Tomás","avatarUrl":null,"status":"online"}}}
    A → {"type":"user:findByUsername","data":{"username":"tomas"}}
    A ← {"type":"user:found","data":{"user":{"id":"614f5601-77dc-4567-be8b-cf144dd4fc9a","username":"tomas","displayName":"Tomás","avatarUrl":null,"status":"online"}}}
    A → {"type":"chat:createDirect","data":{"userId":"614f5601-77dc-4567-be8b-cf144dd4fc9a"}}
    A ← {"type":"chat:created","data":{"chat":{"id":"189deb96-b2a4-4ad1-bc13-5bbe71a127ab","type":"direct","title":"Tomás","description":null,"members":[{"id":"84d0c512-0bd7-4c99-ba89-07c967192b96","username":"ines","displayName":"Inés Mora","avatarUrl":null,"status":"online"},{"id":"614f5601-77dc-4567-be8b-cf144dd4fc9a","username":"tomas","displayName":"Tomás","avatarUrl":null,"status":"online"}]},"autoSelect":true}}
    B ← {"type":"chat:created","data":{"chat":{"id":"189deb96-b2a4-4ad1-bc13-5bbe71a127ab","type":"direct","title":"Inés Mora","description":null,"members":[{"id":"84d0c512-0bd7-4c99-ba89-07c967192b96","username":"ines","displayName":"Inés Mora","avatarUrl":null,"status":"online"},{"id":"614f5601-77dc-4567-be8b-cf144dd4fc9a","username":"tomas","displayName":"Tomás","avatarUrl":null,"status":"online"}]},"autoSelect":false}}
    B → {"type":"room:join","data":{"chatId":"189deb96-b2a4-4ad1-bc13-5bbe71a127ab"}}
    B ← {"type":"room:join:ok","data":{"chatId":"189deb96-b2a4-4ad1-bc13-5bbe71a127ab"}}
    B ← {"type":"message:list:ok","data":{"chatId":"189deb96-b2a4-4ad1-bc13-5bbe71a127ab","messages":[]}}
    A → {"type":"message:send","data":{"chatId":"189deb96-b2a4-4ad1-bc13-5bbe71a127ab","kind":"text","content":"¿café a las 5?"}}
    A ← {"type":"message:receive","data":{"id":"9a43ec34-1fb6-421f-a618-9f99d6ffa35c","chatId":"189deb96-b2a4-4ad1-bc13-5bbe71a127ab","senderId":"84d0c512-0bd7-4c99-ba89-07c967192b96","kind":"text","content":"¿café a las 5?","createdAt":1771400000123}}
    B ← {"type":"message:receive","data":{"id":"9a43ec34-1fb6-421f-a618-9f99d6ffa35c","chatId":"189deb96-b2a4-4ad1-bc13-5bbe71a127ab","senderId":"84d0c512-0bd7-4c99-ba89-07c967192b96","kind":"text","content":"¿café a las 5?","createdAt":1771400000123}}
    A → {"type":"presence:update","data":{"status":"busy"}}
    A ← {"type":"presence:update","data":{"userId":"84d0c512-0bd7-4c99-ba89-07c967192b96","status":"busy"}}
    B ← {"type":"presence:update","data":{"userId":"84d0c512-0bd7-4c99-ba89-07c967192b96","status":"busy"}}
    A → {"type":"group:create","data":{"title":"Cafetal","description":"turno tarde"}}
    A ← {"type":"group:created","data":{"chat":{"id":"862c7e60-49c7-40dc-8729-1e88403c4bb5","type":"group","title":"Cafetal","description":"turno tarde","members":[{"id":"84d0c512-0bd7-4c99-ba89-07c967192b96","username":"ines","displayName":"Inés Mora","avatarUrl":null,"status":"busy"}]}}}
    A → {"type":"group:invite","data":{"groupId":"862c7e60-49c7-40dc-8729-1e88403c4bb5","userId":"614f5601-77dc-4567-be8b-cf144dd4fc9a"}}
    A ← {"type":"group:invite:ok","data":{"groupId":"862c7e60-49c7-40dc-8729-1e88403c4bb5","userId":"614f5601-77dc-4567-be8b-cf144dd4fc9a"}}
    B ← {"type":"chat:created","data":{"chat":{"id":"862c7e60-49c7-40dc-8729-1e88403c4bb5","type":"group","title":"Cafetal","description":"turno tarde","members":[{"id":"84d0c512-0bd7-4c99-ba89-07c967192b96","username":"ines","displayName":"Inés Mora","avatarUrl":null,"status":"busy"},{"id":"614f5601-77dc-4567-be8b-cf144dd4fc9a","username":"tomas","displayName":"Tomás","avatarUrl":null,"status":"online"}]},"autoSelect":false}}
    A → {"type":"rtc:signal","data":{"type":"offer","chatId":"189deb96-b2a4-4ad1-bc13-5bbe71a127ab","toUserId":"614f5601-77dc-4567-be8b-cf144dd4fc9a","mode":"video","payload":{"type":"offer","sdp":"v=0…"}}}
    B ← {"type":"rtc:signal","data":{"type":"offer","chatId":"189deb96-b2a4-4ad1-bc13-5bbe71a127ab","fromUserId":"84d0c512-0bd7-4c99-ba89-07c967192b96","toUserId":"614f5601-77dc-4567-be8b-cf144dd4fc9a","payload":{"type":"offer","sdp":"v=0…"},"mode":"video"}}
    B → {"type":"rtc:signal","data":{"type":"end","chatId":"189deb96-b2a4-4ad1-bc13-5bbe71a127ab"}}
    A ← {"type":"rtc:signal","data":{"type":"end","chatId":"189deb96-b2a4-4ad1-bc13-5bbe71a127ab","fromUserId":"614f5601-77dc-4567-be8b-cf144dd4fc9a","toUserId":null,"payload":null,"mode":null}}
    C → {"type":"message:send","data":{"chatId":"189deb96-b2a4-4ad1-bc13-5bbe71a127ab","content":"hola"}}
    C ← {"type":"error","data":{"message":"No eres miembro de ese chat"}}
    A ← {"type":"presence:update","data":{"userId":"614f5601-77dc-4567-be8b-cf144dd4fc9a","status":"offline"}}
    "#);
    a.finish().await;
    c.finish().await;
    server.shutdown().await;
}
