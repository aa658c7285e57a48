//! Users: accounts, profiles and passwords.

use std::collections::HashMap;
use std::sync::Arc;

use tertulia_domain::ports::UserKey;
use tertulia_domain::user::{Credentials, NewUser, UserPatch};
use tertulia_domain::{
    Conflict, Entity, Error, Profile, Reason, Result, SessionId, Timestamp, User, UserId, UserState,
};

use crate::sessions;
use crate::sql::{self, Columns, Connection, params};
use crate::value::Value;

/// The columns of a [`Profile`], in its order.
macro_rules! profile_columns {
    () => {
        "u.id, u.uuid, u.username, u.handle, u.display_name, u.avatar_url"
    };
}
pub(crate) use profile_columns;

/// The columns of a [`User`], in its order.
macro_rules! user_columns {
    () => {
        concat!(
            $crate::users::profile_columns!(),
            ", u.email, u.external_id, u.state, u.last_seen_at, u.created_at, u.updated_at, \
             u.renamed_at"
        )
    };
}
pub(crate) use user_columns;

pub(crate) fn read_profile(row: &mut Columns<'_>) -> sql::Result<Profile> {
    Ok(Profile {
        id: row.take()?,
        uuid: row.take()?,
        username: row.take()?,
        handle: row.take()?,
        display_name: row.take()?,
        avatar_url: row.take()?,
    })
}

pub(crate) fn read_user(row: &mut Columns<'_>) -> sql::Result<User> {
    Ok(User {
        profile: read_profile(row)?,
        email: row.take()?,
        external_id: row.take()?,
        state: row.take()?,
        last_seen_at: row.take()?,
        created_at: row.take()?,
        updated_at: row.take()?,
        renamed_at: row.take()?,
    })
}

/// Under which a name or address is unique and found.
pub(crate) fn folded(text: &str) -> String {
    text.to_lowercase()
}

/// Profiles by user.
pub(crate) type Profiles = HashMap<UserId, Arc<Profile>>;

/// The profile of a user whose id came from the database.
pub(crate) fn known(profiles: &Profiles, id: UserId) -> sql::Result<Arc<Profile>> {
    profiles
        .get(&id)
        .map(Arc::clone)
        .ok_or_else(|| sql::Error::damaged(format!("there is no user {id}")))
}

pub(crate) async fn create(connection: &mut Connection, new: &NewUser) -> Result<User> {
    let username_key = folded(&new.username);
    let email_key = new.email.as_deref().map(folded);
    check_username(connection, &username_key, new.id).await?;
    check_email(connection, email_key.as_deref(), new.id).await?;
    check_external_id(connection, new.external_id.as_deref(), new.id).await?;
    let handle = free_handle(connection, &new.handles).await?;
    connection
        .execute(
            "INSERT INTO users (id, uuid, username, username_key, handle, display_name, \
             display_name_key, email, email_key, external_id, state, password_hash, created_at, \
             updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                new.id,
                &new.uuid,
                &new.username,
                &username_key,
                handle,
                &new.display_name,
                &folded(&new.display_name),
                new.email.as_deref(),
                email_key.as_deref(),
                new.external_id.as_deref(),
                UserState::Active,
                new.password_hash.as_deref(),
                new.created_at,
                new.created_at,
            ],
        )
        .await?;
    existing(connection, new.id).await
}

pub(crate) async fn find(connection: &mut Connection, key: &UserKey) -> sql::Result<Option<User>> {
    const BY_ID: &str = concat!("SELECT ", user_columns!(), " FROM users u WHERE u.id = ?");
    const BY_UUID: &str = concat!("SELECT ", user_columns!(), " FROM users u WHERE u.uuid = ?");
    const BY_NAME: &str = concat!(
        "SELECT ",
        user_columns!(),
        " FROM users u WHERE u.username_key = ?"
    );
    const BY_EMAIL: &str = concat!(
        "SELECT ",
        user_columns!(),
        " FROM users u WHERE u.email_key = ?"
    );
    const BY_EXTERNAL: &str = concat!(
        "SELECT ",
        user_columns!(),
        " FROM users u WHERE u.external_id = ?"
    );
    const BY_HANDLE: &str = concat!(
        "SELECT ",
        user_columns!(),
        " FROM users u WHERE u.handle = ?"
    );
    let folded_key;
    let (sql, value) = match key {
        UserKey::Id(id) => (BY_ID, Value::from(*id)),
        UserKey::Uuid(uuid) => (BY_UUID, Value::from(uuid)),
        UserKey::Username(name) => {
            folded_key = folded(name);
            (BY_NAME, Value::from(&folded_key))
        }
        UserKey::Email(email) => {
            folded_key = folded(email);
            (BY_EMAIL, Value::from(&folded_key))
        }
        UserKey::External(id) => (BY_EXTERNAL, Value::from(id)),
        UserKey::Handle(handle) => (BY_HANDLE, Value::from(handle)),
    };
    connection.query_one(sql, &[value], read_user).await
}

pub(crate) async fn credentials(
    connection: &mut Connection,
    key: &UserKey,
) -> sql::Result<Option<Credentials>> {
    let Some(user) = find(connection, key).await? else {
        return Ok(None);
    };
    let password_hash = connection
        .query_one(
            "SELECT password_hash FROM users WHERE id = ?",
            params![user.id()],
            |row| row.take::<Option<String>>(),
        )
        .await?
        .flatten();
    Ok(Some(Credentials {
        user,
        password_hash,
    }))
}

/// Those of the users that exist.
pub(crate) async fn profiles(
    connection: &mut Connection,
    ids: &[UserId],
) -> sql::Result<Vec<Profile>> {
    let ids: Vec<_> = ids.iter().copied().map(Value::from).collect();
    connection
        .query_in(
            concat!(
                "SELECT ",
                profile_columns!(),
                " FROM users u WHERE u.id IN ({list})"
            ),
            &[],
            &ids,
            &[],
            read_profile,
        )
        .await
}

/// The profiles of users that are known to exist; each may be named repeatedly.
pub(crate) async fn profiles_by_id(
    connection: &mut Connection,
    ids: impl IntoIterator<Item = UserId>,
) -> sql::Result<Profiles> {
    let mut ids: Vec<_> = ids.into_iter().collect();
    ids.sort_unstable();
    ids.dedup();
    Ok(by_id(profiles(connection, &ids).await?))
}

/// The profiles of users that are to become members; none unless all are there
/// and not deleted.
pub(crate) async fn newcomers(
    connection: &mut Connection,
    ids: &[UserId],
) -> sql::Result<Option<Profiles>> {
    let values: Vec<_> = ids.iter().copied().map(Value::from).collect();
    let found = connection
        .query_in(
            concat!(
                "SELECT ",
                profile_columns!(),
                " FROM users u WHERE u.state <> ? AND u.id IN ({list})"
            ),
            params![UserState::Deleted],
            &values,
            &[],
            read_profile,
        )
        .await?;
    let found = by_id(found);
    Ok(ids.iter().all(|id| found.contains_key(id)).then_some(found))
}

fn by_id(profiles: Vec<Profile>) -> Profiles {
    profiles
        .into_iter()
        .map(|profile| (profile.id, Arc::new(profile)))
        .collect()
}

/// Those of the users that exist.
pub(crate) async fn all(connection: &mut Connection, ids: &[UserId]) -> sql::Result<Vec<User>> {
    let ids: Vec<_> = ids.iter().copied().map(Value::from).collect();
    connection
        .query_in(
            concat!(
                "SELECT ",
                user_columns!(),
                " FROM users u WHERE u.id IN ({list})"
            ),
            &[],
            &ids,
            &[],
            read_user,
        )
        .await
}

/// Active users by number.
pub(crate) async fn by_number(
    connection: &mut Connection,
    skip: usize,
    limit: usize,
) -> sql::Result<Vec<User>> {
    connection
        .query(
            concat!(
                "SELECT ",
                user_columns!(),
                " FROM users u WHERE u.state = ? ORDER BY u.id LIMIT ? OFFSET ?"
            ),
            params![UserState::Active, limit, skip],
            read_user,
        )
        .await
}

pub(crate) async fn search(
    connection: &mut Connection,
    prefix: &str,
    after: Option<UserId>,
    limit: usize,
) -> sql::Result<Vec<User>> {
    let from = folded(prefix);
    // After every name that begins so, save those that go on with this last of
    // all characters.
    let to = format!("{from}\u{10ffff}");
    let after = after.unwrap_or(UserId(0));
    connection
        .query(
            concat!(
                "SELECT ",
                user_columns!(),
                " FROM users u WHERE u.state = ? AND u.id IN (\
                 SELECT id FROM users WHERE username_key >= ? AND username_key < ? AND id > ? \
                 UNION \
                 SELECT id FROM users WHERE display_name_key >= ? AND display_name_key < ? AND id > ?\
                 ) ORDER BY u.id LIMIT ?"
            ),
            params![UserState::Active, &from, &to, after, &from, &to, after, limit],
            read_user,
        )
        .await
}

pub(crate) async fn update(
    connection: &mut Connection,
    id: UserId,
    patch: &UserPatch,
    at: Timestamp,
) -> Result<User> {
    let user = existing(connection, id).await?;
    let username = patch.username.as_ref().unwrap_or(&user.profile.username);
    let display_name = patch
        .display_name
        .as_ref()
        .unwrap_or(&user.profile.display_name);
    let email = patch.email.as_ref().unwrap_or(&user.email).as_deref();
    let avatar_url = patch.avatar_url.as_ref();
    let avatar_url = avatar_url.unwrap_or(&user.profile.avatar_url).as_deref();
    let username_key = folded(username);
    let email_key = email.map(folded);
    check_username(connection, &username_key, id).await?;
    check_email(connection, email_key.as_deref(), id).await?;
    let renamed = username_key != folded(&user.profile.username);
    let renamed_at = if renamed { Some(at) } else { user.renamed_at };
    connection
        .execute(
            "UPDATE users SET username = ?, username_key = ?, display_name = ?, \
             display_name_key = ?, email = ?, email_key = ?, avatar_url = ?, updated_at = ?, \
             renamed_at = ? WHERE id = ?",
            params![
                username,
                &username_key,
                display_name,
                &folded(display_name),
                email,
                email_key.as_deref(),
                avatar_url,
                at,
                renamed_at,
                id,
            ],
        )
        .await?;
    existing(connection, id).await
}

pub(crate) async fn set_password(
    connection: &mut Connection,
    id: UserId,
    hash: &str,
    keep: Option<SessionId>,
    at: Timestamp,
) -> Result<()> {
    let updated = connection
        .execute(
            "UPDATE users SET password_hash = ?, updated_at = ? WHERE id = ?",
            params![hash, at, id],
        )
        .await?;
    if updated == 0 {
        return Err(Error::NotFound(Entity::User));
    }
    sessions::end_all_but(connection, id, keep).await?;
    Ok(())
}

pub(crate) async fn upgrade_password(
    connection: &mut Connection,
    id: UserId,
    old: &str,
    new: &str,
) -> Result<()> {
    connection
        .execute(
            "UPDATE users SET password_hash = ? WHERE id = ? AND password_hash = ?",
            params![new, id, old],
        )
        .await?;
    Ok(())
}

pub(crate) async fn set_state(
    connection: &mut Connection,
    id: UserId,
    state: UserState,
    at: Timestamp,
) -> Result<()> {
    existing(connection, id).await?;
    connection
        .execute(
            "UPDATE users SET state = ?, updated_at = ? WHERE id = ?",
            params![state, at, id],
        )
        .await?;
    if state == UserState::Deleted {
        connection
            .execute(
                "UPDATE users SET email = NULL, email_key = NULL, avatar_url = NULL, \
                 password_hash = NULL WHERE id = ?",
                params![id],
            )
            .await?;
    }
    if state != UserState::Active {
        sessions::end_all_but(connection, id, None).await?;
    }
    Ok(())
}

pub(crate) async fn touch_last_seen(
    connection: &mut Connection,
    seen: &[(UserId, Timestamp)],
) -> Result<()> {
    for (id, at) in seen {
        connection
            .execute(
                "UPDATE users SET last_seen_at = ? \
                 WHERE id = ? AND (last_seen_at IS NULL OR last_seen_at < ?)",
                params![*at, *id, *at],
            )
            .await?;
    }
    Ok(())
}

pub(crate) async fn existing(connection: &mut Connection, id: UserId) -> Result<User> {
    find(connection, &UserKey::Id(id))
        .await?
        .ok_or(Error::NotFound(Entity::User))
}

async fn check_username(connection: &mut Connection, key: &str, own: UserId) -> Result<()> {
    let sql = "SELECT id FROM users WHERE username_key = ?";
    if taken(connection, sql, Some(key), own).await? {
        return Err(Error::Conflict(Conflict::UsernameTaken));
    }
    Ok(())
}

async fn check_email(connection: &mut Connection, key: Option<&str>, own: UserId) -> Result<()> {
    let sql = "SELECT id FROM users WHERE email_key = ?";
    if taken(connection, sql, key, own).await? {
        return Err(Error::Conflict(Conflict::EmailTaken));
    }
    Ok(())
}

async fn check_external_id(
    connection: &mut Connection,
    id: Option<&str>,
    own: UserId,
) -> Result<()> {
    let sql = "SELECT id FROM users WHERE external_id = ?";
    if taken(connection, sql, id, own).await? {
        return Err(Error::invalid("external_id", Reason::NotAllowed));
    }
    Ok(())
}

/// The first of them that nobody has.
async fn free_handle<'a>(connection: &mut Connection, handles: &'a [String]) -> Result<&'a str> {
    for handle in handles {
        if !is_handle(connection, handle).await? {
            return Ok(handle);
        }
    }
    Err(Error::invalid("handles", Reason::NotAllowed))
}

/// Whether somebody has this handle.
pub(crate) async fn is_handle(connection: &mut Connection, handle: &str) -> sql::Result<bool> {
    let sql = "SELECT id FROM users WHERE handle = ?";
    let owner = connection
        .query_one(sql, params![handle], |row| row.take::<UserId>())
        .await?;
    Ok(owner.is_some())
}

/// Whether another user has it.
pub(crate) async fn taken(
    connection: &mut Connection,
    sql: &str,
    value: Option<&str>,
    own: UserId,
) -> sql::Result<bool> {
    let Some(value) = value else {
        return Ok(false);
    };
    let owner = connection
        .query_one(sql, params![value], |row| row.take::<UserId>())
        .await?;
    Ok(owner.is_some_and(|owner| owner != own))
}
