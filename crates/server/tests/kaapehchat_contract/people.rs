//! Whole conversations: a user with two devices, a group of three, a call.

use serde_json::json;
use tertulia_testkit::TestServer;

use super::{ask, device, direct_chat, group, member, nothing_else};

/// §2 "several sockets per user": allowed; the user turns offline when the last
/// one closes.
#[tokio::test]
async fn a_user_with_two_devices() {
    let server = TestServer::builder()
        .variable("TERTULIA_PRESENCE_GRACE", "50ms")
        .spawn()
        .await;
    let (mut ines, _) = member(&server, "ines").await;
    let (mut tomas, account) = member(&server, "tomas").await;
    let chat = direct_chat(&mut ines, &mut tomas, &account).await;
    // The second socket changes nothing for the others.
    let mut phone = device(&server, "phone", &account).await;
    nothing_else(&mut ines, &mut [&mut tomas, &mut phone]).await;

    for from_phone in [false, true] {
        let content = format!("desde el móvil: {from_phone}");
        let data = json!({ "chatId": chat, "content": content });
        let sender = if from_phone { &mut phone } else { &mut tomas };
        sender.request("message:send", &data).await;
        for reader in [&mut ines, &mut tomas, &mut phone] {
            let heard = reader.expect("message:receive").await;
            assert_eq!(heard["content"], content);
        }
    }
    // The first to close is not the last; the last one is.
    tomas.finish().await;
    nothing_else(&mut ines, &mut [&mut phone]).await;
    phone.finish().await;
    let gone = ines.expect("presence:update").await;
    assert_eq!(gone, json!({ "userId": account.id, "status": "offline" }));
    let list = ask(&mut ines, "chat:list", json!({}), "chat:list:ok").await;
    assert_eq!(list["chats"][0]["members"][1]["status"], "offline");
    ines.finish().await;
    server.shutdown().await;
}

#[tokio::test]
async fn a_group_of_three() {
    let server = TestServer::spawn().await;
    let (mut ines, _) = member(&server, "ines").await;
    let (mut tomas, tomas_account) = member(&server, "tomas").await;
    let (mut eva, eva_account) = member(&server, "eva").await;
    let mut members = [(&mut tomas, &tomas_account), (&mut eva, &eva_account)];
    let chat = group(&mut ines, &mut members).await;
    let mut said = Vec::new();
    for turn in 0..3 {
        let data = json!({ "chatId": chat, "content": format!("turno {turn}") });
        let speaker = match turn {
            0 => &mut ines,
            1 => &mut tomas,
            _ => &mut eva,
        };
        speaker.request("message:send", &data).await;
        let heard = ines.expect("message:receive").await;
        assert_eq!(tomas.expect("message:receive").await, heard);
        assert_eq!(eva.expect("message:receive").await, heard);
        said.push(heard);
    }
    for client in [&mut ines, &mut tomas, &mut eva] {
        let data = json!({ "chatId": chat });
        ask(client, "room:join", data, "room:join:ok").await;
        let list = client.expect("message:list:ok").await;
        assert_eq!(list["messages"], json!(said));
        let list = ask(client, "chat:list", json!({}), "chat:list:ok").await;
        assert_eq!(list["chats"][0]["lastMessage"], said[2]);
        assert_eq!(
            list["chats"][0]["members"].as_array().map(Vec::len),
            Some(3)
        );
    }
    nothing_else(&mut ines, &mut [&mut tomas, &mut eva]).await;
    for client in [ines, tomas, eva] {
        client.finish().await;
    }
    server.shutdown().await;
}

/// A direct call from `offer` to `end`; hanging up sends one `end` for each
/// participant, and one path sends `end` without `toUserId`.
#[tokio::test]
async fn a_call_from_offer_to_end() {
    let server = TestServer::spawn().await;
    let (mut ines, ines_account) = member(&server, "ines").await;
    let (mut tomas, tomas_account) = member(&server, "tomas").await;
    let chat = direct_chat(&mut ines, &mut tomas, &tomas_account).await;
    server.transcript().clear();
    let (to_tomas, to_ines) = (json!(tomas_account.id), json!(ines_account.id));
    let signal = |kind: &str, to: &serde_json::Value, payload: serde_json::Value| {
        json!({
            "type": kind, "chatId": chat, "toUserId": to, "payload": payload, "mode": "audio",
        })
    };
    let sdp = |kind: &str| json!({ "type": kind, "sdp": "v=0" });
    let ice = json!({ "candidate": "candidate:1", "sdpMid": "0", "sdpMLineIndex": 0 });

    ines.request("rtc:signal", &signal("offer", &to_tomas, sdp("offer")))
        .await;
    tomas.expect("rtc:signal").await;
    tomas
        .request("rtc:signal", &signal("answer", &to_ines, sdp("answer")))
        .await;
    ines.expect("rtc:signal").await;
    ines.request("rtc:signal", &signal("ice", &to_tomas, ice.clone()))
        .await;
    tomas.expect("rtc:signal").await;
    tomas
        .request("rtc:signal", &signal("ice", &to_ines, ice))
        .await;
    ines.expect("rtc:signal").await;
    ines.request("rtc:signal", &signal("end", &to_tomas, json!(null)))
        .await;
    tomas.expect("rtc:signal").await;
    tomas
        .request("rtc:signal", &json!({ "type": "end", "chatId": chat }))
        .await;
    ines.expect("rtc:signal").await;

    insta::assert_snapshot!(server.transcript().text(), @r#"
    ines → {"type":"rtc:signal","data":{"type":"offer","chatId":"27cd5b44-4516-430b-8a77-0919e8676cff","toUserId":"4687e965-68c4-4210-9c44-2a5c3c97d714","payload":{"type":"offer","sdp":"v=0"},"mode":"audio"}}
    tomas ← {"type":"rtc:signal","data":{"type":"offer","chatId":"27cd5b44-4516-430b-8a77-0919e8676cff","fromUserId":"614f5601-77dc-4567-be8b-cf144dd4fc9a","toUserId":"4687e965-68c4-4210-9c44-2a5c3c97d714","payload":{"type":"offer","sdp":"v=0"},"mode":"audio"}}
    tomas → {"type":"rtc:signal","data":{"type":"answer","chatId":"27cd5b44-4516-430b-8a77-0919e8676cff","toUserId":"614f5601-77dc-4567-be8b-cf144dd4fc9a","payload":{"type":"answer","sdp":"v=0"},"mode":"audio"}}
    ines ← {"type":"rtc:signal","data":{"type":"answer","chatId":"27cd5b44-4516-430b-8a77-0919e8676cff","fromUserId":"4687e965-68c4-4210-9c44-2a5c3c97d714","toUserId":"614f5601-77dc-4567-be8b-cf144dd4fc9a","payload":{"type":"answer","sdp":"v=0"},"mode":"audio"}}
    ines → {"type":"rtc:signal","data":{"type":"ice","chatId":"27cd5b44-4516-430b-8a77-0919e8676cff","toUserId":"4687e965-68c4-4210-9c44-2a5c3c97d714","payload":{"candidate":"candidate:1","sdpMid":"0","sdpMLineIndex":0},"mode":"audio"}}
    tomas ← {"type":"rtc:signal","data":{"type":"ice","chatId":"27cd5b44-4516-430b-8a77-0919e8676cff","fromUserId":"614f5601-77dc-4567-be8b-cf144dd4fc9a","toUserId":"4687e965-68c4-4210-9c44-2a5c3c97d714","payload":{"candidate":"candidate:1","sdpMid":"0","sdpMLineIndex":0},"mode":"audio"}}
    tomas → {"type":"rtc:signal","data":{"type":"ice","chatId":"27cd5b44-4516-430b-8a77-0919e8676cff","toUserId":"614f5601-77dc-4567-be8b-cf144dd4fc9a","payload":{"candidate":"candidate:1","sdpMid":"0","sdpMLineIndex":0},"mode":"audio"}}
    ines ← {"type":"rtc:signal","data":{"type":"ice","chatId":"27cd5b44-4516-430b-8a77-0919e8676cff","fromUserId":"4687e965-68c4-4210-9c44-2a5c3c97d714","toUserId":"614f5601-77dc-4567-be8b-cf144dd4fc9a","payload":{"candidate":"candidate:1","sdpMid":"0","sdpMLineIndex":0},"mode":"audio"}}
    ines → {"type":"rtc:signal","data":{"type":"end","chatId":"27cd5b44-4516-430b-8a77-0919e8676cff","toUserId":"4687e965-68c4-4210-9c44-2a5c3c97d714","payload":null,"mode":"audio"}}
    tomas ← {"type":"rtc:signal","data":{"type":"end","chatId":"27cd5b44-4516-430b-8a77-0919e8676cff","fromUserId":"614f5601-77dc-4567-be8b-cf144dd4fc9a","toUserId":"4687e965-68c4-4210-9c44-2a5c3c97d714","payload":null,"mode":"audio"}}
    tomas → {"type":"rtc:signal","data":{"type":"end","chatId":"27cd5b44-4516-430b-8a77-0919e8676cff"}}
    ines ← {"type":"rtc:signal","data":{"type":"end","chatId":"27cd5b44-4516-430b-8a77-0919e8676cff","fromUserId":"4687e965-68c4-4210-9c44-2a5c3c97d714","toUserId":null,"payload":null,"mode":null}}
    "#);
    nothing_else(&mut ines, &mut [&mut tomas]).await;
    ines.finish().await;
    tomas.finish().await;
    server.shutdown().await;
}
