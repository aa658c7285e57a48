//! The calls, a file for each resource. A handler decodes, has the
//! [`Chat`](tertulia_domain::Chat) do it, and encodes.

mod files;
mod messages;
mod model;
mod people;
mod presence;
mod rooms;
mod users;

use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};
use utoipa_axum::routes;

pub(super) use rooms::room_name;

use super::openapi;
use crate::common::Context;

/// Every call with its description. Each is served with and without a slash at
/// the end (contract §2); one form is described.
pub(super) fn calls() -> OpenApiRouter<Context> {
    [
        routes!(users::register),
        routes!(users::login),
        routes!(users::get_me, users::update_me),
        routes!(users::my_rooms),
        routes!(users::list_users),
        routes!(users::get_user),
        routes!(users::get_user_by_name),
        routes!(rooms::list_rooms, rooms::create_room),
        routes!(rooms::get_room, rooms::update_room),
        routes!(rooms::join_room),
        routes!(rooms::leave_room),
        routes!(rooms::invite),
        routes!(rooms::list_members),
        routes!(messages::list_messages, messages::send_message),
        routes!(presence::who_is_online),
        routes!(files::my_files),
        routes!(files::list_files, files::upload_file),
        routes!(files::upload_files),
        routes!(files::allowed_types),
        routes!(files::get_file, files::delete_file),
        routes!(files::download),
    ]
    .into_iter()
    .fold(
        OpenApiRouter::with_openapi(openapi::document()),
        in_both_forms,
    )
}

fn in_both_forms(
    router: OpenApiRouter<Context>,
    calls: UtoipaMethodRouter<Context>,
) -> OpenApiRouter<Context> {
    let paths: Vec<String> = calls.1.paths.keys().cloned().collect();
    let handlers = calls.2.clone();
    paths.iter().fold(router.routes(calls), |router, path| {
        let other = match path.strip_suffix('/') {
            Some(without) => without.to_owned(),
            None => format!("{path}/"),
        };
        router.route(&other, handlers.clone())
    })
}
