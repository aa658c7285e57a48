//! Writing what is stored as JSON Lines (`docs/reference/export.md`): all of it,
//! or what one user may ask for. Everything is read in one snapshot, page by
//! page; a server may go on beside it.

use std::collections::HashSet;
use std::io::{self, Write};

use serde_json::{Map, Value as Json};
use tertulia_domain::{MessageId, MessageUuids, UserId};

use super::ends::End;
use super::form::{KINDS, Kind, NEXT_IDS};
use super::rows::{self, Kept, Row};
use super::tables::{self, Table};
use super::{CopyError, line};
use crate::open::Database;
use crate::sql::{self, Connection, params};
use crate::value::Value;
use crate::{migrate, sessions};

/// The version of the form that this program writes and reads.
pub(crate) const VERSION: i64 = 1;

/// Why an export was not written. What was written until then is no export.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The database cannot be used, or went away.
    #[error(transparent)]
    Database(#[from] CopyError),
    /// What was written could not be kept.
    #[error("the export cannot be written")]
    Write(#[from] io::Error),
}

/// What was written, in lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lines {
    /// How many, the first one not counted.
    pub count: u64,
}

/// Writes everything that is stored, but for logins and what is under way.
///
/// # Errors
/// [`ExportError`].
pub async fn export(from: &Database, out: &mut (dyn Write + Send)) -> Result<Lines, ExportError> {
    let mut export = Export::begin(from, out, Secrets::Shown).await?;
    export.header().await?;
    for kind in KINDS {
        export.kind(kind, |_| true).await?;
    }
    export.end().await
}

/// Writes what is stored of one user: the account, its memberships with their
/// rooms, what it said, marked and kept, its files and logins. Nothing that
/// others said, and neither password nor keys.
///
/// # Errors
/// [`ExportError`].
pub async fn export_user(
    from: &Database,
    user: UserId,
    out: &mut (dyn Write + Send),
) -> Result<Lines, ExportError> {
    let mut export = Export::begin(from, out, Secrets::LeftOut).await?;
    let first = [
        ("version", VERSION.into()),
        ("user", user.to_string().into()),
    ];
    export.write("tertulia_user", first)?;
    let rooms = export.rooms_of(user).await?;
    export.sessions(user).await?;
    let own = Kept::Integer(user.0);
    for kind in KINDS {
        let table = export.table(kind);
        if kind.word == "room" {
            let id = table.place("id");
            let known = |row: &Row| matches!(row[id], Kept::Integer(id) if rooms.contains(&id));
            export.kind(kind, known).await?;
        } else if let Some(column) = kind.of_user {
            let owner = table.place(column);
            export.kind(kind, |row| row[owner] == own).await?;
        }
    }
    export.end().await
}

struct Export<'o> {
    end: End,
    tables: Vec<Table>,
    uuids: MessageUuids,
    key: [u8; 16],
    out: &'o mut (dyn Write + Send),
    lines: Lines,
    secrets: Secrets,
}

/// What becomes of fields that are nobody's to see.
#[derive(PartialEq, Eq)]
enum Secrets {
    Shown,
    LeftOut,
}

impl<'o> Export<'o> {
    async fn begin(
        from: &Database,
        out: &'o mut (dyn Write + Send),
        secrets: Secrets,
    ) -> Result<Export<'o>, CopyError> {
        let tables = tables::all().await?;
        let mut end = End::shared(from).await?;
        let begun = end.connection.begin_read().await;
        begun.map_err(|error| end.failed(error))?;
        let key = migrate::kept_message_uuid_key(&mut end.connection).await;
        let key = key.map_err(|error| end.failed(error))?;
        Ok(Self {
            end,
            tables,
            uuids: MessageUuids::new(key),
            key,
            out,
            lines: Lines::default(),
            secrets,
        })
    }

    async fn end(mut self) -> Result<Lines, ExportError> {
        self.out.flush()?;
        let ended = self.end.connection.rollback().await;
        ended.map_err(|error| self.end.failed(error))?;
        Ok(self.lines)
    }

    /// The first line: what the others rest on.
    async fn header(&mut self) -> Result<(), ExportError> {
        let next_ids = next_ids(&mut self.end.connection).await;
        let next_ids = next_ids.map_err(|error| self.end.failed(error))?;
        let next_ids: Map<_, _> = NEXT_IDS
            .iter()
            .map(|(word, kind)| {
                let next = next_ids[*kind as usize].to_string();
                ((*word).to_owned(), Json::from(next))
            })
            .collect();
        let key = uuid::Uuid::from_bytes(self.key).simple().to_string();
        let fields = [
            ("version", VERSION.into()),
            ("message_uuid_key", key.into()),
            ("next_ids", next_ids.into()),
        ];
        Ok(self.write("tertulia", fields)?)
    }

    fn table(&self, kind: &Kind) -> Table {
        let found = self.tables.iter().find(|table| table.name == kind.table);
        let mut table = found.expect("a test compares the names").clone();
        table.only = kind.only;
        if let Some((name, order)) = kind.order {
            table.name = name.to_owned();
            table.key = order.iter().map(|column| table.place(column)).collect();
        }
        table
    }

    async fn kind(
        &mut self,
        kind: &Kind,
        chosen: impl Fn(&Row) -> bool,
    ) -> Result<(), ExportError> {
        let table = self.table(kind);
        let mut last = None;
        loop {
            let page = self.page(&table, last.as_ref()).await?;
            for row in page.iter().filter(|row| chosen(row)) {
                self.row(kind, &table, row)?;
            }
            if page.len() < rows::PAGE {
                return Ok(());
            }
            last = page.into_iter().next_back();
        }
    }

    async fn page(&mut self, table: &Table, after: Option<&Row>) -> Result<Vec<Row>, CopyError> {
        self.end.be_patient()?;
        let page = rows::page(&mut self.end.connection, table, after).await;
        page.map_err(|error| self.end.failed(error))
    }

    fn row(&mut self, kind: &Kind, table: &Table, row: &Row) -> Result<(), ExportError> {
        let mut fields = Vec::with_capacity(kind.fields.len() + 1);
        for field in kind.fields {
            let value = &row[table.place(field.column)];
            if *value == Kept::Null || (field.secret && self.secrets == Secrets::LeftOut) {
                continue;
            }
            let value = line::to_json(field.form, value).ok_or_else(|| {
                let what = format!("{} holds no {}", kind.table, field.name);
                self.end.failed(sql::Error::damaged(what))
            })?;
            if field.name == "id" && kind.table == "messages" {
                let id = row[table.place("id")].clone();
                let Kept::Integer(id) = id else { continue };
                let uuid = self.uuids.uuid(MessageId(id)).to_string();
                fields.push((field.name, value));
                fields.push(("uuid", uuid.into()));
                continue;
            }
            fields.push((field.name, value));
        }
        Ok(self.write(kind.word, fields)?)
    }

    fn write(
        &mut self,
        word: &str,
        fields: impl IntoIterator<Item = (&'static str, Json)>,
    ) -> io::Result<()> {
        write!(self.out, "{{\"type\":{}", Json::from(word))?;
        for (name, value) in fields {
            write!(self.out, ",\"{name}\":{value}")?;
        }
        self.lines.count += 1;
        self.out.write_all(b"}\n")
    }

    /// The rooms to which the user ever belonged.
    async fn rooms_of(&mut self, user: UserId) -> Result<HashSet<i64>, CopyError> {
        self.end.be_patient()?;
        let own = [Value::from(user)];
        let rooms = self.end.connection.query(
            "SELECT room_id FROM memberships WHERE user_id = ?",
            &own,
            |row| row.take::<i64>(),
        );
        let rooms = rooms.await.map_err(|error| self.end.failed(error))?;
        Ok(rooms.into_iter().collect())
    }

    /// Where the user has signed in.
    async fn sessions(&mut self, user: UserId) -> Result<(), ExportError> {
        let found = sessions::all_of(&mut self.end.connection, user).await;
        for session in found.map_err(|error| self.end.failed(error))? {
            let time = |at: tertulia_domain::Timestamp| {
                line::to_json(super::form::Form::Time, &Kept::Integer(at.as_micros()))
            };
            let fields = [
                ("device", Some(Json::from(session.device))),
                ("created_at", time(session.created_at)),
                ("last_used_at", time(session.last_used_at)),
                ("expires_at", time(session.expires_at)),
            ];
            let fields = fields.into_iter();
            let fields = fields.filter_map(|(name, value)| Some((name, value?)));
            self.write("session", fields)?;
        }
        Ok(())
    }
}

/// The next unused ids.
pub(crate) async fn next_ids(connection: &mut Connection) -> sql::Result<line::NextIds> {
    let mut next = [1; 5];
    for (_, kind) in NEXT_IDS {
        let found = connection
            .query_one(
                "SELECT next_id FROM id_blocks WHERE kind = ?",
                params![*kind],
                |row| row.take(),
            )
            .await?;
        let missing = || sql::Error::damaged("a counter of ids is gone");
        next[*kind as usize] = found.ok_or_else(missing)?;
    }
    Ok(next)
}
