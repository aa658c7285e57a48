//! Registering, logging in, `hello`: how a socket comes to speak for a user.

use tertulia_domain::Identity;
use tertulia_domain::chat::{NewAccount, SignedIn};
use tertulia_domain::ports::{Heads, Installation};
use tertulia_hub::{Attachment, Follow, Refused, Replies};
use tokio::time::Instant;

use super::decode::Login;
use super::encode::{Frame, Id, UserObject};
use super::error::{Refusal, entering};
use super::session::{KaapehSession, end_of};
use crate::common::entering::Entry;
use crate::common::{Context, live};

/// Whom a socket speaks for.
pub(super) struct Bound {
    pub(super) identity: Identity,
    /// When the proof ends, and the connection with it.
    pub(super) ends_at: Instant,
}

impl KaapehSession {
    pub(super) async fn on_register(
        &mut self,
        account: Result<NewAccount, Refusal>,
        replies: &mut Replies,
    ) {
        let signed_in = match account {
            Ok(account) => {
                let chat = &self.shared.context.chat;
                chat.register(account, &self.device).await.map_err(entering)
            }
            Err(refusal) => Err(refusal),
        };
        self.on_signed_in(signed_in, replies).await;
    }

    pub(super) async fn on_login(&mut self, login: Result<Login, Refusal>, replies: &mut Replies) {
        let signed_in = match login {
            Ok(Login { account, password }) => {
                let chat = &self.shared.context.chat;
                chat.login(&account, &password, &self.device)
                    .await
                    .map_err(entering)
            }
            Err(refusal) => Err(refusal),
        };
        self.on_signed_in(signed_in, replies).await;
    }

    /// Contract §3: `auth:ok`, then a `hello:ok` without a user, which makes
    /// the web client ask for its chats.
    async fn on_signed_in(&mut self, signed_in: Result<SignedIn, Refusal>, replies: &mut Replies) {
        let entered = match signed_in {
            Ok(signed_in) => {
                let mut entry = self.shared.context.rates.entering().begin().await;
                self.bind(signed_in.identity.clone(), &mut entry)
                    .await
                    .map(|heads| (signed_in, heads, entry))
            }
            Err(refusal) => Err(refusal),
        };
        match entered {
            Ok((signed_in, heads, _entry)) => {
                let Context { chat, files, .. } = &self.shared.context;
                let profile = &signed_in.identity.profile;
                let auth_ok = Frame::AuthOk {
                    token: &signed_in.access_token,
                    user: UserObject::new(profile, chat.status(profile.id), files),
                };
                replies.frame(auth_ok.encode());
                let (user_id, user) = (Id(profile.uuid), None);
                replies.frame(Frame::HelloOk { user_id, user }.encode());
                self.go_live(heads).await;
            }
            Err(refusal) => replies.frame(refusal.auth_error()),
        }
    }

    pub(super) async fn on_hello(
        &mut self,
        token: Result<String, Refusal>,
        mut entry: Entry,
        replies: &mut Replies,
    ) {
        match self.hello(token, &mut entry).await {
            Ok((identity, heads)) => {
                let Context { chat, files, .. } = &self.shared.context;
                let profile = &identity.profile;
                let user = UserObject::new(profile, chat.status(profile.id), files);
                let hello_ok = Frame::HelloOk {
                    user_id: Id(profile.uuid),
                    user: Some(user),
                };
                replies.frame(hello_ok.encode());
                self.go_live(heads).await;
            }
            Err(refusal) => replies.frame(refusal.error()),
        }
    }

    async fn hello(
        &mut self,
        token: Result<String, Refusal>,
        entry: &mut Entry,
    ) -> Result<(Identity, Heads), Refusal> {
        let chat = &self.shared.context.chat;
        let identity = chat
            .authenticate_with(Installation::KaapehChat, &token?)
            .await
            .map_err(entering)?;
        let heads = self.bind(identity.clone(), entry).await?;
        Ok((identity, heads))
    }

    /// Lets the socket speak for this user, and for nobody else (contract §6).
    /// Returns where the user's rooms stand; their events are held back until
    /// [`go_live`](Self::go_live).
    async fn bind(&mut self, identity: Identity, entry: &mut Entry) -> Result<Heads, Refusal> {
        let context = &self.shared.context;
        context.wait_while_entering(identity.user(), entry).await;
        let attachment = Attachment {
            user: identity.profile.clone(),
            session: identity.session,
            codec: context.codecs.kaapehchat,
            deflate: self.deflate,
            follow: Follow::AllRooms,
        };
        let followed = match self.link.attach(attachment) {
            Ok(()) => self.follow(&identity).await,
            Err(reason) => Err(refused(reason)),
        };
        match followed {
            Ok(heads) => {
                let lifetime = self.shared.context.chat.now().until(identity.expires_at);
                self.seat = None;
                self.bound = Some(Bound {
                    identity,
                    ends_at: end_of(lifetime),
                });
                Ok(heads)
            }
            Err(refusal) => {
                self.link.detach();
                self.unbind();
                Err(refusal)
            }
        }
    }

    async fn follow(&self, identity: &Identity) -> Result<Heads, Refusal> {
        let context = &self.shared.context;
        // A login that ended before the socket was attached is told to nobody.
        context.chat.recheck(identity).await.map_err(entering)?;
        let most = context.settings.rooms_per_connection;
        let read = || context.chat.heads(identity.user(), most);
        let heads = self.link.follow(read).await.map_err(entering)?;
        self.link.announced().await;
        Ok(heads)
    }

    /// Lets out what was held back. There is nothing to catch up with: the
    /// client lists its chats after each `hello:ok`.
    async fn go_live(&self, heads: Heads) {
        if let Some(bound) = &self.bound {
            let user = bound.identity.user();
            live::go_live(&self.shared.context, &self.link, user, heads).await;
        }
    }
}

fn refused(refused: Refused) -> Refusal {
    match refused {
        Refused::TooManyConnections => Refusal::TOO_MANY_CONNECTIONS,
        Refused::TooManyRooms | Refused::Stopping => Refusal::UNAVAILABLE,
    }
}
