//! Which tables there are, with their columns and keys: read from the newest
//! schema of SQLite, from which those of the servers are written. So a table
//! that is added is copied with the others, and nobody has to think of it here.

use crate::migrate;
use crate::open::OpenError;
use crate::sql::{self, Connection, params};

/// What belongs to a database rather than to what is stored in it.
const ITS_OWN: &[&str] = &[
    "schema_migrations",
    "pulse",
    "message_places",
    "fresh_places",
];

/// One table.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) columns: Vec<String>,
    /// Which of them hold texts.
    pub(crate) texts: Vec<bool>,
    /// The columns of its primary key, in their order, as places in `columns`.
    pub(crate) key: Vec<usize>,
    /// Which rows are read, as a condition; none for all.
    pub(crate) only: Option<&'static str>,
}

impl Table {
    /// The place of a column that the table has.
    pub(crate) fn place(&self, column: &str) -> usize {
        let place = self.columns.iter().position(|name| name == column);
        place.expect("a test compares the names with the schema")
    }
}

/// Every table that holds what is stored, by name.
pub(crate) async fn all() -> Result<Vec<Table>, OpenError> {
    const PLACE: &str = "memory";
    let failed = |error| crate::open::refused(PLACE, error);
    let memory = rusqlite::Connection::open_in_memory();
    let mut memory = Connection::Sqlite(memory.map_err(|error| failed(error.into()))?);
    migrate::run(PLACE, &mut memory).await?;
    describe(&mut memory).await.map_err(failed)
}

async fn describe(memory: &mut Connection) -> sql::Result<Vec<Table>> {
    let names = memory
        .query(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' \
             ORDER BY name",
            &[],
            |row| row.take::<String>(),
        )
        .await?;
    let mut tables = Vec::new();
    for name in names.into_iter().filter(|name| !ITS_OWN.contains(&&**name)) {
        let columns = memory
            .query(
                "SELECT name, pk, type FROM pragma_table_info(?) ORDER BY cid",
                params![&name],
                |row| {
                    Ok((
                        row.take::<String>()?,
                        row.take::<i64>()?,
                        row.take::<String>()? == "TEXT",
                    ))
                },
            )
            .await?;
        let mut key: Vec<_> = (0..columns.len()).filter(|&it| columns[it].1 > 0).collect();
        key.sort_by_key(|&it| columns[it].1);
        if key.is_empty() {
            return Err(sql::Error::damaged(format!("{name} has no primary key")));
        }
        tables.push(Table {
            name,
            texts: columns.iter().map(|column| column.2).collect(),
            columns: columns.into_iter().map(|column| column.0).collect(),
            key,
            only: None,
        });
    }
    Ok(tables)
}
