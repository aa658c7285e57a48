//! Databases, each opened as what it must be: to copy from, whole and in
//! nobody's use; to copy to, without anything in it; to read from, beside others.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::CopyError;
use super::mark;
use super::tables::Table;
use crate::open::{self, Database, Mode, OpenError, Source};
use crate::sql::session::Target;
use crate::sql::{self, Connection};
use crate::{migrate, server};

/// How long one statement may take. Emptying a large table takes the longest.
const PATIENCE: Duration = Duration::from_secs(600);

/// A database, and what to call it.
pub(crate) struct End {
    pub(crate) place: String,
    pub(crate) connection: Connection,
}

impl End {
    async fn open(database: &Database, make: bool) -> Result<Self, CopyError> {
        let place = database.to_string();
        let opened = match database {
            Database::Sqlite(path) => open::open_sqlite_alone(path, make).await,
            Database::Server(address) => {
                server::open_as_it_is(&Arc::new(Target::new(address.clone())), make).await
            }
        };
        let connection = opened.map_err(|error| in_use_or(&place, error))?;
        let mut end = Self { place, connection };
        end.be_patient()?;
        Ok(end)
    }

    /// The database to copy from. Nothing in it is changed.
    pub(crate) async fn source(database: &Database) -> Result<Self, CopyError> {
        let mut end = Self::open(database, false).await?;
        end.check_whole().await?;
        Ok(end)
    }

    async fn check_whole(&mut self) -> Result<(), CopyError> {
        match self.schema().await? {
            (0, _) => {
                return Err(CopyError::NotThere {
                    place: self.place.clone(),
                });
            }
            (found, known) if found != known => return Err(self.other_schema(found, known)),
            _ => {}
        }
        Ok(mark::refuse_marked(&self.place, &mut self.connection).await?)
    }

    /// The database to read from while others may use it.
    pub(crate) async fn shared(database: &Database) -> Result<Self, CopyError> {
        let place = database.to_string();
        let connection = match database {
            Database::Sqlite(_) => Source::of(database).connect(Mode::Read),
            Database::Server(address) => {
                let target = Arc::new(Target::new(address.clone()));
                let opened = server::open_as_it_is(&target, false).await;
                Ok(opened?)
            }
        };
        let connection = connection.map_err(|error| open::refused(&place, error))?;
        let mut end = Self { place, connection };
        end.be_patient()?;
        end.check_whole().await?;
        Ok(end)
    }

    /// The database to add to, which nobody else uses; made when there is none.
    pub(crate) async fn alone(database: &Database) -> Result<Self, CopyError> {
        let mut end = Self::open(database, true).await?;
        end.make_schema().await?;
        end.check_whole().await?;
        Ok(end)
    }

    /// The database to copy to, with the newest schema and the mark of an
    /// unfinished copy. What an unfinished copy has left there is removed;
    /// anything else is refused.
    pub(crate) async fn target(database: &Database, tables: &[Table]) -> Result<Self, CopyError> {
        let mut end = Self::open(database, true).await?;
        end.make_schema().await?;
        let empty = async {
            end.connection.begin_write_alone().await?;
            let taken = make_empty(&mut end.connection, tables).await;
            match &taken {
                Ok(None) => end.connection.commit().await?,
                _ => end.connection.rollback().await?,
            }
            taken
        };
        match empty.await.map_err(|error| end.failed(error))? {
            None => Ok(end),
            Some(table) => Err(CopyError::NotEmpty {
                place: end.place,
                table,
            }),
        }
    }

    /// Makes the tables where there are none.
    async fn make_schema(&mut self) -> Result<(), CopyError> {
        let (found, known) = self.schema().await?;
        if found != 0 && found != known {
            return Err(self.other_schema(found, known));
        }
        if let Connection::Sqlite(_) = self.connection {
            let used = open::use_wal(&mut self.connection).await;
            used.map_err(|error| self.failed(error))?;
        }
        migrate::run(&self.place, &mut self.connection).await?;
        self.be_patient()
    }

    /// Gives the next statements time.
    pub(crate) fn be_patient(&mut self) -> Result<(), CopyError> {
        let given = self.connection.wait_until(Instant::now() + PATIENCE);
        given.map_err(|error| self.failed(error))
    }

    pub(crate) fn failed(&self, error: sql::Error) -> CopyError {
        CopyError::Open(open::refused(&self.place, error))
    }

    /// The schema's number as found and as known.
    async fn schema(&mut self) -> Result<(i64, i64), CopyError> {
        let known = migrate::known(&self.connection);
        let found = migrate::found(&mut self.connection).await;
        Ok((found.map_err(|error| self.failed(error))?, known))
    }

    fn other_schema(&self, found: i64, known: i64) -> CopyError {
        CopyError::OtherSchema {
            place: self.place.clone(),
            found,
            known,
        }
    }
}

/// SQLite says that a file is locked.
fn in_use_or(place: &str, error: OpenError) -> CopyError {
    let locked = match &error {
        OpenError::Unavailable { source, .. } => source
            .downcast_ref::<sql::Error>()
            .is_some_and(sql::Error::is_locked),
        _ => false,
    };
    if locked {
        return CopyError::InUse {
            place: place.to_owned(),
        };
    }
    CopyError::Open(error)
}

/// Empties a database that holds an unfinished copy, or nothing but what a new
/// one holds, and marks it. Answers with a table that holds something else.
async fn make_empty(connection: &mut Connection, tables: &[Table]) -> sql::Result<Option<String>> {
    // Every new database has rows in these; none of them is anybody's.
    const PREPARED: &[&str] = &["settings", "id_blocks"];
    let unfinished = mark::is_set(connection).await?;
    for Table { name, .. } in tables {
        let sql = format!("SELECT 1 FROM {name} LIMIT 1");
        if !unfinished
            && !PREPARED.contains(&&**name)
            && connection.query_one(&sql, &[], |_| Ok(())).await?.is_some()
        {
            return Ok(Some(name.clone()));
        }
    }
    for Table { name, .. } in tables {
        connection
            .execute(&format!("DELETE FROM {name}"), &[])
            .await?;
    }
    connection.forget_places()?;
    mark::set(connection).await?;
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_not_there_is_not_made() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("chat.db");
        let opened = End::source(&Database::Sqlite(path.clone())).await;
        assert!(matches!(opened, Err(CopyError::Open(_))));
        assert!(!path.exists());
        std::fs::File::create(&path).expect("an empty file");
        let opened = End::source(&Database::Sqlite(path)).await;
        assert!(matches!(opened, Err(CopyError::NotThere { .. })));
    }
}
