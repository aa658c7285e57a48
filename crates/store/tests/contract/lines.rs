//! Exports as JSON Lines, and their import (`docs/reference/export.md`).

use std::path::Path;

use serde_json::{Value as Json, json};
use tertulia_domain::ports::UserStore;
use tertulia_domain::user::NewUser;
use tertulia_domain::{Timestamp, UserId};
use tertulia_store::Database;
use tertulia_store::transfer::{ImportError, Imported, Problem, copy, export, export_user, import};
use uuid::Uuid;

use crate::app::App;
use crate::copies::{OnServer, all_rows, fill, goes_on, open, servers, sqlite};
use crate::rows::Rows;
use crate::world::World;

async fn exported(from: &Database) -> Vec<u8> {
    let mut lines = Vec::new();
    let written = export(from, &mut lines).await;
    written.unwrap_or_else(|error| panic!("{from}: {error}"));
    lines
}

async fn import_into(to: &Database, lines: &[u8]) -> Result<Imported, ImportError> {
    import(&mut &*lines, to, &mut |_| {}).await
}

/// A file with everything that can be stored, and nobody in it.
async fn origin(folder: &Path) -> Database {
    let (origin, file) = sqlite(folder, "origin.db");
    fill(&World::in_file(&file).await).await;
    origin
}

/// What an export leaves out is left out of the comparison.
fn rows(path: &Path) -> Vec<(String, Vec<Vec<rusqlite::types::Value>>)> {
    let left_out = [
        "outbox",
        "sessions",
        "spent_refresh_tokens",
        "unpaired_sends",
        "upload_parts",
        "uploads",
    ];
    let mut all = all_rows(path);
    all.retain(|(name, _)| !left_out.contains(&&**name));
    for (name, rows) in &mut all {
        // The last column is what files and uploads take; the latter are left out.
        if name == "users" {
            rows.iter_mut().for_each(|row| drop(row.pop()));
        }
    }
    all
}

/// Issue 6: everything comes back, on every database, with its ids and UUIDs; a
/// second run changes nothing.
#[tokio::test]
async fn an_import_is_what_was_exported_and_a_second_one_changes_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let origin = origin(folder.path()).await;
    let lines = exported(&origin).await;
    let count = lines.iter().filter(|byte| **byte == b'\n').count() as u64 - 1;
    let on_servers = servers();
    let (end, end_file) = sqlite(folder.path(), "end.db");
    for to in on_servers.iter().map(|it| &it.1).chain([&end]) {
        let first = import_into(to, &lines).await.expect("imported");
        assert_eq!(
            first,
            Imported {
                new: count,
                kept: 0
            },
            "{to}"
        );
        assert_eq!(exported(to).await, lines, "{to}");
        let second = import_into(to, &lines).await.expect("imported");
        assert_eq!(
            second,
            Imported {
                new: 0,
                kept: count
            },
            "{to}"
        );
        assert_eq!(exported(to).await, lines, "{to}");
    }
    let origin_file = folder.path().join("origin.db");
    for (expected, found) in rows(&origin_file).into_iter().zip(rows(&end_file)) {
        assert_eq!(expected, found);
    }
    goes_on(&origin, &end).await;
}

/// A number that a function has promised to the direct room of two people stands
/// for no room yet.
#[tokio::test]
async fn a_direct_room_that_is_only_promised_is_no_line() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (origin, file) = sqlite(folder.path(), "origin.db");
    let world = World::in_file(&file).await;
    let [ann, bob, eve] = world.users().await;
    world.direct(ann, bob).await;
    drop(world);
    let mut app = App::of(&Rows::OfFile(file)).await;
    app.run(&format!(
        "INSERT INTO direct_rooms (low_user_id, high_user_id, room_id)
         VALUES ({ann}, {eve}, 2000000001)"
    ))
    .await;
    drop(app);
    let (copied, _) = sqlite(folder.path(), "copied.db");
    let on_servers = servers();
    let copies = on_servers.iter().map(|it| &it.1).chain([&copied]);
    for (number, from) in copies.enumerate() {
        copy(&origin, from, &mut |_| {}).await.expect("copied");
        let lines = exported(from).await;
        let all = String::from_utf8_lossy(&lines);
        assert_eq!(all.matches("\"type\":\"direct\"").count(), 1, "{from}");
        let (to, _) = sqlite(folder.path(), &format!("{number}.db"));
        import_into(&to, &lines).await.expect("imported");
    }
}

/// An export runs beside a server.
#[tokio::test]
async fn what_is_in_use_can_be_exported_and_not_imported_to() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let origin = origin(folder.path()).await;
    let server = open(&origin).await.expect("it serves");
    let lines = exported(&origin).await;
    let refused = import_into(&origin, &lines).await;
    let Err(ImportError::Database(error)) = refused else {
        panic!("not refused: {refused:?}");
    };
    assert!(error.to_string().contains("in use"), "{error}");
    drop(server);
}

/// Somebody writes as soon as the first line is out.
struct Out {
    lines: Vec<u8>,
    database: Option<Database>,
}

impl std::io::Write for Out {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.lines.extend_from_slice(bytes);
        if let Some(database) = self.database.take() {
            let written = std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build();
                runtime.expect("a runtime").block_on(late(&database));
            });
            written.join().expect("written");
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

async fn late(database: &Database) {
    let store = open(database).await.expect("it opens");
    let late = NewUser {
        id: UserId(900),
        uuid: Uuid::from_u128(900),
        username: "late".to_owned(),
        handles: vec!["900".to_owned()],
        display_name: "late".to_owned(),
        email: None,
        external_id: None,
        password_hash: None,
        created_at: Timestamp::from_secs(900),
    };
    store.create_user(late).await.expect("made");
}

/// What is written while an export goes on is not in it, on any database.
#[tokio::test]
async fn an_export_is_the_state_of_one_moment() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut targets = servers();
    let (file, path) = sqlite(folder.path(), "chat.db");
    targets.push(OnServer(Rows::OfFile(path), file));
    for OnServer(_, database) in &targets {
        drop(open(database).await.expect("made"));
        let mut out = Out {
            lines: Vec::new(),
            database: Some(database.clone()),
        };
        export(database, &mut out).await.expect("written");
        let count = out.lines.iter().filter(|byte| **byte == b'\n').count();
        assert_eq!(count, 1, "{database}: nobody but the first line");
        let later = exported(database).await;
        assert!(later.windows(4).any(|part| part == b"late"), "{database}");
    }
}

const KEY: &str = "00112233445566778899aabbccddeeff";

fn header() -> Json {
    let next_ids = json!({
        "user": "3", "room": "3", "message": "10", "session": "1", "file": "2",
    });
    json!({ "type": "tertulia", "version": 1, "message_uuid_key": KEY, "next_ids": next_ids })
}

fn user(id: u8) -> Json {
    json!({
        "type": "user", "id": id.to_string(), "uuid": format!("{id:032x}"),
        "username": format!("user{id}"), "handle": id.to_string(), "display_name": "Ana",
        "state": "active", "created_at": "2026-01-10T00:00:00Z",
        "updated_at": "2026-01-10T00:00:00Z",
    })
}

fn room() -> Json {
    json!({
        "type": "room", "id": "1", "uuid": "ff".repeat(16), "kind": "group",
        "visibility": "private", "open": false, "created_at": "2026-01-10T00:00:00Z",
        "updated_at": "2026-01-10T00:00:00Z", "updated_revision": 0,
    })
}

fn position(seq: u8) -> Json {
    json!({ "type": "position", "room": "1", "seq": seq, "revision": 1, "members_version": 1 })
}

fn message(id: u8, seq: u8) -> Json {
    json!({
        "type": "message", "id": id.to_string(), "room": "1", "seq": seq, "sender": "1",
        "kind": "text", "text": "hola", "created_at": "2026-01-10T00:00:00Z", "revision": 0,
    })
}

fn with(mut line: Json, field: &str, value: Json) -> Json {
    line[field] = value;
    line
}

fn text(lines: &[Json]) -> Vec<u8> {
    lines
        .iter()
        .flat_map(|line| format!("{line}\n").into_bytes())
        .collect()
}

/// Nothing hostile gets in, nothing panics, the line is named, and the database
/// is as it was.
#[tokio::test]
async fn what_does_not_fit_is_refused_by_its_line_and_changes_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (to, file) = sqlite(folder.path(), "to.db");
    let good = [
        header(),
        user(1),
        user(2),
        room(),
        position(2),
        message(1, 1),
        message(2, 2),
    ];
    import_into(&to, &text(&good)).await.expect("imported");
    let before = all_rows(&file);
    let start = &good[..4];
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let after = |line: Json| text(&[start, &[line]].concat());
    let raw = |line: &str| [text(start), line.as_bytes().to_vec()].concat();
    let other = Problem::UnknownField("admin".to_owned());
    let cases = [
        (Vec::new(), 1, Problem::NoHeader),
        (text(&[user(1)]), 1, Problem::NoHeader),
        (
            text(&[with(header(), "version", json!(2))]),
            1,
            Problem::OtherVersion,
        ),
        (
            text(&[with(header(), "next_ids", json!({}))]),
            1,
            Problem::Wrong("next_ids"),
        ),
        (
            text(&[with(header(), "message_uuid_key", json!("0".repeat(32)))]),
            1,
            Problem::OtherKey,
        ),
        (raw("no json"), 5, Problem::NoObject),
        (raw("[1]\n"), 5, Problem::NoObject),
        (raw(&deep), 5, Problem::NoObject),
        (raw(&format!("{{\"type\":{deep}}}")), 5, Problem::NoObject),
        (raw("{\"type\":\"\\ud800\"}"), 5, Problem::NoObject),
        (raw(&"x".repeat(2 * 1024 * 1024)), 5, Problem::TooLong),
        (after(json!({})), 5, Problem::Missing("type")),
        (
            after(json!({ "type": "room;" })),
            5,
            Problem::UnknownType("room;".to_owned()),
        ),
        (after(user(2)), 5, Problem::OutOfOrder),
        (after(with(position(2), "admin", json!(true))), 5, other),
        (
            after(with(position(2), "room", Json::Null)),
            5,
            Problem::Wrong("room"),
        ),
        (
            after(with(position(2), "room", json!("-1"))),
            5,
            Problem::Wrong("room"),
        ),
        (
            after(with(position(2), "room", json!("3"))),
            5,
            Problem::Wrong("room"),
        ),
        (
            after(with(position(2), "room", json!("2"))),
            5,
            Problem::Unknown("room"),
        ),
        (
            after(with(position(2), "seq", json!(-1))),
            5,
            Problem::Wrong("seq"),
        ),
        (
            after(with(position(2), "seq", json!(1e300))),
            5,
            Problem::Wrong("seq"),
        ),
        (
            after(with(position(2), "members_version", json!(2))),
            5,
            Problem::Wrong("members_version"),
        ),
        (
            text(&[header(), with(user(1), "uuid", json!("x"))]),
            2,
            Problem::Wrong("uuid"),
        ),
        (
            text(&[header(), with(user(1), "uuid", json!("a".repeat(32)))]),
            2,
            Problem::Taken,
        ),
        (
            text(&[header(), with(user(1), "created_at", json!("mañana"))]),
            2,
            Problem::Wrong("created_at"),
        ),
        (
            text(&[header(), with(user(1), "handle", json!("x".repeat(513)))]),
            2,
            Problem::Wrong("handle"),
        ),
        (
            after(with(message(3, 2), "sender", json!("1"))),
            5,
            Problem::Refused,
        ),
        (
            after(with(message(2, 3), "sender", json!("1"))),
            5,
            Problem::Taken,
        ),
        (
            after(with(message(3, 3), "reply_to", json!("7"))),
            5,
            Problem::Unknown("reply_to"),
        ),
        (
            after(with(message(3, 3), "metadata", json!([1]))),
            5,
            Problem::Wrong("metadata"),
        ),
    ];
    for (lines, number, expected) in cases {
        let refused = import_into(&to, &lines).await;
        let Err(ImportError::Line { line, problem }) = refused else {
            panic!("{expected:?}: not refused: {refused:?}");
        };
        assert_eq!((line, problem), (number, expected));
        assert_eq!(all_rows(&file), before);
    }
    for hole in [message(4, 4), message(3, 3)] {
        let refused = import_into(&to, &after(hole)).await;
        assert!(
            matches!(refused, Err(ImportError::Hole { room: 1 })),
            "{refused:?}"
        );
        assert_eq!(all_rows(&file), before);
    }
}

/// Another file with a path in it would lead out of the folder of files.
#[tokio::test]
async fn a_file_lies_nowhere_but_where_files_lie() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (to, _) = sqlite(folder.path(), "to.db");
    let file = json!({
        "type": "file", "id": "1", "uuid": "ee".repeat(16), "owner": "1", "name": "nota.txt",
        "content_type": "text/plain", "size": 3, "blob": "2026/01/10/nota.txt",
        "created_at": "2026-01-10T00:00:00Z",
    });
    for (field, value) in [("blob", "../../etc/passwd"), ("content_type", "text/html")] {
        let odd = with(file.clone(), field, json!(value));
        let refused = import_into(&to, &text(&[header(), user(1), odd])).await;
        let Err(ImportError::Line { line: 3, problem }) = refused else {
            panic!("not refused: {refused:?}");
        };
        assert!(matches!(problem, Problem::Wrong(name) if name == field));
    }
    import_into(&to, &text(&[header(), user(1), file]))
        .await
        .expect("imported");
}

/// What one person may ask for: all of its own, nothing of others.
#[tokio::test]
async fn a_users_export_holds_its_own_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let origin = origin(folder.path()).await;
    let mut lines = Vec::new();
    let written = export_user(&origin, UserId(1), &mut lines).await;
    written.expect("written");
    let all = String::from_utf8(lines).expect("UTF-8");
    let all: Vec<Json> = all
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(
        all[0],
        json!({ "type": "tertulia_user", "version": 1, "user": "1" })
    );
    let of = |word: &str| {
        all.iter()
            .filter(|line| line["type"] == word)
            .collect::<Vec<_>>()
    };
    assert_eq!(of("user").len(), 1);
    assert_eq!(of("user")[0]["username"], "user0");
    assert!(of("user")[0].get("password_hash").is_none());
    assert_eq!(of("session").len(), 1);
    assert_eq!(of("room").len(), 2);
    assert_eq!(of("file").len(), 1);
    assert!(of("message").len() > 700);
    assert!(of("message").iter().all(|message| message["sender"] == "1"));
    assert!(
        of("message")
            .iter()
            .all(|message| message["uuid"].is_string())
    );
    assert!(of("direct").is_empty() && of("reaction").is_empty());
    let refused = import_into(&sqlite(folder.path(), "to.db").0, &text(&all)).await;
    let Err(ImportError::Line { line: 1, .. }) = refused else {
        panic!("part of a server is no server: {refused:?}");
    };
    // The same on a copy.
    let (end, _) = sqlite(folder.path(), "end.db");
    copy(&origin, &end, &mut |_| {}).await.expect("copied");
    let mut again = Vec::new();
    export_user(&end, UserId(1), &mut again)
        .await
        .expect("written");
    assert_eq!(
        again.iter().filter(|byte| **byte == b'\n').count(),
        all.len()
    );
}
