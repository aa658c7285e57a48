//! The calls of `/v1`, a file for each resource. A handler decodes, has the
//! [`Chat`](tertulia_domain::Chat) do it, and encodes.

mod auth;
mod files;
mod invites;
mod me;
mod members;
mod messages;
mod reactions;
mod receipts;
mod rooms;
mod sessions;
mod users;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) use messages::{DeleteFor, EditMessage, SendMessage};
pub(crate) use receipts::MarkMessages;

use crate::common::Context;
use crate::v1::{openapi, tus};

/// Every call with its description.
pub(super) fn calls() -> OpenApiRouter<Context> {
    OpenApiRouter::with_openapi(openapi::document())
        .routes(routes!(auth::register))
        .routes(routes!(auth::login))
        .routes(routes!(auth::refresh))
        .routes(routes!(auth::logout))
        .routes(routes!(sessions::list_sessions))
        .routes(routes!(sessions::end_session))
        .routes(routes!(me::get_me, me::update_me))
        .routes(routes!(me::change_password))
        .routes(routes!(users::search_users))
        .routes(routes!(users::get_user))
        .routes(routes!(rooms::create_room, rooms::list_rooms))
        .routes(routes!(rooms::list_public_rooms))
        .routes(routes!(
            rooms::get_room,
            rooms::update_room,
            rooms::close_room
        ))
        .routes(routes!(members::list_members))
        .routes(routes!(members::admit_member, members::remove_member))
        .routes(routes!(members::join_room))
        .routes(routes!(members::leave_room))
        .routes(routes!(invites::create_invite))
        .routes(routes!(invites::accept_invite))
        .routes(routes!(messages::list_messages, messages::send_message))
        .routes(routes!(messages::edit_message, messages::delete_message))
        .merge(tus::calls())
        .routes(routes!(files::upload_file, files::list_files))
        .routes(routes!(files::get_file, files::delete_file))
        .routes(routes!(files::get_content))
        .routes(routes!(files::get_thumbnail))
        .routes(routes!(reactions::add_reaction, reactions::remove_reaction))
        .routes(routes!(receipts::list_receipts))
        .routes(routes!(receipts::mark_messages))
}
