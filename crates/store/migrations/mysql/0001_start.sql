-- The first schema, for MySQL and MariaDB. Written by `tests/schema/` from that
-- for SQLite, which says what each table is for: change that one.
--
-- Texts are compared by their characters, spaces at the end included, as SQLite
-- does; MySQL and MariaDB call that differently. References are not enforced:
-- see there. Each statement can be run again.

CREATE TABLE IF NOT EXISTS settings (
    name VARCHAR(512) NOT NULL,
    value MEDIUMBLOB NOT NULL,
    PRIMARY KEY (name)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE {collation};

CREATE TABLE IF NOT EXISTS id_blocks (
    kind BIGINT NOT NULL,
    next_id BIGINT NOT NULL,
    PRIMARY KEY (kind)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE {collation};

INSERT IGNORE INTO id_blocks (kind, next_id) VALUES (0, 1), (1, 1), (2, 1), (3, 1), (4, 1);

CREATE TABLE IF NOT EXISTS pulse (
    id BIGINT NOT NULL,
    beat BIGINT NOT NULL,
    PRIMARY KEY (id)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE {collation};

INSERT IGNORE INTO pulse (id, beat) VALUES (0, 0);

CREATE TABLE IF NOT EXISTS users (
    id BIGINT NOT NULL,
    uuid VARBINARY(255) NOT NULL UNIQUE,
    username MEDIUMTEXT NOT NULL,
    username_key VARCHAR(512) NOT NULL UNIQUE,
    handle VARCHAR(512) NOT NULL UNIQUE,
    display_name MEDIUMTEXT NOT NULL,
    display_name_key VARCHAR(512) NOT NULL,
    email MEDIUMTEXT,
    email_key VARCHAR(512) UNIQUE,
    external_id VARCHAR(512) UNIQUE,
    avatar_url MEDIUMTEXT,
    state BIGINT NOT NULL,
    password_hash MEDIUMTEXT,
    last_seen_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    renamed_at BIGINT,
    file_bytes BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (id),
    INDEX users_by_display_name (display_name_key)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE {collation};

CREATE TABLE IF NOT EXISTS sessions (
    id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    device MEDIUMTEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    refresh_hash VARBINARY(255) NOT NULL UNIQUE,
    PRIMARY KEY (id),
    INDEX sessions_by_user (user_id)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE {collation};

CREATE TABLE IF NOT EXISTS spent_refresh_tokens (
    hash VARBINARY(255) NOT NULL,
    session_id BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (hash),
    INDEX spent_refresh_tokens_by_session (session_id, expires_at)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE {collation};

CREATE TABLE IF NOT EXISTS rooms (
    id BIGINT NOT NULL,
    uuid VARBINARY(255) NOT NULL UNIQUE,
    kind BIGINT NOT NULL,
    visibility BIGINT NOT NULL,
    open_to_all BIGINT NOT NULL,
    title MEDIUMTEXT,
    description MEDIUMTEXT,
    external_id VARCHAR(512) UNIQUE,
    created_by BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    updated_revision BIGINT NOT NULL,
    updated_by BIGINT,
    closed_at BIGINT,
    PRIMARY KEY (id),
    INDEX rooms_by_visibility (visibility)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE {collation};

CREATE TABLE IF NOT EXISTS room_heads (
    room_id BIGINT NOT NULL,
    last_seq BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    members_version BIGINT NOT NULL,
    last_message_at BIGINT,
    PRIMARY KEY (room_id)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE {collation};

CREATE TABLE IF NOT EXISTS direct_rooms (
    low_user_id BIGINT NOT NULL,
    high_user_id BIGINT NOT NULL,
    room_id BIGINT NOT NULL UNIQUE,
    PRIMARY KEY (low_user_id, high_user_id)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE {collation};

CREATE TABLE IF NOT EXISTS memberships (
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
    PRIMARY KEY (room_id, user_id),
    INDEX memberships_by_user (user_id, state, room_id),
    INDEX memberships_by_revision (room_id, revision)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE {collation};

CREATE TABLE IF NOT EXISTS membership_periods (
    room_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    since_seq BIGINT NOT NULL,
    until_seq BIGINT,
    PRIMARY KEY (room_id, user_id, since_seq)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE {collation};

CREATE TABLE IF NOT EXISTS messages (
    id BIGINT NOT NULL,
    room_id BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    sender_id BIGINT,
    client_id VARCHAR(512),
    fingerprint BIGINT,
    kind BIGINT NOT NULL,
    text MEDIUMTEXT NOT NULL,
    reply_to BIGINT,
    metadata MEDIUMTEXT,
    created_at BIGINT NOT NULL,
    edited_at BIGINT,
    deleted_at BIGINT,
    revision BIGINT NOT NULL,
    PRIMARY KEY (id),
    UNIQUE INDEX messages_by_seq (room_id, seq),
    UNIQUE INDEX messages_by_client_id (sender_id, client_id)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE {collation};

CREATE TABLE IF NOT EXISTS unpaired_sends (
    room_id BIGINT NOT NULL,
    sender_id BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    message_id BIGINT NOT NULL,
    transport BIGINT NOT NULL,
    content BIGINT NOT NULL,
    sent_at BIGINT NOT NULL,
    PRIMARY KEY (room_id, sender_id, seq)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE {collation};

CREATE TABLE IF NOT EXISTS member_settings (
    room_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    settings MEDIUMTEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (room_id, user_id)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE {collation};

CREATE TABLE IF NOT EXISTS message_changes (
    room_id BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    message_id BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    changed_by BIGINT NOT NULL,
    PRIMARY KEY (room_id, revision)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE {collation};

CREATE TABLE IF NOT EXISTS reactions (
    message_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    emoji VARCHAR(512) NOT NULL,
    active BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    room_id BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    PRIMARY KEY (message_id, user_id, emoji),
    UNIQUE INDEX reactions_by_revision (room_id, revision)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE {collation};

CREATE TABLE IF NOT EXISTS receipts (
    room_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    kind BIGINT NOT NULL,
    from_seq BIGINT NOT NULL,
    to_seq BIGINT NOT NULL,
    marked_at BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    PRIMARY KEY (room_id, user_id, kind, from_seq),
    INDEX receipts_by_revision (room_id, revision)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE {collation};

CREATE TABLE IF NOT EXISTS hidden_messages (
    room_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    message_id BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    PRIMARY KEY (room_id, user_id, seq),
    INDEX hidden_messages_by_revision (room_id, user_id, revision)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE {collation};

CREATE TABLE IF NOT EXISTS invites (
    code VARCHAR(512) NOT NULL,
    room_id BIGINT NOT NULL,
    created_by BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    uses_left BIGINT,
    PRIMARY KEY (code),
    INDEX invites_by_room (room_id)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE {collation};

CREATE TABLE IF NOT EXISTS files (
    id BIGINT NOT NULL,
    uuid VARBINARY(255) NOT NULL UNIQUE,
    owner_id BIGINT NOT NULL,
    name MEDIUMTEXT NOT NULL,
    content_type MEDIUMTEXT NOT NULL,
    size BIGINT NOT NULL,
    width BIGINT,
    height BIGINT,
    thumbnail MEDIUMTEXT,
    thumbnail_size BIGINT,
    blob_key MEDIUMTEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (id),
    INDEX files_by_owner (owner_id, id)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE {collation};

CREATE TABLE IF NOT EXISTS message_files (
    message_id BIGINT NOT NULL,
    place BIGINT NOT NULL,
    file_id BIGINT NOT NULL,
    room_id BIGINT NOT NULL,
    PRIMARY KEY (message_id, place),
    INDEX message_files_by_file (file_id, room_id)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE {collation};

CREATE TABLE IF NOT EXISTS uploads (
    id BIGINT NOT NULL,
    uuid VARBINARY(255) NOT NULL UNIQUE,
    owner_id BIGINT NOT NULL,
    name MEDIUMTEXT NOT NULL,
    blob_key MEDIUMTEXT,
    reserved BIGINT NOT NULL,
    resumable BIGINT NOT NULL,
    length BIGINT NOT NULL,
    received BIGINT NOT NULL,
    metadata MEDIUMTEXT NOT NULL,
    started_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (id),
    INDEX uploads_by_owner (owner_id),
    INDEX uploads_by_expiry (resumable, expires_at)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE {collation};

CREATE TABLE IF NOT EXISTS upload_parts (
    upload_id BIGINT NOT NULL,
    blob_key VARCHAR(512) NOT NULL,
    from_byte BIGINT,
    size BIGINT,
    PRIMARY KEY (upload_id, blob_key)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE {collation};

CREATE TABLE IF NOT EXISTS doomed_blobs (
    blob_key VARCHAR(512) NOT NULL,
    doomed_at BIGINT NOT NULL,
    PRIMARY KEY (blob_key),
    INDEX doomed_blobs_by_time (doomed_at)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE {collation};

CREATE TABLE IF NOT EXISTS outbox (
    id BIGINT NOT NULL AUTO_INCREMENT,
    action MEDIUMTEXT,
    sender_id BIGINT,
    sender MEDIUMTEXT,
    room_id BIGINT,
    room MEDIUMTEXT,
    recipient_id BIGINT,
    recipient MEDIUMTEXT,
    kind MEDIUMTEXT,
    text MEDIUMTEXT,
    reply_to BIGINT,
    file_ids MEDIUMTEXT,
    client_id MEDIUMTEXT,
    metadata MEDIUMTEXT,
    target_id BIGINT,
    state VARCHAR(512) NOT NULL DEFAULT 'waiting',
    reason MEDIUMTEXT,
    detail MEDIUMTEXT,
    message_id BIGINT,
    seq BIGINT,
    created_at BIGINT NOT NULL DEFAULT (CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS SIGNED)),
    settled_at BIGINT,
    PRIMARY KEY (id),
    INDEX outbox_by_state (state, id),
    INDEX outbox_by_settling (settled_at)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE {collation};
