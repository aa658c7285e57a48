//! Entering, leaving and roles. Each membership that changes takes a revision
//! of its own, which becomes the room's `members_version`.

use tertulia_domain::command::{Entrance, Outcome, StoreError};
use tertulia_domain::policy::{MayAdmit, MayJoin, MayLeave, MayRemove, Permit};
use tertulia_domain::room::Member;
use tertulia_domain::{
    Entity, Error, Membership, MembershipState, Position, Role, Room, RoomId, Seq, Timestamp,
    UserId, Visibility,
};

use super::batch::{Batch, Failure};
use crate::members::{find, membership_columns, read_membership};
use crate::sql::{self, params};
use crate::users::{Profiles, known, newcomers, profiles_by_id};
use crate::{invites, rooms};

/// A membership that changed, with the room's position after it.
type Changed = (Membership, Position);

pub(super) async fn join(
    batch: &mut Batch<'_>,
    permit: &MayJoin,
    by: &Entrance,
    at: Timestamp,
) -> Result<Outcome, Failure> {
    let (room, user) = (permit.room().id, permit.actor());
    let current = find(batch.connection, room, user).await?;
    if is_active(current.as_ref()) {
        return Ok(Outcome::Unchanged);
    }
    let profiles = newcomer(batch, user).await?;
    match by {
        Entrance::Invite(code) => {
            if !invites::spend(batch.connection, code, room, at).await? {
                return Err(Error::NotFound(Entity::Invite).into());
            }
        }
        Entrance::Door if is_pending(current.as_ref()) => {}
        Entrance::Door => check_open_door(batch, room).await?,
        Entrance::Number => {}
    }
    let entered = enter(batch, permit, user, current, Role::Member, at).await?;
    members(&profiles, vec![entered])
}

/// A room's visibility is no part of its members' version. A room that is
/// entered by its name keeps that as long as it is there.
async fn check_open_door(batch: &mut Batch<'_>, room: RoomId) -> Result<(), Failure> {
    let room = rooms::find(batch.connection, room).await?;
    let is_open = |room: Room| room.visibility == Visibility::Public || room.external_id.is_some();
    if room.is_some_and(is_open) {
        return Ok(());
    }
    Err(StoreError::Stale.into())
}

pub(super) async fn ask_in(
    batch: &mut Batch<'_>,
    permit: &MayAdmit,
    at: Timestamp,
) -> Result<Outcome, Failure> {
    let (user, permit) = (permit.subject(), permit.permit());
    let room = permit.room().id;
    let current = find(batch.connection, room, user).await?;
    if is_active(current.as_ref()) || is_pending(current.as_ref()) {
        return Ok(Outcome::Unchanged);
    }
    let profiles = newcomer(batch, user).await?;
    let outside = match current {
        Some(membership) => membership,
        None => outsider(batch, permit, user, at).await?,
    };
    let asked = end(batch, permit, outside, MembershipState::Pending).await?;
    members(&profiles, vec![asked])
}

pub(super) async fn admit(
    batch: &mut Batch<'_>,
    permit: &MayAdmit,
    role: Role,
    at: Timestamp,
) -> Result<Outcome, Failure> {
    let (user, permit) = (permit.subject(), permit.permit());
    let room = permit.room().id;
    let current = find(batch.connection, room, user).await?;
    let has_role = |membership: &Membership| membership.is_active() && membership.role == role;
    if current.as_ref().is_some_and(has_role) {
        return Ok(Outcome::Unchanged);
    }
    let mut profiles = match &current {
        Some(membership) if membership.is_active() => {
            profiles_by_id(batch.connection, [user]).await?
        }
        _ => newcomer(batch, user).await?,
    };
    let mut changed = Vec::new();
    if role == Role::Owner
        && let Some(owner) = owner(batch, room).await?
    {
        profiles.extend(profiles_by_id(batch.connection, [owner.user]).await?);
        changed.push(give_role(batch, permit, owner, Role::Admin).await?);
    }
    changed.push(match current {
        Some(membership) if membership.is_active() => {
            give_role(batch, permit, membership, role).await?
        }
        other => enter(batch, permit, user, other, role, at).await?,
    });
    members(&profiles, changed)
}

pub(super) async fn remove(
    batch: &mut Batch<'_>,
    permit: &MayRemove,
    ban: bool,
    at: Timestamp,
) -> Result<Outcome, Failure> {
    let (user, permit) = (permit.subject(), permit.permit());
    let room = permit.room().id;
    let state = if ban {
        MembershipState::Banned
    } else {
        MembershipState::Left
    };
    let current = find(batch.connection, room, user).await?;
    let out_already = match &current {
        None => !ban,
        Some(membership) => match membership.state {
            MembershipState::Active | MembershipState::Pending => false,
            MembershipState::Left => !ban,
            MembershipState::Banned => true,
        },
    };
    if out_already {
        return Ok(Outcome::Unchanged);
    }
    let (profiles, current) = match current {
        Some(membership) => (profiles_by_id(batch.connection, [user]).await?, membership),
        None => {
            let profiles = newcomer(batch, user).await?;
            (profiles, outsider(batch, permit, user, at).await?)
        }
    };
    let ended = end(batch, permit, current, state).await?;
    members(&profiles, vec![ended])
}

pub(super) async fn leave(batch: &mut Batch<'_>, permit: &MayLeave) -> Result<Outcome, Failure> {
    let (room, user) = (permit.room().id, permit.actor());
    let current = find(batch.connection, room, user).await?;
    let Some(current) = current.filter(Membership::is_active) else {
        return Ok(Outcome::Unchanged);
    };
    let owned = current.role == Role::Owner;
    let mut changed = vec![end(batch, permit, current, MembershipState::Left).await?];
    if owned && let Some(heir) = longest_standing(batch, room).await? {
        changed.push(give_role(batch, permit, heir, Role::Owner).await?);
    }
    let people = changed.iter().map(|(membership, _)| membership.user);
    let profiles = profiles_by_id(batch.connection, people).await?;
    members(&profiles, changed)
}

fn is_active(membership: Option<&Membership>) -> bool {
    membership.is_some_and(Membership::is_active)
}

fn is_pending(membership: Option<&Membership>) -> bool {
    membership.is_some_and(|membership| membership.state == MembershipState::Pending)
}

/// Somebody who has no membership now must be there, and not deleted.
async fn newcomer(batch: &mut Batch<'_>, user: UserId) -> Result<Profiles, Failure> {
    let found = newcomers(batch.connection, &[user]).await?;
    Ok(found.ok_or(Error::NotFound(Entity::User))?)
}

fn members(profiles: &Profiles, changed: Vec<Changed>) -> Result<Outcome, Failure> {
    let member = |(membership, position): Changed| -> sql::Result<(Member, Position)> {
        let profile = known(profiles, membership.user)?;
        Ok((
            Member {
                membership,
                profile,
            },
            position,
        ))
    };
    let changed = changed
        .into_iter()
        .map(member)
        .collect::<sql::Result<_>>()?;
    Ok(Outcome::Members { changed })
}

async fn owner(batch: &mut Batch<'_>, room: RoomId) -> sql::Result<Option<Membership>> {
    batch
        .connection
        .query_one(
            concat!(
                "SELECT ",
                membership_columns!(),
                " FROM memberships m WHERE m.room_id = ? AND m.state = ? AND m.role = ?"
            ),
            params![room, MembershipState::Active, Role::Owner],
            read_membership,
        )
        .await
}

/// The longest-standing admin, else the longest-standing member.
async fn longest_standing(batch: &mut Batch<'_>, room: RoomId) -> sql::Result<Option<Membership>> {
    batch
        .connection
        .query_one(
            concat!(
                "SELECT ",
                membership_columns!(),
                " FROM memberships m WHERE m.room_id = ? AND m.state = ? \
                 ORDER BY m.role DESC, m.joined_at, m.since_seq, m.user_id LIMIT 1"
            ),
            params![room, MembershipState::Active],
            read_membership,
        )
        .await
}

/// Begins a membership. What was marked in an earlier one stays marked.
async fn enter<A>(
    batch: &mut Batch<'_>,
    permit: &Permit<A>,
    user: UserId,
    earlier: Option<Membership>,
    role: Role,
    at: Timestamp,
) -> sql::Result<Changed> {
    let room = permit.room().id;
    let position = batch.next_member_change(room);
    let membership = Membership {
        room,
        user,
        role,
        state: MembershipState::Active,
        joined_at: at,
        since: position.seq,
        until: None,
        delivered_seq: earlier.as_ref().map_or(Seq::ZERO, |m| m.delivered_seq),
        read_seq: earlier.as_ref().map_or(Seq::ZERO, |m| m.read_seq),
        revision: position.revision,
    };
    if earlier.is_some() {
        update(batch, &membership, permit.actor()).await?;
    } else {
        insert(batch, &membership, permit.actor()).await?;
    }
    begin_period(batch, &membership).await?;
    Ok((membership, position))
}

async fn give_role<A>(
    batch: &mut Batch<'_>,
    permit: &Permit<A>,
    membership: Membership,
    role: Role,
) -> sql::Result<Changed> {
    let position = batch.next_member_change(membership.room);
    let membership = Membership {
        role,
        revision: position.revision,
        ..membership
    };
    update(batch, &membership, permit.actor()).await?;
    Ok((membership, position))
}

/// Ends a membership; or keeps somebody out who had none, or asks them in.
async fn end<A>(
    batch: &mut Batch<'_>,
    permit: &Permit<A>,
    membership: Membership,
    state: MembershipState,
) -> sql::Result<Changed> {
    let position = batch.next_member_change(membership.room);
    if membership.is_active() {
        end_period(batch, &membership, position.seq).await?;
    }
    let membership = Membership {
        role: Role::Member,
        state,
        until: Some(membership.until.unwrap_or(position.seq)),
        revision: position.revision,
        ..membership
    };
    update(batch, &membership, permit.actor()).await?;
    Ok((membership, position))
}

/// The row of somebody who never belonged to the room; it is then ended.
async fn outsider<A>(
    batch: &mut Batch<'_>,
    permit: &Permit<A>,
    user: UserId,
    at: Timestamp,
) -> sql::Result<Membership> {
    let room = permit.room().id;
    let position = batch.position(room);
    let membership = Membership {
        room,
        user,
        role: Role::Member,
        state: MembershipState::Left,
        joined_at: at,
        since: position.seq,
        until: Some(position.seq),
        delivered_seq: Seq::ZERO,
        read_seq: Seq::ZERO,
        revision: position.revision,
    };
    insert(batch, &membership, permit.actor()).await?;
    Ok(membership)
}

/// Stores somebody's first membership in a room. Nothing before it was sent to
/// this member, so nothing before it waits to be marked.
pub(super) async fn insert(
    batch: &mut Batch<'_>,
    membership: &Membership,
    by: UserId,
) -> sql::Result<()> {
    batch
        .connection
        .execute(
            "INSERT INTO memberships (room_id, user_id, role, state, joined_at, since_seq, \
             until_seq, delivered_seq, read_seq, delivered_upto, read_upto, revision, changed_by) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                membership.room,
                membership.user,
                membership.role,
                membership.state,
                membership.joined_at,
                membership.since,
                membership.until,
                membership.delivered_seq,
                membership.read_seq,
                membership.since,
                membership.since,
                membership.revision,
                by,
            ],
        )
        .await
        .map(|_| ())
}

async fn update(batch: &mut Batch<'_>, membership: &Membership, by: UserId) -> sql::Result<()> {
    batch
        .connection
        .execute(
            "UPDATE memberships SET role = ?, state = ?, joined_at = ?, since_seq = ?, \
             until_seq = ?, revision = ?, changed_by = ? WHERE room_id = ? AND user_id = ?",
            params![
                membership.role,
                membership.state,
                membership.joined_at,
                membership.since,
                membership.until,
                membership.revision,
                by,
                membership.room,
                membership.user,
            ],
        )
        .await
        .map(|_| ())
}

/// Begins a period, or takes up one that began at the same message.
pub(super) async fn begin_period(
    batch: &mut Batch<'_>,
    membership: &Membership,
) -> sql::Result<()> {
    let (room, user, since) = (membership.room, membership.user, membership.since);
    let taken_up = batch
        .connection
        .execute(
            "UPDATE membership_periods SET until_seq = NULL \
             WHERE room_id = ? AND user_id = ? AND since_seq = ?",
            params![room, user, since],
        )
        .await?;
    if taken_up > 0 {
        return Ok(());
    }
    batch
        .connection
        .execute(
            "INSERT INTO membership_periods (room_id, user_id, since_seq) VALUES (?, ?, ?)",
            params![room, user, since],
        )
        .await
        .map(|_| ())
}

async fn end_period(batch: &mut Batch<'_>, membership: &Membership, until: Seq) -> sql::Result<()> {
    batch
        .connection
        .execute(
            "UPDATE membership_periods SET until_seq = ? \
             WHERE room_id = ? AND user_id = ? AND until_seq IS NULL",
            params![until, membership.room, membership.user],
        )
        .await
        .map(|_| ())
}
