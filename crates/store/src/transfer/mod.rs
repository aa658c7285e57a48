//! Moving what is stored: by a copy from one database to another, by an export
//! as JSON Lines and its import, and to one person who asks for what is its own.
//!
//! A copy goes to a database of the same kind or of another one. It takes every
//! row of every table, with its ids, UUIDs, counters and keys, so that a server
//! goes on with the copy where it stopped. It is made page by page in bounded
//! memory. Until it is finished and compared, its target bears a [`mark`], with
//! which it is not served; a copy that was broken off is made anew, from the
//! beginning.

mod blobs;
mod digest;
mod ends;
mod export;
mod form;
mod import;
mod line;
pub(crate) mod mark;
mod rows;
mod sink;
mod tables;

use self::ends::End;
use self::tables::Table;
use crate::open::{Database, OpenError};
use crate::{server, sql};

pub use self::blobs::{NamedBlob, NamedBlobs};
pub use self::digest::Contents;
pub use self::export::{ExportError, Lines, export, export_user};
pub use self::import::{ImportError, import};
pub use self::line::Problem;
pub use self::sink::Imported;

/// Rows that are made durable at once.
const ROWS_AT_ONCE: u64 = 4_096;

/// What a copy says while it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress<'p> {
    /// So many rows of this table are copied by now.
    Copied(&'p str, u64),
    /// The table is copied, reads the same on both sides, and holds this.
    Same(&'p str, Contents),
}

/// Why a copy was not made. But for [`Changed`](Self::Changed),
/// [`Differs`](Self::Differs) and a database that went away in the middle,
/// nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// One of the databases cannot be opened, or went away.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// There is nothing of ours to copy from.
    #[error("{place} holds no data of this program")]
    NotThere {
        /// The file or the server's database.
        place: String,
    },
    /// A database has another schema than this program's newest.
    #[error("{place} has the schema {found}, and this program's is {known}")]
    OtherSchema {
        /// The file or the server's database.
        place: String,
        /// The schema found.
        found: i64,
        /// This program's schema.
        known: i64,
    },
    /// The target holds something already.
    #[error("{place} is not empty: there are rows in {table}")]
    NotEmpty {
        /// The file or the server's database.
        place: String,
        /// A table with rows.
        table: String,
    },
    /// Another process has the file open.
    #[error("{place} is in use by another process")]
    InUse {
        /// The file.
        place: String,
    },
    /// Somebody wrote to one of the databases during the copy.
    #[error("{place} was written to during the copy")]
    Changed {
        /// The server's database.
        place: String,
    },
    /// The copy does not read like the original.
    #[error("{table} differs: {} rows, checksum {source_contents}; in the copy {} rows, checksum {copy}", source_contents.rows, copy.rows)]
    Differs {
        /// The table.
        table: String,
        /// What it holds in the original.
        source_contents: Contents,
        /// What it holds in the copy.
        copy: Contents,
    },
}

/// Copies all that is stored in `from` to the empty database `to`, compares what
/// both hold, and says through `tell` how it goes on. No server may run on
/// either; one on a SQLite file is noticed before anything is done, one on a
/// server's database when it writes during the copy.
///
/// Futures over SQLite do their work inline: a caller that has other things to
/// do gives this a thread of its own.
///
/// # Errors
/// [`CopyError`]. A copy that was begun can be made again with the same target.
pub async fn copy(
    from: &Database,
    to: &Database,
    tell: &mut (dyn FnMut(Progress<'_>) + Send),
) -> Result<(), CopyError> {
    let tables = tables::all().await?;
    let mut source = End::source(from).await?;
    let mut target = End::target(to, &tables).await?;
    let before = (writes(&mut source).await?, writes(&mut target).await?);
    let begun = source.connection.begin_read().await;
    begun.map_err(|error| source.failed(error))?;
    let mut contents = Vec::new();
    for table in &tables {
        contents.push(copy_table(&mut source, &mut target, table, tell).await?);
    }
    let read = source.connection.rollback().await;
    read.map_err(|error| source.failed(error))?;
    for (table, expected) in tables.iter().zip(contents) {
        compare(&mut target, table, expected).await?;
        tell(Progress::Same(&table.name, expected));
    }
    let after = (writes(&mut source).await?, writes(&mut target).await?);
    if before.0 != after.0 {
        return Err(CopyError::Changed {
            place: source.place,
        });
    }
    if before.1 != after.1 {
        return Err(CopyError::Changed {
            place: target.place,
        });
    }
    target.be_patient()?;
    let finished = release(&mut target).await;
    finished.map_err(|error| target.failed(error))
}

async fn writes(end: &mut End) -> Result<i64, CopyError> {
    end.be_patient()?;
    let writes = end.connection.foreign_writes().await;
    writes.map_err(|error| end.failed(error))
}

async fn copy_table(
    source: &mut End,
    target: &mut End,
    table: &Table,
    tell: &mut (dyn FnMut(Progress<'_>) + Send),
) -> Result<Contents, CopyError> {
    let mut contents = Contents::default();
    let mut last = None;
    let mut open_rows = 0;
    loop {
        source.be_patient()?;
        target.be_patient()?;
        let page = rows::page(&mut source.connection, table, last.as_ref()).await;
        let page = page.map_err(|error| source.failed(error))?;
        page.iter().for_each(|row| contents.add(row));
        let is_end = page.len() < rows::PAGE;
        if open_rows == 0 {
            let begun = target.connection.begin_write().await;
            begun.map_err(|error| target.failed(error))?;
        }
        let written = rows::insert(&mut target.connection, table, &page).await;
        written.map_err(|error| target.failed(error))?;
        open_rows += page.len() as u64;
        if is_end || open_rows >= ROWS_AT_ONCE {
            let committed = target.connection.commit().await;
            committed.map_err(|error| target.failed(error))?;
            open_rows = 0;
            tell(Progress::Copied(&table.name, contents.rows));
        }
        if is_end {
            return Ok(contents);
        }
        last = page.into_iter().next_back();
    }
}

/// Reads a table of the copy again.
async fn compare(target: &mut End, table: &Table, expected: Contents) -> Result<(), CopyError> {
    let mut copy = Contents::default();
    let mut last = None;
    loop {
        target.be_patient()?;
        let read = read_page(target, table, last.as_ref()).await;
        let page = read.map_err(|error| target.failed(error))?;
        let rows = page.iter().filter(|row| !is_mark(table, row));
        rows.for_each(|row| copy.add(row));
        if page.len() < rows::PAGE {
            break;
        }
        last = page.into_iter().next_back();
    }
    if copy == expected {
        return Ok(());
    }
    Err(CopyError::Differs {
        table: table.name.clone(),
        source_contents: expected,
        copy,
    })
}

async fn read_page(
    end: &mut End,
    table: &Table,
    after: Option<&rows::Row>,
) -> sql::Result<Vec<rows::Row>> {
    end.connection.begin_read().await?;
    let page = rows::page(&mut end.connection, table, after).await;
    end.connection.rollback().await?;
    page
}

fn is_mark(table: &Table, row: &rows::Row) -> bool {
    let name = rows::Kept::Text(mark::NAME.to_owned());
    table.name == "settings" && row.first() == Some(&name)
}

/// What is left to do before a server may take the copy.
async fn release(target: &mut End) -> sql::Result<()> {
    target.connection.begin_write().await?;
    mark::remove(&mut target.connection).await?;
    server::raise_counters(&mut target.connection).await?;
    target.connection.commit().await
}
