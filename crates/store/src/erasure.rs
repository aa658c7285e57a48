//! Erasing a person (`docs/adr/0016-erasure.md`).

use tertulia_domain::ports::{OwnMessages, Pseudonyms, UserKey};
use tertulia_domain::{
    Conflict, Error, MessageId, Reason, Result, Timestamp, User, UserId, UserState,
};

use crate::sql::{self, Connection, params};
use crate::users::{existing, folded, taken};
use crate::{sessions, users};

/// Messages that are looked at in one turn, whoever sent them: no index says
/// which are whose.
const LOOKED_AT: usize = 1_000;

pub(crate) async fn erase_user(
    connection: &mut Connection,
    id: UserId,
    names: &Pseudonyms,
    at: Timestamp,
) -> Result<User> {
    let user = existing(connection, id).await?;
    let by_username = "SELECT id FROM users WHERE username_key = ?";
    let username = first_free(connection, by_username, &names.usernames, id).await?;
    let username = username.ok_or(Error::Conflict(Conflict::UsernameTaken))?;
    let by_handle = "SELECT id FROM users WHERE handle = ?";
    let handle = first_free(connection, by_handle, &names.handles, id).await?;
    let handle = handle.ok_or_else(|| Error::invalid("handles", Reason::NotAllowed))?;
    forget_asked(connection, &user).await?;
    connection
        .execute(
            "UPDATE users SET username = ?, username_key = ?, handle = ?, display_name = ?, \
             display_name_key = ?, email = NULL, email_key = NULL, external_id = NULL, \
             avatar_url = NULL, state = ?, password_hash = NULL, last_seen_at = NULL, \
             updated_at = ?, renamed_at = ? WHERE id = ?",
            params![
                username,
                &folded(username),
                handle,
                username,
                &folded(username),
                UserState::Deleted,
                at,
                at,
                id,
            ],
        )
        .await?;
    sessions::end_all_but(connection, id, None).await?;
    connection
        .execute("DELETE FROM member_settings WHERE user_id = ?", params![id])
        .await?;
    users::find(connection, &UserKey::Id(id))
        .await?
        .ok_or(Error::NotFound(tertulia_domain::Entity::User))
}

/// The first of the names that is nobody else's.
async fn first_free<'n>(
    connection: &mut Connection,
    sql: &str,
    names: &'n [String],
    own: UserId,
) -> sql::Result<Option<&'n str>> {
    for name in names {
        if !taken(connection, sql, Some(&folded(name)), own).await? {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// What SQL clients asked for in the user's name, and by what they named the user:
/// by number, by the app's own id, or by UUID, in any way of writing it that is
/// taken (`Uuid::try_parse`: with or without hyphens, in braces, as a URN).
async fn forget_asked(connection: &mut Connection, user: &User) -> sql::Result<()> {
    let (id, uuid) = (user.profile.id, user.profile.uuid.simple().to_string());
    // MariaDB does not compare a text with a NULL that it is given.
    let external_id = user.external_id.as_deref().unwrap_or(&uuid);
    let written = format!("%{uuid}%");
    connection
        .execute(
            "UPDATE outbox SET sender_id = ?, sender = NULL, text = NULL, metadata = NULL \
             WHERE sender_id = ? OR sender = ? OR REPLACE(LOWER(sender), '-', '') LIKE ?",
            params![id, id, external_id, &written],
        )
        .await?;
    connection
        .execute(
            "UPDATE outbox SET recipient_id = ?, recipient = NULL \
             WHERE recipient = ? OR REPLACE(LOWER(recipient), '-', '') LIKE ?",
            params![id, external_id, &written],
        )
        .await?;
    Ok(())
}

pub(crate) async fn own_messages(
    connection: &mut Connection,
    user: UserId,
    after: MessageId,
) -> sql::Result<OwnMessages> {
    let looked_at = connection
        .query(
            "SELECT id, room_id, sender_id, deleted_at FROM messages WHERE id > ? \
             ORDER BY id LIMIT ?",
            params![after, LOOKED_AT],
            |row| {
                let id: MessageId = row.take()?;
                let room = row.take()?;
                let sender: Option<UserId> = row.take()?;
                let deleted_at: Option<Timestamp> = row.take()?;
                let is_own = sender == Some(user) && deleted_at.is_none();
                Ok((id, is_own.then_some((room, id))))
            },
        )
        .await?;
    let next = looked_at.last().map(|(id, _)| *id);
    Ok(OwnMessages {
        next: next.filter(|_| looked_at.len() == LOOKED_AT),
        found: looked_at.into_iter().filter_map(|(_, own)| own).collect(),
    })
}

pub(crate) async fn empty_in_closed_rooms(
    connection: &mut Connection,
    ids: &[MessageId],
    at: Timestamp,
) -> sql::Result<()> {
    for id in ids {
        let emptied = connection
            .execute(
                "UPDATE messages SET text = '', metadata = NULL, deleted_at = ? WHERE id = ? \
                 AND room_id IN (SELECT id FROM rooms WHERE closed_at IS NOT NULL)",
                params![at, *id],
            )
            .await?;
        if emptied == 0 {
            continue;
        }
        for sql in [
            "DELETE FROM reactions WHERE message_id = ?",
            "DELETE FROM message_files WHERE message_id = ?",
        ] {
            connection.execute(sql, params![*id]).await?;
        }
    }
    Ok(())
}
