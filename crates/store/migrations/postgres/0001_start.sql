-- The first schema, for PostgreSQL. Written by `tests/schema/` from that for
-- SQLite, which says what each table is for: change that one.
--
-- Texts are compared by their bytes, as SQLite does. References are not
-- enforced: see there.

CREATE TABLE settings (
    name TEXT COLLATE "C" NOT NULL,
    value BYTEA NOT NULL,
    PRIMARY KEY (name)
);

CREATE TABLE id_blocks (
    kind BIGINT NOT NULL,
    next_id BIGINT NOT NULL,
    PRIMARY KEY (kind)
);

INSERT INTO id_blocks (kind, next_id) VALUES (0, 1), (1, 1), (2, 1), (3, 1), (4, 1);

CREATE TABLE pulse (
    id BIGINT NOT NULL,
    beat BIGINT NOT NULL,
    PRIMARY KEY (id)
);

INSERT INTO pulse (id, beat) VALUES (0, 0);

CREATE TABLE users (
    id BIGINT NOT NULL,
    uuid BYTEA NOT NULL UNIQUE,
    username TEXT COLLATE "C" NOT NULL,
    username_key TEXT COLLATE "C" NOT NULL UNIQUE,
    handle TEXT COLLATE "C" NOT NULL UNIQUE,
    display_name TEXT COLLATE "C" NOT NULL,
    display_name_key TEXT COLLATE "C" NOT NULL,
    email TEXT COLLATE "C",
    email_key TEXT COLLATE "C" UNIQUE,
    external_id TEXT COLLATE "C" UNIQUE,
    avatar_url TEXT COLLATE "C",
    state BIGINT NOT NULL,
    password_hash TEXT COLLATE "C",
    last_seen_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    renamed_at BIGINT,
    file_bytes BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (id)
);
CREATE INDEX users_by_display_name ON users (display_name_key);

CREATE TABLE sessions (
    id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    device TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    refresh_hash BYTEA NOT NULL UNIQUE,
    PRIMARY KEY (id)
);
CREATE INDEX sessions_by_user ON sessions (user_id);

CREATE TABLE spent_refresh_tokens (
    hash BYTEA NOT NULL,
    session_id BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (hash)
);
CREATE INDEX spent_refresh_tokens_by_session ON spent_refresh_tokens (session_id, expires_at);

CREATE TABLE rooms (
    id BIGINT NOT NULL,
    uuid BYTEA NOT NULL UNIQUE,
    kind BIGINT NOT NULL,
    visibility BIGINT NOT NULL,
    open_to_all BIGINT NOT NULL,
    title TEXT COLLATE "C",
    description TEXT COLLATE "C",
    external_id TEXT COLLATE "C" UNIQUE,
    created_by BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    updated_revision BIGINT NOT NULL,
    updated_by BIGINT,
    closed_at BIGINT,
    PRIMARY KEY (id)
);
CREATE INDEX rooms_by_visibility ON rooms (visibility);

CREATE TABLE room_heads (
    room_id BIGINT NOT NULL,
    last_seq BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    members_version BIGINT NOT NULL,
    last_message_at BIGINT,
    PRIMARY KEY (room_id)
);

CREATE TABLE direct_rooms (
    low_user_id BIGINT NOT NULL,
    high_user_id BIGINT NOT NULL,
    room_id BIGINT NOT NULL UNIQUE,
    PRIMARY KEY (low_user_id, high_user_id)
);

CREATE TABLE memberships (
    room_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    role BIGINT NOT NULL,
    state BIGINT NOT NULL,
    joined_at BIGINT NOT NULL,
    since_seq BIGINT NOT NULL,
    until_seq BIGINT,
    delivered_seq BIGINT NOT NULL,
    read_seq BIGINT NOT NULL,
    delivered_upto BIGINT NOT NULL,
    read_upto BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    changed_by BIGINT NOT NULL,
    PRIMARY KEY (room_id, user_id)
);
CREATE INDEX memberships_by_user ON memberships (user_id, state, room_id);
CREATE INDEX memberships_by_revision ON memberships (room_id, revision);

CREATE TABLE membership_periods (
    room_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    since_seq BIGINT NOT NULL,
    until_seq BIGINT,
    PRIMARY KEY (room_id, user_id, since_seq)
);

CREATE TABLE messages (
    id BIGINT NOT NULL,
    room_id BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    sender_id BIGINT,
    client_id TEXT COLLATE "C",
    fingerprint BIGINT,
    kind BIGINT NOT NULL,
    text TEXT COLLATE "C" NOT NULL,
    reply_to BIGINT,
    metadata TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    edited_at BIGINT,
    deleted_at BIGINT,
    revision BIGINT NOT NULL,
    PRIMARY KEY (id)
);
CREATE UNIQUE INDEX messages_by_seq ON messages (room_id, seq);
CREATE UNIQUE INDEX messages_by_client_id ON messages (sender_id, client_id) WHERE client_id IS NOT NULL;

CREATE TABLE unpaired_sends (
    room_id BIGINT NOT NULL,
    sender_id BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    message_id BIGINT NOT NULL,
    transport BIGINT NOT NULL,
    content BIGINT NOT NULL,
    sent_at BIGINT NOT NULL,
    PRIMARY KEY (room_id, sender_id, seq)
);

CREATE TABLE member_settings (
    room_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    settings TEXT COLLATE "C" NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (room_id, user_id)
);

CREATE TABLE message_changes (
    room_id BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    message_id BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    changed_by BIGINT NOT NULL,
    PRIMARY KEY (room_id, revision)
);

CREATE TABLE reactions (
    message_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    emoji TEXT COLLATE "C" NOT NULL,
    active BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    room_id BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    PRIMARY KEY (message_id, user_id, emoji)
);
CREATE UNIQUE INDEX reactions_by_revision ON reactions (room_id, revision);

CREATE TABLE receipts (
    room_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    kind BIGINT NOT NULL,
    from_seq BIGINT NOT NULL,
    to_seq BIGINT NOT NULL,
    marked_at BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    PRIMARY KEY (room_id, user_id, kind, from_seq)
);
CREATE INDEX receipts_by_revision ON receipts (room_id, revision);

CREATE TABLE hidden_messages (
    room_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    message_id BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    PRIMARY KEY (room_id, user_id, seq)
);
CREATE INDEX hidden_messages_by_revision ON hidden_messages (room_id, user_id, revision);

CREATE TABLE invites (
    code TEXT COLLATE "C" NOT NULL,
    room_id BIGINT NOT NULL,
    created_by BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    uses_left BIGINT,
    PRIMARY KEY (code)
);
CREATE INDEX invites_by_room ON invites (room_id);

CREATE TABLE files (
    id BIGINT NOT NULL,
    uuid BYTEA NOT NULL UNIQUE,
    owner_id BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    content_type TEXT COLLATE "C" NOT NULL,
    size BIGINT NOT NULL,
    width BIGINT,
    height BIGINT,
    thumbnail TEXT COLLATE "C",
    thumbnail_size BIGINT,
    blob_key TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX files_by_owner ON files (owner_id, id);

CREATE TABLE message_files (
    message_id BIGINT NOT NULL,
    place BIGINT NOT NULL,
    file_id BIGINT NOT NULL,
    room_id BIGINT NOT NULL,
    PRIMARY KEY (message_id, place)
);
CREATE INDEX message_files_by_file ON message_files (file_id, room_id);

CREATE TABLE uploads (
    id BIGINT NOT NULL,
    uuid BYTEA NOT NULL UNIQUE,
    owner_id BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    blob_key TEXT COLLATE "C",
    reserved BIGINT NOT NULL,
    resumable BIGINT NOT NULL,
    length BIGINT NOT NULL,
    received BIGINT NOT NULL,
    metadata TEXT COLLATE "C" NOT NULL,
    started_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX uploads_by_owner ON uploads (owner_id);
CREATE INDEX uploads_by_expiry ON uploads (resumable, expires_at);

CREATE TABLE upload_parts (
    upload_id BIGINT NOT NULL,
    blob_key TEXT COLLATE "C" NOT NULL,
    from_byte BIGINT,
    size BIGINT,
    PRIMARY KEY (upload_id, blob_key)
);

CREATE TABLE doomed_blobs (
    blob_key TEXT COLLATE "C" NOT NULL,
    doomed_at BIGINT NOT NULL,
    PRIMARY KEY (blob_key)
);
CREATE INDEX doomed_blobs_by_time ON doomed_blobs (doomed_at);

CREATE TABLE outbox (
    id BIGINT NOT NULL GENERATED BY DEFAULT AS IDENTITY,
    action TEXT COLLATE "C",
    sender_id BIGINT,
    sender TEXT COLLATE "C",
    room_id BIGINT,
    room TEXT COLLATE "C",
    recipient_id BIGINT,
    recipient TEXT COLLATE "C",
    kind TEXT COLLATE "C",
    text TEXT COLLATE "C",
    reply_to BIGINT,
    file_ids TEXT COLLATE "C",
    client_id TEXT COLLATE "C",
    metadata TEXT COLLATE "C",
    target_id BIGINT,
    state TEXT COLLATE "C" NOT NULL DEFAULT 'waiting',
    reason TEXT COLLATE "C",
    detail TEXT COLLATE "C",
    message_id BIGINT,
    seq BIGINT,
    created_at BIGINT NOT NULL DEFAULT (CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)),
    settled_at BIGINT,
    PRIMARY KEY (id)
);
CREATE INDEX outbox_by_state ON outbox (state, id);
CREATE INDEX outbox_by_settling ON outbox (settled_at);
