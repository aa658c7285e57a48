//! What becomes of rows: live, in order, with the rights of those in whose names
//! they ask.

use serde_json::json;
use tertulia_domain::UserState;
use tertulia_domain::chat::RoomDraft;
use tertulia_domain::ports::UserKey;
use tertulia_domain::{RoomKind, Visibility};
use tertulia_testkit::{SqlClient, TestServer};

use crate::{ana_and_beto, group, said, settled, texts};

#[tokio::test]
async fn a_committed_row_goes_out_live_and_a_rolled_back_one_never_shows() {
    let server = TestServer::spawn().await;
    let http = server.http();
    let (ana, beto) = ana_and_beto(&http).await;
    let room = group(&http, &[&ana, &beto]).await;
    let mut reader = server.v1_socket("beto", &beto.token).await;
    let mut app = server.sql().await;
    app.run("BEGIN").await;
    let insert = |text: &str| {
        format!(
            "INSERT INTO outbox (sender_id, room_id, text, metadata)
             VALUES ({}, {room}, '{text}', '{{\"pedido\": 981}}')",
            ana.id
        )
    };
    app.run(&insert("nunca")).await;
    app.run("ROLLBACK").await;
    app.run("BEGIN").await;
    app.run(&insert("El pedido salió")).await;
    app.run("COMMIT").await;

    let event = reader.expect("message").await;
    let (by, text) = said(&event);
    assert_eq!(
        (by.as_str(), text.as_str()),
        (ana.id.as_str(), "El pedido salió")
    );
    assert_eq!(event["message"]["seq"], 1);
    let sent = "SELECT state, message_id, seq, room_id, reason FROM outbox";
    settled(&mut app).await;
    let [row] = &app.rows(sent).await[..] else {
        panic!("one row");
    };
    let id = event["message"]["id"].as_str().expect("a string");
    let wanted = ["sent", id, "1", &room].map(|value| Some(value.to_owned()));
    assert_eq!(row[..4], wanted);
    assert_eq!(row[4], None);
    assert_eq!(texts(&mut app, &room).await, ["El pedido salió"]);
    reader.expect_nothing_else().await;
    reader.finish().await;
    server.shutdown().await;
}

#[tokio::test]
async fn people_and_rooms_go_by_the_apps_own_names_by_uuid_and_by_number() {
    let server = TestServer::spawn().await;
    let chat = server.chat();
    // As a token of the app would make them at first sight.
    let mut app = server.sql().await;
    let mut people = Vec::new();
    for name in ["ana", "beto"] {
        let account = server.http().v1_register(name).await;
        app.run(&format!(
            "UPDATE users SET external_id = 'app-{name}' WHERE id = {}",
            account.id
        ))
        .await;
        let key = UserKey::Username(name.to_owned());
        people.push(chat.find_user(key).await.unwrap().unwrap());
    }
    let (ana, beto) = (&people[0], &people[1]);
    let draft = RoomDraft {
        kind: RoomKind::Group,
        title: "Laboratorio".to_owned(),
        description: None,
        visibility: Visibility::Private,
        open: false,
        members: vec![beto.id],
    };
    let room = chat.create_room(ana, draft).await.unwrap();
    app.run(&format!(
        "UPDATE rooms SET external_id = 'lab' WHERE id = {}",
        room.id
    ))
    .await;
    for (sender, place) in [
        ("'app-ana'", "'lab'".to_owned()),
        ("'app-beto'", format!("'{}'", room.uuid)),
    ] {
        app.run(&format!(
            "INSERT INTO outbox (sender, room, text) VALUES ({sender}, {place}, 'hola de {}')",
            sender.trim_matches('\'')
        ))
        .await;
    }
    app.run(&format!(
        "INSERT INTO outbox (sender, room_id, text) VALUES ('{}', {}, 'por uuid')",
        ana.uuid, room.id
    ))
    .await;
    app.run(
        "INSERT INTO outbox (sender, recipient, text) VALUES ('app-ana', 'app-beto', 'a solas')",
    )
    .await;
    app.run("INSERT INTO outbox (sender, recipient, text) VALUES ('ana', 'app-beto', 'no')")
        .await;
    settled(&mut app).await;
    let said = texts(&mut app, &room.id.to_string()).await;
    assert_eq!(said, ["hola de app-ana", "hola de app-beto", "por uuid"]);
    let direct = app
        .value("SELECT room_id FROM outbox WHERE text = 'a solas'")
        .await;
    assert_eq!(texts(&mut app, &direct).await, ["a solas"]);
    let reason = "SELECT reason FROM outbox WHERE state = 'refused'";
    assert_eq!(
        app.value(reason).await,
        "user_not_found",
        "usernames are chosen by people, and name nobody here"
    );
    server.shutdown().await;
}

/// One row for each reason that a row can be refused for.
#[tokio::test]
async fn a_refused_row_says_why_and_blocks_nobody() {
    let server = TestServer::spawn().await;
    let http = server.http();
    let (ana, beto) = ana_and_beto(&http).await;
    let eva = http.v1_register("eva").await;
    let room = group(&http, &[&ana, &beto]).await;
    suspend(&server, "eva").await;
    let mut app = server.sql().await;
    let (a, b, e) = (&ana.id, &beto.id, &eva.id);
    let long = "x".repeat(20_001);
    let cases = [
        (
            "sender_id, room_id, text",
            format!("{a}, 9999, 'x'"),
            "room_not_found",
        ),
        (
            "sender_id, room, text",
            format!("{a}, 'nowhere', 'x'"),
            "room_not_found",
        ),
        (
            "sender_id, room_id, text",
            format!("9999, {room}, 'x'"),
            "user_not_found",
        ),
        (
            "sender, room_id, text",
            format!("'nobody', {room}, 'x'"),
            "user_not_found",
        ),
        (
            "sender_id, room_id, text",
            format!("{e}, {room}, 'x'"),
            "suspended",
        ),
        (
            "sender_id, recipient_id, text",
            format!("{a}, {a}, 'x'"),
            "direct_with_self",
        ),
        (
            "sender_id, recipient_id, text",
            format!("{a}, 9999, 'x'"),
            "user_not_found",
        ),
        (
            "room_id, text",
            format!("{room}, 'x'"),
            "invalid_field sender",
        ),
        ("sender_id, text", format!("{a}, 'x'"), "invalid_field room"),
        (
            "sender_id, room_id, recipient_id, text",
            format!("{a}, {room}, {b}, 'x'"),
            "invalid_field room",
        ),
        (
            "sender_id, room_id, text",
            format!("{a}, {room}, '{long}'"),
            "invalid_field text",
        ),
        (
            "sender_id, room_id, text",
            format!("{a}, {room}, '  '"),
            "invalid_field text",
        ),
        (
            "sender_id, room_id",
            format!("{a}, {room}"),
            "invalid_field text",
        ),
        (
            "sender_id, room_id, text, kind",
            format!("{a}, {room}, 'x', 'shout'"),
            "invalid_field kind",
        ),
        (
            "sender_id, room_id, text, kind",
            format!("{a}, {room}, 'x', 'system'"),
            "invalid_field kind",
        ),
        (
            "sender_id, room_id, text, metadata",
            format!("{a}, {room}, 'x', '[]'"),
            "invalid_field metadata",
        ),
        (
            "sender_id, room_id, text, file_ids",
            format!("{a}, {room}, 'x', '[99]'"),
            "file_not_found",
        ),
        (
            "sender_id, room_id, text, file_ids",
            format!("{a}, {room}, 'x', '9'"),
            "invalid_field file_ids",
        ),
        (
            "sender_id, room_id, text, client_id",
            format!("{a}, {room}, 'x', ''"),
            "invalid_field client_id",
        ),
        (
            "sender_id, room_id, text, reply_to",
            format!("{a}, {room}, 'x', 77"),
            "invalid_field reply_to",
        ),
        (
            "sender_id, room_id, text, action",
            format!("{a}, {room}, 'x', 'edit'"),
            "invalid_field action",
        ),
        (
            "sender_id, action, target_id",
            format!("{a}, 'read', 77"),
            "message_not_found",
        ),
        (
            "sender_id, action",
            format!("{a}, 'read'"),
            "invalid_field target_id",
        ),
        (
            "sender_id, action",
            format!("{a}, 'open'"),
            "invalid_field recipient",
        ),
    ];
    app.run("BEGIN").await;
    for (columns, values, _) in &cases {
        app.run(&format!("INSERT INTO outbox ({columns}) VALUES ({values})"))
            .await;
    }
    let good =
        format!("INSERT INTO outbox (sender_id, room_id, text) VALUES ({a}, {room}, 'hola')");
    app.run(&good).await;
    app.run("COMMIT").await;
    settled(&mut app).await;
    assert_eq!(texts(&mut app, &room).await, ["hola"]);
    let rows = "SELECT state, reason, detail, message_id FROM outbox ORDER BY id";
    let rows = app.rows(rows).await;
    assert_eq!(rows.len(), cases.len() + 1);
    for (row, (columns, values, wanted)) in rows.iter().zip(&cases) {
        let (reason, field) = wanted.split_once(' ').unwrap_or((wanted, ""));
        let case = format!("({columns}) ({values:.60}): {row:?}");
        assert_eq!(row[0].as_deref(), Some("refused"), "{case}");
        assert_eq!(row[1].as_deref(), Some(reason), "{case}");
        let detail = row[2].as_deref().expect("a detail");
        assert!(detail.starts_with(field), "{case}");
        assert_eq!(row[3], None, "{case}");
    }
    server.shutdown().await;
}

/// A number below those that are promised is another message's, or will be: it
/// would be refused for what an app wrote.
#[tokio::test]
async fn a_message_does_not_choose_its_number() {
    let server = TestServer::spawn().await;
    let http = server.http();
    let ana = http.v1_register("ana").await;
    let room = group(&http, &[&ana]).await;
    let mut app = server.sql().await;
    for number in [-1, 2, 1_000_000_000_000_000, 1 << 53, i64::MAX] {
        app.run(&format!(
            "INSERT INTO outbox (sender_id, room_id, text, message_id)
             VALUES ({}, {room}, 'hola', {number})",
            ana.id
        ))
        .await;
    }
    settled(&mut app).await;
    let rows = app.rows("SELECT state, reason, detail FROM outbox").await;
    assert_eq!(rows.len(), 5);
    for row in rows {
        let [state, reason, detail] = [&row[0], &row[1], &row[2]].map(|it| it.as_deref());
        assert_eq!((state, reason), (Some("refused"), Some("invalid_field")));
        assert!(detail.is_some_and(|it| it.starts_with("message_id: ")));
    }
    assert!(texts(&mut app, &room).await.is_empty());
    server.shutdown().await;
}

async fn suspend(server: &TestServer, username: &str) {
    let chat = server.chat();
    let user = chat.find_user(UserKey::Username(username.to_owned()));
    let user = user.await.unwrap().unwrap();
    chat.set_user_state(user.id, UserState::Suspended)
        .await
        .unwrap();
}

#[tokio::test]
async fn the_sender_may_do_in_sql_what_it_may_do_anywhere_and_no_more() {
    let server = TestServer::spawn().await;
    let http = server.http();
    let (ana, beto) = ana_and_beto(&http).await;
    let room = group(&http, &[&ana]).await;
    let mut app = server.sql().await;
    let insert = format!(
        "INSERT INTO outbox (sender_id, room_id, text) VALUES ({}, {room}, 'hola')",
        beto.id
    );
    let reason = "SELECT reason FROM outbox ORDER BY id DESC LIMIT 1";
    app.run(&insert).await;
    settled(&mut app).await;
    assert_eq!(app.value(reason).await, "not_a_member");
    let member = format!("/v1/rooms/{room}/members/{}", beto.id);
    let owner = http.bearer(&ana.token);
    let role = json!({"role": "member"});
    assert!(owner.put(&member, &role).await.status.is_success());
    app.run(&insert).await;
    settled(&mut app).await;
    assert_eq!(texts(&mut app, &room).await, ["hola"]);
    assert!(owner.delete(&member).await.status.is_success());
    app.run(&insert).await;
    settled(&mut app).await;
    assert_eq!(app.value(reason).await, "not_a_member");
    assert_eq!(texts(&mut app, &room).await, ["hola"]);
    server.shutdown().await;
}

#[tokio::test]
async fn a_row_opens_a_chat_and_marks_what_was_said_there() {
    let server = TestServer::spawn().await;
    let http = server.http();
    let (ana, beto) = ana_and_beto(&http).await;
    let mut author = server.v1_socket("ana", &ana.token).await;
    let mut app = server.sql().await;
    app.run(&format!(
        "INSERT INTO outbox (action, sender_id, recipient_id) VALUES ('open', {}, {})",
        ana.id, beto.id
    ))
    .await;
    author.expect("room").await;
    settled(&mut app).await;
    let opened = "SELECT room_id, message_id FROM outbox";
    let opened = app.rows(opened).await;
    let room = opened[0][0].clone().expect("the room's number");
    assert_eq!(opened[0][1], None);
    app.run(&format!(
        "INSERT INTO outbox (sender_id, room_id, text) VALUES ({}, {room}, '¿leíste?')",
        ana.id
    ))
    .await;
    let message = author.expect("message").await;
    let id = message["message"]["id"].as_str().expect("a string");
    // Twice, in one transaction: the second changes nothing.
    let mark = format!(
        "INSERT INTO outbox (action, sender_id, target_id)
         VALUES ('read', {0}, {id}), ('read', {0}, {id})",
        beto.id
    );
    app.run(&mark).await;
    let receipt = author.expect("receipt").await;
    assert_eq!(receipt["user_id"], beto.id.as_str(), "{receipt}");
    settled(&mut app).await;
    let sent = "SELECT COUNT(*) FROM outbox WHERE state = 'sent'";
    assert_eq!(app.value(sent).await, "4");
    author.expect_nothing_else().await;
    author.finish().await;
    server.shutdown().await;
}

/// All of one transaction, seen live by one who is there, without a hole.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_rows_of_one_transaction_are_ten_thousand_messages_in_order() {
    const ROWS: usize = 10_000;
    let server = TestServer::spawn().await;
    let http = server.http();
    let (ana, beto) = ana_and_beto(&http).await;
    let room = group(&http, &[&ana, &beto]).await;
    let mut reader = server.v1_socket("beto", &beto.token).await;
    let mut app = server.sql().await;
    app.run("BEGIN").await;
    insert_many(&mut app, &ana.id, &room, 1..=ROWS).await;
    app.run("COMMIT").await;
    for number in 1..=ROWS {
        let event = reader.expect("message").await;
        assert_eq!(said(&event).1, format!("fila {number}"));
        assert_eq!(event["message"]["seq"], number);
    }
    settled(&mut app).await;
    let counted = "SELECT COUNT(*), COUNT(DISTINCT message_id), MIN(seq), MAX(seq) FROM outbox \
                   WHERE state = 'sent'";
    let all = Some(ROWS.to_string());
    let wanted = [all.clone(), all.clone(), Some("1".to_owned()), all];
    assert_eq!(app.rows(counted).await[0][..], wanted);
    reader.finish().await;
    server.shutdown().await;
}

/// Rows of these numbers, a thousand in each statement.
pub(crate) async fn insert_many(
    app: &mut SqlClient,
    sender: &str,
    room: &str,
    numbers: std::ops::RangeInclusive<usize>,
) {
    let numbers: Vec<_> = numbers.collect();
    for part in numbers.chunks(1_000) {
        let rows: Vec<_> = part
            .iter()
            .map(|number| format!("({sender}, {room}, 'fila {number}')"))
            .collect();
        let rows = rows.join(", ");
        app.run(&format!(
            "INSERT INTO outbox (sender_id, room_id, text) VALUES {rows}"
        ))
        .await;
    }
}

#[tokio::test]
async fn where_nobody_is_to_look_rows_wait() {
    let insert = "INSERT INTO outbox (text) VALUES ('x')";
    let state = "SELECT state FROM outbox";
    let server = TestServer::builder()
        .variable("TERTULIA_OUTBOX_POLL_INTERVAL", "0")
        .spawn()
        .await;
    let mut app = server.sql().await;
    app.run(insert).await;
    // Whoever looks has seen to a later row meanwhile.
    let control = TestServer::spawn().await;
    let mut other_app = control.sql().await;
    other_app.run(insert).await;
    settled(&mut other_app).await;
    control.shutdown().await;
    assert_eq!(app.value(state).await, "waiting");
    let all = server.chat().relay_outbox().await.unwrap();
    assert_eq!(all, tertulia_domain::chat::Relayed::All);
    assert_eq!(app.value(state).await, "refused");
    server.shutdown().await;
}
