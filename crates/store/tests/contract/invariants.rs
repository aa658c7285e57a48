//! What holds in every database, whatever was done to it: each query finds the
//! rows that contradict.

use crate::parse::Schema;
use crate::rows::Rows;

const CONTRADICTIONS: &[(&str, &str)] = &[
    (
        "a hole in the messages of a room, or a message beyond its end",
        "SELECT h.room_id FROM room_heads h LEFT JOIN messages m ON m.room_id = h.room_id
         GROUP BY h.room_id, h.last_seq
         HAVING COUNT(m.id) <> h.last_seq OR COALESCE(MAX(m.seq), 0) <> h.last_seq
            OR COALESCE(MIN(m.seq), 1) <> 1",
    ),
    (
        "two changes with one revision, or one beyond the room's",
        "WITH changes AS (
            SELECT room_id, revision FROM message_changes
            UNION ALL SELECT room_id, revision FROM reactions
            UNION ALL SELECT DISTINCT room_id, revision FROM receipts
            UNION ALL SELECT room_id, revision FROM hidden_messages
            UNION ALL SELECT m.room_id, m.revision FROM memberships m
             JOIN rooms r ON r.id = m.room_id WHERE m.revision > 1 AND r.closed_at IS NULL
            UNION ALL SELECT id, updated_revision FROM rooms WHERE updated_revision > 0)
         SELECT c.room_id FROM changes c JOIN room_heads h ON h.room_id = c.room_id
         GROUP BY c.room_id, c.revision, h.revision
         HAVING COUNT(*) > 1 OR MAX(c.revision) > MAX(h.revision)",
    ),
    (
        "receipts that overlap",
        "SELECT a.room_id FROM receipts a JOIN receipts b
         ON b.room_id = a.room_id AND b.user_id = a.user_id AND b.kind = a.kind
         AND b.from_seq > a.from_seq AND b.from_seq <= a.to_seq",
    ),
    (
        "something read that was not delivered",
        "SELECT room_id FROM memberships WHERE read_seq > delivered_seq",
    ),
    (
        "receipts beyond what the membership says",
        "SELECT r.room_id FROM receipts r
         JOIN memberships m ON m.room_id = r.room_id AND m.user_id = r.user_id
         GROUP BY r.room_id, r.user_id, r.kind, m.delivered_seq, m.read_seq
         HAVING MAX(r.to_seq) <> CASE r.kind WHEN 0 THEN m.delivered_seq ELSE m.read_seq END",
    ),
    (
        "a stretch that reaches over the watermark",
        "SELECT r.room_id FROM receipts r
         JOIN memberships m ON m.room_id = r.room_id AND m.user_id = r.user_id
         WHERE r.from_seq <= CASE r.kind WHEN 0 THEN m.delivered_upto ELSE m.read_upto END
         AND r.to_seq > CASE r.kind WHEN 0 THEN m.delivered_upto ELSE m.read_upto END",
    ),
    (
        "periods that overlap",
        "SELECT a.room_id FROM membership_periods a JOIN membership_periods b
         ON b.room_id = a.room_id AND b.user_id = a.user_id AND b.since_seq > a.since_seq
         WHERE a.until_seq IS NULL OR a.until_seq > b.since_seq",
    ),
    (
        "a membership that its period contradicts",
        "SELECT m.room_id FROM memberships m
         WHERE (m.state = 0) <> EXISTS (SELECT 1 FROM membership_periods p
            WHERE p.room_id = m.room_id AND p.user_id = m.user_id
            AND p.since_seq = m.since_seq AND p.until_seq IS NULL)
         OR (m.state = 0) <> (m.until_seq IS NULL)",
    ),
    (
        "a group or channel with members and not one owner",
        "SELECT r.id FROM rooms r JOIN memberships m ON m.room_id = r.id AND m.state = 0
         WHERE r.kind <> 0 GROUP BY r.id HAVING SUM(CASE WHEN m.role = 2 THEN 1 ELSE 0 END) <> 1",
    ),
    (
        "a user whose files and uploads take another room than is counted",
        "SELECT u.id FROM users u WHERE u.file_bytes <>
            (SELECT COALESCE(SUM(size), 0) FROM files WHERE owner_id = u.id) +
            (SELECT COALESCE(SUM(reserved), 0) FROM uploads WHERE owner_id = u.id)",
    ),
    (
        "a file on a message that was taken back, or of another room",
        "SELECT m.id FROM message_files f JOIN messages m ON m.id = f.message_id
         WHERE m.deleted_at IS NOT NULL OR m.room_id <> f.room_id",
    ),
    (
        "a blob that is needed and to be removed",
        "SELECT d.blob_key FROM doomed_blobs d WHERE d.blob_key IN (SELECT blob_key FROM files
            UNION ALL SELECT blob_key FROM uploads UNION ALL SELECT blob_key FROM upload_parts)",
    ),
    (
        "an edited or deleted message whose change is not noted",
        "SELECT m.id FROM messages m LEFT JOIN message_changes c
         ON c.room_id = m.room_id AND c.revision = m.revision
         WHERE m.revision > 0 AND (c.message_id IS NULL OR c.message_id <> m.id)",
    ),
];

/// The same of what only SQLite has.
const CONTRADICTIONS_ON_SQLITE: &[(&str, &str)] = &[
    (
        "a message that is not once at its place in its room",
        "SELECT m.id FROM messages m LEFT JOIN room_messages r ON r.id = m.id
         GROUP BY m.id HAVING COUNT(r.id) <> 1 OR MIN(r.room_id) <> m.room_id OR MIN(r.seq) <> m.seq",
    ),
    (
        "a place of no message",
        "SELECT 1 WHERE (SELECT COUNT(*) FROM message_places) + (SELECT COUNT(*) FROM fresh_places)
         <> (SELECT COUNT(*) FROM messages)",
    ),
];

/// Fails the test when the database contradicts itself.
pub(crate) fn check(rows: &Rows) {
    let on_sqlite = match rows.are_on_a_server() {
        true => &[],
        false => CONTRADICTIONS_ON_SQLITE,
    };
    let mut queries: Vec<_> = CONTRADICTIONS
        .iter()
        .chain(on_sqlite)
        .map(|(what, sql)| ((*what).to_owned(), (*sql).to_owned()))
        .collect();
    queries.extend(references());
    for (what, found) in rows.find(queries) {
        assert!(!found, "{what}");
    }
}

/// References are written down in the schema of SQLite, and enforced nowhere.
fn references() -> Vec<(String, String)> {
    let schema = Schema::parse(include_str!("../../migrations/sqlite/0001_start.sql"));
    let mut queries = Vec::new();
    for table in schema.tables() {
        for column in &table.columns {
            let Some((other, key)) = column
                .refers_to
                .as_ref()
                .and_then(|to| to.strip_suffix(')')?.split_once(" ("))
            else {
                continue;
            };
            let (table, column) = (&table.name, &column.name);
            queries.push((
                format!("{table}.{column} refers to nothing"),
                format!(
                    "SELECT t.{column} FROM {table} t LEFT JOIN {other} o ON o.{key} = t.{column} \
                     WHERE t.{column} IS NOT NULL AND o.{key} IS NULL"
                ),
            ));
        }
    }
    assert!(queries.len() > 20, "only {} references", queries.len());
    queries
}
