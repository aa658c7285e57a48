//! What only SQLite must do: files that are refused, several processes on one
//! file, and statements that stay quick in a large database.

use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tertulia_domain::command::{Command, StoreError, Toggle};
use tertulia_domain::event::CatchUpCursor;
use tertulia_domain::message::NewMessage;
use tertulia_domain::policy::{self, Authority};
use tertulia_domain::ports::{
    IdKind, MessagePage, ReadStore, RoomKey, RoomPage, Store, UserKey, UserStore, WriteStore,
};
use tertulia_domain::receipt::Mark;
use tertulia_domain::user::NewUser;
use tertulia_domain::{
    ClientId, Draft, Error, MessageId, Position, Random, ReceiptKind, Revision, Role, RoomId, Seq,
    SessionId, Timestamp, UserId,
};
use tertulia_store::{OpenError, Options, SqlStore};

struct Seeded(u8);

impl Random for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0);
    }
}

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("chat.db");
    (folder, path)
}

async fn open(path: &Path) -> Result<SqlStore, OpenError> {
    SqlStore::open(Options::new(path), &Seeded(1)).await
}

fn user(id: i64) -> NewUser {
    NewUser {
        id: UserId(id),
        uuid: uuid::Uuid::from_u128(id.unsigned_abs().into()),
        username: format!("user {id}"),
        handles: vec![id.to_string()],
        display_name: format!("User {id}"),
        email: None,
        external_id: None,
        password_hash: None,
        created_at: Timestamp::from_secs(1),
    }
}

/// A database with a user, closed again.
async fn database(path: &Path) {
    let store = open(path).await.expect("a fresh database opens");
    store.create_user(user(1)).await.expect("made");
}

fn bytes(path: &Path) -> Vec<u8> {
    std::fs::read(path).expect("the file is there")
}

/// Opens what must be refused; nothing in the file may change.
async fn refused(path: &Path) -> OpenError {
    let before = bytes(path);
    let Err(error) = open(path).await else {
        panic!("it was opened");
    };
    assert!(before == bytes(path), "the file was changed");
    assert!(!error.to_string().is_empty());
    error
}

#[tokio::test]
async fn what_was_stored_is_there_after_reopening() {
    let (_folder, path) = folder();
    database(&path).await;
    let store = open(&path).await.expect("it opens again");
    let found = store.user(UserKey::Id(UserId(1))).await.expect("answered");
    assert!(found.is_some());
    store.ping().await.expect("it takes writes");
}

#[cfg(unix)]
#[tokio::test]
async fn a_fresh_file_is_for_its_owners_eyes_only() {
    use std::os::unix::fs::PermissionsExt;
    let (_folder, path) = folder();
    let _store = open(&path).await.expect("it opens");
    for name in ["chat.db", "chat.db-wal", "chat.db-shm"] {
        let file = std::fs::metadata(path.with_file_name(name)).expect("the file is there");
        assert_eq!(file.permissions().mode() & 0o777, 0o600, "{name}");
    }
}

#[tokio::test]
async fn the_key_of_the_messages_uuids_is_made_once() {
    let (_folder, path) = folder();
    let key = || -> Vec<u8> {
        let database = rusqlite::Connection::open(&path).expect("opens");
        let sql = "SELECT value FROM settings WHERE name = 'message_uuid_key'";
        database
            .query_row(sql, [], |row| row.get(0))
            .expect("there")
    };
    for seed in [5, 6] {
        let opened = SqlStore::open(Options::new(&path), &Seeded(seed)).await;
        drop(opened.expect("it opens"));
        assert_eq!(key(), [5; 16]);
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused() {
    let (_folder, path) = folder();
    for content in [
        &b"hello, this is a letter and no database at all"[..],
        b"SQL",
    ] {
        std::fs::write(&path, content).expect("written");
        assert!(matches!(
            refused(&path).await,
            OpenError::NotADatabase { .. }
        ));
    }
}

#[tokio::test]
async fn another_programs_database_is_refused() {
    let (_folder, path) = folder();
    let other = rusqlite::Connection::open(&path).expect("opens");
    other
        .execute_batch("CREATE TABLE theirs (id INTEGER)")
        .expect("made");
    drop(other);
    assert!(matches!(refused(&path).await, OpenError::Foreign { .. }));
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let (_folder, path) = folder();
    database(&path).await;
    let newer = rusqlite::Connection::open(&path).expect("opens");
    newer
        .execute(
            "INSERT INTO schema_migrations (number, name) VALUES (900, 'later')",
            [],
        )
        .expect("noted");
    drop(newer);
    assert!(matches!(
        refused(&path).await,
        OpenError::Newer { found: 900, .. }
    ));
}

#[tokio::test]
async fn a_file_that_was_cut_off_is_refused() {
    let (_folder, path) = folder();
    database(&path).await;
    let length = bytes(&path).len() as u64;
    for left in [length / 2, 4_096, 100] {
        let file = std::fs::File::options()
            .write(true)
            .open(&path)
            .expect("opens");
        file.set_len(left).expect("cut off");
        assert!(
            matches!(refused(&path).await, OpenError::Damaged { .. }),
            "{left}"
        );
    }
}

#[tokio::test]
async fn a_file_that_was_overwritten_is_refused() {
    let (_folder, path) = folder();
    database(&path).await;
    let mut file = std::fs::File::options()
        .read(true)
        .write(true)
        .open(&path)
        .expect("opens");
    let mut whole = Vec::new();
    file.read_to_end(&mut whole).expect("read");
    file.seek(SeekFrom::Start(100)).expect("sought");
    file.write_all(&vec![0xa5; whole.len() - 100])
        .expect("overwritten");
    assert!(matches!(refused(&path).await, OpenError::Damaged { .. }));
}

#[tokio::test]
async fn a_log_whose_file_is_gone_is_not_thrown_away() {
    let (_folder, path) = folder();
    let log = path.with_file_name("chat.db-wal");
    std::fs::write(&log, b"the last that is left").expect("written");
    assert!(matches!(open(&path).await, Err(OpenError::Damaged { .. })));
    assert_eq!(bytes(&log), b"the last that is left");
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_not_made() {
    let (_folder, path) = folder();
    let path = path.with_file_name("no").join("chat.db");
    assert!(matches!(
        open(&path).await,
        Err(OpenError::Unavailable { .. })
    ));
}

#[tokio::test]
async fn many_may_start_at_once_and_share_the_file() {
    let (_folder, path) = folder();
    let starts = (0..8).map(|_| open(&path));
    let stores = futures_util::future::join_all(starts).await;
    let mut ids = Vec::new();
    for store in stores {
        let store = store.expect("each of them opens");
        ids.push(
            store
                .reserve_ids(IdKind::Message, 1)
                .await
                .expect("reserved")
                .start,
        );
    }
    assert_eq!(ids, [1, 2, 3, 4, 5, 6, 7, 8]);
}

#[tokio::test]
async fn a_locked_database_refuses_writes_in_time_and_still_reads() {
    let (_folder, path) = folder();
    database(&path).await;
    let options = Options {
        patience: Duration::from_millis(20),
        ..Options::new(&path)
    };
    let store = SqlStore::open(options, &Seeded(1)).await.expect("it opens");
    let other = rusqlite::Connection::open(&path).expect("opens");
    other.execute_batch("BEGIN IMMEDIATE").expect("locked");
    let refused = store.create_user(user(2)).await;
    assert!(matches!(refused, Err(Error::Unavailable(_))));
    assert!(matches!(store.ping().await, Err(Error::Unavailable(_))));
    let found = store
        .user(UserKey::Id(UserId(1)))
        .await
        .expect("reads go on");
    assert!(found.is_some());
    other.execute_batch("ROLLBACK").expect("unlocked");
    store.create_user(user(2)).await.expect("and writes again");
}

const MESSAGES_OF_A_ROOM: i64 = 3_000;

/// As many of everything that a statement which walks would be noticed: debug
/// builds check each statement.
async fn large(path: &Path) -> SqlStore {
    drop(open(path).await.expect("it opens"));
    let database = rusqlite::Connection::open(path).expect("opens");
    database
        .execute_batch(
            "BEGIN;
             CREATE TEMP TABLE n (i INTEGER PRIMARY KEY);
             WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 3000)
              INSERT INTO n SELECT i FROM c;
             INSERT INTO users (id, uuid, username, username_key, handle, display_name,
               display_name_key, email, email_key, external_id, state, created_at, updated_at)
              SELECT i, randomblob(16), i, i, i, i, i, i, i, i, 0, 1, 1 FROM n;
             INSERT INTO sessions SELECT i, 1, 'd', 1, 1, 900000000, randomblob(32) FROM n;
             INSERT INTO spent_refresh_tokens SELECT randomblob(32), i, 900000000 FROM n;
             INSERT INTO rooms (id, uuid, kind, visibility, open_to_all, title, external_id,
               created_at, updated_at, updated_revision)
              SELECT i, randomblob(16), 1, 0, 0, 't', i, 1, 1, 0 FROM n;
             INSERT INTO room_heads SELECT i, 0, 1, 1, NULL FROM n;
             INSERT INTO direct_rooms SELECT 1, i + 1, i FROM n WHERE i < 3000;
             INSERT INTO memberships SELECT 1, i, CASE i WHEN 1 THEN 2 ELSE 0 END,
               0, 1, 0, NULL, 0, 0, 0, 0, 1, 1 FROM n;
             INSERT INTO memberships SELECT i, 1, 2, 0, 1, 0, NULL, 0, 0, 0, 0, 1, 1
              FROM n WHERE i > 1;
             INSERT INTO membership_periods SELECT room_id, user_id, 0, NULL FROM memberships;
             INSERT INTO messages SELECT i, 1, i, 2, i, 0, 0, 'hola', NULL, NULL, 1, NULL, NULL, 0
              FROM n;
             INSERT INTO message_places SELECT 1, i, i FROM n WHERE i <= 2500;
             INSERT INTO fresh_places SELECT 1, i, i FROM n WHERE i > 2500;
             INSERT INTO message_changes SELECT 1, 10000 + i, i, i, 1 FROM n;
             INSERT INTO reactions SELECT i, 2, 'x', 1, 1, 1, i, 20000 + i FROM n;
             INSERT INTO receipts SELECT 1, 2, 0, i, i, 1, 30000 + i FROM n;
             INSERT INTO hidden_messages SELECT 1, 2, i, i, 40000 + i FROM n;
             INSERT INTO invites SELECT 'c' || i, 1, 1, 1, 900000000, NULL FROM n;
             UPDATE memberships SET delivered_seq = 3000 WHERE user_id = 2;
             UPDATE room_heads SET last_seq = 3000, revision = 50000 WHERE room_id = 1;
             UPDATE id_blocks SET next_id = 10000;
             COMMIT;",
        )
        .expect("filled");
    open(path).await.expect("it opens")
}

async fn authority(store: &SqlStore, user: UserId) -> Authority {
    let found = store.authority(RoomKey::Id(RoomId(1)), user).await;
    found.expect("answered").expect("there")
}

#[tokio::test]
async fn no_read_walks_through_a_large_table() {
    let (_folder, path) = folder();
    let store = large(&path).await;
    let (reader, at) = (UserId(2), Timestamp::from_micros(5));
    let permit = policy::may_read(&authority(&store, reader).await, reader).expect("may read");

    for key in [
        UserKey::Uuid(uuid::Uuid::nil()),
        UserKey::Username("7".to_owned()),
        UserKey::Email("7".to_owned()),
        UserKey::External("7".to_owned()),
    ] {
        store.credentials(key).await.expect("answered");
    }
    store.search_users("7", None, 10).await.expect("answered");
    let people: Vec<_> = (1..600).map(UserId).collect();
    store.profiles(&people).await.expect("answered");
    store
        .session_user(SessionId(7), at)
        .await
        .expect("answered");
    store.sessions(UserId(2), at, 100).await.expect("answered");
    store.heads(UserId(1), 100).await.expect("answered");
    let page = RoomPage {
        after: None,
        limit: 50,
        unread: true,
    };
    store.rooms_of(UserId(1), page).await.expect("answered");
    store.rooms_of(reader, page).await.expect("answered");
    store.public_rooms(reader, page).await.expect("answered");
    store.room_summary(&permit).await.expect("answered");
    store
        .membership(&permit, UserId(9))
        .await
        .expect("answered");
    store.members(&permit, None, 100).await.expect("answered");
    store
        .members_of_rooms(Some(reader), &[RoomId(1)], 100)
        .await
        .expect("answered");
    store
        .message(&permit, MessageId(7))
        .await
        .expect("answered");
    let page = MessagePage {
        before: None,
        after: None,
        limit: 150,
        deleted: false,
    };
    store.messages(&permit, page).await.expect("answered");
    store
        .receipts(&permit, MessageId(7), None, 100)
        .await
        .expect("answered");
    store.invite("c7", at).await.expect("answered");
    for (seq, revision) in [
        (2_950, 0),
        (3_000, 10_000),
        (3_000, 20_000),
        (3_000, 45_000),
    ] {
        let known = Position {
            seq: Seq(seq),
            revision: Revision(revision),
        };
        let page = store
            .catch_up(&permit, CatchUpCursor::new(known), 100)
            .await;
        page.expect("answered");
    }
}

#[tokio::test]
async fn no_write_walks_through_a_large_table() {
    let (_folder, path) = folder();
    let store = large(&path).await;
    let at = Timestamp::from_micros(5);
    let (owner, reader) = (UserId(1), UserId(2));
    let (all, one) = (
        authority(&store, owner).await,
        authority(&store, reader).await,
    );
    let message = |id: i64, reply_to| NewMessage {
        id: MessageId(id),
        draft: Draft {
            client_id: Some(ClientId::new(format!("c{id}")).expect("valid")),
            reply_to,
            ..Draft::text("hola")
        },
        fingerprint: Some(id),
        created_at: at,
        outbox: None,
    };
    let speak = policy::may_speak(&one, reader).expect("may speak");
    let read = policy::may_read(&one, reader).expect("may read");
    let found = store
        .message(&read, MessageId(7))
        .await
        .expect("answered")
        .expect("there");
    let mut commands = vec![
        Command::Append {
            permit: speak.clone(),
            message: message(9_001, Some(MessageId(7))),
        },
        Command::Append {
            permit: speak,
            message: message(9_002, None),
        },
        Command::Edit {
            permit: policy::may_edit(&one, reader, &found).expect("may edit"),
            text: "adiós".to_owned(),
            at,
        },
        Command::React {
            permit: policy::may_react(&all, owner).expect("may react"),
            message: MessageId(8),
            emoji: "x".to_owned(),
            on: Toggle::On,
            most: 100,
            at,
        },
        Command::Mark {
            permit: read.clone(),
            marks: vec![Mark::Only(ReceiptKind::Delivered, Seq(2_000))],
            at,
        },
        Command::Mark {
            permit: policy::may_read(&all, owner).expect("may read"),
            marks: vec![Mark::UpTo(ReceiptKind::Read, Seq(MESSAGES_OF_A_ROOM))],
            at,
        },
        Command::Delete {
            permit: policy::may_delete(&one, reader, &found).expect("may delete"),
            at,
        },
        Command::Admit {
            permit: policy::may_admit(
                &all,
                owner,
                UserId(9),
                authority(&store, UserId(9)).await.membership.as_ref(),
                Role::Owner,
            )
            .expect("may admit"),
            role: Role::Owner,
            at,
        },
    ];
    commands.push(Command::Leave {
        permit: policy::may_leave(&one, reader).expect("may leave"),
        at,
    });
    let soon = tokio::time::Instant::now() + Duration::from_secs(60);
    let outcomes = store.commit(Arc::new(commands), soon).await;
    let last = outcomes.len() - 1;
    for (number, outcome) in outcomes.into_iter().enumerate() {
        match outcome {
            Ok(_) => {}
            Err(StoreError::Stale) if number == last => {}
            Err(error) => panic!("command {number}: {error:?}"),
        }
    }
    let close = policy::may_close(&authority(&store, UserId(9)).await, UserId(9));
    let close = Command::CloseRoom {
        permit: close.expect("may close"),
        at,
    };
    let closed = store.commit(Arc::new(vec![close]), soon).await;
    assert!(closed.iter().all(Result::is_ok), "{closed:?}");

    store
        .rotate_session([1; 32], [2; 32], at, at)
        .await
        .expect("answered");
    store
        .end_session(UserId(1), SessionId(5), at)
        .await
        .expect("answered");
    store
        .end_session_by_token([1; 32], at)
        .await
        .expect("answered");
    store
        .set_password(UserId(1), "hash".to_owned(), None, at)
        .await
        .expect("answered");
    store
        .touch_last_seen(&[(UserId(1), at)])
        .await
        .expect("answered");
    store.create_user(user(9_999)).await.expect("made");
}

fn filed(database: &rusqlite::Connection, table: &str) -> i64 {
    let sql = format!("SELECT COUNT(*) FROM {table}");
    let count = database.query_row(&sql, [], |row| row.get(0));
    count.expect("counted")
}

/// All of a room's messages, read page by page from both ends.
async fn history(store: &SqlStore, room: RoomId, reader: UserId) -> (Vec<i64>, Vec<i64>) {
    let found = store.authority(RoomKey::Id(room), reader).await;
    let authority = found.expect("answered").expect("there");
    let permit = policy::may_read(&authority, reader).expect("may read");
    let mut page = MessagePage {
        before: None,
        after: Some(Seq::ZERO),
        limit: 7,
        deleted: true,
    };
    let (mut forward, mut backward) = (Vec::new(), Vec::new());
    loop {
        let found = store.messages(&permit, page).await.expect("answered");
        forward.extend(found.iter().map(|message| message.seq.0));
        match found.last() {
            Some(last) => page.after = Some(last.seq),
            None => break,
        }
    }
    page.after = None;
    loop {
        let found = store.messages(&permit, page).await.expect("answered");
        backward.extend(found.iter().rev().map(|message| message.seq.0));
        match found.first() {
            Some(first) => page.before = Some(first.seq),
            None => break,
        }
    }
    backward.reverse();
    (forward, backward)
}

/// Places of new messages are few and apart, and go over to the others by
/// themselves; a history is whole and in order before and after.
#[tokio::test]
async fn a_history_is_whole_wherever_its_places_are() {
    const ROOMS: i64 = 40;
    let (_folder, path) = folder();
    let mut store = large(&path).await;
    let database = rusqlite::Connection::open(&path).expect("opens");
    let speaker = UserId(1);
    let at = Timestamp::from_micros(5);
    let soon = tokio::time::Instant::now() + Duration::from_secs(60);
    let (mut id, mut went_over) = (9_000, 0);
    for turn in 1..=60_i64 {
        let before = filed(&database, "message_places");
        let mut commands = Vec::new();
        for room in 2..2 + ROOMS {
            let found = store.authority(RoomKey::Id(RoomId(room)), speaker).await;
            let authority = found.expect("answered").expect("there");
            id += 1;
            commands.push(Command::Append {
                permit: policy::may_speak(&authority, speaker).expect("may speak"),
                message: NewMessage {
                    id: MessageId(id),
                    draft: Draft::text("hola"),
                    fingerprint: None,
                    created_at: at,
                    outbox: None,
                },
            });
        }
        let outcomes = store.commit(Arc::new(commands), soon).await;
        assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
        went_over += i64::from(filed(&database, "message_places") > before);
        assert!(filed(&database, "fresh_places") <= 1_000);
        if turn % 20 == 0 {
            drop(store);
            store = open(&path).await.expect("it opens again");
            let whole: Vec<i64> = (1..=turn).collect();
            for room in [2, 1 + ROOMS] {
                let found = history(&store, RoomId(room), speaker).await;
                assert_eq!(found, (whole.clone(), whole.clone()), "room {room}");
            }
        }
    }
    assert!((2..6).contains(&went_over), "{went_over} times");
    assert!(filed(&database, "fresh_places") > 0, "some are still apart");
    let (older, _) = history(&store, RoomId(1), speaker).await;
    assert_eq!(older, (1..=MESSAGES_OF_A_ROOM).collect::<Vec<_>>());
}

/// A file from before places were apart has an index in their stead.
#[tokio::test]
async fn places_of_an_older_file_are_taken_from_its_index() {
    let (_folder, path) = folder();
    drop(large(&path).await);
    let database = rusqlite::Connection::open(&path).expect("opens");
    database
        .execute_batch(
            "DROP VIEW room_messages; DROP TABLE message_places; DROP TABLE fresh_places;
             CREATE UNIQUE INDEX messages_by_seq ON messages (room_id, seq);
             DELETE FROM schema_migrations WHERE number = 2;",
        )
        .expect("as it was");
    let store = open(&path).await.expect("it opens");
    assert_eq!(filed(&database, "message_places"), MESSAGES_OF_A_ROOM);
    let whole: Vec<i64> = (1..=MESSAGES_OF_A_ROOM).collect();
    let found = history(&store, RoomId(1), UserId(1)).await;
    assert_eq!(found, (whole.clone(), whole));
}
