//! The mark of a database into which a copy is being made. Whoever would serve
//! such a database would serve a part as if it were the whole.

use crate::open::{OpenError, refused};
use crate::sql::{self, Connection, params};

/// The row of `settings` that is the mark.
pub(crate) const NAME: &str = "unfinished_copy";

/// Refuses a database with the mark.
pub(crate) async fn refuse_marked(
    place: &str,
    connection: &mut Connection,
) -> Result<(), OpenError> {
    let marked = async {
        connection.begin_read().await?;
        let marked = is_set(connection).await;
        connection.rollback().await?;
        marked
    };
    match marked.await.map_err(|error| refused(place, error))? {
        true => Err(OpenError::Unfinished {
            place: place.to_owned(),
        }),
        false => Ok(()),
    }
}

pub(crate) async fn is_set(connection: &mut Connection) -> sql::Result<bool> {
    let sql = "SELECT 1 FROM settings WHERE name = ?";
    let found = connection.query_one(sql, params![NAME], |_| Ok(())).await?;
    Ok(found.is_some())
}

pub(crate) async fn set(connection: &mut Connection) -> sql::Result<()> {
    let sql = "INSERT INTO settings (name, value) VALUES (?, ?)";
    connection.execute(sql, params![NAME, &[1_u8]]).await?;
    Ok(())
}

pub(crate) async fn remove(connection: &mut Connection) -> sql::Result<()> {
    let sql = "DELETE FROM settings WHERE name = ?";
    connection.execute(sql, params![NAME]).await?;
    Ok(())
}
