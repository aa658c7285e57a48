//! Who may do what. Every permission is decided here, once, as a value that
//! only this module can make and that the next step demands: forgetting the
//! check does not compile.
//!
//! A permit remembers the version of the room's members at which it was given.
//! The store compares it under the room's lock, and a permit that is out of
//! date is asked for again (see [`Chat`](crate::Chat)).

mod files;

pub(crate) use files::linked;
pub use files::{FileAuthority, FilePermit, may_attach, may_discard, may_fetch};

use std::marker::PhantomData;
use std::sync::Arc;

use crate::{
    Denial, Error, Membership, MembershipState, Message, MessageId, Result, Revision, Role, Room,
    RoomKind, UserId, Visibility,
};

/// What a decision rests on: a room, one user's membership in it, and the
/// version of the members at which both were read.
#[derive(Clone, Debug)]
pub struct Authority {
    /// The room.
    pub room: Arc<Room>,
    /// The revision of the room's last change of members.
    pub version: Revision,
    /// The user's membership in any state, when there ever was one.
    pub membership: Option<Membership>,
}

impl Authority {
    fn active(&self) -> Result<&Membership> {
        match &self.membership {
            Some(membership) if membership.is_active() => Ok(membership),
            Some(membership) if membership.state == MembershipState::Banned => {
                Err(Error::Forbidden(Denial::Banned))
            }
            _ => Err(Error::Forbidden(Denial::NotMember)),
        }
    }

    fn active_with(&self, role: Role) -> Result<()> {
        if self.active()?.role < role {
            return Err(Error::Forbidden(Denial::RoleTooLow));
        }
        Ok(())
    }

    /// Whether a member asked the user in.
    fn asked_in(&self) -> bool {
        let own = self.membership.as_ref();
        own.is_some_and(|own| own.state == MembershipState::Pending)
    }

    /// A member, or anyone in an open room that has not banned them.
    fn present(&self) -> Result<()> {
        match self.active() {
            Err(Error::Forbidden(Denial::NotMember)) if self.room.open => Ok(()),
            other => other.map(|_| ()),
        }
    }

    fn not_direct(&self) -> Result<()> {
        if self.room.kind == RoomKind::Direct {
            return Err(Error::Forbidden(Denial::DirectRoom));
        }
        Ok(())
    }

    fn permit<A>(&self, actor: UserId) -> Permit<A> {
        Permit {
            actor,
            room: Arc::clone(&self.room),
            version: self.version,
            action: PhantomData,
        }
    }
}

/// The right of `actor` to do `A` in a room.
#[derive(Debug)]
pub struct Permit<A> {
    actor: UserId,
    room: Arc<Room>,
    version: Revision,
    action: PhantomData<fn() -> A>,
}

impl<A> Clone for Permit<A> {
    fn clone(&self) -> Self {
        Self {
            actor: self.actor,
            room: Arc::clone(&self.room),
            version: self.version,
            action: PhantomData,
        }
    }
}

impl<A> Permit<A> {
    /// Who.
    #[must_use]
    pub fn actor(&self) -> UserId {
        self.actor
    }

    /// Where.
    #[must_use]
    pub fn room(&self) -> &Arc<Room> {
        &self.room
    }

    /// The version of the members at which it was given.
    #[must_use]
    pub fn version(&self) -> Revision {
        self.version
    }
}

/// The right of `actor` to do `A` to one message.
#[derive(Debug)]
pub struct MessagePermit<A> {
    permit: Permit<A>,
    message: MessageId,
}

impl<A> MessagePermit<A> {
    /// Who, where, and at which version.
    #[must_use]
    pub fn permit(&self) -> &Permit<A> {
        &self.permit
    }

    /// Which message.
    #[must_use]
    pub fn message(&self) -> MessageId {
        self.message
    }
}

/// The right of `actor` to change `subject`'s membership.
#[derive(Debug)]
pub struct MemberPermit<A> {
    permit: Permit<A>,
    subject: UserId,
}

impl<A> MemberPermit<A> {
    /// Who, where, and at which version.
    #[must_use]
    pub fn permit(&self) -> &Permit<A> {
        &self.permit
    }

    /// Whose membership.
    #[must_use]
    pub fn subject(&self) -> UserId {
        self.subject
    }
}

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $permit:ident<$action:ident>;)*) => {
        /// The things that can be permitted; only their names matter.
        pub mod action {
            $(
                #[doc = concat!("See [`", stringify!($name), "`](super::", stringify!($name), ").")]
                #[derive(Debug)]
                pub enum $action {}
            )*
        }
        $($(#[$doc])* pub type $name = $permit<action::$action>;)*
    };
}

actions! {
    /// To see the room, its members and its messages; to mark them; to hide
    /// them from oneself.
    MayRead = Permit<Read>;
    /// To say something.
    MaySpeak = Permit<Speak>;
    /// To react to messages.
    MayReact = Permit<React>;
    /// To tell that one is writing, and to signal calls.
    MaySignal = Permit<Signal>;
    /// To enter.
    MayJoin = Permit<Join>;
    /// To leave.
    MayLeave = Permit<Leave>;
    /// To make invite codes.
    MayInvite = Permit<Invite>;
    /// To change title, description and visibility.
    MayUpdate = Permit<Update>;
    /// To close the room for good.
    MayClose = Permit<Close>;
    /// To change a message's words.
    MayEdit = MessagePermit<Edit>;
    /// To take a message back.
    MayDelete = MessagePermit<Delete>;
    /// To bring somebody in, or to give another role.
    MayAdmit = MemberPermit<Admit>;
    /// To put somebody out.
    MayRemove = MemberPermit<Remove>;
    /// To see a file and read its bytes.
    MayFetch = FilePermit<Fetch>;
    /// To put a file into a message.
    MayAttach = FilePermit<Attach>;
    /// To remove a file for good.
    MayDiscard = FilePermit<Discard>;
}

/// May `actor` see the room?
///
/// # Errors
/// [`Denial::NotMember`] or [`Denial::Banned`].
pub fn may_read(authority: &Authority, actor: UserId) -> Result<MayRead> {
    authority.present()?;
    Ok(authority.permit(actor))
}

/// May `actor` see a room that it may not belong to? Public rooms show
/// themselves, not their messages.
///
/// # Errors
/// As [`may_read`].
pub fn may_look(authority: &Authority) -> Result<()> {
    match authority.present() {
        Err(Error::Forbidden(Denial::NotMember))
            if authority.room.visibility == Visibility::Public =>
        {
            Ok(())
        }
        other => other,
    }
}

/// May `actor` say something? In a channel only the owner and admins may.
///
/// # Errors
/// [`Denial::NotMember`], [`Denial::Banned`] or [`Denial::RoleTooLow`].
pub fn may_speak(authority: &Authority, actor: UserId) -> Result<MaySpeak> {
    match authority.room.kind {
        RoomKind::Channel => authority.active_with(Role::Admin)?,
        RoomKind::Direct | RoomKind::Group => authority.present()?,
    }
    Ok(authority.permit(actor))
}

/// May `actor` react to messages?
///
/// # Errors
/// As [`may_read`].
pub fn may_react(authority: &Authority, actor: UserId) -> Result<MayReact> {
    authority.present()?;
    Ok(authority.permit(actor))
}

/// May `actor` tell that it is writing, or signal a call?
///
/// # Errors
/// As [`may_read`].
pub fn may_signal(authority: &Authority, actor: UserId) -> Result<MaySignal> {
    authority.present()?;
    Ok(authority.permit(actor))
}

/// May `actor` change the words of `message`? Its author may, while it may
/// speak.
///
/// # Errors
/// As [`may_speak`], and [`Denial::NotAuthor`].
pub fn may_edit(authority: &Authority, actor: UserId, message: &Message) -> Result<MayEdit> {
    let speak = may_speak(authority, actor)?;
    if message.sender != Some(actor) {
        return Err(Error::Forbidden(Denial::NotAuthor));
    }
    Ok(MessagePermit {
        permit: authority.permit(speak.actor()),
        message: message.id,
    })
}

/// May `actor` take `message` back for everybody? Its author may; in a group or
/// channel the owner and admins may too.
///
/// # Errors
/// As [`may_read`], and [`Denial::NotAuthor`].
pub fn may_delete(authority: &Authority, actor: UserId, message: &Message) -> Result<MayDelete> {
    authority.present()?;
    let keeps_order =
        authority.room.kind != RoomKind::Direct && authority.active_with(Role::Admin).is_ok();
    if message.sender != Some(actor) && !keeps_order {
        return Err(Error::Forbidden(Denial::NotAuthor));
    }
    Ok(MessagePermit {
        permit: authority.permit(actor),
        message: message.id,
    })
}

/// The right to take back what its author must no longer be known to have said,
/// wherever it stands and whoever may enter there by now: whoever runs the server
/// erases a person (`docs/adr/0016-erasure.md`). `message` is one of `author`'s.
pub(crate) fn erased(authority: &Authority, author: UserId, message: MessageId) -> MayDelete {
    MessagePermit {
        permit: authority.permit(author),
        message,
    }
}

/// May `actor` enter by itself? `invited` when it shows a valid invite; whom a
/// member asked in needs none. Nobody enters a direct room; to a stranger it looks
/// like any private room (S7).
///
/// # Errors
/// [`Denial::Banned`], [`Denial::InviteNeeded`], and
/// [`Conflict::AlreadyMember`](crate::Conflict::AlreadyMember).
pub fn may_join(authority: &Authority, actor: UserId, invited: bool) -> Result<MayJoin> {
    match authority.active() {
        Ok(_) => Err(Error::Conflict(crate::Conflict::AlreadyMember)),
        Err(Error::Forbidden(Denial::NotMember)) => {
            let open_door =
                invited || authority.asked_in() || authority.room.visibility == Visibility::Public;
            if open_door && authority.room.kind != RoomKind::Direct {
                return Ok(authority.permit(actor));
            }
            Err(Error::Forbidden(Denial::InviteNeeded))
        }
        Err(refused) => Err(refused),
    }
}

/// May `actor` enter by the room's name, which is all that it shows? Only a
/// group that has one, and only where that is allowed.
///
/// # Errors
/// As [`may_join`].
pub fn may_join_by_name(authority: &Authority, actor: UserId, allowed: bool) -> Result<MayJoin> {
    let is_named = authority.room.external_id.is_some() && authority.room.own_of().is_none();
    may_join(authority, actor, allowed && is_named)
}

/// May somebody make a group that others enter by its name?
///
/// # Errors
/// [`Denial::InviteNeeded`], as for a group that is there: nobody learns which
/// names are taken.
pub fn may_make_by_name(allowed: bool) -> Result<()> {
    if allowed {
        Ok(())
    } else {
        Err(Error::Forbidden(Denial::InviteNeeded))
    }
}

/// May `actor` leave? Nobody leaves a direct room.
///
/// # Errors
/// [`Denial::NotMember`] or [`Denial::DirectRoom`].
pub fn may_leave(authority: &Authority, actor: UserId) -> Result<MayLeave> {
    authority.active()?;
    authority.not_direct()?;
    Ok(authority.permit(actor))
}

/// May `actor` make an invite code? Any member of a group may
/// (KaapehChat shows the button to all); in a channel the owner and admins.
///
/// # Errors
/// [`Denial::NotMember`], [`Denial::DirectRoom`] or [`Denial::RoleTooLow`].
pub fn may_invite(authority: &Authority, actor: UserId) -> Result<MayInvite> {
    inviter(authority)?;
    Ok(authority.permit(actor))
}

/// May `actor` make `subject` a member with `role`, or give a member `role`?
/// Who may invite may bring in members; only the owner gives other roles; who
/// was banned is let back in by the owner or an admin. An owner stops being one
/// only by making somebody else the owner.
///
/// # Errors
/// As [`may_invite`].
pub fn may_admit(
    authority: &Authority,
    actor: UserId,
    subject: UserId,
    current: Option<&Membership>,
    role: Role,
) -> Result<MayAdmit> {
    inviter(authority)?;
    let already = current.filter(|membership| membership.is_active());
    let changes_role = already.is_some_and(|membership| membership.role != role);
    if changes_role && already.is_some_and(|membership| membership.role == Role::Owner) {
        return Err(Error::Forbidden(Denial::RoleTooLow));
    }
    if role != Role::Member || changes_role {
        authority.active_with(Role::Owner)?;
    }
    if current.is_some_and(|membership| membership.state == MembershipState::Banned) {
        authority.active_with(Role::Admin)?;
    }
    Ok(MemberPermit {
        permit: authority.permit(actor),
        subject,
    })
}

/// May `actor` put `subject` out? Whoever has the higher role may; nobody
/// puts out an equal.
///
/// # Errors
/// [`Denial::NotMember`], [`Denial::DirectRoom`] or [`Denial::RoleTooLow`].
pub fn may_remove(
    authority: &Authority,
    actor: UserId,
    subject: UserId,
    current: Option<&Membership>,
) -> Result<MayRemove> {
    let own = authority.active()?;
    authority.not_direct()?;
    authority.active_with(Role::Admin)?;
    let subject_role = current
        .filter(|membership| membership.is_active())
        .map(|membership| membership.role);
    if subject_role.is_some_and(|role| role >= own.role) {
        return Err(Error::Forbidden(Denial::RoleTooLow));
    }
    Ok(MemberPermit {
        permit: authority.permit(actor),
        subject,
    })
}

/// May `actor` change title, description or visibility? The owner and admins.
///
/// # Errors
/// [`Denial::NotMember`], [`Denial::DirectRoom`] or [`Denial::RoleTooLow`].
pub fn may_update(authority: &Authority, actor: UserId) -> Result<MayUpdate> {
    authority.active()?;
    authority.not_direct()?;
    authority.active_with(Role::Admin)?;
    Ok(authority.permit(actor))
}

/// May `actor` close the room for good? The owner.
///
/// # Errors
/// [`Denial::NotMember`], [`Denial::DirectRoom`] or [`Denial::RoleTooLow`].
pub fn may_close(authority: &Authority, actor: UserId) -> Result<MayClose> {
    authority.active()?;
    authority.not_direct()?;
    authority.active_with(Role::Owner)?;
    Ok(authority.permit(actor))
}

fn inviter(authority: &Authority) -> Result<()> {
    authority.active()?;
    authority.not_direct()?;
    if authority.room.kind == RoomKind::Channel {
        authority.active_with(Role::Admin)?;
    }
    Ok(())
}
