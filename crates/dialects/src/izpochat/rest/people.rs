//! Users and rooms as one reader sees them: a few reads for a whole answer.

use std::collections::HashMap;
use std::sync::Arc;

use tertulia_domain::room::Member;
use tertulia_domain::{
    Chat, Profile, Result, Role, Room, RoomId, Timestamp, User, UserId, Visibility,
};

use super::model::{RoomObject, UserObject, changed};
use super::rooms::room_name;
use crate::izpochat::time::Zulu;

/// Members that are shown in one answer, shared by its rooms: an answer stays
/// small enough to be read, whatever the rooms.
const MOST_MEMBERS: usize = 10_000;
/// Members that one room shows.
const MOST_OF_ROOM: usize = 1_000;

/// Users by number, as one reader sees them.
pub(super) struct People {
    users: HashMap<UserId, User>,
    reader: Option<UserId>,
}

impl People {
    /// Reads these users, each of whom may be named repeatedly.
    pub(super) async fn read(
        chat: &Chat,
        reader: Option<UserId>,
        ids: impl IntoIterator<Item = UserId>,
    ) -> Result<Self> {
        let mut ids: Vec<_> = ids.into_iter().collect();
        ids.sort_unstable();
        ids.dedup();
        let users = chat.users(&ids).await?;
        Ok(Self {
            users: users.into_iter().map(|user| (user.id(), user)).collect(),
            reader,
        })
    }

    /// One of them; a blank one for nobody.
    pub(super) fn show(&self, id: Option<UserId>) -> UserObject {
        let found = id.and_then(|id| self.users.get(&id));
        let nobody = || UserObject {
            username: String::new(),
            email: String::new(),
            full_name: None,
            id: id.map_or(0, |id| id.0),
            is_active: false,
            created_at: Zulu(Timestamp::from_secs(0)),
            updated_at: None,
        };
        found.map_or_else(nobody, |user| UserObject::new(user, self.reader))
    }
}

/// A room to be shown, with the other person of a direct one.
pub(super) struct Shown {
    pub(super) room: Arc<Room>,
    pub(super) peer: Option<Arc<Profile>>,
}

/// Rooms as this reader sees them: with their members where the reader may read
/// them, else with their owner alone.
pub(super) async fn show_rooms(
    chat: &Chat,
    reader: Option<UserId>,
    rooms: &[Shown],
) -> Result<Vec<RoomObject>> {
    if rooms.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<RoomId> = rooms.iter().map(|shown| shown.room.id).collect();
    let share = (MOST_MEMBERS / ids.len()).clamp(1, MOST_OF_ROOM);
    let mut members = chat.members_of_rooms(reader, &ids, share).await?;
    let of_members = members
        .values()
        .flatten()
        .map(|member| member.membership.user);
    let owners = rooms.iter().filter_map(|shown| shown.room.created_by);
    let people: Vec<UserId> = of_members.chain(owners).collect();
    let people = People::read(chat, reader, people).await?;
    let show = |shown: &Shown| {
        let members = members.remove(&shown.room.id).unwrap_or_default();
        show_room(shown, &members, &people)
    };
    Ok(rooms.iter().map(show).collect())
}

/// One room, for which [`show_rooms`] is too many words.
pub(super) async fn show_one(
    chat: &Chat,
    reader: Option<UserId>,
    shown: Shown,
) -> Result<RoomObject> {
    let mut rooms = show_rooms(chat, reader, &[shown]).await?;
    rooms
        .pop()
        .ok_or_else(|| tertulia_domain::Error::unavailable("a room was not shown"))
}

fn show_room(shown: &Shown, members: &[Member], people: &People) -> RoomObject {
    let room = &shown.room;
    let owns = |member: &&Member| member.membership.role == Role::Owner;
    let owner = members.iter().find(owns);
    let owner = owner
        .map(|member| member.membership.user)
        .or(room.created_by);
    RoomObject {
        name: room_name(room, shown.peer.as_deref()),
        description: room.description.clone(),
        is_private: room.visibility == Visibility::Private,
        id: room.id.0,
        owner_id: owner.map_or(0, |owner| owner.0),
        created_at: Zulu(room.created_at),
        updated_at: changed(room.created_at, room.updated_at),
        owner: people.show(owner),
        members: members
            .iter()
            .map(|member| people.show(Some(member.membership.user)))
            .collect(),
    }
}
