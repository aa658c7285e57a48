//! Where an import puts what it read: rows, many at once, into one transaction
//! that is committed when everything was found to fit. What is there already
//! stays as it is, so that a second import changes nothing; what contradicts it
//! ends the import, and nothing was changed.

use std::collections::HashSet;

use super::CopyError;
use super::ends::End;
use super::form::{KINDS, Kind, NEXT_IDS};
use super::line::{NextIds, Problem, name_of};
use super::rows::{self, Kept, Row};
use super::tables::{self, Table};
use crate::migrate;
use crate::open::Database;
use crate::sql::{self, ErrorKind, params};
use crate::value::Value;

/// Rows that are checked and written at once.
const BATCH: usize = 256;

/// Users whose files are counted in one statement.
const USERS: i64 = 500;

/// Why a row was not taken.
pub(crate) enum Refusal {
    /// What is wrong, and on which line.
    Line(u64, Problem),
    /// The database failed.
    Database(CopyError),
}

impl From<CopyError> for Refusal {
    fn from(error: CopyError) -> Self {
        Self::Database(error)
    }
}

/// How many rows were new, and how many were there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Written now.
    pub new: u64,
    /// There before, and left as they were.
    pub kept: u64,
}

pub(crate) struct Sink {
    end: End,
    tables: Vec<Table>,
    next_ids: NextIds,
    /// The place in [`KINDS`] of the rows in `batch`.
    kind: usize,
    batch: Vec<(u64, Row)>,
    imported: Imported,
}

impl Sink {
    /// Opens a database that nobody else uses; it is made when there is none.
    pub(crate) async fn open(database: &Database) -> Result<Self, CopyError> {
        let tables = tables::all().await?;
        let mut end = End::alone(database).await?;
        let begun = end.connection.begin_write_alone().await;
        begun.map_err(|error| end.failed(error))?;
        Ok(Self {
            end,
            tables,
            next_ids: [1; 5],
            kind: 0,
            batch: Vec::new(),
            imported: Imported::default(),
        })
    }

    /// What all rows rest on. Answers false when messages that are there have
    /// UUIDs of another key.
    pub(crate) async fn begin(
        &mut self,
        key: &[u8; 16],
        next_ids: NextIds,
    ) -> Result<bool, CopyError> {
        self.next_ids = next_ids;
        let used = migrate::use_message_uuid_key(&mut self.end.connection, key).await;
        used.map_err(|error| self.end.failed(error))
    }

    /// One more than the last id of each kind that may come.
    pub(crate) fn next_ids(&self) -> &NextIds {
        &self.next_ids
    }

    pub(crate) fn table(&self, kind: &Kind) -> &Table {
        let found = self.tables.iter().find(|table| table.name == kind.table);
        found.expect("a test compares the names")
    }

    /// Takes a row of the kind at this place in [`KINDS`]. Kinds come in their
    /// order, and messages in that of their rooms and numbers.
    pub(crate) async fn put(&mut self, kind: usize, line: u64, row: Row) -> Result<(), Refusal> {
        if kind < self.kind {
            return Err(Refusal::Line(line, Problem::OutOfOrder));
        }
        if kind != self.kind || self.batch.len() == BATCH {
            self.flush().await?;
            self.kind = kind;
        }
        self.batch.push((line, row));
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), Refusal> {
        let batch = std::mem::take(&mut self.batch);
        if batch.is_empty() {
            return Ok(());
        }
        let kind = &KINDS[self.kind];
        let table = self.table(kind).clone();
        self.end.be_patient()?;
        for (column, other) in kind.refers() {
            self.check_there(kind, &table, (column, other), &batch)
                .await?;
        }
        let rows: Vec<Row> = batch.iter().map(|(_, row)| row.clone()).collect();
        if self.try_insert(&table, &rows).await? {
            self.imported.new += rows.len() as u64;
            return Ok(());
        }
        for (line, row) in batch {
            self.put_single(kind, &table, line, row).await?;
        }
        Ok(())
    }

    /// Everything that these rows name is there, or stands before them.
    async fn check_there(
        &mut self,
        kind: &Kind,
        table: &Table,
        (column, other): (&'static str, &'static str),
        batch: &[(u64, Row)],
    ) -> Result<(), Refusal> {
        let place = table.place(column);
        let named: HashSet<i64> = batch
            .iter()
            .filter_map(|(_, row)| number(&row[place]))
            .collect();
        let named: Vec<_> = named.into_iter().map(Value::from).collect();
        let sql = format!("SELECT id FROM {other} WHERE id IN ({{list}})");
        let found = self
            .end
            .connection
            .query_in(&sql, &[], &named, &[], |row| row.take::<i64>());
        let found = found.await.map_err(|error| self.end.failed(error))?;
        let mut found: HashSet<i64> = found.into_iter().collect();
        let own = (other == table.name).then(|| table.place("id"));
        for (line, row) in batch {
            if number(&row[place]).is_some_and(|id| !found.contains(&id)) {
                return Err(Refusal::Line(
                    *line,
                    Problem::Unknown(name_of(kind, column)),
                ));
            }
            found.extend(own.and_then(|own| number(&row[own])));
        }
        Ok(())
    }

    /// Writes rows; false, and nothing is written, when the database does not
    /// take them.
    async fn try_insert(&mut self, table: &Table, rows: &[Row]) -> Result<bool, CopyError> {
        let connection = &mut self.end.connection;
        let tried = async {
            connection.run_script("SAVEPOINT batch").await?;
            match rows::insert(connection, table, rows).await {
                Ok(()) => connection
                    .run_script("RELEASE SAVEPOINT batch")
                    .await
                    .map(|()| true),
                Err(error) if matches!(error.kind, ErrorKind::Away | ErrorKind::Damaged) => {
                    Err(error)
                }
                Err(_) => {
                    let undone = connection.run_script("ROLLBACK TO SAVEPOINT batch");
                    undone.await.map(|()| false)
                }
            }
        };
        let tried = tried.await;
        tried.map_err(|error| self.end.failed(error))
    }

    async fn put_single(
        &mut self,
        kind: &Kind,
        table: &Table,
        line: u64,
        row: Row,
    ) -> Result<(), Refusal> {
        self.end.be_patient()?;
        match self.same_key(table, &row).await? {
            Some(there) => {
                let same = |column: &&str| {
                    let place = table.place(column);
                    there[place] == row[place]
                };
                if !kind.identity.iter().all(same) {
                    return Err(Refusal::Line(line, Problem::Taken));
                }
                self.imported.kept += 1;
            }
            None => {
                if !self.try_insert(table, &[row]).await? {
                    return Err(Refusal::Line(line, Problem::Refused));
                }
                self.imported.new += 1;
            }
        }
        Ok(())
    }

    /// The row with the same primary key.
    async fn same_key(&mut self, table: &Table, row: &Row) -> Result<Option<Row>, CopyError> {
        let found = rows::find(&mut self.end.connection, table, row).await;
        found.map_err(|error| self.end.failed(error))
    }

    /// Looks whether the whole fits together, and keeps it. Names a room whose
    /// messages have a hole, or do not end where its position says.
    pub(crate) async fn finish(mut self) -> Result<Result<Imported, i64>, Refusal> {
        self.flush().await?;
        if let Some(room) = self.room_with_a_hole().await? {
            return Ok(Err(room));
        }
        self.end.be_patient()?;
        let finished = async {
            self.count_files().await?;
            self.raise_next_ids().await?;
            self.end.connection.commit().await
        };
        let finished = finished.await;
        finished.map_err(|error| self.end.failed(error))?;
        Ok(Ok(self.imported))
    }

    async fn room_with_a_hole(&mut self) -> Result<Option<i64>, CopyError> {
        let mut after = 0_i64;
        loop {
            self.end.be_patient()?;
            let stretch = [Value::from(after), Value::from(BATCH)];
            let rooms = self.end.connection.query(
                "SELECT r.id, h.last_seq FROM rooms r LEFT JOIN room_heads h ON h.room_id = r.id \
                 WHERE r.id > ? ORDER BY r.id LIMIT ?",
                &stretch,
                |row| Ok((row.take::<i64>()?, row.take::<Option<i64>>()?)),
            );
            let rooms = rooms.await.map_err(|error| self.end.failed(error))?;
            for (room, last_seq) in &rooms {
                let room_id = [Value::from(*room)];
                let messages = self.end.connection.query_one(
                    "SELECT COUNT(*), COALESCE(MIN(seq), 1), COALESCE(MAX(seq), 0) FROM room_messages \
                     WHERE room_id = ?",
                    &room_id,
                    |row| Ok([row.take::<i64>()?, row.take()?, row.take()?]),
                );
                let messages = messages.await.map_err(|error| self.end.failed(error))?;
                let fits = |[count, first, last]: [i64; 3]| {
                    first == 1 && count == last && Some(last) == *last_seq
                };
                if !messages.is_some_and(fits) {
                    return Ok(Some(*room));
                }
            }
            match rooms.last() {
                Some((last, _)) => after = *last,
                None => return Ok(None),
            }
        }
    }

    /// What everybody's files take of the quota.
    async fn count_files(&mut self) -> sql::Result<()> {
        let connection = &mut self.end.connection;
        let last = connection.query_one("SELECT MAX(id) FROM users", &[], |row| {
            row.take::<Option<i64>>()
        });
        let last = last.await?.flatten().unwrap_or(0);
        for from in (0..=last).step_by(USERS as usize) {
            connection
                .execute(
                    "UPDATE users SET file_bytes = \
                     (SELECT COALESCE(SUM(f.size), 0) FROM files f WHERE f.owner_id = users.id) + \
                     (SELECT COALESCE(SUM(u.reserved), 0) FROM uploads u \
                      WHERE u.owner_id = users.id) \
                     WHERE id > ? AND id <= ?",
                    params![from, from + USERS],
                )
                .await?;
        }
        Ok(())
    }

    async fn raise_next_ids(&mut self) -> sql::Result<()> {
        for (_, kind) in NEXT_IDS {
            let next = self.next_ids[*kind as usize];
            self.end
                .connection
                .execute(
                    "UPDATE id_blocks SET next_id = ? WHERE kind = ? AND next_id < ?",
                    params![next, *kind, next],
                )
                .await?;
        }
        Ok(())
    }
}

fn number(value: &Kept) -> Option<i64> {
    match value {
        Kept::Integer(number) => Some(*number),
        _ => None,
    }
}
