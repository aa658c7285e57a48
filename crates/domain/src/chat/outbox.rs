//! Doing what SQL clients ask for ([`outbox`](crate::outbox)), with the rights of
//! those in whose names they ask.
//!
//! Rows are taken by their state: one whose transaction commits late is taken
//! late, and none is passed over. A message and the mark on its row are one
//! transaction, so that a row becomes one message, however many nodes read it
//! and whenever one of them ends.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use uuid::Uuid;

use super::Chat;
use crate::command::{Command, StoreError};
use crate::outbox::{Destination, Named, OutboxAction, OutboxRow, Settled, Settlement};
use crate::policy::{self, MaySpeak};
use crate::ports::{OutboxPage, RoomKey, UserKey};
use crate::writer::{self, Pending};
use crate::{Denial, Entity, Error, OutboxId, Profile, Result, RoomId, UserId, UserState};

/// Rows that are taken at once: bounds the memory that they take.
const PAGE: usize = 128;

/// Pages that are taken one after the other, before it starts again with the
/// lowest numbers: what was committed late is there.
const PAGES: usize = 32;

/// Rows that are removed in one transaction.
const PRUNED: usize = 1_000;

/// How often to look although the database tells of rows.
const SLOWLY: Duration = Duration::from_secs(5);

/// What a look at the waiting rows came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relayed {
    /// Every row was seen to.
    All,
    /// There may be more: look again at once.
    Some,
}

/// The rows of one page, while they are seen to.
#[derive(Default)]
struct Page {
    askers: HashMap<Named, Arc<Profile>>,
    pending: Vec<(OutboxId, Pending)>,
    settled: Vec<Settlement>,
}

impl Page {
    /// A row was seen to.
    fn settle(&mut self, id: OutboxId, result: Settled) {
        self.settled.push(Settlement { id, result });
    }

    /// Waits until the messages are stored or refused. Those that are stored are
    /// marked already. An error says that some failed for the moment and wait on:
    /// what comes after them must not overtake them.
    async fn finish(&mut self) -> Result<()> {
        let (rows, pending): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.pending).into_iter().unzip();
        let mut away = Ok(());
        for (id, outcome) in rows.into_iter().zip(writer::outcomes(pending).await) {
            match outcome {
                Ok(_) => {}
                Err(StoreError::Stale) => away = Err(Error::unavailable("a room keeps changing")),
                Err(StoreError::Failed(error)) if is_passing(&error) => away = Err(error),
                Err(StoreError::Failed(error)) => self.settle(id, Settled::refused(&error)),
            }
        }
        away
    }
}

/// Whether another try may fare better.
fn is_passing(error: &Error) -> bool {
    matches!(error, Error::Unavailable(_) | Error::SlowDown { .. })
}

impl Chat {
    /// Does what the waiting rows ask for, in the order of their numbers. A row
    /// that is refused keeps its reason and stands in nobody's way.
    ///
    /// # Errors
    /// [`Error::Unavailable`]: rows that were not seen to wait on.
    pub async fn relay_outbox(&self) -> Result<Relayed> {
        let mut after = OutboxId(i64::MIN);
        for _ in 0..PAGES {
            let rows = self.store().outbox_waiting(self.outbox_page(after)).await?;
            let Some(last) = rows.last() else {
                return Ok(Relayed::All);
            };
            after = last.id;
            let is_last = rows.len() < PAGE;
            self.relay(&rows).await?;
            if is_last {
                return Ok(Relayed::All);
            }
        }
        Ok(Relayed::Some)
    }

    /// Waits until it is time to look again: until the database tells of a row,
    /// no longer than `poll_interval` where it does not tell.
    pub async fn outbox_wake(&self, poll_interval: Duration) {
        let store = self.store();
        let patience = match store.outbox_hints() {
            true => poll_interval.max(SLOWLY),
            false => poll_interval,
        };
        // Either is as good.
        let _ = timeout(patience, store.outbox_hint()).await;
    }

    /// Removes rows that were settled longer ago than this.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn prune_outbox(&self, kept: Duration) -> Result<()> {
        let before = self.now().before(kept);
        while self.store().outbox_prune(before, PRUNED).await? == PRUNED {}
        Ok(())
    }

    fn outbox_page(&self, after: OutboxId) -> OutboxPage {
        OutboxPage {
            after,
            limit: PAGE,
            text_chars: self.limits.text_chars,
            metadata_chars: self.limits.metadata_bytes,
        }
    }

    async fn relay(&self, rows: &[OutboxRow]) -> Result<()> {
        let mut page = Page::default();
        let mut away = Ok(());
        for row in rows {
            match self.begin(row, &mut page).await {
                // What comes after it must not overtake it.
                Err(error) if is_passing(&error) => {
                    away = Err(error);
                    break;
                }
                Err(error) => page.settle(row.id, Settled::refused(&error)),
                Ok(()) => {}
            }
        }
        let finished = page.finish().await;
        if !page.settled.is_empty() {
            self.store().outbox_settle(page.settled, self.now()).await?;
        }
        away.and(finished)
    }

    async fn begin(&self, row: &OutboxRow, page: &mut Page) -> Result<()> {
        let action = row.action()?;
        let asker = self.asker(row.asker()?, page).await?;
        if action == OutboxAction::Send {
            let pending = self.begin_send(row, &asker).await?;
            page.pending.push((row.id, pending));
            return Ok(());
        }
        // It may be about what the rows before it say.
        page.finish().await?;
        let done = match action {
            OutboxAction::Mark(kind) => {
                self.mark_message(&asker, row.target()?, kind).await?;
                None
            }
            OutboxAction::Send | OutboxAction::Open => {
                let peer = self.named_by_app(row.peer()?).await?;
                Some(self.open_direct(&asker, peer).await?.room.id)
            }
        };
        let done = Settled::Done {
            room: done,
            message: None,
        };
        page.settle(row.id, done);
        Ok(())
    }

    async fn begin_send(&self, row: &OutboxRow, author: &Arc<Profile>) -> Result<Pending> {
        let draft = row.draft(&self.limits)?.validate(&self.limits)?;
        let promised = row.promised()?;
        let room = match row.destination()? {
            Destination::Room(Named::Number(number)) => RoomId(number).into(),
            Destination::Room(Named::Name(name)) => self.room_called(&name).await?,
            Destination::Person(peer) => {
                let peer = self.named_by_app(peer).await?;
                self.open_direct(author, peer).await?.room.id.into()
            }
        };
        let permit = self.lasting_permit(room, author.id).await?;
        let id = match promised {
            Some(id) => id,
            None => self.ids.message().await?,
        };
        let mut message = self.new_message(permit.room().id, id, draft);
        message.outbox = Some(row.id);
        let writer = self.writer()?;
        let command = Command::Append { permit, message };
        writer.submit(command, Arc::clone(author), writer.begins_by())
    }

    /// The right to speak; a refusal is for good, so it does not rest on what is
    /// remembered.
    async fn lasting_permit(&self, room: RoomKey, author: UserId) -> Result<MaySpeak> {
        let known = self.authority(room, author).await?;
        match policy::may_speak(&known, author) {
            Err(Error::Forbidden(_)) => self.authorities.forget(known.room.id),
            permitted => return permitted,
        }
        let authority = self.authority(room, author).await?;
        policy::may_speak(&authority, author)
    }

    /// In whose name a row asks.
    async fn asker(&self, named: Named, page: &mut Page) -> Result<Arc<Profile>> {
        if let Some(known) = page.askers.get(&named) {
            return Ok(Arc::clone(known));
        }
        let id = self.named_by_app(named.clone()).await?;
        let account = self.account(id).await?;
        match account.state {
            UserState::Active => {}
            UserState::Suspended => return Err(Error::Forbidden(Denial::Suspended)),
            UserState::Deleted => return Err(Error::NotFound(Entity::User)),
        }
        let profile = self.remember(account.profile);
        page.askers.insert(named, Arc::clone(&profile));
        Ok(profile)
    }

    /// Whom the app means: a user by its number, by the app's own id for it, or
    /// by its UUID. Usernames are for people to choose, and name nobody here.
    async fn named_by_app(&self, named: Named) -> Result<UserId> {
        let name = match named {
            Named::Number(number) => return Ok(UserId(number)),
            Named::Name(name) => name,
        };
        let uuid = Uuid::try_parse(&name).ok();
        let mut user = self.store().user(UserKey::External(name)).await?;
        if let (None, Some(uuid)) = (&user, uuid) {
            user = self.store().user(UserKey::Uuid(uuid)).await?;
        }
        let user = user.ok_or(Error::NotFound(Entity::User))?;
        Ok(user.id())
    }

    async fn room_called(&self, name: &str) -> Result<RoomKey> {
        if let Some(room) = self.store().room_named(name).await? {
            return Ok(room.into());
        }
        let uuid = Uuid::try_parse(name);
        uuid.map(RoomKey::Uuid)
            .map_err(|_| Error::NotFound(Entity::Room))
    }
}
