//! Sessions: logins on devices, and their refresh tokens.
//!
//! A session that ends is removed, with all that is known of its tokens.

use tertulia_domain::ports::Rotation;
use tertulia_domain::session::NewSession;
use tertulia_domain::{Result, Session, SessionId, Timestamp, User, UserId, UserState};

use crate::sql::{self, Columns, Connection, params};
use crate::users::{read_user, user_columns};

/// The columns of a [`Session`], in its order.
macro_rules! session_columns {
    () => {
        "s.id, s.user_id, s.device, s.created_at, s.last_used_at, s.expires_at"
    };
}

fn read_session(row: &mut Columns<'_>) -> sql::Result<Session> {
    Ok(Session {
        id: row.take()?,
        user: row.take()?,
        device: row.take()?,
        created_at: row.take()?,
        last_used_at: row.take()?,
        expires_at: row.take()?,
    })
}

pub(crate) async fn create(connection: &mut Connection, new: &NewSession) -> Result<()> {
    let session = &new.session;
    end_expired(connection, session.user, session.created_at).await?;
    connection
        .execute(
            "INSERT INTO sessions \
             (id, user_id, device, created_at, last_used_at, expires_at, refresh_hash) \
             VALUES (?, ?, ?, ?, ?, ?, ?)",
            params![
                session.id,
                session.user,
                &session.device,
                session.created_at,
                session.last_used_at,
                session.expires_at,
                &new.refresh_hash,
            ],
        )
        .await?;
    Ok(())
}

pub(crate) async fn rotate(
    connection: &mut Connection,
    old: &[u8; 32],
    new: &[u8; 32],
    at: Timestamp,
    expires_at: Timestamp,
) -> Result<Rotation> {
    let Some((session, user)) = by_token(connection, old, at).await? else {
        return reused(connection, old, at).await;
    };
    connection
        .execute(
            "DELETE FROM spent_refresh_tokens WHERE session_id = ? AND expires_at <= ?",
            params![session.id, at],
        )
        .await?;
    connection
        .execute(
            "INSERT INTO spent_refresh_tokens (hash, session_id, expires_at) VALUES (?, ?, ?)",
            params![old, session.id, session.expires_at],
        )
        .await?;
    connection
        .execute(
            "UPDATE sessions SET refresh_hash = ?, last_used_at = ?, expires_at = ? WHERE id = ?",
            params![new, at, expires_at, session.id],
        )
        .await?;
    let session = Session {
        last_used_at: at,
        expires_at,
        ..session
    };
    Ok(Rotation::Rotated(session, Box::new(user)))
}

/// Every session of the user that has not been removed, by number.
pub(crate) async fn all_of(connection: &mut Connection, user: UserId) -> sql::Result<Vec<Session>> {
    let sql = concat!(
        "SELECT ",
        session_columns!(),
        " FROM sessions s WHERE s.user_id = ? ORDER BY s.id"
    );
    connection.query(sql, params![user], read_session).await
}

/// The live session that has this refresh token, and its user.
async fn by_token(
    connection: &mut Connection,
    hash: &[u8; 32],
    at: Timestamp,
) -> sql::Result<Option<(Session, User)>> {
    connection
        .query_one(
            concat!(
                "SELECT ",
                session_columns!(),
                ", ",
                user_columns!(),
                " FROM sessions s JOIN users u ON u.id = s.user_id \
                 WHERE s.refresh_hash = ? AND s.expires_at > ? AND u.state = ?"
            ),
            params![hash, at, UserState::Active],
            |row| Ok((read_session(row)?, read_user(row)?)),
        )
        .await
}

/// Ends the session whose earlier token is shown again.
async fn reused(connection: &mut Connection, hash: &[u8; 32], at: Timestamp) -> Result<Rotation> {
    let found = connection
        .query_one(
            "SELECT s.user_id, s.id FROM spent_refresh_tokens t \
             JOIN sessions s ON s.id = t.session_id WHERE t.hash = ? AND s.expires_at > ?",
            params![hash, at],
            |row| Ok((row.take()?, row.take()?)),
        )
        .await?;
    let Some((user, session)) = found else {
        return Ok(Rotation::Unknown);
    };
    remove(connection, session).await?;
    Ok(Rotation::Reused(user, session))
}

pub(crate) async fn user(
    connection: &mut Connection,
    id: SessionId,
    at: Timestamp,
) -> sql::Result<Option<User>> {
    connection
        .query_one(
            concat!(
                "SELECT ",
                user_columns!(),
                " FROM sessions s JOIN users u ON u.id = s.user_id \
                 WHERE s.id = ? AND s.expires_at > ? AND u.state = ?"
            ),
            params![id, at, UserState::Active],
            read_user,
        )
        .await
}

pub(crate) async fn list(
    connection: &mut Connection,
    user: UserId,
    at: Timestamp,
    limit: usize,
) -> sql::Result<Vec<Session>> {
    connection
        .query(
            concat!(
                "SELECT ",
                session_columns!(),
                " FROM sessions s WHERE s.user_id = ? AND s.expires_at > ? \
                 ORDER BY s.created_at DESC, s.id DESC LIMIT ?"
            ),
            params![user, at, limit],
            read_session,
        )
        .await
}

pub(crate) async fn end(
    connection: &mut Connection,
    user: UserId,
    id: SessionId,
    at: Timestamp,
) -> Result<bool> {
    let found = connection
        .query_one(
            "SELECT id FROM sessions WHERE id = ? AND user_id = ? AND expires_at > ?",
            params![id, user, at],
            |row| row.take::<SessionId>(),
        )
        .await?;
    if let Some(id) = found {
        remove(connection, id).await?;
    }
    Ok(found.is_some())
}

pub(crate) async fn end_by_token(
    connection: &mut Connection,
    hash: &[u8; 32],
    at: Timestamp,
) -> Result<Option<(UserId, SessionId)>> {
    let found = connection
        .query_one(
            "SELECT user_id, id FROM sessions WHERE refresh_hash = ? AND expires_at > ?",
            params![hash, at],
            |row| Ok((row.take()?, row.take()?)),
        )
        .await?;
    if let Some((_, id)) = found {
        remove(connection, id).await?;
    }
    Ok(found)
}

/// Ends all sessions of a user, or all but one.
pub(crate) async fn end_all_but(
    connection: &mut Connection,
    user: UserId,
    keep: Option<SessionId>,
) -> sql::Result<()> {
    // No session has the number 0.
    let keep = keep.unwrap_or(SessionId(0));
    connection
        .execute(
            "DELETE FROM spent_refresh_tokens WHERE session_id IN \
             (SELECT id FROM sessions WHERE user_id = ? AND id <> ?)",
            params![user, keep],
        )
        .await?;
    connection
        .execute(
            "DELETE FROM sessions WHERE user_id = ? AND id <> ?",
            params![user, keep],
        )
        .await?;
    Ok(())
}

async fn end_expired(connection: &mut Connection, user: UserId, at: Timestamp) -> sql::Result<()> {
    connection
        .execute(
            "DELETE FROM spent_refresh_tokens WHERE session_id IN \
             (SELECT id FROM sessions WHERE user_id = ? AND expires_at <= ?)",
            params![user, at],
        )
        .await?;
    connection
        .execute(
            "DELETE FROM sessions WHERE user_id = ? AND expires_at <= ?",
            params![user, at],
        )
        .await?;
    Ok(())
}

async fn remove(connection: &mut Connection, id: SessionId) -> sql::Result<()> {
    connection
        .execute(
            "DELETE FROM spent_refresh_tokens WHERE session_id = ?",
            params![id],
        )
        .await?;
    connection
        .execute("DELETE FROM sessions WHERE id = ?", params![id])
        .await?;
    Ok(())
}
