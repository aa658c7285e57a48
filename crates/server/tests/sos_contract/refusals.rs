//! Section 3 and section 6: what is refused on the socket, in which words.

use serde_json::json;
use tertulia_testkit::TestServer;
use uuid::Uuid;

use super::{expect, nothing_else, pair, refused, say};

/// "no length check", "any `message_type`, `system` included": refused with an
/// `error`, and nothing is told.
#[tokio::test]
async fn a_message_out_of_bounds_is_refused() {
    let server = TestServer::spawn().await;
    let (_, _, _, mut a, mut b) = pair(&server).await;
    let long = "Asegúrese de que este campo no tenga más de 2000 caracteres.";
    let message = |content: &str, kind: &str| json!({ "type": "chat_message", "content": content, "message_type": kind });
    for (frame, text) in [
        (
            json!({ "type": "chat_message" }),
            "El mensaje no puede estar vacío",
        ),
        (message(" \n ", "text"), "El mensaje no puede estar vacío"),
        (message(&"ñ".repeat(2_001), "text"), long),
        (message("x", "system"), "Tipo de mensaje inválido"),
        (message("x", "story_reply"), "Tipo de mensaje inválido"),
        (message("x", "poll"), "Tipo de mensaje inválido"),
        (
            json!({ "type": "chat_message", "content": "x", "message_type": 7 }),
            "Tipo de mensaje inválido",
        ),
    ] {
        refused(&mut a, frame, text).await;
    }
    say(&mut a, &mut [&mut b], &"ñ".repeat(2_000)).await;
    nothing_else(&mut a, &mut [&mut b]).await;
    server.shutdown().await;
}

/// "unknown `message_id`: … check that the message is of this chat; otherwise
/// `error`"; "any `reaction_type` stored: accept only the lists".
#[tokio::test]
async fn what_names_no_message_or_no_reaction_is_refused() {
    let server = TestServer::spawn().await;
    let (_, _, _, mut a, mut b) = pair(&server).await;
    let message = say(&mut a, &mut [&mut b], "¡Gol!").await;
    let nowhere = Uuid::nil().to_string();
    for kind in [
        "read_message",
        "react_message",
        "edit_message",
        "delete_message",
    ] {
        for (id, text) in [
            (json!(null), "Falta message_id"),
            (json!(""), "Falta message_id"),
            (json!("x"), "Mensaje no encontrado"),
            (json!(nowhere), "Mensaje no encontrado"),
        ] {
            let frame = json!({
                "type": kind, "message_id": id, "reaction_type": "like", "content": "x",
            });
            refused(&mut b, frame, text).await;
        }
    }
    for reaction in [json!("👍"), json!("LIKE"), json!(null)] {
        let frame = json!({
            "type": "react_message", "message_id": message, "reaction_type": reaction,
        });
        refused(&mut b, frame, "Tipo de reacción inválido").await;
    }
    nothing_else(&mut b, &mut [&mut a]).await;
    server.shutdown().await;
}

/// "own messages only"; "editing … works on non-text and deleted messages: text
/// and not deleted only".
#[tokio::test]
async fn only_ones_own_texts_are_edited_and_only_ones_own_messages_deleted() {
    let server = TestServer::spawn().await;
    let (_, _, _, mut a, mut b) = pair(&server).await;
    let message = say(&mut a, &mut [&mut b], "sábado").await;
    let edit = |id: &str| json!({ "type": "edit_message", "message_id": id, "content": "x" });
    let delete = json!({ "type": "delete_message", "message_id": message });
    refused(
        &mut b,
        edit(&message),
        "Solo puedes editar tus propios mensajes",
    )
    .await;
    refused(
        &mut b,
        delete.clone(),
        "Solo puedes eliminar tus propios mensajes",
    )
    .await;
    let empty = json!({ "type": "edit_message", "message_id": message, "content": " " });
    refused(&mut a, empty, "El mensaje no puede estar vacío").await;

    a.send(&json!({ "type": "chat_message", "content": "foto", "message_type": "image" }))
        .await;
    let image = expect(&mut a, "chat_message").await;
    expect(&mut b, "chat_message").await;
    let image = image["message"]["id"].as_str().unwrap().to_owned();
    refused(
        &mut a,
        edit(&image),
        "Solo los mensajes de texto pueden editarse",
    )
    .await;

    a.send(&delete).await;
    for socket in [&mut a, &mut b] {
        expect(socket, "message_deleted").await;
    }
    refused(&mut a, edit(&message), "Mensaje no encontrado").await;
    let like = json!({
        "type": "react_message", "message_id": message, "reaction_type": "like",
    });
    refused(&mut b, like, "Mensaje no encontrado").await;
    nothing_else(&mut a, &mut [&mut b]).await;
    server.shutdown().await;
}
