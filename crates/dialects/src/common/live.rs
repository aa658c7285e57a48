//! The end of a login for sockets that have nothing to catch up with: what was
//! held back while their rooms were read goes out, and the rest follows.

use tertulia_domain::ports::Heads;
use tertulia_domain::{RoomId, UserId};
use tertulia_hub::ws::Close;
use tertulia_hub::{Link, Released};

use super::Context;

/// How often the rooms are read again because more came meanwhile than a
/// connection may hold.
const ATTEMPTS: usize = 4;

/// Opens the gates of all rooms of a user, at the positions of `heads`. A
/// connection for which too much came again and again is ended.
pub async fn go_live(context: &Context, link: &Link, user: UserId, mut heads: Heads) {
    let positions: Vec<_> = heads.iter().map(|head| (head.0, head.1)).collect();
    let mut held = link.go_live(&positions, &[]);
    for _ in 0..ATTEMPTS {
        if held.is_empty() {
            return;
        }
        let most = context.settings.rooms_per_connection;
        match context.chat.heads(user, most).await {
            Ok(read) => heads = read,
            Err(error) => {
                tracing::error!(%error, "held rooms could not be read again");
                break;
            }
        }
        held.retain(|room| is_still_held(link, *room, &heads));
    }
    if !held.is_empty() {
        link.outbox().expel(Close::slow_consumer());
    }
}

fn is_still_held(link: &Link, room: RoomId, heads: &Heads) -> bool {
    let head = heads.iter().find(|head| head.0 == room);
    match head {
        Some((_, position, _)) => link.release(room, *position) == Released::ReadAgain,
        None => {
            link.unsubscribe(room);
            false
        }
    }
}
