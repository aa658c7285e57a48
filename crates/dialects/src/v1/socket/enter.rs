//! `auth` and `reauth`: how a socket comes to speak for a user, and how its
//! client gets from where it stood to what happens now.

use tertulia_domain::chat::Recovery;
use tertulia_domain::event::CatchUpCursor;
use tertulia_domain::ports::{RoomPage, RoomsCursor};
use tertulia_domain::room::RoomSummary;
use tertulia_domain::{Conflict, Error, Identity, Position, Reason, Result, RoomId};
use tertulia_hub::{Attachment, Flow, Follow, Refused as NotAttached};

use super::cursor::{Cursor, earlier, later};
use super::error::Refused;
use super::event::{LiveEvent, ReadyEvent, ResyncEvent};
use super::op::{AuthOp, ReauthOp};
use super::resume::Beginning;
use super::session::{Outcome, Phase, SignedIn, V1Session, end_of};
use crate::common::catch_up::{Broken, Told};
use crate::common::entering::Entry;
use crate::common::files::FileLinks;
use crate::v1::cursor::Cursor as _;
use crate::v1::model::{Account, Id, Room};

/// Bytes of rooms in `ready`; the rest is fetched over REST.
const READY_BYTES: usize = 256 * 1024;

/// What is to be done about the rooms of a cursor.
#[derive(Default)]
struct Plan {
    /// Where the catch-up of each begins.
    replays: Vec<(RoomId, CatchUpCursor)>,
    /// Rooms to be fetched over REST.
    resync: Vec<Id>,
}

impl Plan {
    /// Where the connection's events of each room begin: where the room stands,
    /// or further back where a catch-up does.
    fn beginnings(&self, places: &Cursor) -> Vec<Beginning> {
        let begins = |(room, head): &(RoomId, Position)| {
            let replay = self.replays.iter().find(|(known, _)| known == room);
            Beginning {
                room: *room,
                at: replay.map_or(*head, |(_, cursor)| earlier(*head, cursor.known)),
                noted: head.revision,
            }
        };
        places.0.iter().map(begins).collect()
    }
}

impl V1Session {
    /// Lets the socket speak for a user, and brings its client from where it
    /// stood to what happens now.
    pub(super) async fn on_auth(
        &mut self,
        auth: AuthOp,
        reference: &Option<String>,
        mut entry: Entry,
    ) -> Result<Outcome, Refused> {
        let identity = self.identify(auth.token).await?;
        self.attach(&identity)?;
        let entered = self.enter(&identity).await;
        let (places, ready) = entered.inspect_err(|_| self.link.detach())?;
        self.say(&ReadyEvent {
            reference: reference.clone(),
            ..ready
        });
        let plan = self.plan(&auth.cursor.unwrap_or_default(), &places);
        self.sign_in(identity.clone(), plan.beginnings(&places));
        let flow = match self.go_live(&identity, &places, plan, &mut entry).await {
            Ok(()) => Flow::Continue,
            Err(broken) => self.broken(broken),
        };
        Ok(Outcome::Answered(flow))
    }

    /// By the token of the op, else by that of the upgrade request.
    async fn identify(&self, token: Option<String>) -> Result<Identity> {
        if let Some(token) = token {
            return self.context.chat.authenticate(&token).await;
        }
        match &self.phase {
            Phase::Waiting(waiting) => waiting.admitted.clone(),
            Phase::SignedIn(_) => None,
        }
        .ok_or(Error::invalid("token", Reason::Missing))
    }

    fn attach(&self, identity: &Identity) -> Result<()> {
        let attachment = Attachment {
            user: identity.profile.clone(),
            session: identity.session,
            codec: self.context.codecs.v1,
            deflate: self.deflate,
            follow: Follow::AllRooms,
        };
        self.link
            .attach(attachment)
            .map_err(|refused| match refused {
                NotAttached::TooManyConnections => Error::Conflict(Conflict::TooManyConnections),
                other => Error::unavailable(other),
            })
    }

    /// Listens to the user's rooms, behind closed gates, and sees where they
    /// stand.
    async fn enter(&self, identity: &Identity) -> Result<(Cursor, ReadyEvent)> {
        let chat = &self.context.chat;
        let user = identity.user();
        // A login that ended before the socket was attached is told to nobody.
        chat.recheck(identity).await?;
        let most = self.context.settings.rooms_per_connection;
        let heads = self.link.follow(|| chat.heads(user, most)).await?;
        self.link.announced().await;
        let account = chat.account(user).await?;
        let most = chat.limits().page_size;
        let page = RoomPage {
            after: None,
            limit: most + 1,
            unread: true,
        };
        let mut rooms = chat.rooms_of(user, page, most + 1).await?;
        let more = rooms.len() > most;
        rooms.truncate(most);

        let mut places = Cursor(heads.into_iter().map(|(room, at, _)| (room, at)).collect());
        for summary in &rooms {
            // A room may stand further than when the heads were read. One that
            // the user joined since is told of by that event.
            let (room, at) = (summary.room.id, summary.position);
            if let Some(head) = places.at(room) {
                places.set(room, later(head, at));
            }
        }
        let (rooms, next_cursor) = first_rooms(&rooms, more, &self.context.files);
        let ready = ReadyEvent {
            reference: None,
            user: Account::new(&account, chat.status(user), &self.context.files),
            cursor: places.clone(),
            rooms,
            next_cursor,
        };
        Ok((places, ready))
    }

    fn plan(&self, cursor: &Cursor, places: &Cursor) -> Plan {
        let mut plan = Plan::default();
        for (room, known) in &cursor.0 {
            let recovery = match places.at(*room) {
                Some(head) => self.context.chat.recovery(*known, head),
                None => Recovery::TooMuch,
            };
            match recovery {
                Recovery::Current => {}
                Recovery::Replay(cursor) => plan.replays.push((*room, cursor)),
                Recovery::TooMuch => plan.resync.push((*room).into()),
            }
        }
        plan
    }

    fn sign_in(&mut self, identity: Identity, beginnings: Vec<Beginning>) {
        let ends_at = end_of(self.context.chat.now().until(identity.expires_at));
        // What is told before this op is over may take longer than a login may.
        self.link.outbox().move_deadline(ends_at);
        self.phase = Phase::SignedIn(Box::new(SignedIn {
            identity,
            ends_at,
            beginnings,
        }));
    }

    /// Opens the gates: at once where nothing was missed, else after telling it.
    async fn go_live(
        &self,
        identity: &Identity,
        places: &Cursor,
        plan: Plan,
        entry: &mut Entry,
    ) -> Result<(), Broken> {
        let Plan {
            mut replays,
            mut resync,
        } = plan;
        let held: Vec<RoomId> = replays.iter().map(|(room, _)| *room).collect();
        for room in self.link.go_live(&places.0, &held) {
            // So much happened meanwhile that the hub does not have it all.
            let known = places.at(room).unwrap_or(Position::START);
            replays.push((room, CatchUpCursor::new(known)));
        }
        self.say_resync(&mut resync);
        let framing = self.framing();
        for (room, cursor) in replays {
            let catching_up = self.catching_up(identity, &framing);
            let told = catching_up.after_login(room, cursor, entry).await?;
            if told == Told::Resync {
                resync.push(room.into());
            }
        }
        self.say_resync(&mut resync);
        self.say(&LiveEvent {});
        Ok(())
    }

    pub(super) fn say_resync(&self, rooms: &mut Vec<Id>) {
        if !rooms.is_empty() {
            let room_ids = std::mem::take(rooms);
            self.say(&ResyncEvent { room_ids });
        }
    }

    /// Goes on under a fresh token of the same user.
    pub(super) async fn on_reauth(&mut self, reauth: ReauthOp) -> Result<(), Refused> {
        let chat = &self.context.chat;
        let user = self.signed_in()?.identity.user();
        let identity = chat.authenticate(&reauth.token).await?;
        if identity.user() != user {
            return Err(Refused::OtherUser);
        }
        let before = self.link.renew(identity.session);
        // A login that ended before the hub knew of it is told to nobody.
        if let Err(error) = chat.recheck(&identity).await {
            self.link.renew(before);
            return Err(error.into());
        }
        let ends_at = end_of(chat.now().until(identity.expires_at));
        if let Phase::SignedIn(signed_in) = &mut self.phase {
            signed_in.identity = identity;
            signed_in.ends_at = ends_at;
        }
        Ok(())
    }
}

/// As many rooms as fit, and where the list goes on.
fn first_rooms(
    found: &[RoomSummary],
    more: bool,
    links: &FileLinks,
) -> (Vec<Room>, Option<String>) {
    let mut rooms = Vec::with_capacity(found.len());
    let mut bytes = 0;
    for summary in found {
        bytes += size(summary);
        if bytes > READY_BYTES && !rooms.is_empty() {
            break;
        }
        rooms.push(Room::new(summary, links));
    }
    let cut = more || rooms.len() < found.len();
    let last = rooms.len().checked_sub(1).and_then(|last| found.get(last));
    let next_cursor = last.filter(|_| cut).map(|last| {
        let place = RoomsCursor {
            last_message_at: last.last_message_at,
            room: last.room.id,
        };
        place.encode()
    });
    (rooms, next_cursor)
}

/// About the bytes of a room in JSON: its texts, and the rest generously.
fn size(summary: &RoomSummary) -> usize {
    const FIXED: usize = 1_500;
    let words = summary
        .last_message
        .as_ref()
        .map_or(0, |message| message.text.len());
    let description = summary.room.description.as_ref().map_or(0, String::len);
    FIXED + words + description
}
