//! `tertulia room`. An administrator acts in the name of a member: no rule of
//! who may do what is passed over. A running server heeds it when it next reads
//! or writes the room, but does not tell those who are connected.

use std::sync::Arc;

use tertulia_domain::chat::RoomDraft;
use tertulia_domain::ports::{RoomPage, RoomsCursor};
use tertulia_domain::room::{Member, RoomSummary};
use tertulia_domain::{Chat, Profile, Role, RoomId, RoomKind, UserId, Visibility};

use super::args::{Kind, RoomCommand};
use super::{find_user, with_chat};
use crate::config::Settings;

const PAGE: usize = 100;

pub(super) async fn run(command: RoomCommand, settings: &Settings) -> anyhow::Result<()> {
    with_chat(settings, async |chat| execute(chat, command).await).await
}

async fn execute(chat: &Chat, command: RoomCommand) -> anyhow::Result<()> {
    match command {
        RoomCommand::Create {
            title,
            owner,
            kind,
            description,
            public,
            members,
        } => {
            let owner = profile(chat, &owner).await?;
            let draft = RoomDraft {
                kind: match kind {
                    Kind::Group => RoomKind::Group,
                    Kind::Channel => RoomKind::Channel,
                },
                title,
                description,
                visibility: match public {
                    true => Visibility::Public,
                    false => Visibility::Private,
                },
                open: false,
                members: user_ids(chat, &members).await?,
            };
            let room = chat.create_room(&owner, draft).await?;
            println!("{}\t{}", room.id, room.uuid);
            say_when_it_is_seen();
            Ok(())
        }
        RoomCommand::List { username } => list(chat, &username).await,
        RoomCommand::Members { room, actor } => members(chat, RoomId(room), &actor).await,
        RoomCommand::Close { room, actor } => {
            let owner = profile(chat, &actor).await?;
            chat.close_room(&owner, RoomId(room)).await?;
            say_when_it_is_seen();
            Ok(())
        }
    }
}

/// On standard error, since what is made is named on standard output.
fn say_when_it_is_seen() {
    eprintln!(
        "quien esté conectado lo ve cuando vuelva a conectarse / \
         whoever is connected sees it when it connects again"
    );
}

async fn profile(chat: &Chat, username: &str) -> anyhow::Result<Arc<Profile>> {
    Ok(Arc::new(find_user(chat, username).await?.profile))
}

async fn user_ids(chat: &Chat, usernames: &[String]) -> anyhow::Result<Vec<UserId>> {
    let mut ids = Vec::with_capacity(usernames.len());
    for username in usernames {
        ids.push(find_user(chat, username).await?.id());
    }
    Ok(ids)
}

async fn list(chat: &Chat, username: &str) -> anyhow::Result<()> {
    let user = find_user(chat, username).await?.id();
    let mut page = RoomPage {
        after: None,
        limit: PAGE,
        unread: false,
    };
    loop {
        let rooms = chat.rooms_of(user, page, PAGE).await?;
        rooms.iter().for_each(print_room);
        let Some(last) = rooms.last() else {
            return Ok(());
        };
        page.after = Some(RoomsCursor {
            last_message_at: last.last_message_at,
            room: last.room.id,
        });
    }
}

fn print_room(summary: &RoomSummary) {
    let room = &summary.room;
    let title = room.title.as_deref();
    let peer = summary.peer.as_ref().map(|peer| peer.username.as_str());
    let name = title.or(peer).unwrap_or_default();
    let (kind, seq) = (kind(room.kind), summary.position.seq);
    println!("{}\t{}\t{kind}\t{seq}\t{name}", room.id, room.uuid);
}

async fn members(chat: &Chat, room: RoomId, actor: &str) -> anyhow::Result<()> {
    let reader = find_user(chat, actor).await?.id();
    let mut after = None;
    loop {
        let page = chat.members(reader, room, after, PAGE).await?;
        page.iter().for_each(print_member);
        match page.last() {
            Some(last) => after = Some(last.profile.id),
            None => return Ok(()),
        }
    }
}

fn print_member(member: &Member) {
    let role = match member.membership.role {
        Role::Owner => "owner",
        Role::Admin => "admin",
        Role::Member => "member",
    };
    let profile = &member.profile;
    println!("{}\t{role}\t{}", profile.id, profile.username);
}

fn kind(kind: RoomKind) -> &'static str {
    match kind {
        RoomKind::Direct => "direct",
        RoomKind::Group => "group",
        RoomKind::Channel => "channel",
    }
}
