//! Appending messages.

use std::sync::Arc;

use tertulia_domain::command::Outcome;
use tertulia_domain::file::message_kind;
use tertulia_domain::message::NewMessage;
use tertulia_domain::policy::{self, MaySpeak};
use tertulia_domain::{
    ClientId, Conflict, Entity, Error, File, FileId, Message, MessageId, Reason, Revision, UserId,
};

use super::batch::{Appended, Batch, EarlierSend, Failure};
use super::pairs::Half;
use crate::files;
use crate::messages::by_id;
use crate::sql;

pub(super) async fn append<'b>(
    batch: &mut Batch<'b>,
    permit: &MaySpeak,
    new: &'b NewMessage,
) -> Result<Outcome, Failure> {
    let Some(row) = new.outbox else {
        return place(batch, permit, new).await;
    };
    if !batch.is_asked_for(row) {
        return Ok(Outcome::Unchanged);
    }
    if batch.is_taken(new.id) {
        return Err(Error::invalid("message_id", Reason::NotAllowed).into());
    }
    let outcome = place(batch, permit, new).await?;
    if let Outcome::Appended { message, .. } | Outcome::Repeated { message } = &outcome {
        batch.settle(row, message, new.created_at);
    }
    Ok(outcome)
}

async fn place<'b>(
    batch: &mut Batch<'b>,
    permit: &MaySpeak,
    new: &'b NewMessage,
) -> Result<Outcome, Failure> {
    let (room, sender) = (permit.room().id, permit.actor());
    let client_id = new.draft.client_id.as_ref().map(ClientId::as_str);
    if let Some(send) = client_id.and_then(|id| batch.earlier_send(sender, id)) {
        return repeat(batch, send, new.fingerprint).await;
    }
    if let Some(target) = new.draft.reply_to
        && !batch.can_answer(room, target)
    {
        return Err(Error::invalid("reply_to", Reason::Malformed).into());
    }
    let half = match Half::of(new) {
        Some(half) => {
            let now = batch.pairs.now(batch.connection, new.created_at).await?;
            if let Some(other) = batch.pairs.take_other(room, sender, half, now) {
                return first_result(batch, other).await;
            }
            Some((half, now))
        }
        None => None,
    };
    let files = attach(batch, sender, &new.draft.files).await?;
    let at = batch.next_message(room, new.created_at);
    if let Some((half, now)) = half {
        batch.pairs.add(room, sender, half, at.seq, now);
    }
    let draft = new.draft.clone();
    let message = Arc::new(Message {
        id: new.id,
        uuid: batch.uuids.uuid(new.id),
        room,
        seq: at.seq,
        sender: Some(sender),
        client_id: draft.client_id,
        kind: message_kind(draft.kind, files.iter().map(|file| &**file)),
        text: draft.text,
        reply_to: draft.reply_to,
        metadata: draft.metadata,
        files,
        reactions: Vec::new(),
        created_at: new.created_at,
        edited_at: None,
        deleted_at: None,
        revision: Revision::ZERO,
    });
    let appended = Appended {
        message: Arc::clone(&message),
        fingerprint: new.fingerprint,
    };
    batch.append(sender, client_id, appended);
    Ok(Outcome::Appended { message, at })
}

/// The files, if the sender may attach each of them (S7).
async fn attach(
    batch: &mut Batch<'_>,
    sender: UserId,
    ids: &[FileId],
) -> Result<Vec<Arc<File>>, Failure> {
    let mut attached = Vec::with_capacity(ids.len());
    if !ids.is_empty() {
        // What this batch says is not inserted yet, and may show the file.
        batch.flush().await?;
    }
    for id in ids {
        let authority = files::authority(batch.connection, *id, sender).await?;
        let authority = authority.ok_or(Error::NotFound(Entity::File))?;
        let permit = policy::may_attach(&authority, sender)?;
        attached.push(Arc::clone(permit.file()));
    }
    Ok(attached)
}

/// The same client id came before (G6).
async fn repeat(
    batch: &mut Batch<'_>,
    send: EarlierSend,
    fingerprint: Option<i64>,
) -> Result<Outcome, Failure> {
    if send.fingerprint != fingerprint {
        return Err(Error::Conflict(Conflict::ClientIdReused).into());
    }
    first_result(batch, send.message).await
}

async fn first_result(batch: &mut Batch<'_>, message: MessageId) -> Result<Outcome, Failure> {
    batch.flush().await?;
    let first = by_id(batch.connection, batch.uuids, &[message]).await?;
    let first = first.into_iter().next();
    let message = first.ok_or_else(|| sql::Error::damaged("a send without its message"))?;
    Ok(Outcome::Repeated {
        message: Arc::new(message),
    })
}
