//! Files in messages: who may attach and read them (S16, issue 4 criterion 3).

use serde_json::{Value, json};

use crate::storage::{Storage, on_every_storage};
use crate::{person, refusal, text};
use tertulia_testkit::{PDF, PNG};

on_every_storage!(
    another_users_file_is_nobodys_until_it_is_shown,
    a_message_shows_its_files_over_rest_and_on_the_socket,
    eleven_files_are_too_many_and_one_twice_too,
);

async fn another_users_file_is_nobodys_until_it_is_shown(storage: Storage) {
    let server = storage.server().spawn().await;
    let ines = person(server.http(), "ines").await;
    let luis = person(server.http(), "luis").await;
    let eva = person(server.http(), "eva").await;
    let room = ines.group(&[&luis]).await;
    let file = ines.upload("foto.png", PNG).await;
    let path = format!("/v1/files/{}", text(&file["id"]));
    let content = format!("{path}/content");
    let attach = json!({"file_ids": [file["id"]]});
    let hidden = "404 file_not_found";
    for stranger in [&luis, &eva] {
        assert_eq!(refusal(&stranger.http.get(&path).await), hidden);
        assert_eq!(refusal(&stranger.http.get(&content).await), hidden);
        assert_eq!(refusal(&stranger.http.delete(&path).await), hidden);
    }
    assert_eq!(refusal(&luis.say(&room, attach.clone()).await), hidden);

    let sent = ines.say(&room, attach.clone()).await;
    assert_eq!(sent.status, 201, "{}", sent.text());
    assert_eq!(luis.http.get(&content).await.status, 200);
    assert_eq!(
        refusal(&luis.http.delete(&path).await),
        "403 not_the_author"
    );
    assert_eq!(refusal(&eva.http.get(&content).await), hidden);
    assert_eq!(luis.say(&room, attach).await.status, 201, "he passes it on");

    luis.http
        .post(&format!("/v1/rooms/{room}/leave"), &Value::Null)
        .await;
    assert_eq!(refusal(&luis.http.get(&content).await), hidden);
    server.shutdown().await;
}

async fn a_message_shows_its_files_over_rest_and_on_the_socket(storage: Storage) {
    let server = storage.server().spawn().await;
    let account = server.http().v1_register("ines").await;
    let ines = crate::Person {
        http: server.http().bearer(&account.token),
        id: account.id,
    };
    let room = ines.group(&[]).await;
    let (photo, notes) = (
        ines.upload("foto.png", PNG).await,
        ines.upload("a.pdf", PDF).await,
    );
    let body = json!({"text": "mira", "file_ids": [photo["id"], notes["id"]], "client_id": "1"});
    let sent = ines.say(&room, body.clone()).await.json();
    assert_eq!(sent["files"], json!([photo, notes]));
    assert_eq!(sent["kind"], "image", "what its first file is");
    let again = ines.say(&room, body).await;
    assert_eq!((again.status.as_u16(), again.json()), (200, sent.clone()));
    let other = json!({"text": "mira", "file_ids": [photo["id"]], "client_id": "1"});
    assert_eq!(
        refusal(&ines.say(&room, other).await),
        "409 client_id_reused"
    );

    let mut socket = server.v1_socket("S", &account.token).await;
    let send = json!({"room_id": room, "file_ids": [notes["id"]]});
    socket.request("send", &send).await;
    socket.expect("ok").await;
    let told = socket.expect("message").await;
    assert_eq!(told["message"]["files"], json!([notes]));
    assert_eq!(told["message"]["kind"], "file");
    socket.finish().await;

    // What its owner deletes vanishes from its messages, which stay.
    let path = format!("/v1/files/{}", text(&photo["id"]));
    assert_eq!(ines.http.delete(&path).await.status, 204);
    let history = ines
        .http
        .get(&format!("/v1/rooms/{room}/messages"))
        .await
        .json();
    assert_eq!(history["items"][0]["files"], json!([notes]));
    assert_eq!(history["items"][0]["text"], "mira");
    server.shutdown().await;
}

async fn eleven_files_are_too_many_and_one_twice_too(storage: Storage) {
    let server = storage.server().spawn().await;
    let ines = person(server.http(), "ines").await;
    let room = ines.group(&[]).await;
    let mut ids = Vec::new();
    for number in 0..11 {
        let file = ines.upload(&format!("{number}.txt"), b"hola").await;
        ids.push(file["id"].clone());
    }
    assert_eq!(
        refusal(&ines.say(&room, json!({"file_ids": ids})).await),
        "422 invalid_field"
    );
    let ten = json!({"file_ids": ids[..10]});
    assert_eq!(ines.say(&room, ten).await.status, 201);
    let twice = json!({"file_ids": [ids[0], ids[0]]});
    assert_eq!(refusal(&ines.say(&room, twice).await), "422 invalid_field");
    assert_eq!(
        refusal(&ines.say(&room, json!({"file_ids": []})).await),
        "422 invalid_field"
    );
    server.shutdown().await;
}
