//! Section 3, `rtc:signal`.

use serde_json::{Value, json};
use tertulia_testkit::TestServer;

use super::{STRANGER, device, direct_chat, group, member, nothing_else, refused};

/// With `toUserId`: every socket of that user, and nobody else.
#[tokio::test]
async fn a_signal_to_one_reaches_every_socket_of_that_user() {
    let server = TestServer::spawn().await;
    let (mut ines, ines_account) = member(&server, "ines").await;
    let (mut tomas, tomas_account) = member(&server, "tomas").await;
    let (mut eva, eva_account) = member(&server, "eva").await;
    let mut members = [(&mut tomas, &tomas_account), (&mut eva, &eva_account)];
    let chat = group(&mut ines, &mut members).await;
    let mut phone = device(&server, "phone", &tomas_account).await;

    let data = json!({ "type": "ice", "chatId": chat, "toUserId": tomas_account.id });
    ines.request("rtc:signal", &data).await;
    let expected = json!({
        "type": "ice", "chatId": chat, "fromUserId": ines_account.id,
        "toUserId": tomas_account.id, "payload": null, "mode": null,
    });
    assert_eq!(tomas.expect("rtc:signal").await, expected);
    assert_eq!(phone.expect("rtc:signal").await, expected);
    nothing_else(&mut ines, &mut [&mut tomas, &mut phone, &mut eva]).await;
    for client in [ines, tomas, eva, phone] {
        client.finish().await;
    }
    server.shutdown().await;
}

/// Without `toUserId`: every socket of every other member, not the sender's own.
#[tokio::test]
async fn a_signal_to_all_reaches_every_other_member() {
    let server = TestServer::spawn().await;
    let (mut ines, ines_account) = member(&server, "ines").await;
    let (mut tomas, tomas_account) = member(&server, "tomas").await;
    let (mut eva, eva_account) = member(&server, "eva").await;
    let mut members = [(&mut tomas, &tomas_account), (&mut eva, &eva_account)];
    let chat = group(&mut ines, &mut members).await;
    let mut phone = device(&server, "phone", &ines_account).await;
    for nobody in [json!(null), json!("")] {
        let data = json!({ "type": "end", "chatId": chat, "toUserId": nobody });
        ines.request("rtc:signal", &data).await;
        let heard = tomas.expect("rtc:signal").await;
        assert_eq!(heard["toUserId"], json!(null));
        assert_eq!(eva.expect("rtc:signal").await, heard);
    }
    nothing_else(&mut ines, &mut [&mut tomas, &mut phone, &mut eva]).await;
    for client in [ines, tomas, eva, phone] {
        client.finish().await;
    }
    server.shutdown().await;
}

/// All six keys, in order, null when not given; the payload is passed on with
/// its keys in order and its numbers as they are; `fromUserId` is always the authenticated user.
#[tokio::test]
async fn a_payload_is_passed_on_unchanged() {
    let server = TestServer::spawn().await;
    let (mut ines, ines_account) = member(&server, "ines").await;
    let (mut tomas, tomas_account) = member(&server, "tomas").await;
    let chat = direct_chat(&mut ines, &mut tomas, &tomas_account).await;
    let (ines_id, tomas_id) = (&ines_account.id, &tomas_account.id);
    for payload in [
        r#"{"type":"offer","sdp":"v=0\r\no=- 46117 2 IN IP4 127.0.0.1\r\n"}"#,
        r#"{"zeta":1,"alfa":[0.1,-0.0,9007199254740993,123456789012345678],"ñ":{"b":null,"a":true}}"#,
        r#""candidate:1 1 UDP 2122252543 10.0.0.7 50000 typ host""#,
        "[]",
        "false",
        "0.30000000000000004",
    ] {
        ines.send_text(&format!(
            r#"{{"type":"rtc:signal","data":{{"fromUserId":"{tomas_id}","mode":"video","payload":{payload},"toUserId":"{tomas_id}","chatId":"{chat}","type":"offer"}}}}"#
        ))
        .await;
        assert_eq!(
            tomas.recv_text().await,
            format!(
                r#"{{"type":"rtc:signal","data":{{"type":"offer","chatId":"{chat}","fromUserId":"{ines_id}","toUserId":"{tomas_id}","payload":{payload},"mode":"video"}}}}"#
            )
        );
    }
    ines.finish().await;
    tomas.finish().await;
    server.shutdown().await;
}

/// `type` `offer`/`answer`/`ice`/`end`; `mode` `audio`/`video`, else as not
/// given.
#[tokio::test]
async fn types_and_modes() {
    let server = TestServer::spawn().await;
    let (mut ines, _) = member(&server, "ines").await;
    let (mut tomas, tomas_account) = member(&server, "tomas").await;
    let chat = direct_chat(&mut ines, &mut tomas, &tomas_account).await;
    for kind in ["offer", "answer", "ice", "end"] {
        for (mode, told) in [
            (json!("audio"), json!("audio")),
            (json!("video"), json!("video")),
            (json!(null), json!(null)),
            (json!("hologram"), json!(null)),
            (json!(7), json!(null)),
        ] {
            let data = json!({ "type": kind, "chatId": chat, "mode": mode });
            ines.request("rtc:signal", &data).await;
            let heard = tomas.expect("rtc:signal").await;
            assert_eq!((&heard["type"], &heard["mode"]), (&json!(kind), &told));
        }
    }
    ines.finish().await;
    tomas.finish().await;
    server.shutdown().await;
}

/// `Señal RTC inválida` · `Falta chatId` · `No eres miembro de ese chat` ·
/// `Destino RTC inválido`, and nobody hears of it.
#[tokio::test]
async fn signal_errors() {
    let server = TestServer::spawn().await;
    let (mut ines, ines_account) = member(&server, "ines").await;
    let (mut tomas, tomas_account) = member(&server, "tomas").await;
    let (mut eva, eva_account) = member(&server, "eva").await;
    let chat = direct_chat(&mut ines, &mut tomas, &tomas_account).await;
    let kind = "rtc:signal";

    for signal in [json!({}), json!({ "type": "hang" }), json!({ "type": 7 })] {
        refused(&mut ines, kind, signal, "Señal RTC inválida").await;
    }
    refused(&mut ines, kind, json!({ "type": "end" }), "Falta chatId").await;
    let to = |chat: &str, to: Value| json!({ "type": "end", "chatId": chat, "toUserId": to });
    for signal in [
        to(STRANGER, json!(null)),
        to("c-1", json!(ines_account.id)),
        to(STRANGER, json!(STRANGER)),
    ] {
        refused(&mut ines, kind, signal, "No eres miembro de ese chat").await;
    }
    for signal in [
        to(&chat, json!(null)),
        to(&chat, json!(ines_account.id)),
        to(&chat, json!(STRANGER)),
    ] {
        refused(&mut eva, kind, signal, "No eres miembro de ese chat").await;
    }
    for receiver in [
        json!(eva_account.id),
        json!(STRANGER),
        json!("u-1"),
        json!(7),
    ] {
        refused(&mut ines, kind, to(&chat, receiver), "Destino RTC inválido").await;
    }
    let large = json!({ "type": "offer", "chatId": chat, "payload": "x".repeat(70_000) });
    refused(&mut ines, kind, large, "La señal RTC es demasiado grande").await;
    nothing_else(&mut ines, &mut [&mut tomas]).await;
    for client in [ines, tomas, eva] {
        client.finish().await;
    }
    server.shutdown().await;
}
