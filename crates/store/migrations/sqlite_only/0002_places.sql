-- Where messages stand in their rooms. Servers have the index `messages_by_seq` for
-- that. SQLite writes whole pages into its log, and a commit with messages of fifty
-- rooms would write fifty pages of such an index. So a place is noted in
-- `fresh_places` first, a few pages for all rooms together, and goes over to
-- `message_places` with many others (`src/sql/places.rs`). Each message has exactly
-- one row in one of the two.
CREATE TABLE message_places (
    room_id    INTEGER NOT NULL REFERENCES rooms (id),
    seq        INTEGER NOT NULL,
    message_id INTEGER NOT NULL REFERENCES messages (id),
    PRIMARY KEY (room_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE fresh_places (
    room_id    INTEGER NOT NULL REFERENCES rooms (id),
    seq        INTEGER NOT NULL,
    message_id INTEGER NOT NULL REFERENCES messages (id),
    PRIMARY KEY (room_id, seq)
) STRICT, WITHOUT ROWID;

INSERT INTO message_places (room_id, seq, message_id)
SELECT room_id, seq, id FROM messages ORDER BY room_id, seq;

DROP INDEX messages_by_seq;

-- Messages as the rooms have them, quick to find by `room_id` and `seq`.
CREATE VIEW room_messages AS
SELECT m.id, p.room_id, p.seq, m.sender_id, m.client_id, m.fingerprint, m.kind, m.text,
       m.reply_to, m.metadata, m.created_at, m.edited_at, m.deleted_at, m.revision
  FROM message_places p CROSS JOIN messages m ON m.id = p.message_id
UNION ALL
SELECT m.id, p.room_id, p.seq, m.sender_id, m.client_id, m.fingerprint, m.kind, m.text,
       m.reply_to, m.metadata, m.created_at, m.edited_at, m.deleted_at, m.revision
  FROM fresh_places p CROSS JOIN messages m ON m.id = p.message_id;
