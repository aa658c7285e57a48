//! The page about the schema: `docs/reference/schema.md`.

use std::fmt::Write;

use crate::parse::{Column, Kind, Schema, Table};

const HEAD: &str = "\
# The schema

The tables that Tertulia keeps, the same in SQLite, PostgreSQL, MySQL and MariaDB. This page is written from
`crates/store/migrations/` by a test, which fails when it is stale. Read the tables as you like; write to
none of them but [`outbox`](outbox.md): numbers, counters and caches rest on their being written by the program
alone.

Times are microseconds since 1970 UTC. UUIDs are 16 bytes. The numbers that stand for kinds, roles and states
are listed in `crates/store/src/codes.rs`. References are not enforced by the database: users, rooms and
messages are never removed.

| here | SQLite | PostgreSQL | MySQL, MariaDB |
|---|---|---|---|
| number | `INTEGER` | `BIGINT` | `BIGINT` |
| text | `TEXT` | `TEXT COLLATE \"C\"` | `VARCHAR(512)` in an index, else `MEDIUMTEXT`; `utf8mb4_0900_bin` on MySQL, `utf8mb4_nopad_bin` on MariaDB |
| bytes | `BLOB` | `BYTEA` | `VARBINARY(255)` in an index, else `MEDIUMBLOB` |

`schema_migrations` (`number`, `name`) notes which migrations were run.

On SQLite the index `messages_by_seq` is two tables, `fresh_places` and `message_places` (`room_id`, `seq`,
`message_id`). Look for a room's messages in the view `room_messages`, which has the columns of `messages`.
";

pub(crate) fn write(schemas: &[Schema]) -> String {
    let mut text = HEAD.to_owned();
    for table in schemas.iter().flat_map(Schema::tables) {
        write_table(&mut text, table);
    }
    text
}

fn write_table(text: &mut String, table: &Table) {
    let _ = write!(
        text,
        "\n## `{}`\n\n{}\n\n",
        table.name,
        table.comment.join("\n")
    );
    text.push_str("| column | type | |\n|---|---|---|\n");
    for column in &table.columns {
        let _ = writeln!(
            text,
            "| `{}` | {}{} | {} |",
            column.name,
            match column.kind {
                Kind::Integer => "number",
                Kind::Text => "text",
                Kind::Bytes => "bytes",
            },
            if column.required { "" } else { ", or none" },
            notes(table, column)
        );
    }
    if table.primary_key.len() > 1 {
        let _ = write!(text, "\nKey: `{}`.\n", table.primary_key.join("`, `"));
    }
    for index in &table.indexes {
        let _ = write!(
            text,
            "\n{}: `{}` (`{}`){}.\n",
            if index.unique { "Unique" } else { "Index" },
            index.name,
            index.columns.join("`, `"),
            index
                .only
                .as_ref()
                .map(|only| format!(", of rows with `{only}`"))
                .unwrap_or_default()
        );
    }
}

fn notes(table: &Table, column: &Column) -> String {
    let mut notes = Vec::new();
    if table.primary_key == [column.name.clone()] {
        notes.push(match column.numbered {
            true => "key, given by the database".to_owned(),
            false => "key".to_owned(),
        });
    }
    if column.unique {
        notes.push("unique".to_owned());
    }
    if let Some(refers_to) = &column.refers_to {
        notes.push(format!("→ `{refers_to}`"));
    }
    notes.join(", ")
}
