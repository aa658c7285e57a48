//! `resume`: on an open connection, what was missed before its own events of a
//! room begin.

use tertulia_domain::room::RoomSummary;
use tertulia_domain::{Error, Identity, Position, Result, Revision, RoomId};

use super::cursor::{earlier, later};
use super::error::Refused;
use super::op::ResumeOp;
use super::session::{Outcome, Phase, V1Session};
use crate::common::catch_up::{Broken, Told};

/// Where a connection's own events of a room begin.
#[derive(Clone, Copy, Debug)]
pub(super) struct Beginning {
    pub(super) room: RoomId,
    /// After this it tells everything.
    pub(super) at: Position,
    /// The room's revision when this was noted. A membership that changed since
    /// may have begun anew.
    pub(super) noted: Revision,
}

impl V1Session {
    /// Tells what was missed before this connection's own events of the rooms
    /// begin.
    pub(super) async fn on_resume(&mut self, resume: ResumeOp) -> Result<Outcome, Refused> {
        let identity = self.signed_in()?.identity.clone();
        let mut resync = Vec::new();
        for (room, known) in resume.cursor.0 {
            match self.resume_room(&identity, room, known).await? {
                Ok(Told::All) => {}
                Ok(Told::Resync) => resync.push(room.into()),
                Err(broken) => return Ok(Outcome::Answered(self.broken(broken))),
            }
        }
        self.say_resync(&mut resync);
        Ok(Outcome::Done)
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
        let Some(begins) = self.beginning(&summary) else {
            return Ok(Ok(Told::Resync));
        };
        let framing = self.framing();
        let mut entry = self.context.rates.entering().later();
        let told = self
            .catching_up(identity, &framing)
            .on_demand(room, known, begins, summary.position, &mut entry)
            .await;
        if matches!(told, Ok(Told::All)) {
            self.note(Beginning {
                room,
                at: earlier(known, begins),
                noted: summary.position.revision,
            });
        }
        Ok(told)
    }

    /// Where this connection's events of a room begin: at the login, or where
    /// the user became a member since. None for those who are no members, whom
    /// this connection tells nothing of the room.
    fn beginning(&self, summary: &RoomSummary) -> Option<Position> {
        let membership = summary.membership.as_ref()?;
        if !membership.is_active() {
            return None;
        }
        let joined = Position {
            seq: membership.since,
            revision: membership.revision,
        };
        let mut known = self.signed_in().ok()?.beginnings.iter();
        Some(match known.find(|known| known.room == summary.room.id) {
            None => joined,
            Some(known) if membership.revision > known.noted => later(known.at, joined),
            Some(known) => known.at,
        })
    }

    fn note(&mut self, beginning: Beginning) {
        let Phase::SignedIn(signed_in) = &mut self.phase else {
            return;
        };
        let known = &mut signed_in.beginnings;
        match known.iter_mut().find(|known| known.room == beginning.room) {
            Some(known) => *known = beginning,
            None => known.push(beginning),
        }
    }
}
