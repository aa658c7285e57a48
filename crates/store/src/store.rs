//! The ports, each call handed as one transaction to the module that is about
//! its matter.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::FutureExt;
use tertulia_domain::command::{Command, Outcome, StoreError};
use tertulia_domain::event::{CatchUp, CatchUpCursor};
use tertulia_domain::file::{BlobKey, NewUpload, Reservation, ResumableUpload};
use tertulia_domain::outbox::{OutboxRow, Settlement};
use tertulia_domain::policy::{Authority, FileAuthority, MayDiscard, MayInvite, MayRead};
use tertulia_domain::ports::{
    FileStore, FilesPage, Heads, IdKind, MessagePage, OutboxPage, OutboxStore, OwnMessages,
    Pseudonyms, ReadStore, RoomKey, RoomPage, Rotation, ShownMessages, UserKey, UserStore,
    WriteStore,
};
use tertulia_domain::receipt::{MessageReceipt, Readers, Reading};
use tertulia_domain::room::{Invite, Member, RoomSummary};
use tertulia_domain::session::NewSession;
use tertulia_domain::user::{Credentials, NewUser, UserPatch};
use tertulia_domain::{
    Error, File, FileId, Membership, Message, MessageId, MessageUuids, Metadata, Profile, Random,
    Result, Room, RoomId, Seq, Session, SessionId, Store, Timestamp, User, UserId, UserState,
};

use tokio::time::Instant;
use uuid::Uuid;

use crate::open::{self, Database, OpenError, Options, Source};
use crate::pool::Pool;
use crate::sql::hints::Hints;
use crate::{
    catch_up, commit, erasure, files, ids, invites, member_settings, members, messages, outbox,
    receipts, room_lists, rooms, sessions, uploads, users,
};

/// The store over one SQL database.
pub struct SqlStore {
    pool: Pool,
    uuids: MessageUuids,
    hints: Hints,
}

impl SqlStore {
    /// Opens a database and brings it to the newest schema; makes it when there
    /// is none. `random` gives a new database its key of messages' UUIDs. May
    /// be called by several processes at the same moment.
    ///
    /// # Errors
    /// [`OpenError`]; what is at the path is left as it is.
    pub async fn open(options: Options, random: &dyn Random) -> Result<Self, OpenError> {
        let mut fresh_key = [0; 16];
        random.fill(&mut fresh_key);
        let place = options.database.to_string();
        let is_server = matches!(options.database, Database::Server(_));
        let opened_place = place.clone();
        let opening = async move {
            let source = Source::of(&options.database);
            let (connection, key) = open::open(&source, &fresh_key).await?;
            let hints = Hints::of(&source);
            let pool = Pool::new(&options, source, connection);
            let pool = pool.map_err(|error| OpenError::Unavailable {
                place: opened_place,
                source: error.into(),
            })?;
            Ok(Self {
                hints,
                pool,
                uuids: MessageUuids::new(key),
            })
        };
        let opened = match is_server {
            true => tokio::spawn(opening),
            false => tokio::task::spawn_blocking(|| {
                let opened = opening.now_or_never();
                opened.expect("statements on SQLite run inline and never wait")
            }),
        };
        opened.await.unwrap_or_else(|lost| {
            Err(OpenError::Unavailable {
                place,
                source: lost.into(),
            })
        })
    }
}

impl std::fmt::Debug for SqlStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SqlStore")
    }
}

#[async_trait]
impl Store for SqlStore {
    async fn reserve_ids(&self, kind: IdKind, count: i64) -> Result<Range<i64>> {
        if kind == IdKind::User {
            // Handles are looked up besides.
            return self
                .pool
                .write(move |c| async move { Ok(ids::reserve(c, kind, count).await?) }.boxed())
                .await;
        }
        self.pool
            .write_one_row(move |c| async move { Ok(ids::reserve(c, kind, count).await?) }.boxed())
            .await
    }

    async fn foreign_writes(&self) -> Result<i64> {
        self.pool
            .with_writer(|c| async move { Ok(c.foreign_writes().await?) }.boxed())
            .await
    }

    async fn ping(&self) -> Result<()> {
        self.pool
            .with_writer(|c| {
                async move {
                    let done = c.touch().await;
                    c.rollback().await?;
                    Ok(done?)
                }
                .boxed()
            })
            .await
    }
}

#[async_trait]
impl WriteStore for SqlStore {
    async fn commit(
        &self,
        commands: Arc<Vec<Command>>,
        begin_by: Instant,
    ) -> Vec<Result<Outcome, StoreError>> {
        let count = commands.len();
        let uuids = self.uuids.clone();
        let outcomes = self
            .pool
            .with_writer_until(begin_by.into_std(), move |c| {
                async move { Ok(commit::run(c, &uuids, &commands).await) }.boxed()
            })
            .await;
        outcomes.unwrap_or_else(|error: Error| commit::all_failed(&error, count))
    }
}

#[async_trait]
impl UserStore for SqlStore {
    async fn create_user(&self, user: NewUser) -> Result<User> {
        self.pool
            .write(move |c| async move { users::create(c, &user).await }.boxed())
            .await
    }

    async fn user(&self, key: UserKey) -> Result<Option<User>> {
        self.pool
            .read(move |c| async move { Ok(users::find(c, &key).await?) }.boxed())
            .await
    }

    async fn profiles(&self, ids: &[UserId]) -> Result<Vec<Profile>> {
        let ids = ids.to_vec();
        self.pool
            .read(move |c| async move { Ok(users::profiles(c, &ids).await?) }.boxed())
            .await
    }

    async fn users(&self, ids: &[UserId]) -> Result<Vec<User>> {
        let ids = ids.to_vec();
        self.pool
            .read(move |c| async move { Ok(users::all(c, &ids).await?) }.boxed())
            .await
    }

    async fn users_by_number(&self, skip: usize, limit: usize) -> Result<Vec<User>> {
        self.pool
            .read(move |c| async move { Ok(users::by_number(c, skip, limit).await?) }.boxed())
            .await
    }

    async fn search_users(
        &self,
        prefix: &str,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<User>> {
        let prefix = prefix.to_owned();
        self.pool
            .read(move |c| {
                async move { Ok(users::search(c, &prefix, after, limit).await?) }.boxed()
            })
            .await
    }

    async fn credentials(&self, key: UserKey) -> Result<Option<Credentials>> {
        self.pool
            .read(move |c| async move { Ok(users::credentials(c, &key).await?) }.boxed())
            .await
    }

    async fn update_user(&self, id: UserId, patch: UserPatch, at: Timestamp) -> Result<User> {
        self.pool
            .write(move |c| async move { users::update(c, id, &patch, at).await }.boxed())
            .await
    }

    async fn set_password(
        &self,
        id: UserId,
        hash: String,
        keep: Option<SessionId>,
        at: Timestamp,
    ) -> Result<()> {
        self.pool
            .write(move |c| {
                async move { users::set_password(c, id, &hash, keep, at).await }.boxed()
            })
            .await
    }

    async fn upgrade_password(&self, id: UserId, old: &str, new: String) -> Result<()> {
        let old = old.to_owned();
        self.pool
            .write(move |c| async move { users::upgrade_password(c, id, &old, &new).await }.boxed())
            .await
    }

    async fn set_user_state(&self, id: UserId, state: UserState, at: Timestamp) -> Result<()> {
        self.pool
            .write(move |c| users::set_state(c, id, state, at).boxed())
            .await
    }

    async fn erase_user(&self, id: UserId, names: Pseudonyms, at: Timestamp) -> Result<User> {
        self.pool
            .write(move |c| async move { erasure::erase_user(c, id, &names, at).await }.boxed())
            .await
    }

    async fn own_messages(&self, user: UserId, after: MessageId) -> Result<OwnMessages> {
        self.pool
            .read(move |c| async move { Ok(erasure::own_messages(c, user, after).await?) }.boxed())
            .await
    }

    async fn empty_in_closed_rooms(&self, ids: &[MessageId], at: Timestamp) -> Result<()> {
        let ids = ids.to_vec();
        self.pool
            .write(move |c| {
                async move { Ok(erasure::empty_in_closed_rooms(c, &ids, at).await?) }.boxed()
            })
            .await
    }

    async fn touch_last_seen(&self, seen: &[(UserId, Timestamp)]) -> Result<()> {
        let seen = seen.to_vec();
        self.pool
            .write(move |c| async move { users::touch_last_seen(c, &seen).await }.boxed())
            .await
    }

    async fn create_session(&self, session: NewSession) -> Result<()> {
        self.pool
            .write(move |c| async move { sessions::create(c, &session).await }.boxed())
            .await
    }

    async fn rotate_session(
        &self,
        old_hash: [u8; 32],
        new_hash: [u8; 32],
        at: Timestamp,
        expires_at: Timestamp,
    ) -> Result<Rotation> {
        self.pool
            .write(move |c| {
                async move { sessions::rotate(c, &old_hash, &new_hash, at, expires_at).await }
                    .boxed()
            })
            .await
    }

    async fn session_user(&self, id: SessionId, at: Timestamp) -> Result<Option<User>> {
        self.pool
            .read(move |c| async move { Ok(sessions::user(c, id, at).await?) }.boxed())
            .await
    }

    async fn sessions(&self, user: UserId, at: Timestamp, limit: usize) -> Result<Vec<Session>> {
        self.pool
            .read(move |c| async move { Ok(sessions::list(c, user, at, limit).await?) }.boxed())
            .await
    }

    async fn end_session(&self, user: UserId, session: SessionId, at: Timestamp) -> Result<bool> {
        self.pool
            .write(move |c| sessions::end(c, user, session, at).boxed())
            .await
    }

    async fn end_session_by_token(
        &self,
        hash: [u8; 32],
        at: Timestamp,
    ) -> Result<Option<(UserId, SessionId)>> {
        self.pool
            .write(move |c| async move { sessions::end_by_token(c, &hash, at).await }.boxed())
            .await
    }
}

#[async_trait]
impl ReadStore for SqlStore {
    async fn authority(&self, room: RoomKey, user: UserId) -> Result<Option<Authority>> {
        self.pool
            .read(move |c| async move { Ok(rooms::authority(c, room, user).await?) }.boxed())
            .await
    }

    async fn room_named(&self, external_id: &str) -> Result<Option<RoomId>> {
        let external_id = external_id.to_owned();
        self.pool
            .read(move |c| async move { Ok(rooms::named(c, &external_id).await?) }.boxed())
            .await
    }

    async fn direct_room(&self, one: UserId, other: UserId) -> Result<Option<Room>> {
        self.pool
            .read(move |c| async move { Ok(rooms::direct(c, one, other).await?) }.boxed())
            .await
    }

    async fn message_place(&self, id: MessageId) -> Result<Option<(RoomId, Seq)>> {
        self.pool
            .read(move |c| {
                async move {
                    let place = receipts::place(c, id).await?;
                    Ok(place.map(|place| (place.room, place.seq)))
                }
                .boxed()
            })
            .await
    }

    async fn membership(
        &self,
        permit: &MayRead,
        user: UserId,
    ) -> Result<Option<Membership>, StoreError> {
        let permit = permit.clone();
        self.pool
            .read(move |c| {
                async move {
                    rooms::check(c, &permit).await?;
                    Ok(members::find(c, permit.room().id, user).await?)
                }
                .boxed()
            })
            .await
    }

    async fn heads(&self, user: UserId, limit: usize) -> Result<Heads> {
        self.pool
            .read(move |c| async move { Ok(rooms::heads(c, user, limit).await?) }.boxed())
            .await
    }

    async fn rooms_of(&self, user: UserId, page: RoomPage) -> Result<Vec<RoomSummary>> {
        let uuids = self.uuids.clone();
        self.pool
            .read(move |c| {
                async move { Ok(room_lists::of_member(c, &uuids, user, page).await?) }.boxed()
            })
            .await
    }

    async fn public_rooms(&self, reader: UserId, page: RoomPage) -> Result<Vec<RoomSummary>> {
        self.pool
            .read(move |c| async move { Ok(room_lists::public(c, reader, page).await?) }.boxed())
            .await
    }

    async fn public_rooms_by_number(&self, skip: usize, limit: usize) -> Result<Vec<Room>> {
        self.pool
            .read(move |c| {
                async move { Ok(room_lists::public_by_number(c, skip, limit).await?) }.boxed()
            })
            .await
    }

    async fn room_summary(&self, permit: &MayRead) -> Result<RoomSummary, StoreError> {
        let (permit, uuids) = (permit.clone(), self.uuids.clone());
        self.pool
            .read(move |c| async move { room_lists::one(c, &uuids, &permit).await }.boxed())
            .await
    }

    async fn members(
        &self,
        permit: &MayRead,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<Member>, StoreError> {
        let permit = permit.clone();
        self.pool
            .read(move |c| {
                async move {
                    rooms::check(c, &permit).await?;
                    Ok(members::page(c, permit.room().id, after, limit).await?)
                }
                .boxed()
            })
            .await
    }

    async fn members_of_rooms(
        &self,
        reader: Option<UserId>,
        rooms: &[RoomId],
        limit: usize,
    ) -> Result<Vec<Member>> {
        let rooms = rooms.to_vec();
        self.pool
            .read(move |c| {
                async move { Ok(members::of_rooms(c, reader, &rooms, limit).await?) }.boxed()
            })
            .await
    }

    async fn message(
        &self,
        permit: &MayRead,
        id: MessageId,
    ) -> Result<Option<Message>, StoreError> {
        let (permit, uuids) = (permit.clone(), self.uuids.clone());
        self.pool
            .read(move |c| {
                async move {
                    rooms::check(c, &permit).await?;
                    Ok(messages::find(c, &uuids, permit.room().id, id).await?)
                }
                .boxed()
            })
            .await
    }

    async fn message_id(&self, uuid: Uuid) -> Result<Option<MessageId>> {
        Ok(self.uuids.id(uuid))
    }

    async fn message_by_uuid(
        &self,
        permit: &MayRead,
        uuid: Uuid,
    ) -> Result<Option<Message>, StoreError> {
        match self.uuids.id(uuid) {
            Some(id) => self.message(permit, id).await,
            None => Ok(None),
        }
    }

    async fn messages_by_id(
        &self,
        permit: &MayRead,
        ids: &[MessageId],
    ) -> Result<Vec<Message>, StoreError> {
        let (permit, uuids, ids) = (permit.clone(), self.uuids.clone(), ids.to_vec());
        self.pool
            .read(move |c| {
                async move {
                    rooms::check(c, &permit).await?;
                    let mut found = messages::by_id(c, &uuids, &ids).await?;
                    found.retain(|message| message.room == permit.room().id);
                    Ok(found)
                }
                .boxed()
            })
            .await
    }

    async fn shown_messages(
        &self,
        permit: &MayRead,
        skip: i64,
    ) -> Result<ShownMessages, StoreError> {
        let permit = permit.clone();
        self.pool
            .read(move |c| {
                async move {
                    let last = rooms::check(c, &permit).await?.position.seq;
                    let (room, reader) = (permit.room().id, permit.actor());
                    Ok(messages::shown(c, room, reader, last, skip).await?)
                }
                .boxed()
            })
            .await
    }

    async fn readings_of_rooms(
        &self,
        reader: UserId,
        rooms: &[RoomId],
        limit: usize,
    ) -> Result<Vec<Reading>> {
        let rooms = rooms.to_vec();
        self.pool
            .read(move |c| {
                async move { Ok(members::readings(c, reader, &rooms, limit).await?) }.boxed()
            })
            .await
    }

    async fn readers(
        &self,
        permit: &MayRead,
        messages: &[(Seq, Option<UserId>)],
    ) -> Result<Vec<Readers>, StoreError> {
        let (permit, messages) = (permit.clone(), messages.to_vec());
        self.pool
            .read(move |c| async move { receipts::readers(c, &permit, &messages).await }.boxed())
            .await
    }

    async fn member_settings(
        &self,
        user: UserId,
        rooms: &[RoomId],
    ) -> Result<Vec<(RoomId, Metadata)>> {
        let rooms = rooms.to_vec();
        self.pool
            .read(move |c| {
                async move { Ok(member_settings::of_member(c, user, &rooms).await?) }.boxed()
            })
            .await
    }

    async fn set_member_settings(
        &self,
        permit: &MayRead,
        settings: Metadata,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let permit = permit.clone();
        self.pool
            .write(move |c| {
                async move { member_settings::keep(c, &permit, &settings, at).await }.boxed()
            })
            .await
    }

    async fn messages(
        &self,
        permit: &MayRead,
        page: MessagePage,
    ) -> Result<Vec<Message>, StoreError> {
        let (permit, uuids) = (permit.clone(), self.uuids.clone());
        self.pool
            .read(move |c| {
                async move {
                    rooms::check(c, &permit).await?;
                    let (room, reader) = (permit.room().id, permit.actor());
                    Ok(messages::page(c, &uuids, room, reader, page).await?)
                }
                .boxed()
            })
            .await
    }

    async fn newest_messages(
        &self,
        permit: &MayRead,
        skip: usize,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError> {
        let (permit, uuids) = (permit.clone(), self.uuids.clone());
        self.pool
            .read(move |c| {
                async move {
                    rooms::check(c, &permit).await?;
                    let (room, reader) = (permit.room().id, permit.actor());
                    Ok(messages::newest(c, &uuids, room, reader, skip, limit).await?)
                }
                .boxed()
            })
            .await
    }

    async fn receipts(
        &self,
        permit: &MayRead,
        message: MessageId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<MessageReceipt>, StoreError> {
        let permit = permit.clone();
        self.pool
            .read(move |c| {
                async move { receipts::of_message(c, &permit, message, after, limit).await }.boxed()
            })
            .await
    }

    async fn catch_up(
        &self,
        permit: &MayRead,
        cursor: CatchUpCursor,
        limit: usize,
    ) -> Result<CatchUp, StoreError> {
        let (permit, uuids) = (permit.clone(), self.uuids.clone());
        self.pool
            .read(move |c| {
                async move { catch_up::page(c, &uuids, &permit, cursor, limit).await }.boxed()
            })
            .await
    }

    async fn create_invite(&self, permit: &MayInvite, invite: Invite) -> Result<(), StoreError> {
        let permit = permit.clone();
        self.pool
            .write(move |c| async move { invites::create(c, &permit, &invite).await }.boxed())
            .await
    }

    async fn invite(&self, code: &str, at: Timestamp) -> Result<Option<Invite>> {
        let code = code.to_owned();
        self.pool
            .read(move |c| async move { Ok(invites::find(c, &code, at).await?) }.boxed())
            .await
    }
}

#[async_trait]
impl OutboxStore for SqlStore {
    async fn outbox_waiting(&self, page: OutboxPage) -> Result<Vec<OutboxRow>> {
        self.pool
            .read(move |c| async move { Ok(outbox::waiting(c, page).await?) }.boxed())
            .await
    }

    async fn outbox_settle(&self, settled: Vec<Settlement>, at: Timestamp) -> Result<()> {
        self.pool
            .write(move |c| async move { Ok(outbox::settle(c, &settled, at).await?) }.boxed())
            .await
    }

    async fn outbox_prune(&self, before: Timestamp, limit: usize) -> Result<usize> {
        let old: Vec<_> = self
            .pool
            .read(move |c| {
                async move { Ok::<_, Error>(outbox::settled_before(c, before, limit).await?) }
                    .boxed()
            })
            .await?;
        if old.is_empty() {
            return Ok(0);
        }
        self.pool
            .write(move |c| async move { Ok(outbox::remove(c, &old).await?) }.boxed())
            .await
    }

    async fn outbox_hint(&self) {
        self.hints.next().await;
    }

    fn outbox_hints(&self) -> bool {
        self.hints.are_told()
    }
}

#[async_trait]
impl FileStore for SqlStore {
    async fn begin_upload(&self, upload: NewUpload, asks: Reservation) -> Result<u64> {
        self.pool
            .write(move |c| async move { uploads::begin(c, &upload, asks).await }.boxed())
            .await
    }

    async fn keep_upload(&self, id: FileId, until: Timestamp) -> Result<bool> {
        self.pool
            .write(move |c| async move { Ok(uploads::keep(c, id, until).await?) }.boxed())
            .await
    }

    async fn aim_upload(&self, id: FileId, key: &BlobKey, until: Timestamp) -> Result<bool> {
        let key = key.clone();
        self.pool
            .write(move |c| async move { Ok(uploads::aim(c, id, &key, until).await?) }.boxed())
            .await
    }

    async fn finish_upload(&self, file: &File) -> Result<()> {
        let file = file.clone();
        self.pool
            .write(move |c| async move { uploads::finish(c, &file).await }.boxed())
            .await
    }

    async fn abandon_upload(&self, id: FileId, at: Timestamp) -> Result<bool> {
        self.pool
            .write(move |c| async move { Ok(uploads::abandon(c, id, at).await?) }.boxed())
            .await
    }

    async fn abandon_expired(&self, at: Timestamp, orphaned: bool, limit: usize) -> Result<usize> {
        self.pool
            .write(move |c| {
                async move { Ok(uploads::abandon_expired(c, at, orphaned, limit).await?) }.boxed()
            })
            .await
    }

    async fn resumable_upload(&self, id: FileId, owner: UserId) -> Result<Option<ResumableUpload>> {
        self.pool
            .read(move |c| async move { Ok(uploads::resumable(c, id, owner).await?) }.boxed())
            .await
    }

    async fn begin_part(&self, id: FileId, part: &BlobKey) -> Result<bool> {
        let part = part.clone();
        self.pool
            .write(move |c| async move { Ok(uploads::begin_part(c, id, &part).await?) }.boxed())
            .await
    }

    async fn finish_part(
        &self,
        id: FileId,
        part: &BlobKey,
        from: u64,
        size: u64,
        until: Timestamp,
    ) -> Result<bool> {
        let part = part.clone();
        self.pool
            .write(move |c| {
                async move { Ok(uploads::finish_part(c, id, &part, from, size, until).await?) }
                    .boxed()
            })
            .await
    }

    async fn file(&self, id: FileId) -> Result<Option<File>> {
        self.pool
            .read(move |c| async move { Ok(files::find(c, id).await?) }.boxed())
            .await
    }

    async fn file_authority(&self, id: FileId, user: UserId) -> Result<Option<FileAuthority>> {
        self.pool
            .read(move |c| async move { Ok(files::authority(c, id, user).await?) }.boxed())
            .await
    }

    async fn files_of(&self, owner: UserId, page: FilesPage) -> Result<Vec<File>> {
        self.pool
            .read(move |c| async move { Ok(files::of_owner(c, owner, page).await?) }.boxed())
            .await
    }

    async fn discard_file(&self, permit: &MayDiscard, at: Timestamp) -> Result<()> {
        let permit = permit.clone();
        self.pool
            .write(move |c| async move { Ok(files::discard(c, &permit, at).await?) }.boxed())
            .await
    }

    async fn doomed_blobs(&self, limit: usize) -> Result<Vec<BlobKey>> {
        self.pool
            .read(move |c| async move { Ok(files::doomed(c, limit).await?) }.boxed())
            .await
    }

    async fn forget_blobs(&self, keys: &[BlobKey]) -> Result<()> {
        let keys = keys.to_vec();
        self.pool
            .write(move |c| async move { Ok(files::forget(c, &keys).await?) }.boxed())
            .await
    }
}
