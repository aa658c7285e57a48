-- The first schema.
--
-- Everywhere: times are microseconds since 1970 UTC; UUIDs are 16 bytes; ids
-- are made by the program, in blocks (`id_blocks`). The numbers that stand for
-- kinds, roles and states are listed in `src/codes.rs`.
--
-- References are written down for the reader and for `PRAGMA
-- foreign_key_check`, which the tests run; they are not enforced at each write.
-- Users, rooms and messages are never removed, and every id that is stored was
-- looked up in the same transaction, so that enforcement could only cost time.

PRAGMA application_id = 0x54657274; -- "Tert": this file is ours.

-- What this database knows of itself: `message_uuid_key` (16 bytes), from which
-- messages' UUIDs are derived. Written once, never changed.
CREATE TABLE settings (
    name  TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- The next unused id of each kind. Ids below it are used or lost, never free.
CREATE TABLE id_blocks (
    kind    INTEGER NOT NULL PRIMARY KEY,
    next_id INTEGER NOT NULL
) STRICT;

INSERT INTO id_blocks (kind, next_id) VALUES (0, 1), (1, 1), (2, 1), (3, 1), (4, 1);

-- Written to see whether the database takes writes (row 0; locked by those that
-- write alone). On servers also a row for each process that writes: every commit
-- raises `beat` there, so that it can be known what became of one whose answer
-- was lost, and whether somebody else has written.
CREATE TABLE pulse (
    id   INTEGER NOT NULL PRIMARY KEY,
    beat INTEGER NOT NULL
) STRICT;

INSERT INTO pulse (id, beat) VALUES (0, 0);

-- People. Rows are never removed. The `…_key` columns are the lower-cased forms
-- under which names are unique and found. `handle` is the name that Socket.IO
-- clients know: compared as it is, given once, never changed, and kept with
-- `external_id` when a user is deleted, so that nobody else gets them. `renamed_at`
-- is when the username last changed, null while it is the first one. `file_bytes`
-- is what the user's files and uploads take.
CREATE TABLE users (
    id               INTEGER NOT NULL PRIMARY KEY,
    uuid             BLOB    NOT NULL UNIQUE,
    username         TEXT    NOT NULL,
    username_key     TEXT    NOT NULL UNIQUE,
    handle           TEXT    NOT NULL UNIQUE,
    display_name     TEXT    NOT NULL,
    display_name_key TEXT    NOT NULL,
    email            TEXT,
    email_key        TEXT    UNIQUE,
    external_id      TEXT    UNIQUE,
    avatar_url       TEXT,
    state            INTEGER NOT NULL,
    password_hash    TEXT,
    last_seen_at     INTEGER,
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    renamed_at       INTEGER,
    file_bytes       INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX users_by_display_name ON users (display_name_key);

-- Logins that have not been ended; one that has is removed. `refresh_hash` is
-- the SHA-256 of the one refresh token that is good now.
CREATE TABLE sessions (
    id           INTEGER NOT NULL PRIMARY KEY,
    user_id      INTEGER NOT NULL REFERENCES users (id),
    device       TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    refresh_hash BLOB    NOT NULL UNIQUE
) STRICT;

CREATE INDEX sessions_by_user ON sessions (user_id);

-- Refresh tokens that were exchanged: who shows one again shows a stolen one.
-- Removed with their session, or once they would have run out by themselves.
CREATE TABLE spent_refresh_tokens (
    hash       BLOB    NOT NULL PRIMARY KEY,
    session_id INTEGER NOT NULL REFERENCES sessions (id),
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX spent_refresh_tokens_by_session ON spent_refresh_tokens (session_id, expires_at);

-- Rooms. Rows are never removed; a closed room has `closed_at` and is shown to
-- nobody. `updated_revision` and `updated_by` tell of the last change of title,
-- description or visibility; zero and null before the first.
CREATE TABLE rooms (
    id               INTEGER NOT NULL PRIMARY KEY,
    uuid             BLOB    NOT NULL UNIQUE,
    kind             INTEGER NOT NULL,
    visibility       INTEGER NOT NULL,
    open_to_all      INTEGER NOT NULL,
    title            TEXT,
    description      TEXT,
    external_id      TEXT    UNIQUE,
    created_by       INTEGER REFERENCES users (id),
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    updated_revision INTEGER NOT NULL,
    updated_by       INTEGER REFERENCES users (id),
    closed_at        INTEGER
) STRICT;

CREATE INDEX rooms_by_visibility ON rooms (visibility);

-- Where each room stands: one row for each room, apart from `rooms` because it
-- is written with every message. Whoever writes to a room first locks this row,
-- rooms in ascending order. `last_seq` is the number of its messages,
-- `revision` the number of its changes, `members_version` the revision of the
-- last change of its members.
CREATE TABLE room_heads (
    room_id         INTEGER NOT NULL PRIMARY KEY REFERENCES rooms (id),
    last_seq        INTEGER NOT NULL,
    revision        INTEGER NOT NULL,
    members_version INTEGER NOT NULL,
    last_message_at INTEGER
) STRICT;

-- The one direct room of two people; `low_user_id` < `high_user_id`. On PostgreSQL
-- an SQL function may have promised `room_id` to a room that is about to be made.
CREATE TABLE direct_rooms (
    low_user_id  INTEGER NOT NULL REFERENCES users (id),
    high_user_id INTEGER NOT NULL REFERENCES users (id),
    room_id      INTEGER NOT NULL UNIQUE REFERENCES rooms (id),
    PRIMARY KEY (low_user_id, high_user_id)
) STRICT, WITHOUT ROWID;

-- How a user stands to a room: one row for each pair that ever was, with the
-- last change (`revision`, `changed_by`). `since_seq` is the last message before
-- the membership, `until_seq` the last one of it once it has ended.
-- `delivered_seq` and `read_seq` are the highest messages marked;
-- `delivered_upto` and `read_upto` say up to where every message that was sent
-- to the member is marked without a gap (no stretch of `receipts` reaches over
-- them). A membership that has ended has the role of a plain member, so that an
-- open room has at most one row with the owner's role.
CREATE TABLE memberships (
    room_id        INTEGER NOT NULL REFERENCES rooms (id),
    user_id        INTEGER NOT NULL REFERENCES users (id),
    role           INTEGER NOT NULL,
    state          INTEGER NOT NULL,
    joined_at      INTEGER NOT NULL,
    since_seq      INTEGER NOT NULL,
    until_seq      INTEGER,
    delivered_seq  INTEGER NOT NULL,
    read_seq       INTEGER NOT NULL,
    delivered_upto INTEGER NOT NULL,
    read_upto      INTEGER NOT NULL,
    revision       INTEGER NOT NULL,
    changed_by     INTEGER NOT NULL REFERENCES users (id),
    PRIMARY KEY (room_id, user_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX memberships_by_user ON memberships (user_id, state, room_id);
CREATE INDEX memberships_by_revision ON memberships (room_id, revision);

-- When a user belonged to a room, as the stretches of messages that were sent
-- to it: after `since_seq`, up to `until_seq`, or still. They do not overlap.
CREATE TABLE membership_periods (
    room_id   INTEGER NOT NULL REFERENCES rooms (id),
    user_id   INTEGER NOT NULL REFERENCES users (id),
    since_seq INTEGER NOT NULL,
    until_seq INTEGER,
    PRIMARY KEY (room_id, user_id, since_seq)
) STRICT, WITHOUT ROWID;

-- What people said. The hot table: three indexes and no more. `seq` is 1, 2, 3
-- in each room, without a hole. `client_id` with `fingerprint` makes a retry
-- harmless. `metadata` is a JSON object. Rows are never removed: a deleted
-- message keeps its place, sender and client_id, and loses text and metadata.
CREATE TABLE messages (
    id          INTEGER NOT NULL PRIMARY KEY,
    room_id     INTEGER NOT NULL REFERENCES rooms (id),
    seq         INTEGER NOT NULL,
    sender_id   INTEGER REFERENCES users (id),
    client_id   TEXT,
    fingerprint INTEGER,
    kind        INTEGER NOT NULL,
    text        TEXT    NOT NULL,
    reply_to    INTEGER REFERENCES messages (id),
    metadata    TEXT,
    created_at  INTEGER NOT NULL,
    edited_at   INTEGER,
    deleted_at  INTEGER,
    revision    INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX messages_by_seq ON messages (room_id, seq);
-- Most messages of the older clients have no client_id, and need no entry.
CREATE UNIQUE INDEX messages_by_client_id ON messages (sender_id, client_id)
    WHERE client_id IS NOT NULL;

-- Sends that have no partner yet among the sends of the same user on the other
-- transport (`transport` 0 a socket, 1 a call). `content` is a hash over kind and
-- words as first sent. A row goes when its partner comes, or with the sender's
-- next send in the room after the time in which a partner can come.
CREATE TABLE unpaired_sends (
    room_id    INTEGER NOT NULL REFERENCES rooms (id),
    sender_id  INTEGER NOT NULL REFERENCES users (id),
    seq        INTEGER NOT NULL,
    message_id INTEGER NOT NULL REFERENCES messages (id),
    transport  INTEGER NOT NULL,
    content    INTEGER NOT NULL,
    sent_at    INTEGER NOT NULL,
    PRIMARY KEY (room_id, sender_id, seq)
) STRICT, WITHOUT ROWID;

-- What a member keeps for itself about a room: a JSON object.
CREATE TABLE member_settings (
    room_id    INTEGER NOT NULL REFERENCES rooms (id),
    user_id    INTEGER NOT NULL REFERENCES users (id),
    settings   TEXT    NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (room_id, user_id)
) STRICT, WITHOUT ROWID;

-- The last edit or deletion of each message that had one, by revision: what a
-- returning client must learn about messages that it knows.
CREATE TABLE message_changes (
    room_id    INTEGER NOT NULL REFERENCES rooms (id),
    revision   INTEGER NOT NULL,
    message_id INTEGER NOT NULL REFERENCES messages (id),
    seq        INTEGER NOT NULL,
    changed_by INTEGER NOT NULL REFERENCES users (id),
    PRIMARY KEY (room_id, revision)
) STRICT, WITHOUT ROWID;

-- Reactions that stand (`active` 1), and those taken back (0), which returning
-- clients must learn of. Removed with their message's text.
CREATE TABLE reactions (
    message_id INTEGER NOT NULL REFERENCES messages (id),
    user_id    INTEGER NOT NULL REFERENCES users (id),
    emoji      TEXT    NOT NULL,
    active     INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    room_id    INTEGER NOT NULL REFERENCES rooms (id),
    seq        INTEGER NOT NULL,
    revision   INTEGER NOT NULL,
    PRIMARY KEY (message_id, user_id, emoji)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX reactions_by_revision ON reactions (room_id, revision);

-- Messages `from_seq` to `to_seq` marked by a member, with the first time. The
-- stretches of a member and kind do not overlap; rows are never changed. All
-- rows of one revision come from one mark.
CREATE TABLE receipts (
    room_id   INTEGER NOT NULL REFERENCES rooms (id),
    user_id   INTEGER NOT NULL REFERENCES users (id),
    kind      INTEGER NOT NULL,
    from_seq  INTEGER NOT NULL,
    to_seq    INTEGER NOT NULL,
    marked_at INTEGER NOT NULL,
    revision  INTEGER NOT NULL,
    PRIMARY KEY (room_id, user_id, kind, from_seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX receipts_by_revision ON receipts (room_id, revision);

-- Messages that a reader put out of its own sight.
CREATE TABLE hidden_messages (
    room_id    INTEGER NOT NULL REFERENCES rooms (id),
    user_id    INTEGER NOT NULL REFERENCES users (id),
    seq        INTEGER NOT NULL,
    message_id INTEGER NOT NULL REFERENCES messages (id),
    revision   INTEGER NOT NULL,
    PRIMARY KEY (room_id, user_id, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX hidden_messages_by_revision ON hidden_messages (room_id, user_id, revision);

-- Codes that let their bearer into a room. Removed when the room closes.
CREATE TABLE invites (
    code       TEXT    NOT NULL PRIMARY KEY,
    room_id    INTEGER NOT NULL REFERENCES rooms (id),
    created_by INTEGER NOT NULL REFERENCES users (id),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    uses_left  INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX invites_by_room ON invites (room_id);

-- Files that were uploaded as a whole. `content_type` and `thumbnail` are media
-- types, `thumbnail` and `thumbnail_size` those of the small image beside the
-- content, if there is one. `blob_key` says where the bytes are. A file's row is removed with it.
CREATE TABLE files (
    id           INTEGER NOT NULL PRIMARY KEY,
    uuid         BLOB    NOT NULL UNIQUE,
    owner_id     INTEGER NOT NULL REFERENCES users (id),
    name         TEXT    NOT NULL,
    content_type TEXT    NOT NULL,
    size         INTEGER NOT NULL,
    width        INTEGER,
    height       INTEGER,
    thumbnail    TEXT,
    thumbnail_size INTEGER,
    blob_key     TEXT    NOT NULL,
    created_at   INTEGER NOT NULL
) STRICT;

CREATE INDEX files_by_owner ON files (owner_id, id);

-- Which files a message has, in the sender's order. Removed with the file and
-- with the message's text.
CREATE TABLE message_files (
    message_id INTEGER NOT NULL REFERENCES messages (id),
    place      INTEGER NOT NULL,
    file_id    INTEGER NOT NULL REFERENCES files (id),
    room_id    INTEGER NOT NULL REFERENCES rooms (id),
    PRIMARY KEY (message_id, place)
) STRICT, WITHOUT ROWID;

CREATE INDEX message_files_by_file ON message_files (file_id, room_id);

-- Uploads that are not complete; `id` and `uuid` are those of the file to be.
-- `reserved` is what they take of the quota. Those that can be resumed
-- (`resumable` 1) have the announced `length`, and `received` bytes of it are in
-- their parts; the others are carried out by a process that raises `expires_at`
-- now and then. Removed when they are complete, given up or expired.
CREATE TABLE uploads (
    id         INTEGER NOT NULL PRIMARY KEY,
    uuid       BLOB    NOT NULL UNIQUE,
    owner_id   INTEGER NOT NULL REFERENCES users (id),
    name       TEXT    NOT NULL,
    blob_key   TEXT,
    reserved   INTEGER NOT NULL,
    resumable  INTEGER NOT NULL,
    length     INTEGER NOT NULL,
    received   INTEGER NOT NULL,
    metadata   TEXT    NOT NULL,
    started_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE INDEX uploads_by_owner ON uploads (owner_id);
CREATE INDEX uploads_by_expiry ON uploads (resumable, expires_at);

-- The parts of resumable uploads, each noted before it is written: `size` is
-- null until all of it is stored and counted, from the byte `from_byte` on.
CREATE TABLE upload_parts (
    upload_id INTEGER NOT NULL REFERENCES uploads (id),
    blob_key  TEXT    NOT NULL,
    from_byte INTEGER,
    size      INTEGER,
    PRIMARY KEY (upload_id, blob_key)
) STRICT, WITHOUT ROWID;

-- Blobs that nothing needs any more: noted in the transaction that let go of
-- them, removed from their storage soon after, then from here.
CREATE TABLE doomed_blobs (
    blob_key  TEXT    NOT NULL PRIMARY KEY,
    doomed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX doomed_blobs_by_time ON doomed_blobs (doomed_at);

-- What SQL clients ask for, and what came of it: the one table into which others
-- insert, in transactions of their own (`docs/reference/outbox.md`). `action` is
-- null or `send`, `open`, `delivered` or `read`. `state` is `waiting`, `sent` or
-- `refused`, then with a `reason`, a stable word, and a `detail` for people. A
-- row that is done says in which room (`room_id`) its message (`message_id`)
-- stands, and where (`seq`). Rows are removed some days after `settled_at`.
CREATE TABLE outbox (
    id           INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    action       TEXT,
    sender_id    INTEGER,
    sender       TEXT,
    room_id      INTEGER,
    room         TEXT,
    recipient_id INTEGER,
    recipient    TEXT,
    kind         TEXT,
    text         TEXT,
    reply_to     INTEGER,
    file_ids     TEXT,
    client_id    TEXT,
    metadata     TEXT,
    target_id    INTEGER,
    state        TEXT    NOT NULL DEFAULT 'waiting',
    reason       TEXT,
    detail       TEXT,
    message_id   INTEGER,
    seq          INTEGER,
    created_at   INTEGER NOT NULL DEFAULT (CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)),
    settled_at   INTEGER
) STRICT;

CREATE INDEX outbox_by_state ON outbox (state, id);
CREATE INDEX outbox_by_settling ON outbox (settled_at);
