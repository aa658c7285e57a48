//! A fresh database, and short words for what tests do with it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tempfile::TempDir;
use tertulia_domain::command::{Command, Outcome, StoreError};
use tertulia_domain::event::{CatchUp, CatchUpCursor};
use tertulia_domain::message::NewMessage;
use tertulia_domain::policy::{self, Authority, MayRead};
use tertulia_domain::ports::{IdKind, MessagePage, RoomKey};
use tertulia_domain::receipt::Mark;
use tertulia_domain::room::NewRoom;
use tertulia_domain::user::NewUser;
use tertulia_domain::{
    ClientId, Draft, Limits, Message, MessageId, Position, Random, Role, Room, RoomId, RoomKind,
    Store, Timestamp, UserId, Visibility,
};
use tertulia_store::{Database, Options, ServerAddress, SqlStore};
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use crate::invariants;
use crate::rows::{Rows, fresh};

/// How long a test waits for its database.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// Bytes that are the same at every run.
pub(crate) struct Seeded(pub(crate) u8);

impl Random for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0);
    }
}

/// The server on which the tests run, if not on SQLite.
pub(crate) fn server() -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "how the test command says it")]
    std::env::var("TEST_DATABASE_URL").ok()
}

/// By when a batch begins to commit, or fails, where how long it waits is no part of
/// the test.
pub(crate) fn in_good_time() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

/// By when a batch of a server's begins to commit, or fails.
pub(crate) fn soon() -> Instant {
    Instant::now() + Duration::from_millis(4_500)
}

/// Opens the database of a test.
async fn open(database: Database) -> Arc<dyn Store> {
    let store = SqlStore::open(Options::of(database), &Seeded(7)).await;
    Arc::new(store.expect("the database opens"))
}

/// A fresh database; checked for contradictions when the test ends.
pub(crate) struct World {
    pub(crate) store: Arc<dyn Store>,
    database: Database,
    /// Looks at the rows themselves.
    pub(crate) rows: Rows,
    time: AtomicI64,
    _folder: Option<TempDir>,
}

impl Drop for World {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            invariants::check(&self.rows);
        }
        self.rows.remove();
    }
}

/// Where a test's database will be.
pub(crate) struct Nowhere {
    database: Database,
    rows: Rows,
    _folder: Option<TempDir>,
}

impl Nowhere {
    /// A node, which makes the database if it is the first.
    pub(crate) async fn node(&self) -> Arc<dyn Store> {
        open(self.database.clone()).await
    }

    /// Removes a server's database.
    pub(crate) fn remove(&self) {
        self.rows.remove();
    }
}

impl World {
    /// No database yet.
    pub(crate) fn nowhere() -> Nowhere {
        let Some(server) = server() else {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let path = folder.path().join("chat.db");
            return Nowhere {
                database: Database::Sqlite(path.clone()),
                rows: Rows::OfFile(path),
                _folder: Some(folder),
            };
        };
        let url = fresh(&server);
        let address = ServerAddress::parse(&url).expect("an address");
        Nowhere {
            database: Database::Server(address),
            rows: Rows::OfServer(url),
            _folder: None,
        }
    }

    pub(crate) async fn new() -> Self {
        match server() {
            Some(server) => Self::at(&fresh(&server)).await,
            None => {
                let folder = tempfile::tempdir().expect("a temporary folder");
                let path = folder.path().join("chat.db");
                Self::over(
                    Database::Sqlite(path.clone()),
                    Rows::OfFile(path),
                    Some(folder),
                )
                .await
            }
        }
    }

    /// On a SQLite file, which stays when the test's world ends.
    pub(crate) async fn in_file(path: &Path) -> Self {
        let rows = Rows::OfFile(path.to_owned());
        Self::over(Database::Sqlite(path.to_owned()), rows, None).await
    }

    /// On a server's database.
    pub(crate) async fn at(url: &str) -> Self {
        Self::through(url, url).await
    }

    /// On a server's database, which the store reaches at another address.
    pub(crate) async fn through(relay: &str, url: &str) -> Self {
        let address = ServerAddress::parse(relay).expect("an address");
        let rows = Rows::OfServer(url.to_owned());
        Self::over(Database::Server(address), rows, None).await
    }

    async fn over(database: Database, rows: Rows, folder: Option<TempDir>) -> Self {
        Self {
            store: open(database.clone()).await,
            database,
            rows,
            time: AtomicI64::new(1_000),
            _folder: folder,
        }
    }

    /// Another node's store over the same database.
    pub(crate) async fn another_node(&self) -> Arc<dyn Store> {
        open(self.database.clone()).await
    }

    /// A later moment at every call.
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_secs(self.time.fetch_add(1, Ordering::Relaxed))
    }

    pub(crate) async fn id(&self, kind: IdKind) -> i64 {
        let block = self.store.reserve_ids(kind, 1).await;
        block.expect("ids are reserved").start
    }

    pub(crate) async fn new_user(&self, name: &str) -> NewUser {
        let id = self.id(IdKind::User).await;
        NewUser {
            id: UserId(id),
            uuid: Uuid::from_u128(0x1_0000 + id.unsigned_abs() as u128),
            username: name.to_owned(),
            handles: vec![id.to_string()],
            display_name: name.to_owned(),
            email: None,
            external_id: None,
            password_hash: None,
            created_at: self.now(),
        }
    }

    pub(crate) async fn user(&self, name: &str) -> UserId {
        let user = self.new_user(name).await;
        let user = self.store.create_user(user).await;
        user.expect("the user is made").id()
    }

    pub(crate) async fn users<const N: usize>(&self) -> [UserId; N] {
        let mut all = [UserId(0); N];
        for (number, user) in all.iter_mut().enumerate() {
            *user = self.user(&format!("user{number}")).await;
        }
        all
    }

    pub(crate) async fn new_room(&self, kind: RoomKind, members: &[UserId]) -> NewRoom {
        let id = self.id(IdKind::Room).await;
        let at = self.now();
        let first = if kind == RoomKind::Direct {
            Role::Member
        } else {
            Role::Owner
        };
        let roles = std::iter::once(first).chain(std::iter::repeat(Role::Member));
        NewRoom {
            room: Room {
                id: RoomId(id),
                uuid: Uuid::from_u128(0x2_0000 + id.unsigned_abs() as u128),
                kind,
                visibility: Visibility::Private,
                open: false,
                title: (kind != RoomKind::Direct).then(|| format!("room {id}")),
                description: None,
                external_id: None,
                created_by: members.first().copied(),
                created_at: at,
                updated_at: at,
            },
            members: members.iter().copied().zip(roles).collect(),
        }
    }

    /// Makes a room as `shape` changes it.
    pub(crate) async fn room_with(
        &self,
        members: &[UserId],
        shape: impl FnOnce(&mut Room),
    ) -> RoomId {
        let mut room = self.new_room(RoomKind::Group, members).await;
        shape(&mut room.room);
        let by = members[0];
        match self.run(Command::CreateRoom { room, by }).await {
            Ok(Outcome::Created { room, .. }) => room.id,
            other => panic!("the room was not made: {other:?}"),
        }
    }

    /// A private group; the first is its owner.
    pub(crate) async fn group(&self, members: &[UserId]) -> RoomId {
        self.room_with(members, |_| {}).await
    }

    pub(crate) async fn direct(&self, one: UserId, other: UserId) -> RoomId {
        let room = self.new_room(RoomKind::Direct, &[one, other]).await;
        match self.run(Command::OpenDirect { room, by: one }).await {
            Ok(Outcome::Created { room, .. } | Outcome::Found { room }) => room.id,
            other => panic!("the room was not opened: {other:?}"),
        }
    }

    pub(crate) async fn commit(&self, commands: Vec<Command>) -> Vec<Result<Outcome, StoreError>> {
        let count = commands.len();
        let commit = self.store.commit(Arc::new(commands), in_good_time());
        // A store asks about a commit in doubt until it knows: for ever, where a
        // database does not come back.
        let outcomes = timeout(PATIENCE, commit).await;
        let outcomes = outcomes.expect("the database is there");
        assert_eq!(outcomes.len(), count);
        outcomes
    }

    pub(crate) async fn run(&self, command: Command) -> Result<Outcome, StoreError> {
        let mut outcomes = self.commit(vec![command]).await;
        outcomes.pop().expect("one command has one outcome")
    }

    /// Runs a command that changes something.
    pub(crate) async fn done(&self, command: Command) -> Outcome {
        match self.run(command).await {
            Ok(Outcome::Unchanged) => panic!("nothing changed"),
            Ok(outcome) => outcome,
            Err(error) => panic!("refused: {error:?}"),
        }
    }

    pub(crate) async fn authority(&self, room: RoomId, user: UserId) -> Authority {
        let found = self.store.authority(RoomKey::Id(room), user).await;
        let found = found.expect("the store answers");
        found.expect("there is such a room")
    }

    pub(crate) async fn may_read(&self, room: RoomId, user: UserId) -> MayRead {
        policy::may_read(&self.authority(room, user).await, user).expect("may read")
    }

    pub(crate) async fn new_message(&self, draft: Draft) -> NewMessage {
        NewMessage {
            id: MessageId(self.id(IdKind::Message).await),
            draft,
            fingerprint: None,
            created_at: self.now(),
            outbox: None,
        }
    }

    pub(crate) async fn append(&self, room: RoomId, sender: UserId, draft: Draft) -> Command {
        let authority = self.authority(room, sender).await;
        let draft = draft.validate(&Limits::default()).expect("a valid draft");
        let fingerprint = draft.draft().client_id.as_ref();
        let fingerprint = fingerprint.map(|_| draft.fingerprint(room));
        let message = self.new_message(draft.into_draft()).await;
        Command::Append {
            permit: policy::may_speak(&authority, sender).expect("may speak"),
            message: NewMessage {
                fingerprint,
                ..message
            },
        }
    }

    pub(crate) async fn say(&self, room: RoomId, sender: UserId, text: &str) -> Arc<Message> {
        let command = self.append(room, sender, Draft::text(text)).await;
        match self.run(command).await {
            Ok(Outcome::Appended { message, .. }) => message,
            other => panic!("not appended: {other:?}"),
        }
    }

    /// As many messages, one after the other in one batch.
    pub(crate) async fn say_many(&self, room: RoomId, sender: UserId, count: usize) {
        let mut commands = Vec::new();
        for number in 0..count {
            let draft = Draft::text(format!("message {number}"));
            commands.push(self.append(room, sender, draft).await);
        }
        for outcome in self.commit(commands).await {
            assert!(
                matches!(outcome, Ok(Outcome::Appended { .. })),
                "{outcome:?}"
            );
        }
    }

    pub(crate) async fn edit(&self, message: &Message, text: &str) -> Command {
        let sender = message.sender.expect("somebody sent it");
        let authority = self.authority(message.room, sender).await;
        Command::Edit {
            permit: policy::may_edit(&authority, sender, message).expect("may edit"),
            text: text.to_owned(),
            at: self.now(),
        }
    }

    pub(crate) async fn delete(&self, message: &Message) -> Command {
        let sender = message.sender.expect("somebody sent it");
        let authority = self.authority(message.room, sender).await;
        Command::Delete {
            permit: policy::may_delete(&authority, sender, message).expect("may delete"),
            at: self.now(),
        }
    }

    pub(crate) async fn hide(&self, reader: UserId, message: &Message) -> Command {
        Command::Hide {
            permit: self.may_read(message.room, reader).await,
            message: message.id,
            at: self.now(),
        }
    }

    pub(crate) async fn mark(&self, room: RoomId, user: UserId, marks: &[Mark]) -> Command {
        Command::Mark {
            permit: self.may_read(room, user).await,
            marks: marks.to_vec(),
            at: self.now(),
        }
    }

    pub(crate) async fn leave(&self, room: RoomId, user: UserId) -> Command {
        let authority = self.authority(room, user).await;
        Command::Leave {
            permit: policy::may_leave(&authority, user).expect("may leave"),
            at: self.now(),
        }
    }

    pub(crate) async fn admit(
        &self,
        room: RoomId,
        actor: UserId,
        subject: UserId,
        role: Role,
    ) -> Command {
        let authority = self.authority(room, actor).await;
        let current = self.authority(room, subject).await.membership;
        let permit = policy::may_admit(&authority, actor, subject, current.as_ref(), role);
        Command::Admit {
            permit: permit.expect("may admit"),
            role,
            at: self.now(),
        }
    }

    pub(crate) async fn remove(
        &self,
        room: RoomId,
        actor: UserId,
        subject: UserId,
        ban: bool,
    ) -> Command {
        let authority = self.authority(room, actor).await;
        let current = self.authority(room, subject).await.membership;
        let permit = policy::may_remove(&authority, actor, subject, current.as_ref());
        Command::Remove {
            permit: permit.expect("may remove"),
            ban,
            at: self.now(),
        }
    }

    pub(crate) async fn position(&self, room: RoomId, member: UserId) -> Position {
        let heads = self
            .store
            .heads(member, 1_000)
            .await
            .expect("the store answers");
        let head = heads.into_iter().find(|(id, ..)| *id == room);
        head.expect("a member of the room").1
    }

    pub(crate) async fn history(&self, room: RoomId, reader: UserId) -> Vec<Message> {
        let page = MessagePage {
            before: None,
            after: None,
            limit: 1_000,
            deleted: true,
        };
        self.page(room, reader, page).await
    }

    pub(crate) async fn page(
        &self,
        room: RoomId,
        reader: UserId,
        page: MessagePage,
    ) -> Vec<Message> {
        let permit = self.may_read(room, reader).await;
        self.store
            .messages(&permit, page)
            .await
            .expect("the store answers")
    }

    pub(crate) async fn catch_up(
        &self,
        room: RoomId,
        reader: UserId,
        cursor: CatchUpCursor,
        limit: usize,
    ) -> CatchUp {
        let permit = self.may_read(room, reader).await;
        let page = self.store.catch_up(&permit, cursor, limit).await;
        page.expect("the store answers")
    }
}

/// A text with a client id.
pub(crate) fn draft_with(client_id: &str, text: &str) -> Draft {
    Draft {
        client_id: Some(ClientId::new(client_id.to_owned()).expect("a valid client id")),
        ..Draft::text(text)
    }
}
