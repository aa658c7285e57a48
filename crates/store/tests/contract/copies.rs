//! Copies from one database to another: nothing is lost, nothing changed, and
//! what is not finished is not served (`design.md` §6).

use std::path::{Path, PathBuf};

use rusqlite::types::Value;
use serde_json::json;
use tertulia_domain::command::{Command, Toggle};
use tertulia_domain::pairing::{Pairing, Transport};
use tertulia_domain::ports::{IdKind, MessagePage, ReadStore, RoomKey};
use tertulia_domain::receipt::Mark;
use tertulia_domain::room::Invite;
use tertulia_domain::user::NewUser;
use tertulia_domain::{
    Draft, Metadata, ReceiptKind, Role, RoomId, RoomKind, Seq, Store, Timestamp, UserId, UserState,
    Visibility, policy,
};
use tertulia_store::transfer::{Contents, CopyError, Progress, copy};
use tertulia_store::{Database, OpenError, Options, ServerAddress, SqlStore};

use crate::app::App;
use crate::files::asks;
use crate::rows::{Rows, fresh};
use crate::sessions::{login, rotate};
use crate::world::{Seeded, World, draft_with, server};

/// Characters that one database or another finds hard.
const HARD: &str = "\0 \u{1a}0 \u{1a}\0 ñandú 👩‍👩‍👧 𝔘𝔫𝔦 ' \" \\ % _ trailing  ";

/// Everything that can be stored, made by the store itself.
pub(crate) async fn fill(world: &World) {
    let [ann, bob, eve, dan] = world.users().await;
    let named = NewUser {
        username: "Núñez 🦜".to_owned(),
        handles: vec!["app-17".to_owned()],
        email: Some("Nunez@Example.org".to_owned()),
        external_id: Some("app-17".to_owned()),
        password_hash: Some("$argon2id$v=19$m=8,t=1,p=1$c2FsdA$aGFzaA".to_owned()),
        ..world.new_user("x").await
    };
    let nunez = world.store.create_user(named).await.expect("made").id();
    let gone = world.user("gone").await;
    let at = world.now();
    let deleted = world.store.set_user_state(gone, UserState::Deleted, at);
    deleted.await.expect("deleted");
    fill_rooms(world, [ann, bob, eve, dan, nunez]).await;
    login(world, ann, 1, 0).await;
    login(world, bob, 2, 1).await;
    rotate(world, 1, 3, 1).await;
    let upload = world.resumable(bob, 500).await;
    world.begin(&upload, asks(500, 500)).await.expect("begun");
    let asked = "INSERT INTO outbox (id, sender_id, recipient, text, state, reason, settled_at) \
                 VALUES (41, 1, 'nobody', '🧉', 'refused', 'no_such_user', 7)";
    world.rows.change(asked.to_owned());
}

async fn fill_rooms(world: &World, [ann, bob, eve, dan, nunez]: [UserId; 5]) {
    let group = world.group(&[ann, bob, eve]).await;
    let direct = world.direct(ann, nunez).await;
    world
        .room_with(&[bob, dan], |room| {
            room.kind = RoomKind::Channel;
            room.visibility = Visibility::Public;
            room.title = Some(HARD.to_owned());
            room.description = Some("".to_owned());
        })
        .await;
    world
        .room_with(&[dan], |room| {
            room.visibility = Visibility::Public;
            room.open = true;
            room.external_id = Some("sala-1".to_owned());
        })
        .await;
    fill_messages(world, group, [ann, bob, eve]).await;
    world.say(direct, nunez, &"𝔘".repeat(20_000)).await;
    // More than one page of the copy, and more than one transaction.
    world.say_many(direct, ann, 700).await;
    world.done(world.leave(group, eve).await).await;
    world.say(group, ann, "without eve").await;
    let back = world.admit(group, ann, eve, Role::Admin).await;
    world.done(back).await;
    let out = world.remove(group, ann, bob, true).await;
    world.done(out).await;
    let invite = Invite {
        code: "AbCd".to_owned(),
        room: group,
        created_by: ann,
        created_at: world.now(),
        expires_at: Timestamp::from_secs(1_000_000),
        uses_left: Some(3),
    };
    let permit = policy::may_invite(&world.authority(group, ann).await, ann).expect("may invite");
    let kept = world.store.create_invite(&permit, invite).await;
    kept.expect("an invite");
    let settings = Metadata::default().with("theme", HARD);
    let own = world.may_read(group, ann).await;
    let kept = world
        .store
        .set_member_settings(&own, settings, world.now())
        .await;
    kept.expect("settings");
}

async fn fill_messages(world: &World, room: RoomId, [ann, bob, eve]: [UserId; 3]) {
    let first = world.say(room, ann, HARD).await;
    let large = Metadata::default()
        .with("object", "🧉".repeat(4_000))
        .with("own", json!({"$serde_json::private::RawValue": "[1]"}));
    let answer = Draft {
        reply_to: Some(first.id),
        metadata: large,
        ..draft_with("c-1", "with everything")
    };
    world.send(room, bob, answer).await.expect("sent");
    let edited = world.say(room, eve, "to be edited").await;
    world.done(world.edit(&edited, HARD).await).await;
    let deleted = world.say(room, eve, "to be deleted").await;
    world.done(world.delete(&deleted).await).await;
    world.done(world.hide(bob, &first).await).await;
    for (emoji, on) in [("👍", true), ("golazo", true), ("golazo", false)] {
        let authority = world.authority(room, bob).await;
        let react = Command::React {
            permit: policy::may_react(&authority, bob).expect("may react"),
            message: first.id,
            emoji: emoji.to_owned(),
            on: if on { Toggle::On } else { Toggle::Off },
            most: 100,
            at: world.now(),
        };
        world.done(react).await;
    }
    let read = Mark::UpTo(ReceiptKind::Read, Seq(2));
    world.done(world.mark(room, eve, &[read]).await).await;
    let file = world.file(ann, 300).await;
    let with_file = Draft {
        files: vec![file.id],
        ..Draft::text("a picture")
    };
    world.send(room, ann, with_file).await.expect("sent");
    let unpaired = Draft {
        pairing: Some(Pairing {
            over: Transport::Socket,
            kind: "text",
        }),
        ..Draft::text("perhaps twice")
    };
    world.send(room, ann, unpaired).await.expect("sent");
}

pub(crate) fn sqlite(folder: &Path, name: &str) -> (Database, PathBuf) {
    let path = folder.join(name);
    (Database::Sqlite(path.clone()), path)
}

/// A database, removed at the end where it is a server's.
pub(crate) struct OnServer(pub(crate) Rows, pub(crate) Database);

impl OnServer {
    fn fresh(server: &str) -> Self {
        let url = fresh(server);
        let address = ServerAddress::parse(&url).expect("an address");
        Self(Rows::OfServer(url), Database::Server(address))
    }
}

impl Drop for OnServer {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.0.remove();
        }
    }
}

/// The server of this run; without one, those that the test command has started.
pub(crate) fn servers() -> Vec<OnServer> {
    let named = ["TERTULIA_TEST_POSTGRES", "TERTULIA_TEST_MARIADB"];
    #[expect(clippy::disallowed_methods, reason = "how the test command says it")]
    let started = named.into_iter().filter_map(|it| std::env::var(it).ok());
    let chosen = server().map_or_else(|| started.collect(), |server| vec![server]);
    chosen
        .iter()
        .map(|server| OnServer::fresh(server))
        .collect()
}

async fn copied(from: &Database, to: &Database) -> Vec<(String, Contents)> {
    let mut same = Vec::new();
    let mut tell = |progress: Progress<'_>| {
        if let Progress::Same(table, contents) = progress {
            same.push((table.to_owned(), contents));
        }
    };
    let done = copy(from, to, &mut tell).await;
    done.unwrap_or_else(|error| panic!("{from} to {to}: {error}"));
    same
}

/// All rows of every table, but those of the database itself, and where messages
/// stand in their rooms.
pub(crate) fn all_rows(path: &Path) -> Vec<(String, Vec<Vec<Value>>)> {
    let database = rusqlite::Connection::open(path).expect("the database opens");
    let mut names = database
        .prepare("SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') ORDER BY name")
        .expect("a query");
    let names = names.query_map([], |row| row.get::<_, String>(0));
    let names = names.expect("names").map(|name| name.expect("a name"));
    let its_own = [
        "schema_migrations",
        "pulse",
        "sqlite_sequence",
        "message_places",
        "fresh_places",
    ];
    let stored = names.filter(|name| !its_own.contains(&&**name));
    let mut all = Vec::new();
    for name in stored.collect::<Vec<_>>() {
        let sql = format!("SELECT * FROM {name} ORDER BY 1, 2");
        let mut query = database.prepare(&sql).expect("a query");
        let width = query.column_count();
        let rows = query.query_map([], |row| (0..width).map(|it| row.get(it)).collect());
        let rows = rows.expect("rows").map(|row| row.expect("a row"));
        all.push((name, rows.collect()));
    }
    all
}

pub(crate) async fn open(database: &Database) -> Result<SqlStore, OpenError> {
    SqlStore::open(Options::of(database.clone()), &Seeded(9)).await
}

/// Everything, from SQLite over each server and back: the same rows, the same
/// UUIDs, the same next ids.
#[tokio::test]
async fn a_copy_over_every_database_is_the_original() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (origin, file) = sqlite(folder.path(), "origin.db");
    let world = World::in_file(&file).await;
    fill(&world).await;
    drop(world);
    let rows = all_rows(&file);
    for (table, rows) in &rows {
        let may_be_empty = ["doomed_blobs", "upload_parts"].contains(&&**table);
        assert!(may_be_empty || !rows.is_empty(), "nothing in {table}");
    }
    let on_servers = servers();
    let (end, end_file) = sqlite(folder.path(), "end.db");
    let mut from = &origin;
    let mut contents = Vec::new();
    for to in on_servers.iter().map(|it| &it.1).chain([&end]) {
        contents.push(copied(from, to).await);
        from = to;
    }
    assert!(contents.windows(2).all(|pair| pair[0] == pair[1]));
    let tables = rows.iter().filter(|(name, _)| name != "room_messages");
    assert_eq!(contents[0].len(), tables.count(), "every table");
    for ((name, rows), (copy_name, copy)) in rows.iter().zip(all_rows(&end_file)) {
        assert_eq!((name, rows), (&copy_name, &copy));
    }
    goes_on(&origin, &end).await;
}

/// A store on the copy answers as one on the original, and hands out the next
/// ids and seq.
pub(crate) async fn goes_on(origin: &Database, end: &Database) {
    let mut answers = Vec::new();
    for database in [origin, end] {
        let store = open(database).await.expect("the database opens");
        let authority = store.authority(RoomKey::Id(RoomId(2)), UserId(1)).await;
        let authority = authority.expect("answered").expect("a room");
        let permit = policy::may_read(&authority, UserId(1)).expect("may read");
        let page = MessagePage {
            before: None,
            after: None,
            limit: 100,
            deleted: true,
        };
        let messages = store.messages(&permit, page).await.expect("answered");
        let mut ids = Vec::new();
        for kind in [IdKind::User, IdKind::Room, IdKind::Message, IdKind::File] {
            ids.push(store.reserve_ids(kind, 1).await.expect("reserved"));
        }
        answers.push((messages, ids));
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0].0.len(), 100);
}

/// As if killed: nothing of the process's transaction is committed.
#[tokio::test]
async fn a_copy_that_breaks_off_is_not_served_and_can_be_made_again() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (origin, file) = sqlite(folder.path(), "origin.db");
    let world = World::in_file(&file).await;
    fill(&world).await;
    drop(world);
    let mut targets = servers();
    let (end, file) = sqlite(folder.path(), "end.db");
    targets.push(OnServer(Rows::OfFile(file), end));
    for OnServer(rows, to) in &targets {
        let (from, target) = (origin.clone(), to.clone());
        let broken_off = tokio::spawn(async move {
            let mut tell = |progress: Progress<'_>| {
                if matches!(progress, Progress::Copied("messages", _)) {
                    panic!("as if killed");
                }
            };
            copy(&from, &target, &mut tell).await
        });
        assert!(broken_off.await.is_err_and(|it| it.is_panic()));
        let refused = open(to).await;
        assert!(matches!(refused, Err(OpenError::Unfinished { .. })), "{to}");
        let (nothing, _) = sqlite(folder.path(), "nothing.db");
        let refused = copy(to, &nothing, &mut |_| {}).await;
        let why = OpenError::Unfinished {
            place: to.to_string(),
        };
        assert_eq!(refused.expect_err("refused").to_string(), why.to_string());
        copied(&origin, to).await;
        open(to).await.expect("it serves now");
        let mut app = App::of(rows).await;
        app.run("INSERT INTO outbox (sender_id, text) VALUES (1, 'hola')")
            .await;
        let next = "SELECT 1 FROM outbox WHERE id = 42 AND state = 'waiting'".to_owned();
        assert!(rows.find(vec![(to.to_string(), next)])[0].1, "{to}");
    }
}

/// SQLite keeps any bytes that an app calls a text; the servers do not.
#[tokio::test]
async fn what_an_app_wrote_is_copied_even_if_it_is_no_text() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (origin, file) = sqlite(folder.path(), "origin.db");
    drop(open(&origin).await.expect("made"));
    let rows = Rows::OfFile(file);
    rows.change("INSERT INTO outbox (text) VALUES (CAST(X'61FF62' AS TEXT))".to_owned());
    let mut targets = servers();
    let (end, file) = sqlite(folder.path(), "end.db");
    targets.push(OnServer(Rows::OfFile(file), end));
    for OnServer(rows, to) in &targets {
        copied(&origin, to).await;
        let found = "SELECT 1 FROM outbox WHERE text = 'a\u{fffd}b'".to_owned();
        assert!(rows.find(vec![(to.to_string(), found)])[0].1, "{to}");
    }
}

#[tokio::test]
async fn what_holds_something_is_never_copied_over() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (origin, file) = sqlite(folder.path(), "origin.db");
    let world = World::in_file(&file).await;
    world.user("ann").await;
    drop(world);
    let (target, file) = sqlite(folder.path(), "target.db");
    let world = World::in_file(&file).await;
    world.user("bob").await;
    drop(world);
    let before = all_rows(&file);
    let refused = copy(&origin, &target, &mut |_| {}).await;
    let Err(CopyError::NotEmpty { table, .. }) = refused else {
        panic!("not refused: {refused:?}");
    };
    assert_eq!(table, "users");
    assert_eq!(all_rows(&file), before);
    open(&target).await.expect("it still serves");

    // One that was made, and in which nobody was, is empty.
    let (empty, _) = sqlite(folder.path(), "empty.db");
    drop(open(&empty).await.expect("made"));
    copied(&origin, &empty).await;
}

#[tokio::test]
async fn a_file_that_somebody_has_open_is_not_copied() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (origin, file) = sqlite(folder.path(), "origin.db");
    let world = World::in_file(&file).await;
    world.user("ann").await;
    let (target, _) = sqlite(folder.path(), "target.db");
    let refused = copy(&origin, &target, &mut |_| {}).await;
    assert!(
        matches!(refused, Err(CopyError::InUse { .. })),
        "{refused:?}"
    );
    drop(world);
    copied(&origin, &target).await;
    let open = open(&target).await.expect("it serves");
    let (other, _) = sqlite(folder.path(), "other.db");
    let refused = copy(&origin, &target, &mut |_| {}).await;
    assert!(
        matches!(refused, Err(CopyError::InUse { .. })),
        "{refused:?}"
    );
    drop(open);
    copied(&target, &other).await;
}

#[tokio::test]
async fn another_schema_is_neither_copied_nor_copied_to() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (origin, _) = sqlite(folder.path(), "origin.db");
    let (newer, file) = sqlite(folder.path(), "newer.db");
    for database in [&origin, &newer] {
        drop(open(database).await.expect("made"));
    }
    let newest = rusqlite::Connection::open(&file).expect("the database opens");
    newest
        .execute_batch("INSERT INTO schema_migrations (number, name) VALUES (99, 'later')")
        .expect("a later migration");
    drop(newest);
    for (from, to) in [(&origin, &newer), (&newer, &origin)] {
        let refused = copy(from, to, &mut |_| {}).await;
        let Err(CopyError::OtherSchema { found, .. }) = refused else {
            panic!("not refused: {refused:?}");
        };
        assert_eq!(found, 99);
    }
}

/// A server's database tells by its rows that somebody wrote meanwhile.
#[tokio::test]
async fn writes_during_a_copy_from_a_server_are_noticed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let Some(url) = server().map(|server| fresh(&server)) else {
        return;
    };
    let world = World::at(&url).await;
    world.user("ann").await;
    let origin = Database::Server(ServerAddress::parse(&url).expect("an address"));
    let (target, _) = sqlite(folder.path(), "target.db");
    let mut other = Some(origin.clone());
    let mut tell = |_: Progress<'_>| {
        let Some(origin) = other.take() else { return };
        let written = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            let node = async { open(&origin).await.expect("it opens").ping().await };
            runtime.expect("a runtime").block_on(node)
        });
        written.join().expect("no panic").expect("written");
    };
    let refused = copy(&origin, &target, &mut tell).await;
    assert!(
        matches!(refused, Err(CopyError::Changed { .. })),
        "{refused:?}"
    );
    let refused = open(&target).await;
    assert!(matches!(refused, Err(OpenError::Unfinished { .. })));
}
