//! Section 3, "REST": chats, people, settings.

use serde_json::{Value, json};
use tertulia_testkit::TestServer;
use uuid::Uuid;

use super::{
    Person, answers, expect, group, nothing_else, open, pair, person, private_chat, say, text,
};

fn chat_path(chat: &str, call: &str) -> String {
    format!("/api/messaging/chats/{chat}/{call}")
}

async fn get(person: &Person, chat: &str) -> Value {
    person.http.get(&chat_path(chat, "")).await.json()
}

/// `/openapi.json` names every key of these objects, and none besides.
#[tokio::test]
async fn the_objects_have_the_keys_that_are_described() {
    let server = TestServer::spawn().await;
    let (vale, memo) = (person(&server, "vale").await, person(&server, "memo").await);
    let chat = private_chat(&vale, &memo).await;
    let message = json!({ "content": "¡Gol!" });
    let sending = chat_path(&chat, "send_message/");
    let said = vale.http.post(&sending, &message).await;
    let page = chat_path(&chat, "messages/");
    let document = server.http().get("/openapi.json").await.json();
    for (name, object) in [
        ("Message", said.json()),
        ("ChatRoom", get(&vale, &chat).await),
        ("Profile", vale.http.get("/api/auth/profile/").await.json()),
        ("Page", vale.http.get(&page).await.json()),
    ] {
        let keys = |object: &Value| {
            let keys = object.as_object().unwrap().keys().cloned();
            keys.collect::<std::collections::BTreeSet<_>>()
        };
        let schema = &document["components"]["schemas"][format!("sos.{name}")];
        assert_eq!(keys(&object), keys(&schema["properties"]), "{name}");
    }
    server.shutdown().await;
}

/// "POST `/api/users/chat/{username}/` … 201 or 200 … 404 … 400".
#[tokio::test]
async fn a_private_chat_is_made_once() {
    let server = TestServer::spawn().await;
    let (vale, memo) = (person(&server, "vale").await, person(&server, "memo").await);
    let open = async |who: &Person, name: &str| {
        let path = format!("/api/users/chat/{name}/");
        who.http.post(&path, &json!({})).await
    };
    let made = open(&vale, "memo").await;
    assert_eq!(
        (made.status.as_u16(), &made.json()["created"]),
        (201, &json!(true))
    );
    let found = open(&memo, "vale").await;
    assert_eq!(
        (found.status.as_u16(), &found.json()["created"]),
        (200, &json!(false))
    );
    assert_eq!(made.json()["chat"]["id"], found.json()["chat"]["id"]);
    let nobody = open(&vale, "nadie").await;
    answers(&nobody, 404, &json!({ "error": "Usuario no encontrado" }));
    let oneself = open(&vale, "vale").await;
    answers(
        &oneself,
        400,
        &json!({ "error": "No puedes crear un chat contigo mismo" }),
    );
    server.shutdown().await;
}

/// "`ChatRoom`": every key, as each of its readers sees it.
#[tokio::test]
async fn a_chat_is_shown_to_each_as_it_is_for_them() {
    let server = TestServer::spawn().await;
    let (vale, memo, chat, mut a, mut b) = pair(&server).await;
    let message = say(&mut a, &mut [&mut b], "¡Gol!").await;
    let shown = get(&memo, &chat).await;
    assert_eq!(shown["id"], chat.as_str());
    assert_eq!(
        (&shown["chat_type"], &shown["name"]),
        (&json!("private"), &json!(""))
    );
    assert_eq!(shown["display_name"], "Vale Ríos");
    assert_eq!(shown["other_user"]["id"], vale.id.as_str());
    assert_eq!(shown["unread_count"], 1);
    assert_eq!(
        shown["last_message"],
        json!({
            "id": message, "content": "¡Gol!", "message_type": "text",
            "sender": { "username": "vale", "display_name": "Vale Ríos" },
            "created_at": "2026-02-18T07:33:20.123Z",
        })
    );
    let names: Vec<_> = shown.as_object().unwrap().keys().collect();
    assert_eq!(
        names,
        [
            "id",
            "name",
            "chat_type",
            "description",
            "avatar",
            "is_active",
            "created_at",
            "updated_at",
            "last_activity",
            "participants",
            "last_message",
            "unread_count",
            "other_user",
            "display_name",
            "user_settings",
        ]
    );
    let participants = shown["participants"].as_array().unwrap();
    assert_eq!(participants.len(), 2);
    for key in [
        "id",
        "user",
        "role",
        "other_user_nickname",
        "chat_background",
        "chat_color",
        "other_message_color",
        "notifications_enabled",
        "sound_enabled",
        "is_muted",
        "joined_at",
        "last_read_at",
        "unread_count",
    ] {
        assert!(participants[0].get(key).is_some(), "{key}");
    }
    assert_eq!(
        get(&vale, &chat).await["unread_count"],
        0,
        "one's own are read"
    );
    server.shutdown().await;
}

/// "participants[] … `last_read_at`, `unread_count`": of each of them.
#[tokio::test]
async fn participants_show_how_far_they_have_read() {
    let server = TestServer::spawn().await;
    let (vale, memo, chat, mut a, mut b) = pair(&server).await;
    let first = say(&mut a, &mut [&mut b], "uno").await;
    say(&mut a, &mut [&mut b], "dos").await;
    let shown = async |reader: &Person, whose: &Person| {
        let chat = get(reader, &chat).await;
        let participants = chat["participants"].as_array().unwrap().iter();
        let mut found = participants.filter(|one| one["user"]["id"] == whose.id.as_str());
        let found = found.next().unwrap();
        (found["last_read_at"].clone(), found["unread_count"].clone())
    };
    for reader in [&vale, &memo] {
        assert_eq!(shown(reader, &memo).await, (json!(null), json!(2)));
        assert_eq!(shown(reader, &vale).await, (json!(null), json!(0)));
    }
    let read = json!({ "type": "read_message", "message_id": first });
    b.send(&read).await;
    for socket in [&mut a, &mut b] {
        expect(socket, "message_read").await;
    }
    let now = json!("2026-02-18T07:33:20.123Z");
    for reader in [&vale, &memo] {
        assert_eq!(shown(reader, &memo).await, (now.clone(), json!(1)));
    }
    let listed = vale.http.get("/api/messaging/chats/").await.json();
    let listed = &listed["results"][0]["participants"];
    assert_eq!(*listed, get(&vale, &chat).await["participants"]);
    server.shutdown().await;
}

/// "GET `/api/messaging/chats/` … page of ChatRoom, 20 each": the one with the
/// newest message first.
#[tokio::test]
async fn chats_are_listed_by_twenties() {
    const CHATS: usize = 45;
    let server = TestServer::spawn().await;
    let (vale, memo) = (person(&server, "vale").await, person(&server, "memo").await);
    let ceci = person(&server, "ceci").await;
    let mut made = Vec::new();
    for _ in 0..CHATS {
        made.push(group(&[&vale, &memo, &ceci]).await);
    }
    let first = made[0].clone();
    let mut a = open(&server, &vale, &first).await;
    say(&mut a, &mut [], "arriba").await;
    made.remove(0);
    made.push(first);
    made.reverse();
    let mut listed = Vec::new();
    let mut path = "/api/messaging/chats/".to_owned();
    for page in 1..=3 {
        let answer = memo.http.get(&path).await.json();
        assert_eq!(answer["count"], CHATS);
        let results = answer["results"].as_array().unwrap();
        listed.extend(results.iter().map(|chat| text(&chat["id"])));
        assert_eq!(answer["previous"].is_null(), page == 1);
        match page {
            3 => assert!(answer["next"].is_null()),
            _ => {
                let next = text(&answer["next"]);
                path = next[next.find("/api").unwrap()..].to_owned();
                assert!(
                    next.starts_with("http://") && next.ends_with(&format!("page={}", page + 1))
                );
            }
        }
    }
    assert_eq!(listed, made);
    for page in ["4", "0", "x", "-1", "99999999999"] {
        let path = format!("/api/messaging/chats/?page={page}");
        answers(
            &memo.http.get(&path).await,
            404,
            &json!({ "detail": "Página inválida." }),
        );
    }
    let none = person(&server, "nuevo").await;
    let empty = json!({ "count": 0, "next": null, "previous": null, "results": [] });
    answers(&none.http.get("/api/messaging/chats/").await, 200, &empty);
    server.shutdown().await;
}

/// "`next: url|null`" is an address at which the client can go on: behind a proxy
/// that speaks TLS, and where somebody said how the server is reached.
#[tokio::test]
async fn the_next_page_is_where_the_client_called() {
    let headers = [
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "liga.test"),
    ];
    for (variable, value, expected) in [
        (
            "TERTULIA_TRUSTED_PROXIES",
            "127.0.0.1",
            "https://liga.test/api/",
        ),
        (
            "BACKEND_URL",
            "https://chat.liga.test",
            "https://chat.liga.test/api/",
        ),
        ("TERTULIA_TRUSTED_PROXIES", "10.0.0.1", "http://127.0.0.1:"),
    ] {
        let server = TestServer::builder()
            .variable(variable, value)
            .spawn()
            .await;
        let (vale, memo) = (person(&server, "vale").await, person(&server, "memo").await);
        let chat = private_chat(&vale, &memo).await;
        let mut a = open(&server, &vale, &chat).await;
        for number in 0..21 {
            say(&mut a, &mut [], &number.to_string()).await;
        }
        let mut request = memo
            .http
            .request(http::Method::GET, &chat_path(&chat, "messages/"));
        for (name, value) in headers {
            request = request.header(http::HeaderName::from_static(name), value);
        }
        let next = text(&request.send().await.json()["next"]);
        assert!(next.starts_with(expected), "{value}: {next}");
        assert!(
            next.ends_with(&format!("/chats/{chat}/messages/?page=2")),
            "{next}"
        );
        server.shutdown().await;
    }
}

/// "POST `/api/messaging/chats/` … 400 `participant_ids` … `name`".
#[tokio::test]
async fn a_chat_is_made_with_its_participants() {
    let server = TestServer::spawn().await;
    let (vale, memo) = (person(&server, "vale").await, person(&server, "memo").await);
    let ceci = person(&server, "ceci").await;
    let make = async |body: Value| vale.http.post("/api/messaging/chats/", &body).await;
    let one = "Los chats privados requieren exactamente 1 participante adicional.";
    let two = "Los chats grupales requieren al menos 2 participantes adicionales.";
    let (memo_only, both) = (json!([memo.id]), json!([memo.id, ceci.id]));
    for (kind, name, ids, field, text) in [
        ("private", "", &json!([]), "participant_ids", one),
        ("private", "", &both, "participant_ids", one),
        ("private", "", &json!([vale.id]), "participant_ids", one),
        ("group", "Liga", &memo_only, "participant_ids", two),
        (
            "group",
            "Liga",
            &json!([memo.id, memo.id]),
            "participant_ids",
            two,
        ),
        (
            "group",
            " ",
            &both,
            "name",
            "Los chats grupales requieren un nombre.",
        ),
        (
            "group",
            "Liga",
            &json!([memo.id, Uuid::nil().to_string()]),
            "participant_ids",
            "Uno o más participantes no existen.",
        ),
        ("club", "Liga", &both, "chat_type", "Tipo de chat inválido"),
    ] {
        let refused =
            make(json!({ "chat_type": kind, "name": name, "participant_ids": ids })).await;
        answers(&refused, 400, &json!({ field: [text] }));
    }
    for (kind, ids) in [
        ("private", &memo_only),
        ("group", &both),
        ("community", &both),
    ] {
        let body = json!({ "chat_type": kind, "name": "Liga", "participant_ids": ids });
        let made = make(body).await;
        assert_eq!(made.status, 201, "{}", made.text());
        assert_eq!(made.json()["chat_type"], kind);
    }
    server.shutdown().await;
}

/// "404 `{"detail":"No encontrado."}` also for strangers"; 403 where the contract
/// has it.
#[tokio::test]
async fn to_strangers_there_is_no_such_chat() {
    let server = TestServer::spawn().await;
    let (vale, memo) = (person(&server, "vale").await, person(&server, "memo").await);
    let stranger = person(&server, "ceci").await;
    let chat = private_chat(&vale, &memo).await;
    let nowhere = Uuid::nil().to_string();
    for chat in [chat.as_str(), nowhere.as_str(), "x"] {
        for call in ["", "messages/"] {
            let hidden = stranger.http.get(&chat_path(chat, call)).await;
            answers(&hidden, 404, &json!({ "detail": "No encontrado." }));
        }
    }
    let refused = json!({ "error": "No eres participante de este chat" });
    for chat in [chat.as_str(), nowhere.as_str()] {
        for call in [
            "send_message/",
            "mark_as_read/",
            "leave/",
            "add_participant/",
        ] {
            let body = json!({ "content": "x", "user_id": vale.id });
            let answer = stranger.http.post(&chat_path(chat, call), &body).await;
            answers(&answer, 403, &refused);
        }
        let settings = chat_path(chat, "chat-settings/");
        let answer = stranger.http.patch(&settings, &json!({})).await;
        answers(&answer, 403, &refused);
    }
    server.shutdown().await;
}

/// "GET `/api/users/friends/` … list of profiles": those with whom one has a
/// private chat.
#[tokio::test]
async fn friends_are_those_with_a_private_chat() {
    let server = TestServer::spawn().await;
    let (vale, memo) = (person(&server, "vale").await, person(&server, "memo").await);
    let ceci = person(&server, "ceci").await;
    group(&[&vale, &memo, &ceci]).await;
    assert_eq!(vale.http.get("/api/users/friends/").await.json(), json!([]));
    private_chat(&vale, &memo).await;
    for (who, friend) in [(&vale, "memo"), (&memo, "vale")] {
        let friends = who.http.get("/api/users/friends/").await.json();
        let friends = friends.as_array().unwrap();
        assert_eq!(friends.len(), 1);
        assert_eq!(friends[0]["username"], friend);
        assert_eq!(friends[0]["email"], json!(null));
    }
    server.shutdown().await;
}

/// "PATCH `…/chat-settings/` … The client calls `…/settings/`: serve both".
#[tokio::test]
async fn settings_are_kept_for_each_participant() {
    let server = TestServer::spawn().await;
    let (vale, memo) = (person(&server, "vale").await, person(&server, "memo").await);
    let chat = private_chat(&vale, &memo).await;
    let first = json!({ "other_user_nickname": "Memito", "sound_enabled": false });
    let path = chat_path(&chat, "chat-settings/");
    let kept = vale.http.patch(&path, &first).await;
    assert_eq!(kept.status, 200);
    let settings = kept.json()["chat_settings"].clone();
    assert_eq!(settings["other_user_nickname"], "Memito");
    let second = json!({ "chat_color": "#00ff00" });
    let kept = vale
        .http
        .patch(&chat_path(&chat, "settings/"), &second)
        .await;
    assert_eq!(
        kept.json()["chat_settings"],
        json!({
            "other_user_nickname": "Memito", "chat_background": "", "chat_color": "#00ff00",
            "other_message_color": "", "notifications_enabled": true, "sound_enabled": false,
        })
    );
    let shown = get(&vale, &chat).await;
    assert_eq!(shown["user_settings"], kept.json()["chat_settings"]);
    assert_eq!(shown["display_name"], "Memito");
    assert_eq!(get(&memo, &chat).await["user_settings"]["chat_color"], "");
    assert!(
        !get(&memo, &chat).await.to_string().contains("Memito"),
        "it is vale's own word"
    );
    for wrong in [
        json!({ "chat_color": 7 }),
        json!({ "sound_enabled": "quizá" }),
        json!({ "chat_background": "x".repeat(501) }),
    ] {
        let refused = vale.http.patch(&path, &wrong).await;
        assert_eq!(refused.status, 400, "{wrong}");
    }
    server.shutdown().await;
}

/// "POST `…/add_participant/` … 400, 403, 404 with `error`".
#[tokio::test]
async fn participants_are_added_to_groups() {
    let server = TestServer::spawn().await;
    let (vale, memo) = (person(&server, "vale").await, person(&server, "memo").await);
    let (ceci, beto) = (person(&server, "ceci").await, person(&server, "beto").await);
    let chat = group(&[&vale, &memo, &ceci]).await;
    let path = chat_path(&chat, "add_participant/");
    let add = async |user: Value| vale.http.post(&path, &json!({ "user_id": user })).await;
    let added = add(json!(beto.id)).await;
    answers(&added, 200, &json!({ "message": "Participante agregado" }));
    assert_eq!(
        get(&beto, &chat).await["participants"]
            .as_array()
            .unwrap()
            .len(),
        4
    );
    let again = add(json!(beto.id)).await;
    answers(
        &again,
        400,
        &json!({ "error": "El usuario ya es participante del chat" }),
    );
    for nobody in [json!(Uuid::nil().to_string()), json!("x")] {
        let unknown = add(nobody).await;
        answers(&unknown, 404, &json!({ "error": "Usuario no encontrado" }));
    }
    assert_eq!(add(json!(null)).await.status, 400);
    let private = private_chat(&vale, &memo).await;
    let path = chat_path(&private, "add_participant/");
    let refused = vale.http.post(&path, &json!({ "user_id": beto.id })).await;
    assert_eq!(refused.status, 403);
    assert!(refused.json()["error"].is_string());
    server.shutdown().await;
}

/// "POST `…/leave/` … ownership passes on"; "400 `No puedes salir de un chat
/// privado`".
#[tokio::test]
async fn whoever_leaves_a_group_passes_it_on() {
    let server = TestServer::spawn().await;
    let (vale, memo) = (person(&server, "vale").await, person(&server, "memo").await);
    let ceci = person(&server, "ceci").await;
    let chat = group(&[&vale, &memo, &ceci]).await;
    let left = vale
        .http
        .post(&chat_path(&chat, "leave/"), &json!({}))
        .await;
    answers(&left, 200, &json!({ "message": "Has salido del chat" }));
    assert_eq!(vale.http.get(&chat_path(&chat, "")).await.status, 404);
    let shown = get(&memo, &chat).await;
    let participants = shown["participants"].as_array().unwrap();
    let owners = participants.iter().filter(|one| one["role"] == "owner");
    assert_eq!((participants.len(), owners.count()), (2, 1));
    let private = private_chat(&vale, &memo).await;
    let refused = vale
        .http
        .post(&chat_path(&private, "leave/"), &json!({}))
        .await;
    answers(
        &refused,
        400,
        &json!({ "error": "No puedes salir de un chat privado" }),
    );
    server.shutdown().await;
}

/// "POST `…/mark_as_read/` … `{message, count}`": told on the sockets as one
/// mark for each message.
#[tokio::test]
async fn a_chat_is_read_as_a_whole() {
    let server = TestServer::spawn().await;
    let (_, memo, chat, mut a, mut b) = pair(&server).await;
    let mut said = Vec::new();
    for content in ["uno", "dos", "tres"] {
        said.push(say(&mut a, &mut [&mut b], content).await);
    }
    let path = chat_path(&chat, "mark_as_read/");
    for count in [3, 0] {
        let read = memo.http.post(&path, &json!({})).await;
        answers(
            &read,
            200,
            &json!({ "message": "Mensajes marcados como leídos", "count": count }),
        );
    }
    for socket in [&mut a, &mut b] {
        for message in &said {
            let told = expect(socket, "message_read").await;
            assert_eq!(told["message_id"], message.as_str());
        }
    }
    nothing_else(&mut a, &mut [&mut b]).await;
    assert_eq!(get(&memo, &chat).await["unread_count"], 0);
    server.shutdown().await;
}
