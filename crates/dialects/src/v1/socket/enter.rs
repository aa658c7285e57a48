//! `auth`, `reauth`, `resume`: how a socket comes to speak for a user, and how
//! the client gets from where it stood to what happens now.

use tertulia_domain::chat::Recovery;
use tertulia_domain::event::CatchUpCursor;
use tertulia_domain::ports::{RoomPage, RoomsCursor};
use tertulia_domain::room::RoomSummary;
use tertulia_domain::{Conflict, Error, Identity, Position, Reason, Result, Revision, RoomId, Seq};
use tertulia_hub::{Attachment, Flow, Follow, Refused as NotAttached};

use super::cursor::Cursor;
use super::error::Refused;
use super::event::{LiveEvent, ReadyEvent, ResyncEvent};
use super::op::{AuthOp, ReauthOp, ResumeOp};
use super::recovery::{Broken, Told};
use super::session::{Phase, SignedIn, V1Session, end_of};
use crate::v1::cursor::Cursor as _;
use crate::v1::model::{Account, Id, Room};

/// Bytes of rooms in `ready`; the rest is fetched over REST.
const READY_BYTES: usize = 256 * 1024;

type Places = Vec<(RoomId, Position)>;

/// What is to be done about the rooms of a cursor.
#[derive(Default)]
struct Plan {
    /// Where the catch-up of each begins.
    replays: Vec<(RoomId, CatchUpCursor)>,
    /// Rooms to be fetched over REST.
    resync: Vec<Id>,
}

impl V1Session {
    /// Lets the socket speak for a user, and brings its client from where it
    /// stood to what happens now.
    pub(super) async fn on_auth(
        &mut self,
        auth: AuthOp,
        reference: Option<String>,
    ) -> Result<Flow, Refused> {
        let identity = self.identify(auth.token).await?;
        self.attach(&identity)?;
        let entered = self.enter(&identity).await;
        let (places, ready) = entered.inspect_err(|_| self.link.detach())?;
        self.say(&ReadyEvent { reference, ..ready });
        let cursor = auth.cursor.unwrap_or_default();
        let plan = self.plan(&cursor, &places);
        self.sign_in(identity.clone(), told_since(places.clone(), &plan));
        Ok(match self.go_live(&identity, &places, plan).await {
            Ok(()) => Flow::Continue,
            Err(broken) => self.broken(broken),
        })
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
    async fn enter(&self, identity: &Identity) -> Result<(Places, ReadyEvent)> {
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

        let mut places: Places = heads.into_iter().map(|(room, at, _)| (room, at)).collect();
        rooms.iter().for_each(|room| advance(&mut places, room));
        let (rooms, next_cursor) = first_rooms(&rooms, more);
        let ready = ReadyEvent {
            reference: None,
            user: Account::new(&account, chat.status(user)),
            cursor: Cursor(places.clone()),
            rooms,
            next_cursor,
        };
        Ok((places, ready))
    }

    fn plan(&self, cursor: &Cursor, places: &Places) -> Plan {
        let mut plan = Plan::default();
        for (room, known) in &cursor.0 {
            let recovery = match places.iter().find(|(known, _)| known == room) {
                Some((_, head)) => self.context.chat.recovery(*known, *head),
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

    fn sign_in(&mut self, identity: Identity, told_since: Places) {
        let ends_at = end_of(self.context.chat.now().until(identity.expires_at));
        // What is told before this op is over may take longer than a login may.
        self.link.outbox().move_deadline(ends_at);
        self.phase = Phase::SignedIn(Box::new(SignedIn {
            identity,
            ends_at,
            told_since,
        }));
    }

    /// Opens the gates: at once where nothing was missed, else after telling it.
    async fn go_live(
        &self,
        identity: &Identity,
        places: &Places,
        plan: Plan,
    ) -> Result<(), Broken> {
        let Plan {
            mut replays,
            mut resync,
        } = plan;
        let held: Vec<RoomId> = replays.iter().map(|(room, _)| *room).collect();
        for room in self.link.go_live(places, &held) {
            // So much happened meanwhile that the hub does not have it all.
            let place = places.iter().find(|(known, _)| *known == room);
            let known = place.map_or(Position::START, |(_, at)| *at);
            replays.push((room, CatchUpCursor::new(known)));
        }
        self.say_resync(&mut resync);
        for (room, cursor) in replays {
            let told = self.catching_up(identity).after_login(room, cursor).await?;
            if told == Told::Resync {
                resync.push(room.into());
            }
        }
        self.say_resync(&mut resync);
        self.say(&LiveEvent {});
        Ok(())
    }

    fn say_resync(&self, rooms: &mut Vec<Id>) {
        if !rooms.is_empty() {
            let room_ids = std::mem::take(rooms);
            self.say(&ResyncEvent { room_ids });
        }
    }

    /// Goes on under a fresh token of the same user.
    pub(super) async fn on_reauth(&mut self, reauth: ReauthOp) -> Result<(), Refused> {
        let Phase::SignedIn(signed_in) = &mut self.phase else {
            return Err(Refused::AuthFirst);
        };
        let user = signed_in.identity.user();
        let chat = &self.context.chat;
        self.context.count_message(user)?;
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
        signed_in.ends_at = end_of(chat.now().until(identity.expires_at));
        signed_in.identity = identity;
        Ok(())
    }

    /// Tells what was missed before this connection's own events of the rooms
    /// begin.
    pub(super) async fn on_resume(
        &mut self,
        resume: ResumeOp,
    ) -> Result<Result<(), Broken>, Refused> {
        let Phase::SignedIn(signed_in) = &self.phase else {
            return Err(Refused::AuthFirst);
        };
        let identity = signed_in.identity.clone();
        self.context.count_message(identity.user())?;
        let mut resync = Vec::new();
        for (room, known) in resume.cursor.0 {
            match self.resume_room(&identity, room, known).await? {
                Ok(Told::All) => {}
                Ok(Told::Resync) => resync.push(room.into()),
                Err(broken) => return Ok(Err(broken)),
            }
        }
        self.say_resync(&mut resync);
        Ok(Ok(()))
    }

    async fn resume_room(
        &mut self,
        identity: &Identity,
        room: RoomId,
        known: Position,
    ) -> Result<Result<Told, Broken>> {
        let summary = match self.context.chat.room(identity.user(), room).await {
            Ok(summary) => summary,
            Err(Error::NotFound(_) | Error::Forbidden(_)) => return Ok(Ok(Told::Resync)),
            Err(error) => return Err(error),
        };
        let Some(told_since) = self.told_since(&summary) else {
            return Ok(Ok(Told::Resync));
        };
        let told = self
            .catching_up(identity)
            .on_demand(room, known, told_since, summary.position)
            .await;
        if matches!(told, Ok(Told::All)) {
            self.note_told(room, earlier(known, told_since));
        }
        Ok(told)
    }

    /// Where this connection's events of a room begin: at the login, or where
    /// the user became a member since. None for those who are no members, whom
    /// this connection tells nothing of the room.
    fn told_since(&self, summary: &RoomSummary) -> Option<Position> {
        let membership = summary.membership.as_ref()?;
        let Phase::SignedIn(signed_in) = &self.phase else {
            return None;
        };
        let mut noted = signed_in.told_since.iter();
        let at_login = noted
            .find(|(room, _)| *room == summary.room.id)
            .map(|(_, at)| *at);
        let joined = Position {
            seq: membership.since,
            revision: membership.revision,
        };
        membership
            .is_active()
            .then(|| at_login.map_or(joined, |at| later(at, joined)))
    }

    fn note_told(&mut self, room: RoomId, since: Position) {
        let Phase::SignedIn(signed_in) = &mut self.phase else {
            return;
        };
        let noted = &mut signed_in.told_since;
        match noted.iter_mut().find(|(known, _)| *known == room) {
            Some((_, at)) => *at = since,
            None => noted.push((room, since)),
        }
    }
}

/// A room of the list may stand further than when the heads were read.
fn advance(places: &mut Places, summary: &RoomSummary) {
    match places.iter_mut().find(|(room, _)| *room == summary.room.id) {
        Some((_, at)) => *at = later(*at, summary.position),
        None => places.push((summary.room.id, summary.position)),
    }
}

/// This connection's events begin where the rooms stand, save where a replay
/// goes further back.
fn told_since(mut places: Places, plan: &Plan) -> Places {
    for (room, cursor) in &plan.replays {
        if let Some((_, at)) = places.iter_mut().find(|(known, _)| known == room) {
            *at = earlier(*at, cursor.known);
        }
    }
    places
}

fn later(one: Position, other: Position) -> Position {
    Position {
        seq: Seq(one.seq.0.max(other.seq.0)),
        revision: Revision(one.revision.0.max(other.revision.0)),
    }
}

fn earlier(one: Position, other: Position) -> Position {
    Position {
        seq: Seq(one.seq.0.min(other.seq.0)),
        revision: Revision(one.revision.0.min(other.revision.0)),
    }
}

/// As many rooms as fit, and where the list goes on.
fn first_rooms(found: &[RoomSummary], more: bool) -> (Vec<Room>, Option<String>) {
    let mut rooms = Vec::with_capacity(found.len());
    let mut bytes = 0;
    for summary in found {
        bytes += size(summary);
        if bytes > READY_BYTES && !rooms.is_empty() {
            break;
        }
        rooms.push(Room::from(summary));
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
