//! Which rooms a socket has opened: `join_direct_chat`, `join_group`,
//! `leave_group`. Opening a room changes what the socket is told, and never what
//! its user may read (S8).

use std::collections::HashMap;
use std::sync::Arc;

use tertulia_domain::chat::GroupName;
use tertulia_domain::policy::Authority;
use tertulia_domain::room::RoomSummary;
use tertulia_domain::{Denial, Entity, Error, Profile, Reason, Result, Room, RoomId, RoomKind};
use tertulia_hub::{Released, Replies};

use super::client::ChatClient;
use super::encode::{DirectJoined, GroupJoined, GroupLeft, Hyphenated, event};
use super::error::{Doing, Refusal, refusal};
use super::view::View;

/// How often a room's position is read again because too much came meanwhile.
const ATTEMPTS: usize = 4;

/// The rooms that a socket has opened; at most as many as a connection may
/// listen to.
#[derive(Default)]
pub(super) struct OpenRooms(HashMap<RoomId, OpenRoom>);

struct OpenRoom {
    /// The `group_id` under which a group was joined.
    group: Option<String>,
    /// The other person of a direct chat.
    peer: Option<String>,
}

impl OpenRooms {
    pub(super) fn contains(&self, room: RoomId) -> bool {
        self.0.contains_key(&room)
    }

    /// The other person of a direct chat that is open.
    pub(super) fn peer(&self, room: RoomId) -> Option<&str> {
        self.0.get(&room)?.peer.as_deref()
    }

    /// The room is not open any more.
    pub(super) fn forget(&mut self, room: RoomId) {
        self.0.remove(&room);
    }

    /// The open group that was joined under this `group_id`.
    pub(super) fn group(&self, group: &str) -> Option<RoomId> {
        let mut rooms = self.0.iter();
        let found = rooms.find(|(_, open)| open.group.as_deref() == Some(group));
        found.map(|(room, _)| *room)
    }
}

/// Whether a `group_id` is the number of a registered group.
pub(super) fn is_number(group: &str) -> bool {
    !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_digit())
}

impl ChatClient {
    pub(super) async fn join_direct(
        &mut self,
        user: &Arc<Profile>,
        other: String,
        replies: &mut Replies,
    ) -> Result<(), Refusal> {
        let joined = self.open_direct(user, &other).await;
        let room = joined.map_err(|error| refusal(error, Doing::OpeningDirect))?;
        let joined = DirectJoined {
            status: "ok",
            other_user_id: &other,
            sala_chat_id: room.id.0,
            sala_uuid: Hyphenated(room.uuid),
            room: format!("chat_{}", room.uuid),
        };
        replies.frame(event("direct_chat_joined", &joined));
        Ok(())
    }

    async fn open_direct(&mut self, user: &Arc<Profile>, other: &str) -> Result<Arc<Room>> {
        let chat = &self.context.chat;
        let named = chat.user_named(other).await?;
        let peer = named.ok_or(Error::NotFound(Entity::User))?.profile;
        let room = chat.open_direct(user, peer.id).await?.room;
        let opened = OpenRoom {
            group: None,
            peer: Some(peer.handle),
        };
        self.open_room(user, &room, opened).await?;
        Ok(room)
    }

    pub(super) async fn join_group(
        &mut self,
        user: &Arc<Profile>,
        group: String,
        replies: &mut Replies,
    ) -> Result<(), Refusal> {
        let joined = self.open_group(user, &group).await;
        let room = joined.map_err(|error| refusal(error, Doing::OpeningGroup))?;
        let joined = GroupJoined {
            status: "ok",
            group_id: &group,
            user_id: &user.handle,
            sala_chat_id: room.id.0,
            sala_uuid: Hyphenated(room.uuid),
            room: format!("group_{}", room.uuid),
        };
        replies.frame(event("group_joined", &joined));
        Ok(())
    }

    async fn open_group(&mut self, user: &Arc<Profile>, group: &str) -> Result<Arc<Room>> {
        let chat = &self.context.chat;
        let room = if is_number(group) {
            self.registered_group(user, group).await?.room
        } else {
            let allowed = self.context.settings.allows_ad_hoc_groups();
            chat.join_by_name(user, &GroupName::new(group)?, allowed)
                .await?
        };
        let opened = OpenRoom {
            group: Some(group.to_owned()),
            peer: None,
        };
        if self.open_room(user, &room, opened).await? {
            self.tell_visit(user, room.id, true).await;
        }
        Ok(room)
    }

    /// How the user stands to the group of this number, if it may read it.
    pub(super) async fn registered_group(
        &self,
        user: &Arc<Profile>,
        group: &str,
    ) -> Result<Authority> {
        let not_found = || Error::NotFound(Entity::Room);
        let number = group.parse().map_err(|_| not_found())?;
        let chat = &self.context.chat;
        let authority = chat.standing(user.id, RoomId(number)).await?;
        match authority.room.kind {
            RoomKind::Group | RoomKind::Channel => Ok(authority),
            RoomKind::Direct => Err(not_found()),
        }
    }

    /// Leaves the live room only. What is not open is left without a question to
    /// anybody.
    pub(super) async fn leave_group(
        &mut self,
        user: &Arc<Profile>,
        group: String,
        replies: &mut Replies,
    ) {
        if let Some(room) = self.open.group(&group) {
            self.close_room(user, room).await;
        }
        let left = GroupLeft {
            status: "ok",
            group_id: &group,
        };
        replies.frame(event("group_left", &left));
    }

    async fn close_room(&mut self, user: &Arc<Profile>, room: RoomId) {
        self.open.forget(room);
        let closed = |facet| {
            let view = View::of(facet);
            View {
                open: false,
                ..view
            }
            .facet()
        };
        self.link.change_facet(room, closed);
        self.tell_visit(user, room, false).await;
    }

    /// Whoever may no longer read the room has nothing to tell in it.
    async fn tell_visit(&self, user: &Arc<Profile>, room: RoomId, on: bool) {
        let told = self.context.chat.visit(user, room, on, self.link.id());
        if let Err(error) = told.await {
            tracing::debug!(%error, %room, "a visit was not told");
        }
    }

    /// From now on the socket is told what is said in the room. True when it was
    /// not before: a membership that ended has closed the room.
    async fn open_room(&mut self, user: &Profile, room: &Room, opened: OpenRoom) -> Result<bool> {
        let mut was_open = false;
        let mut open = |facet| {
            let view = View::of(facet);
            was_open = view.open;
            View { open: true, ..view }.facet()
        };
        if !self.link.change_facet(room.id, &mut open) {
            let most = self.context.settings.rooms_per_connection;
            let subscribed = self.link.subscribe(room.id);
            subscribed.map_err(|_| Error::invalid("rooms", Reason::TooLong { max: most }))?;
            self.link.change_facet(room.id, &mut open);
            if let Err(error) = self.catch_up(user, room.id).await {
                self.link.unsubscribe(room.id);
                return Err(error);
            }
        }
        self.open.0.insert(room.id, opened);
        Ok(!was_open)
    }

    /// What a socket had opened on another connection is open again. The
    /// connection listens to the room.
    pub(super) fn open_again(&mut self, summary: &RoomSummary) {
        let room = &*summary.room;
        let opened = match room.kind {
            RoomKind::Direct => OpenRoom {
                group: None,
                peer: summary.peer.as_ref().map(|peer| peer.handle.clone()),
            },
            RoomKind::Group | RoomKind::Channel => OpenRoom {
                group: room.external_id.clone().or(Some(room.id.to_string())),
                peer: None,
            },
        };
        let open = |facet| {
            let view = View::of(facet);
            View { open: true, ..view }.facet()
        };
        if self.link.change_facet(room.id, open) {
            self.open.0.insert(room.id, opened);
        }
    }

    /// A room to which the connection did not listen: the user has just come
    /// into it, and the event that tells of it is still on its way; or it is
    /// open to all. It listens from where the room stands now.
    async fn catch_up(&self, user: &Profile, room: RoomId) -> Result<()> {
        for _ in 0..ATTEMPTS {
            let position = self.context.chat.room(user.id, room).await?.position;
            match self.link.release(room, position) {
                Released::Live => return Ok(()),
                Released::Gone => return Err(Error::Forbidden(Denial::NotMember)),
                Released::ReadAgain => {}
            }
        }
        Err(Error::unavailable("a room is too busy to be opened"))
    }
}
