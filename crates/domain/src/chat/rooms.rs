//! Making, finding, changing and closing rooms.

use std::sync::Arc;

use super::accounts::validate_name;
use super::{ATTEMPTS, Chat, authorized, changing, unexpected};
use crate::command::{Command, Outcome, StoreError};
use crate::policy::Authority;
use crate::ports::{RoomKey, RoomPage};
use crate::room::{NewRoom, RoomPatch, RoomSummary};
use crate::{
    Conflict, Entity, Error, Position, Profile, Reason, Result, Role, Room, RoomKind, UserId,
    Visibility, policy,
};

/// A group or channel as a person asks for it.
#[derive(Clone, Debug)]
pub struct RoomDraft {
    /// `Group` or `Channel`.
    pub kind: RoomKind,
    /// Required; trimmed.
    pub title: String,
    /// Trimmed; empty is none.
    pub description: Option<String>,
    /// Who may find it.
    pub visibility: Visibility,
    /// Whether anyone signed in may read and write; only with `Public`.
    pub open: bool,
    /// Further members.
    pub members: Vec<UserId>,
}

/// A room and whether it was made just now.
#[derive(Clone, Debug)]
pub struct RoomPosition {
    /// The room.
    pub room: Arc<Room>,
    /// Whether this call made it.
    pub created: bool,
}

impl Chat {
    /// Makes a group or channel. Its creator is the owner.
    ///
    /// # Errors
    /// [`Error::Invalid`] by field; [`Entity::User`] not found for a member.
    pub async fn create_room(&self, creator: &Arc<Profile>, draft: RoomDraft) -> Result<Arc<Room>> {
        if draft.kind == RoomKind::Direct || (draft.open && draft.visibility != Visibility::Public)
        {
            return Err(Error::invalid("kind", Reason::NotAllowed));
        }
        let title = validate_name("title", &draft.title, self.limits.title_chars)?;
        let description = self.validate_description(draft.description.as_deref())?;
        let members = self.first_members(creator.id, draft.members).await?;
        let mut room = self.new_room(creator.id, draft.kind).await?;
        room.visibility = draft.visibility;
        room.open = draft.open;
        room.title = Some(title);
        room.description = description;
        let command = Command::CreateRoom {
            room: NewRoom { room, members },
            by: creator.id,
        };
        match self.commit(command, creator).await {
            Ok(Outcome::Created { room, .. }) => Ok(room),
            Ok(other) => Err(refused(unexpected(&other))),
            Err(error) => Err(refused(error)),
        }
    }

    /// The direct room of two people; made when there is none. There is one for
    /// each pair, also when both ask at the same moment.
    ///
    /// # Errors
    /// [`Conflict::DirectWithSelf`]; [`Entity::User`] not found.
    pub async fn open_direct(&self, asker: &Arc<Profile>, other: UserId) -> Result<RoomPosition> {
        if asker.id == other {
            return Err(Error::Conflict(Conflict::DirectWithSelf));
        }
        self.require_active(&[other]).await?;
        if let Some(room) = self.store().direct_room(asker.id, other).await? {
            return Ok(RoomPosition {
                room: Arc::new(room),
                created: false,
            });
        }
        let room = self.new_room(asker.id, RoomKind::Direct).await?;
        let members = vec![(asker.id, Role::Member), (other, Role::Member)];
        let command = Command::OpenDirect {
            room: NewRoom { room, members },
            by: asker.id,
        };
        match self.commit(command, asker).await {
            Ok(Outcome::Created { room, .. }) => Ok(RoomPosition {
                room,
                created: true,
            }),
            Ok(Outcome::Found { room }) => Ok(RoomPosition {
                room,
                created: false,
            }),
            Ok(other) => Err(refused(unexpected(&other))),
            Err(error) => Err(refused(error)),
        }
    }

    /// The rooms of a user, the one with the newest message first. The limit is
    /// brought within 1 and `most`, the dialect's own page size.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn rooms_of(
        &self,
        user: UserId,
        page: RoomPage,
        most: usize,
    ) -> Result<Vec<RoomSummary>> {
        self.store()
            .rooms_of(
                user,
                RoomPage {
                    limit: page.limit.clamp(1, most),
                    ..page
                },
            )
            .await
    }

    /// Rooms that anyone may find.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn public_rooms(
        &self,
        reader: UserId,
        page: RoomPage,
        most: usize,
    ) -> Result<Vec<RoomSummary>> {
        self.store()
            .public_rooms(
                reader,
                RoomPage {
                    limit: page.limit.clamp(1, most),
                    ..page
                },
            )
            .await
    }

    /// Rooms that anyone may find, without an account too, the oldest number first:
    /// `limit` of them after `skip`. The limit is brought within 1 and
    /// [`Limits::page_size`](crate::Limits::page_size).
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn public_rooms_by_number(&self, skip: usize, limit: usize) -> Result<Vec<Room>> {
        let limit = limit.clamp(1, self.limits.page_size);
        self.store().public_rooms_by_number(skip, limit).await
    }

    /// One room as its reader sees it: whole to those who may read it, without
    /// its messages to those who may only find it.
    ///
    /// # Errors
    /// By [`policy::may_look`].
    pub async fn room(&self, reader: UserId, room: impl Into<RoomKey>) -> Result<RoomSummary> {
        authorized!(self, room, reader, |authority| {
            policy::may_look(&authority)?;
            match policy::may_read(&authority, reader) {
                Ok(permit) => self.store().room_summary(&permit).await,
                Err(_) => Ok(RoomSummary {
                    room: authority.room,
                    position: Position::START,
                    membership: authority.membership,
                    peer: None,
                    last_message: None,
                    last_sender: None,
                    last_message_at: None,
                    unread: 0,
                }),
            }
        })
    }

    /// A room that its reader may read, from memory where it can: for those who
    /// ask before each message.
    ///
    /// # Errors
    /// By [`policy::may_read`].
    pub async fn readable_room(
        &self,
        reader: UserId,
        room: impl Into<RoomKey>,
    ) -> Result<Arc<Room>> {
        Ok(self.standing(reader, room).await?.room)
    }

    /// How somebody who may read a room's messages stands to it now, for more than
    /// one question in one moment ([`Chat::submit_as`]).
    ///
    /// # Errors
    /// By [`policy::may_read`].
    pub async fn standing(&self, reader: UserId, room: impl Into<RoomKey>) -> Result<Authority> {
        let authority = self.authority(room, reader).await?;
        policy::may_read(&authority, reader)?;
        Ok(authority)
    }

    /// One room as its reader sees it, to whoever may read its messages.
    ///
    /// # Errors
    /// By [`policy::may_read`].
    pub async fn readable_summary(
        &self,
        reader: UserId,
        room: impl Into<RoomKey>,
    ) -> Result<RoomSummary> {
        authorized!(self, room, reader, |authority| {
            let permit = policy::may_read(&authority, reader)?;
            self.store().room_summary(&permit).await
        })
    }

    /// Changes title, description or visibility.
    ///
    /// # Errors
    /// By [`policy::may_update`]; [`Error::Invalid`] by field.
    pub async fn update_room(
        &self,
        actor: &Arc<Profile>,
        room: impl Into<RoomKey>,
        patch: RoomPatch,
    ) -> Result<Arc<Room>> {
        if patch.open == Some(true) && patch.visibility != Some(Visibility::Public) {
            return Err(Error::invalid("visibility", Reason::NotAllowed));
        }
        let title = patch
            .title
            .map(|title| validate_name("title", &title, self.limits.title_chars))
            .transpose()?;
        let description = match patch.description {
            Some(description) => Some(self.validate_description(description.as_deref())?),
            None => None,
        };
        let patch = RoomPatch {
            title,
            description,
            visibility: patch.visibility,
            open: match patch.visibility {
                Some(Visibility::Private) => Some(false),
                _ => patch.open,
            },
        };
        authorized!(self, room, actor.id, |authority| {
            let permit = policy::may_update(&authority, actor.id)?;
            match self
                .commit(
                    Command::UpdateRoom {
                        permit,
                        patch: patch.clone(),
                        at: self.now(),
                    },
                    actor,
                )
                .await?
            {
                Outcome::Updated { room, .. } => Ok(room),
                Outcome::Unchanged => Ok(authority.room),
                other => Err(unexpected(&other)),
            }
        })
    }

    /// Closes a room for good.
    ///
    /// # Errors
    /// By [`policy::may_close`].
    pub async fn close_room(&self, actor: &Arc<Profile>, room: impl Into<RoomKey>) -> Result<()> {
        authorized!(self, room, actor.id, |authority| {
            let permit = policy::may_close(&authority, actor.id)?;
            match self
                .commit(
                    Command::CloseRoom {
                        permit,
                        at: self.now(),
                    },
                    actor,
                )
                .await?
            {
                Outcome::Closed { .. } => Ok(()),
                other => Err(unexpected(&other)),
            }
        })
    }

    pub(super) async fn new_room(&self, creator: UserId, kind: RoomKind) -> Result<Room> {
        let now = self.now();
        Ok(Room {
            id: self.ids.room().await?,
            uuid: self.new_uuid(),
            kind,
            visibility: Visibility::Private,
            open: false,
            title: None,
            description: None,
            external_id: None,
            created_by: Some(creator),
            created_at: now,
            updated_at: now,
        })
    }

    async fn first_members(
        &self,
        creator: UserId,
        mut others: Vec<UserId>,
    ) -> Result<Vec<(UserId, Role)>> {
        others.sort_unstable();
        others.dedup();
        others.retain(|user| *user != creator);
        let most = self.limits.initial_members;
        if others.len() >= most {
            return Err(Error::invalid("members", Reason::TooLong { max: most }));
        }
        self.require_active(&others).await?;
        let others = others.into_iter().map(|user| (user, Role::Member));
        Ok(std::iter::once((creator, Role::Owner))
            .chain(others)
            .collect())
    }

    pub(super) async fn require_active(&self, users: &[UserId]) -> Result<()> {
        for user in users {
            if self
                .find_user(crate::ports::UserKey::Id(*user))
                .await?
                .is_none()
            {
                return Err(Error::NotFound(Entity::User));
            }
        }
        Ok(())
    }

    fn validate_description(&self, description: Option<&str>) -> Result<Option<String>> {
        let most = self.limits.description_chars;
        match description.map(str::trim) {
            None | Some("") => Ok(None),
            Some(long) if long.chars().count() > most => {
                Err(Error::invalid("description", Reason::TooLong { max: most }))
            }
            Some(text) => Ok(Some(text.to_owned())),
        }
    }
}

pub(super) fn refused(error: StoreError) -> Error {
    match error {
        StoreError::Failed(error) => error,
        StoreError::Stale => Error::unavailable("a new room cannot be out of date"),
    }
}
