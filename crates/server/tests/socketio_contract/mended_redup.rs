//! REDUP §6: each old bug is gone. Identity is held by `entering`, forged
//! authors by `redup`; what concerns SQL files only is no part of a server.

use serde_json::json;
use tertulia_dialects::common::settings::TrustUserId;
use tertulia_domain::UserId;
use tertulia_testkit::TestServer;

use super::{group, nothing_else, open_group, person, send, to, trusting};

/// "user and group ids share one room space": separate key spaces.
#[tokio::test]
async fn a_group_with_a_persons_name_is_not_that_person() {
    let server = trusting().await;
    let mut a = server.socketio("A", "ana").await;
    let mut b = server.socketio("B", "beto").await;
    let mut eva = server.socketio("E", "eva").await;
    open_group(&mut eva, "beto").await;
    // A number is a registered group, and 2 is nobody's.
    let body = json!({ "group_id": person(&server, "beto").await.id.0 });
    eva.refused("join_group", body, "No eres miembro de este grupo")
        .await;
    send(&mut a, to("beto", "ana", "solo para ti"), false).await;
    b.expect("receive_message").await;
    // And who joined the group writes to the group, not to the person.
    send(&mut eva, to("beto", "eva", "al grupo"), true).await;
    nothing_else(&server, &mut [("beto", &mut b), ("eva", &mut eva)]).await;
    for client in [a, b, eva] {
        client.finish().await;
    }
    server.shutdown().await;
}

/// A user's own room has a number for a name, which nobody joins.
#[tokio::test]
async fn nobody_enters_somebodys_notes() {
    let server = trusting().await;
    let mut a = server.socketio("A", "ana").await;
    let mut eva = server.socketio("E", "eva").await;
    let room = send(&mut a, to("ana", "ana", "mía"), true).await;
    for name in [person(&server, "ana").await.id, UserId(1)] {
        let body = json!({ "group_id": name.to_string() });
        eva.refused("join_group", body, "No eres miembro de este grupo")
            .await;
    }
    let body = json!({ "sala_uuid": room["sala_uuid"] });
    let text = "No tienes acceso a esta sala";
    eva.refused("load_message_history", body, text).await;
    a.finish().await;
    eva.finish().await;
    server.shutdown().await;
}

/// "no membership check on joining or sending".
#[tokio::test]
async fn a_registered_group_needs_membership() {
    let server = trusting().await;
    let room = group(&server, &["beto"]).await;
    let mut eva = server.socketio("E", "eva").await;
    let text = "No eres miembro de este grupo";
    let body = json!({ "group_id": room.id.0 });
    eva.refused("join_group", body, text).await;
    let mut message = to(&room.id.to_string(), "eva", "hola");
    message["type"] = "grupal".into();
    eva.send_refused("send_message", message.clone(), text)
        .await;
    // An ad-hoc group that one has not joined, whether there is one or not.
    let mut beto = server.socketio("B", "beto").await;
    open_group(&mut beto, "grupo_1").await;
    for name in ["grupo_1", "grupo_2"] {
        message["to"] = name.into();
        eva.send_refused("send_message", message.clone(), text)
            .await;
    }
    nothing_else(&server, &mut [("beto", &mut beto)]).await;
    eva.finish().await;
    beto.finish().await;
    server.shutdown().await;
}

/// "ad-hoc groups are open by nature": a setting turns them off, and without
/// trust they are off.
#[tokio::test]
async fn ad_hoc_groups_can_be_turned_off() {
    let server = TestServer::builder()
        .settings(|settings| {
            settings.transport.trust_user_id = TrustUserId::OnLoopback;
            settings.transport.ad_hoc_groups = Some(false);
        })
        .spawn()
        .await;
    let mut a = server.socketio("A", "ana").await;
    let body = json!({ "group_id": "grupo_1" });
    let text = "No eres miembro de este grupo";
    a.refused("join_group", body.clone(), text).await;
    a.finish().await;
    server.shutdown().await;

    let server = TestServer::spawn().await;
    let account = server.http().v1_register("ana").await;
    let query = format!("token={}", account.token);
    let mut a = server.socketio_visitor("A", &query).await;
    a.enter(&serde_json::Value::Null).await;
    a.refused("join_group", body, text).await;
    // Nor is somebody made who is not known.
    let message = to("nadie", &account.id, "hola");
    let text = "No se pudo crear/obtener sala de chat";
    a.send_refused("send_message", message, text).await;
    a.finish().await;
    server.shutdown().await;
}

/// Whoever belonged to an ad-hoc group before still does when they are off.
#[tokio::test]
async fn an_ad_hoc_group_outlives_the_server_and_its_setting() {
    let folder = tempfile::tempdir().unwrap();
    let server = super::believing(TestServer::builder())
        .data_dir(folder.path())
        .spawn()
        .await;
    let mut a = server.socketio("A", "ana").await;
    let mut b = server.socketio("B", "beto").await;
    open_group(&mut a, "grupo_1").await;
    send(&mut a, to("grupo_1", "ana", "hola"), true).await;
    // "messages never stored", "one way only": stored, with history on request.
    open_group(&mut b, "grupo_1").await;
    let room = open_group(&mut b, "grupo_1").await;
    a.finish().await;
    b.finish().await;
    server.shutdown().await;

    let server = super::believing(TestServer::builder())
        .settings(|settings| {
            settings.transport.trust_user_id = TrustUserId::OnLoopback;
            settings.transport.ad_hoc_groups = Some(false);
        })
        .data_dir(folder.path())
        .seed(2)
        .spawn()
        .await;
    let mut b = server.socketio("B", "beto").await;
    let joined = open_group(&mut b, "grupo_1").await;
    assert_eq!(joined["sala_uuid"], room["sala_uuid"]);
    let body = json!({ "sala_uuid": room["sala_uuid"] });
    let history = b
        .ask("load_message_history", body, "message_history_loaded")
        .await;
    assert_eq!(history["messages"][0]["message"], "hola");
    let mut eva = server.socketio("E", "eva").await;
    let text = "No eres miembro de este grupo";
    eva.refused("join_group", json!({ "group_id": "grupo_1" }), text)
        .await;
    b.finish().await;
    eva.finish().await;
    server.shutdown().await;
}

/// "messages never stored" and "one way only": `saved_to_db: true`, and who was
/// offline reads it later.
#[tokio::test]
async fn a_recipient_who_is_offline_loses_nothing() {
    let server = trusting().await;
    let mut a = server.socketio("A", "ana").await;
    person(&server, "beto").await;
    let ack = send(&mut a, to("beto", "ana", "luego lo lees"), false).await;
    assert_eq!(ack["saved_to_db"], true);
    let mut b = server.socketio("B", "beto").await;
    let body = json!({ "sala_uuid": ack["sala_uuid"] });
    let history = b
        .ask("load_message_history", body, "message_history_loaded")
        .await;
    assert_eq!(history["messages"][0]["message"], "luego lo lees");
    a.finish().await;
    b.finish().await;
    server.shutdown().await;
}
