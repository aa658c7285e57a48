//! What SQL clients ask for. An app inserts a row into the table `outbox` in a
//! transaction of its own; once that is committed, what the row asks for is done
//! as if its sender had asked, and the row says what came of it
//! (`docs/reference/outbox.md`).

use serde_json::Value;

use crate::ports::IdKind;
use crate::{
    ClientId, Draft, Error, FileId, Limits, MessageId, MessageKind, Metadata, OutboxId, Reason,
    ReceiptKind, Result, RoomId, Seq,
};

/// A row that waits, as its app wrote it. Nothing of it has been checked.
#[derive(Clone, Debug)]
pub struct OutboxRow {
    /// Its number.
    pub id: OutboxId,
    /// What to do; none to send.
    pub action: Option<String>,
    /// Who asks, by number.
    pub sender_id: Option<i64>,
    /// Who asks, by the app's own id or the UUID.
    pub sender: Option<String>,
    /// Where to send to, by number.
    pub room_id: Option<i64>,
    /// Where to send to, by the room's name or UUID.
    pub room: Option<String>,
    /// Whom to send to, by number.
    pub recipient_id: Option<i64>,
    /// Whom to send to, by the app's own id or the UUID.
    pub recipient: Option<String>,
    /// The kind of message.
    pub kind: Option<String>,
    /// The words; of longer ones, more than the most.
    pub text: Option<String>,
    /// Which message it answers.
    pub reply_to: Option<i64>,
    /// What to attach: a JSON array of numbers of files.
    pub file_ids: Option<String>,
    /// See [`Draft::client_id`].
    pub client_id: Option<String>,
    /// See [`Draft::metadata`]: a JSON object.
    pub metadata: Option<String>,
    /// Which message to mark.
    pub target_id: Option<i64>,
    /// The number that was promised to the message.
    pub message_id: Option<MessageId>,
}

/// What a row asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutboxAction {
    /// To say something.
    Send,
    /// To open the direct room with somebody.
    Open,
    /// To mark a message.
    Mark(ReceiptKind),
}

/// What names a user or a room in a row.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Named {
    /// By number.
    Number(i64),
    /// By the app's own name for it, or the UUID.
    Name(String),
}

/// Where a message is to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// Into a room.
    Room(Named),
    /// Into the direct room with somebody.
    Person(Named),
}

/// What came of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// Which.
    pub id: OutboxId,
    /// What became of it.
    pub result: Settled,
}

/// What became of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It was done.
    Done {
        /// The room, where the row was about one.
        room: Option<RoomId>,
        /// The message and its place.
        message: Option<(MessageId, Seq)>,
    },
    /// It was not done, and will not be.
    Refused {
        /// The stable word for it ([`Error::code`]).
        reason: &'static str,
        /// More, in words that may change.
        detail: String,
    },
}

impl Settled {
    /// Refused for this error.
    #[must_use]
    pub fn refused(error: &Error) -> Self {
        Self::Refused {
            reason: error.code(),
            detail: error.to_string(),
        }
    }
}

impl OutboxRow {
    /// What it asks for.
    ///
    /// # Errors
    /// [`Error::Invalid`] `action`.
    pub fn action(&self) -> Result<OutboxAction> {
        match self.action.as_deref() {
            None | Some("send") => Ok(OutboxAction::Send),
            Some("open") => Ok(OutboxAction::Open),
            Some("delivered") => Ok(OutboxAction::Mark(ReceiptKind::Delivered)),
            Some("read") => Ok(OutboxAction::Mark(ReceiptKind::Read)),
            Some(_) => Err(Error::invalid("action", Reason::Malformed)),
        }
    }

    /// Who asks.
    ///
    /// # Errors
    /// [`Error::Invalid`] `sender` unless it is named in exactly one way.
    pub fn asker(&self) -> Result<Named> {
        one_of("sender", named(self.sender_id, self.sender.as_ref()))
    }

    /// Whose direct room to open.
    ///
    /// # Errors
    /// [`Error::Invalid`] `recipient` unless it is named in exactly one way.
    pub fn peer(&self) -> Result<Named> {
        one_of(
            "recipient",
            named(self.recipient_id, self.recipient.as_ref()),
        )
    }

    /// Where to send to.
    ///
    /// # Errors
    /// [`Error::Invalid`] `room` unless room or recipient is named in exactly one
    /// way.
    pub fn destination(&self) -> Result<Destination> {
        let rooms = named(self.room_id, self.room.as_ref());
        let people = named(self.recipient_id, self.recipient.as_ref());
        let rooms = rooms.into_iter().flatten().map(Destination::Room);
        let people = people.into_iter().flatten().map(Destination::Person);
        let mut all = rooms.chain(people);
        match (all.next(), all.next()) {
            (Some(only), None) => Ok(only),
            (None, _) => Err(Error::invalid("room", Reason::Missing)),
            (Some(_), Some(_)) => Err(Error::invalid("room", Reason::Malformed)),
        }
    }

    /// Which message to mark.
    ///
    /// # Errors
    /// [`Error::Invalid`] `target_id`.
    pub fn target(&self) -> Result<MessageId> {
        let target = self.target_id.map(MessageId);
        target.ok_or(Error::invalid("target_id", Reason::Missing))
    }

    /// The number that was promised to the message, if any was.
    ///
    /// # Errors
    /// [`Error::Invalid`] `message_id` when nobody promises such numbers: other
    /// messages have them, or will.
    pub fn promised(&self) -> Result<Option<MessageId>> {
        let promised = IdKind::Message.promised();
        match self.message_id {
            Some(id) if !promised.contains(&id.0) => {
                Err(Error::invalid("message_id", Reason::NotAllowed))
            }
            id => Ok(id),
        }
    }

    /// What to send; still to be validated like everybody's.
    ///
    /// # Errors
    /// [`Error::Invalid`] by field.
    pub fn draft(&self, limits: &Limits) -> Result<Draft> {
        Ok(Draft {
            kind: kind(self.kind.as_deref())?,
            text: self.text.clone().unwrap_or_default(),
            reply_to: self.reply_to.map(MessageId),
            files: files(self.file_ids.as_deref())?,
            metadata: metadata(self.metadata.as_deref(), limits)?,
            client_id: self.client_id.clone().map(ClientId::new).transpose()?,
            pairing: None,
        })
    }
}

/// Both ways of naming it.
fn named(number: Option<i64>, name: Option<&String>) -> [Option<Named>; 2] {
    [number.map(Named::Number), name.cloned().map(Named::Name)]
}

fn one_of(field: &'static str, ways: [Option<Named>; 2]) -> Result<Named> {
    match ways {
        [Some(only), None] | [None, Some(only)] => Ok(only),
        [None, None] => Err(Error::invalid(field, Reason::Missing)),
        [Some(_), Some(_)] => Err(Error::invalid(field, Reason::Malformed)),
    }
}

/// The words that `/v1` uses.
fn kind(word: Option<&str>) -> Result<MessageKind> {
    match word {
        None | Some("text") => Ok(MessageKind::Text),
        Some("image") => Ok(MessageKind::Image),
        Some("file") => Ok(MessageKind::File),
        Some("audio") => Ok(MessageKind::Audio),
        Some("video") => Ok(MessageKind::Video),
        Some("system") => Ok(MessageKind::System),
        Some(_) => Err(Error::invalid("kind", Reason::Malformed)),
    }
}

fn files(list: Option<&str>) -> Result<Vec<FileId>> {
    let Some(list) = list else {
        return Ok(Vec::new());
    };
    let numbers: Result<Vec<i64>, _> = serde_json::from_str(list);
    let numbers = numbers.map_err(|_| Error::invalid("file_ids", Reason::Malformed))?;
    Ok(numbers.into_iter().map(FileId).collect())
}

fn metadata(object: Option<&str>, limits: &Limits) -> Result<Metadata> {
    let Some(object) = object else {
        return Ok(Metadata::default());
    };
    let max = limits.metadata_bytes;
    if object.len() > max {
        return Err(Error::invalid("metadata", Reason::TooLong { max }));
    }
    match serde_json::from_str(object) {
        Ok(Value::Object(map)) => Ok(Metadata::from_map(map)),
        _ => Err(Error::invalid("metadata", Reason::Malformed)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(change: impl FnOnce(&mut OutboxRow)) -> OutboxRow {
        let mut row = OutboxRow {
            id: OutboxId(1),
            action: None,
            sender_id: None,
            sender: None,
            room_id: None,
            room: None,
            recipient_id: None,
            recipient: None,
            kind: None,
            text: None,
            reply_to: None,
            file_ids: None,
            client_id: None,
            metadata: None,
            target_id: None,
            message_id: None,
        };
        change(&mut row);
        row
    }

    fn refused<T: std::fmt::Debug>(result: Result<T>) -> (&'static str, Reason) {
        match result {
            Err(Error::Invalid { field, reason }) => (field, reason),
            other => panic!("not refused: {other:?}"),
        }
    }

    #[test]
    fn everybody_is_named_in_exactly_one_way() {
        let nobody = row(|_| {});
        assert_eq!(refused(nobody.asker()), ("sender", Reason::Missing));
        assert_eq!(refused(nobody.peer()), ("recipient", Reason::Missing));
        assert_eq!(refused(nobody.destination()), ("room", Reason::Missing));
        let twice = row(|row| {
            row.sender_id = Some(1);
            row.sender = Some("ana".to_owned());
            row.room_id = Some(1);
            row.recipient = Some("beto".to_owned());
        });
        assert_eq!(refused(twice.asker()), ("sender", Reason::Malformed));
        assert_eq!(refused(twice.destination()), ("room", Reason::Malformed));
        let once = row(|row| {
            row.sender = Some("ana".to_owned());
            row.recipient_id = Some(2);
        });
        assert_eq!(once.asker().ok(), Some(Named::Name("ana".to_owned())));
        let peer = Destination::Person(Named::Number(2));
        assert_eq!(once.destination().ok(), Some(peer));
    }

    #[test]
    fn a_message_gets_no_number_but_one_that_can_be_promised() {
        let promised = |id| row(|row| row.message_id = Some(MessageId(id))).promised();
        assert_eq!(row(|_| {}).promised().ok(), Some(None));
        for id in [1_000_000_000_000_001, (1 << 53) - 1] {
            assert_eq!(promised(id).ok(), Some(Some(MessageId(id))));
        }
        for id in [i64::MIN, 0, 7, 1_000_000_000_000_000, 1 << 53, i64::MAX] {
            let refusal = refused(promised(id));
            assert_eq!(refusal, ("message_id", Reason::NotAllowed), "{id}");
        }
    }

    #[test]
    fn what_has_another_form_is_refused_by_its_column() {
        let limits = Limits::default();
        let draft = |change: fn(&mut OutboxRow)| row(change).draft(&limits);
        let long =
            draft(|row| row.metadata = Some(format!("{{\"a\":\"{}\"}}", "x".repeat(20_000))));
        assert_eq!(
            refused(long),
            ("metadata", Reason::TooLong { max: 16 * 1024 })
        );
        for (column, refusal) in [
            ("kind", draft(|row| row.kind = Some("Text".to_owned()))),
            (
                "file_ids",
                draft(|row| row.file_ids = Some("1,2".to_owned())),
            ),
            (
                "metadata",
                draft(|row| row.metadata = Some("[1]".to_owned())),
            ),
        ] {
            assert_eq!(refused(refusal), (column, Reason::Malformed));
        }
        let action = row(|row| row.action = Some("edit".to_owned())).action();
        assert_eq!(refused(action), ("action", Reason::Malformed));
        let files = draft(|row| row.file_ids = Some("[3, 4]".to_owned()));
        assert_eq!(files.expect("right").files, [FileId(3), FileId(4)]);
    }
}
