//! Delivered and read marks.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use tertulia_domain::receipt::Mark;
use tertulia_domain::{Error, MessageId, Reason, ReceiptKind, Result, RoomId, Seq};
use utoipa::ToSchema;

use crate::common::Context;
use crate::v1::cursor::Cursor;
use crate::v1::decode::{Decode, Fields};
use crate::v1::extract::{Body, Caller, Named, PageQuery, Query};
use crate::v1::model::{Id, Receipt, ReceiptPage};
use crate::v1::openapi::{
    Always, IsLimited, NamesThing, NeedsRight, NeedsToken, ReadsBody, ReadsQuery,
};
use crate::v1::refusal::Refusal;

/// Whom a message reached and who read it, by user id.
///
/// One item for each recipient: the members at the time of the message, without
/// its sender.
#[utoipa::path(
    get, path = "/v1/rooms/{room_id}/messages/{message_id}/receipts", tag = "messages",
    params(
        ("room_id" = Id, Path, description = "The room."),
        ("message_id" = Id, Path, description = "The message."),
        PageQuery,
    ),
    responses(
        (status = 200, body = ReceiptPage, description = "One page of them."),
        NeedsToken, NamesThing, NeedsRight, ReadsQuery, Always,
    ),
    security(("bearer" = [])),
)]
pub(super) async fn list_receipts(
    State(context): State<Context>,
    Caller(caller): Caller,
    Named((room, message)): Named<(RoomId, MessageId)>,
    Query(page): Query<PageQuery>,
) -> Result<Json<ReceiptPage>, Refusal> {
    let found = context
        .chat
        .receipts(caller.user(), room, message, page.place()?, page.limit)
        .await?;
    let next_cursor = match found.last() {
        Some(last) if found.len() == page.limit => Some(last.user.encode()),
        _ => None,
    };
    Ok(Json(ReceiptPage {
        items: found.iter().map(Receipt::from).collect(),
        next_cursor,
    }))
}

/// How far messages reached the caller. One of the two must be there.
#[derive(Debug, ToSchema)]
pub(crate) struct MarkMessages {
    /// Every message up to this seq reached a device.
    #[schema(value_type = Option<i64>, minimum = 1)]
    delivered: Option<Seq>,
    /// Every message up to this seq was read, and so was delivered.
    #[schema(value_type = Option<i64>, minimum = 1)]
    read: Option<Seq>,
}

impl Decode for MarkMessages {
    fn decode(fields: &mut Fields) -> Result<Self> {
        let mut seq = |name| match fields.optional_integer(name)? {
            Some(seq) if seq < 1 => Err(Error::invalid(name, Reason::Malformed)),
            seq => Ok(seq.map(Seq)),
        };
        let marks = Self {
            delivered: seq("delivered")?,
            read: seq("read")?,
        };
        if marks.delivered.is_none() && marks.read.is_none() {
            return Err(Error::invalid("read", Reason::Missing));
        }
        Ok(marks)
    }
}

impl MarkMessages {
    /// As the domain takes them.
    #[must_use]
    pub(crate) fn marks(&self) -> Vec<Mark> {
        let delivered = self
            .delivered
            .map(|seq| Mark::UpTo(ReceiptKind::Delivered, seq));
        let read = self.read.map(|seq| Mark::UpTo(ReceiptKind::Read, seq));
        delivered.into_iter().chain(read).collect()
    }
}

/// Marks messages as delivered or read.
///
/// Marks only grow; what was marked before keeps its first time.
#[utoipa::path(
    put, path = "/v1/rooms/{room_id}/receipts", tag = "messages",
    params(("room_id" = Id, Path, description = "The room.")),
    request_body = MarkMessages,
    responses(
        (status = 204, description = "The messages are marked."),
        NeedsToken, ReadsBody, NamesThing, NeedsRight, IsLimited, Always,
    ),
    security(("bearer" = [])),
)]
pub(super) async fn mark_messages(
    State(context): State<Context>,
    Caller(caller): Caller,
    Named(room): Named<RoomId>,
    Body(body): Body<MarkMessages>,
) -> Result<StatusCode, Refusal> {
    context.count_message(caller.user())?;
    context
        .chat
        .mark(&caller.profile, room, &body.marks())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
