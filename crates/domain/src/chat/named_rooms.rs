//! Rooms that are found by a name and not by an invitation: REDUP's groups,
//! which come to be when somebody joins them, and each user's notes to self.
//!
//! Both are rooms with an external id. A user's own room has the user's number
//! as its name, which no [`GroupName`] can be, so that nobody enters it by name.

use std::sync::Arc;

use super::accounts::validate_name;
use super::rooms::refused;
use super::{ATTEMPTS, Chat, authorized, changing, unexpected};
use crate::command::{Command, Entrance, Outcome, StoreError};
use crate::room::NewRoom;
use crate::{
    Conflict, Entity, Error, Profile, Reason, Result, Role, Room, RoomId, RoomKind, policy,
};

/// The name of a group that is joined by it: 1 to 100 characters without white
/// space around them, no control characters, and not digits alone, which are
/// numbers of rooms.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GroupName(String);

impl GroupName {
    /// Takes a name as the client gave it; trimmed.
    ///
    /// # Errors
    /// [`Error::Invalid`] `name`.
    pub fn new(name: &str) -> Result<Self> {
        const MOST: usize = 100;
        let name = validate_name("name", name, MOST)?;
        if name.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Error::invalid("name", Reason::Malformed));
        }
        Ok(Self(name))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Chat {
    /// Enters the group of this name, which is made when there is none: who
    /// comes first owns it. Nothing but the name is needed where a setting says
    /// that groups are `allowed` to be entered so; members come in anyway.
    ///
    /// # Errors
    /// By [`policy::may_join_by_name`].
    pub async fn join_by_name(
        &self,
        user: &Arc<Profile>,
        name: &GroupName,
        allowed: bool,
    ) -> Result<Arc<Room>> {
        let mut attempts = 0;
        loop {
            let entered = match self.store().room_named(name.as_str()).await? {
                Some(room) => self.enter_by_name(user, room, allowed).await,
                None => self.make_named(user, name, allowed).await,
            };
            attempts += 1;
            match entered {
                // Somebody else made it, or closed it, at the same moment.
                Err(Error::Conflict(Conflict::RoomExists) | Error::NotFound(Entity::Room))
                    if attempts < ATTEMPTS => {}
                other => return other,
            }
        }
    }

    /// The group of this name; none when there is none. Says nothing about who
    /// may do what in it.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn group_named(&self, name: &GroupName) -> Result<Option<RoomId>> {
        self.store().room_named(name.as_str()).await
    }

    /// The room in which a user talks to nobody else; made when there is none.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn own_room(&self, user: &Arc<Profile>) -> Result<RoomId> {
        let name = user.id.to_string();
        for _ in 0..ATTEMPTS {
            if let Some(room) = self.store().room_named(&name).await? {
                return Ok(room);
            }
            match self.new_named(user, &name, &user.display_name).await {
                Err(Error::Conflict(Conflict::RoomExists)) => {}
                made => return made.map(|room| room.id),
            }
        }
        Err(Error::unavailable(
            "a user's own room is neither there nor free",
        ))
    }

    async fn enter_by_name(
        &self,
        user: &Arc<Profile>,
        room: RoomId,
        allowed: bool,
    ) -> Result<Arc<Room>> {
        authorized!(self, room, user.id, |authority| {
            if policy::may_read(&authority, user.id).is_ok() {
                return Ok(authority.room);
            }
            let permit = policy::may_join_by_name(&authority, user.id, allowed)?;
            let command = Command::Join {
                permit,
                by: Entrance::Door,
                at: self.now(),
            };
            match self.commit(command, user).await? {
                Outcome::Members { .. } | Outcome::Unchanged => Ok(authority.room),
                other => Err(unexpected(&other)),
            }
        })
    }

    async fn make_named(
        &self,
        user: &Arc<Profile>,
        name: &GroupName,
        allowed: bool,
    ) -> Result<Arc<Room>> {
        policy::may_make_by_name(allowed)?;
        self.new_named(user, name.as_str(), name.as_str()).await
    }

    async fn new_named(&self, user: &Arc<Profile>, name: &str, title: &str) -> Result<Arc<Room>> {
        let mut room = self.new_room(user.id, RoomKind::Group).await?;
        room.external_id = Some(name.to_owned());
        room.title = Some(title.to_owned());
        let members = vec![(user.id, Role::Owner)];
        let command = Command::CreateRoom {
            room: NewRoom { room, members },
            by: user.id,
        };
        match self.commit(command, user).await {
            Ok(Outcome::Created { room, .. }) => Ok(room),
            Ok(other) => Err(refused(unexpected(&other))),
            Err(error) => Err(refused(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_name_is_a_short_text_and_no_number() {
        let taken = |name: &str| GroupName::new(name).map(|name| name.0).ok();
        assert_eq!(taken(" grupo_1 ").as_deref(), Some("grupo_1"));
        assert_eq!(taken("58a").as_deref(), Some("58a"));
        assert_eq!(taken(&"ñ".repeat(100)), Some("ñ".repeat(100)));
        for refused in ["", "  ", "58", "a\nb", &"x".repeat(101)] {
            assert_eq!(taken(refused), None, "{refused:?}");
        }
    }
}
