//! Who belongs to a room.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::accounts::url_safe;
use super::{ATTEMPTS, Chat, authorized, changing, unexpected};
use crate::command::{Command, Entrance, Outcome, StoreError};
use crate::ports::RoomKey;
use crate::room::{Invite, Member};
use crate::{
    Conflict, Denial, Entity, Error, Membership, Profile, Reason, Result, Role, RoomId, UserId,
    policy,
};

/// How far an invite code reaches.
#[derive(Clone, Copy, Debug)]
pub struct InviteOptions {
    /// How long it may be used: a minute to 30 days.
    pub lifetime: Duration,
    /// How many may use it; none for any number.
    pub uses: Option<i64>,
}

impl Default for InviteOptions {
    fn default() -> Self {
        Self {
            lifetime: Duration::from_secs(7 * 24 * 60 * 60),
            uses: None,
        }
    }
}

const SHORTEST_INVITE: Duration = Duration::from_secs(60);
const LONGEST_INVITE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

impl Chat {
    /// Active members by user number, after `after`.
    ///
    /// # Errors
    /// By [`policy::may_read`].
    pub async fn members(
        &self,
        reader: UserId,
        room: impl Into<RoomKey>,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<Member>> {
        let limit = limit.clamp(1, self.limits.page_size);
        authorized!(self, room, reader, |authority| {
            let permit = policy::may_read(&authority, reader)?;
            self.store().members(&permit, after, limit).await
        })
    }

    /// Active members of those of the rooms that the reader may read, in the order
    /// in which they joined, at most `limit` for each room. Without a reader of the
    /// open ones.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn members_of_rooms(
        &self,
        reader: Option<UserId>,
        rooms: &[RoomId],
        limit: usize,
    ) -> Result<HashMap<RoomId, Vec<Member>>> {
        let mut by_room: HashMap<RoomId, Vec<Member>> = HashMap::new();
        for member in self.store().members_of_rooms(reader, rooms, limit).await? {
            by_room
                .entry(member.membership.room)
                .or_default()
                .push(member);
        }
        Ok(by_room)
    }

    /// How a user stands to a room.
    ///
    /// # Errors
    /// By [`policy::may_read`]; [`Entity::Member`] not found.
    pub async fn membership(
        &self,
        reader: UserId,
        room: impl Into<RoomKey>,
        user: UserId,
    ) -> Result<Membership> {
        authorized!(self, room, reader, |authority| {
            let permit = policy::may_read(&authority, reader)?;
            let membership = self.store().membership(&permit, user).await?;
            membership.ok_or(StoreError::Failed(Error::NotFound(Entity::Member)))
        })
    }

    /// Asks somebody in, who may then [`join`](Self::join). Asking twice is no
    /// error.
    ///
    /// # Errors
    /// By [`policy::may_admit`]; [`Entity::User`] not found;
    /// [`Conflict::AlreadyMember`].
    pub async fn ask_in(
        &self,
        actor: &Arc<Profile>,
        room: impl Into<RoomKey>,
        user: UserId,
    ) -> Result<()> {
        authorized!(self, room, actor.id, |authority| {
            let current = self.authority(authority.room.id, user).await?.membership;
            let role = Role::Member;
            let permit = policy::may_admit(&authority, actor.id, user, current.as_ref(), role)?;
            self.require_active(&[user]).await?;
            if current.is_some_and(|membership| membership.is_active()) {
                return Err(Error::Conflict(Conflict::AlreadyMember).into());
            }
            let at = self.now();
            match self.commit(Command::AskIn { permit, at }, actor).await? {
                Outcome::Members { .. } | Outcome::Unchanged => Ok(()),
                other => Err(unexpected(&other)),
            }
        })
    }

    /// Brings somebody in, or gives a member another role. True when something
    /// changed.
    ///
    /// # Errors
    /// By [`policy::may_admit`]; [`Entity::User`] not found.
    pub async fn admit(
        &self,
        actor: &Arc<Profile>,
        room: impl Into<RoomKey>,
        user: UserId,
        role: Role,
    ) -> Result<bool> {
        authorized!(self, room, actor.id, |authority| {
            let current = self.authority(authority.room.id, user).await?.membership;
            let permit = policy::may_admit(&authority, actor.id, user, current.as_ref(), role)?;
            self.require_active(&[user]).await?;
            match self
                .commit(
                    Command::Admit {
                        permit,
                        role,
                        at: self.now(),
                    },
                    actor,
                )
                .await?
            {
                Outcome::Members { .. } => Ok(true),
                Outcome::Unchanged => Ok(false),
                other => Err(unexpected(&other)),
            }
        })
    }

    /// Puts somebody out, and keeps them out when `ban`.
    ///
    /// # Errors
    /// By [`policy::may_remove`]; [`Entity::Member`] not found.
    pub async fn remove(
        &self,
        actor: &Arc<Profile>,
        room: impl Into<RoomKey>,
        user: UserId,
        ban: bool,
    ) -> Result<()> {
        authorized!(self, room, actor.id, |authority| {
            let current = self.authority(authority.room.id, user).await?.membership;
            let permit = policy::may_remove(&authority, actor.id, user, current.as_ref())?;
            if !ban && !current.is_some_and(|membership| membership.is_active()) {
                return Err(StoreError::Failed(Error::NotFound(Entity::Member)));
            }
            match self
                .commit(
                    Command::Remove {
                        permit,
                        ban,
                        at: self.now(),
                    },
                    actor,
                )
                .await?
            {
                Outcome::Members { .. } | Outcome::Unchanged => Ok(()),
                other => Err(unexpected(&other)),
            }
        })
    }

    /// Enters a public room, or one into which a member asked the user; any group
    /// or channel where [`Limits::join_by_number`](crate::Limits::join_by_number)
    /// says so.
    ///
    /// # Errors
    /// By [`policy::may_join`].
    pub async fn join(&self, user: &Arc<Profile>, room: impl Into<RoomKey>) -> Result<RoomId> {
        let room = room.into();
        match self.enter(user, room, Entrance::Door).await {
            Err(Error::Forbidden(Denial::InviteNeeded)) if self.limits.join_by_number => {
                self.enter(user, room, Entrance::Number).await
            }
            other => other,
        }
    }

    /// Enters a room with an invite code.
    ///
    /// # Errors
    /// By [`policy::may_join`]; [`Entity::Invite`] not found when it is unknown,
    /// has ended or is used up.
    pub async fn accept_invite(&self, user: &Arc<Profile>, code: &str) -> Result<RoomId> {
        let invite = self
            .store()
            .invite(code, self.now())
            .await?
            .ok_or(Error::NotFound(Entity::Invite))?;
        self.enter(user, invite.room.into(), Entrance::Invite(invite.code))
            .await
    }

    async fn enter(&self, user: &Arc<Profile>, room: RoomKey, by: Entrance) -> Result<RoomId> {
        authorized!(self, room, user.id, |authority| {
            let invited = by != Entrance::Door;
            let permit = policy::may_join(&authority, user.id, invited)?;
            match self
                .commit(
                    Command::Join {
                        permit,
                        by: by.clone(),
                        at: self.now(),
                    },
                    user,
                )
                .await?
            {
                Outcome::Members { .. } => Ok(authority.room.id),
                other => Err(unexpected(&other)),
            }
        })
    }

    /// Leaves a room.
    ///
    /// # Errors
    /// By [`policy::may_leave`].
    pub async fn leave(&self, user: &Arc<Profile>, room: impl Into<RoomKey>) -> Result<()> {
        authorized!(self, room, user.id, |authority| {
            let permit = policy::may_leave(&authority, user.id)?;
            match self
                .commit(
                    Command::Leave {
                        permit,
                        at: self.now(),
                    },
                    user,
                )
                .await?
            {
                Outcome::Members { .. } => Ok(()),
                other => Err(unexpected(&other)),
            }
        })
    }

    /// Makes a code that lets its bearer into the room.
    ///
    /// # Errors
    /// By [`policy::may_invite`]; [`Error::Invalid`] by field.
    pub async fn create_invite(
        &self,
        actor: &Arc<Profile>,
        room: impl Into<RoomKey>,
        options: InviteOptions,
    ) -> Result<Invite> {
        if !(SHORTEST_INVITE..=LONGEST_INVITE).contains(&options.lifetime) {
            return Err(Error::invalid("expires_in", Reason::Malformed));
        }
        if options.uses.is_some_and(|uses| uses < 1) {
            return Err(Error::invalid("uses", Reason::Malformed));
        }
        authorized!(self, room, actor.id, |authority| {
            let permit = policy::may_invite(&authority, actor.id)?;
            let now = self.now();
            let invite = Invite {
                code: url_safe(&self.random_bytes::<16>()),
                room: authority.room.id,
                created_by: actor.id,
                created_at: now,
                expires_at: now.after(options.lifetime),
                uses_left: options.uses,
            };
            self.store().create_invite(&permit, invite.clone()).await?;
            Ok(invite)
        })
    }
}
