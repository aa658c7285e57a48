//! Who a Socket.IO client is (contracts/upred.md §2 and §6): by a token, else,
//! where a setting says so, whoever its `user_id` names.

use axum::extract::Query;
use http::request::Parts;
use http::{HeaderValue, header};
use serde_json::{Map, Value, json};
use tertulia_domain::{Error, Identity, Result};

use crate::common::{Context, client};

/// What the first request of a client says of who it is. Later requests and the
/// upgrade say nothing.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Caller {
    user_id: Option<String>,
    token: Option<String>,
    /// The page that it comes from. The door lets no second one pass.
    origin: Option<HeaderValue>,
}

/// Who was let in.
#[derive(Clone, Debug)]
pub struct Admitted {
    /// Who, and until when.
    pub identity: Identity,
    /// What the client called itself, when it did.
    called: Option<Box<str>>,
}

/// Why a client is not let in, for the log: on the wire it is [`rejected`].
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Neither a token nor a `user_id` came.
    #[error("it brought neither a token nor a user_id")]
    Nobody,
    /// It has no token, and is not believed without.
    #[error(
        "it brought a user_id and no token; to believe such clients, set \
         TERTULIA_TRUST_USER_ID=true (see docs/en/identidad.md for what that means)"
    )]
    NotTrusted,
    /// It has no token, and comes from a page of another machine (S10).
    #[error(
        "it brought no token and comes from the web page {0}; to admit it, add that origin to \
         TERTULIA_ALLOWED_ORIGINS"
    )]
    Origin(String),
    /// Its `user_id` is not that of its token.
    #[error("its user_id is not the one that its token speaks for")]
    OtherUser,
    /// Its token or its `user_id` is not accepted.
    #[error(transparent)]
    Domain(#[from] Error),
}

/// What a client is told that is not let in, whatever the reason
/// (contracts/upred.md §2).
#[must_use]
pub fn rejected() -> Value {
    json!({"message": "Connection rejected by server"})
}

impl Caller {
    /// Reads query and headers. Of a parameter that comes twice the first
    /// counts.
    #[must_use]
    pub fn of(first: &Parts) -> Self {
        let mut caller = Self {
            origin: first.headers.get(header::ORIGIN).cloned(),
            ..Self::default()
        };
        if let Ok(Query(pairs)) = Query::<Vec<(String, String)>>::try_from_uri(&first.uri) {
            for (name, value) in pairs {
                let place = match name.as_str() {
                    "user_id" => &mut caller.user_id,
                    "token" => &mut caller.token,
                    _ => continue,
                };
                place.get_or_insert(value);
            }
        }
        let is_given = |text: &String| !text.trim().is_empty();
        caller.user_id = caller.user_id.filter(is_given);
        caller.token = caller
            .token
            .filter(is_given)
            .or_else(|| client::bearer_token(&first.headers).map(str::to_owned));
        caller
    }

    /// Who this is, by what it says when it enters its namespace and before.
    /// Whoever attaches the answer to the hub asks [`Chat::recheck`] afterwards:
    /// a login that ended before is told to nobody.
    ///
    /// [`Chat::recheck`]: tertulia_domain::Chat::recheck
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn identify(
        &self,
        context: &Context,
        auth: &Map<String, Value>,
    ) -> Result<Admitted, Refused> {
        let in_band = auth.get("token").and_then(Value::as_str);
        let in_band = in_band.filter(|token| !token.trim().is_empty());
        let user_id = self.user_id.as_deref().map(str::trim);
        let identity = match (in_band.or(self.token.as_deref()), user_id) {
            (Some(token), user_id) => by_token(context, token, user_id).await?,
            (None, Some(user_id)) => self.by_trust(context, user_id).await?,
            (None, None) => return Err(Refused::Nobody),
        };
        Ok(Admitted {
            identity,
            called: user_id.map(Into::into),
        })
    }

    async fn by_trust(&self, context: &Context, user_id: &str) -> Result<Identity, Refused> {
        let settings = &context.settings;
        if !settings.trust_user_id.is_on() {
            return Err(Refused::NotTrusted);
        }
        let origin = self.origin.as_ref();
        if !settings.allowed_origins.permit_unproved(origin) {
            let origin = origin.map_or(&[][..], HeaderValue::as_bytes);
            return Err(Refused::Origin(String::from_utf8_lossy(origin).into()));
        }
        Ok(context.chat.trust(user_id).await?)
    }
}

async fn by_token(
    context: &Context,
    token: &str,
    user_id: Option<&str>,
) -> Result<Identity, Refused> {
    let identity = context.chat.authenticate(token).await?;
    if let Some(user_id) = user_id
        && !context.chat.is_called(&identity.profile, user_id).await?
    {
        return Err(Refused::OtherUser);
    }
    Ok(identity)
}

impl Refused {
    /// Says so in the log, with what would admit the client.
    pub fn note(&self) {
        match self {
            Self::Domain(Error::Unavailable(error)) => {
                tracing::error!(error = %error, "a Socket.IO client could not be identified");
            }
            Self::NotTrusted | Self::Origin(_) => {
                tracing::warn!(reason = %self, "a Socket.IO client was refused");
            }
            Self::Nobody | Self::OtherUser | Self::Domain(_) => {
                tracing::info!(reason = %self, "a Socket.IO client was refused");
            }
        }
    }
}

impl Admitted {
    /// Whether the client means itself by this id: its handle, or what it called
    /// itself when it came.
    #[must_use]
    pub fn is_self(&self, id: &str) -> bool {
        id == self.identity.profile.handle || self.called.as_deref() == Some(id)
    }
}

impl std::fmt::Debug for Caller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Caller")
            .field("user_id", &self.user_id)
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn caller(uri: &str, headers: &[(&str, &str)]) -> Caller {
        let mut request = Request::get(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(()).expect("the test's request is one");
        Caller::of(&request.into_parts().0)
    }

    fn said(uri: &str, headers: &[(&str, &str)]) -> (Option<String>, Option<String>) {
        let caller = caller(uri, headers);
        (caller.user_id, caller.token)
    }

    #[test]
    fn the_first_request_says_who() {
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(said("/socket.io/?EIO=4", &[]), (None, None));
        assert_eq!(
            said("/socket.io/?user_id=31&token=abc&user_id=58", &[]),
            (text("31"), text("abc"))
        );
        assert_eq!(
            said("/?user_id=+usuario%20123+&token=", &[]),
            (text(" usuario 123 "), None)
        );
        let bearer = [("authorization", "Bearer xyz")];
        assert_eq!(said("/?user_id=%20", &bearer), (None, text("xyz")));
        assert_eq!(said("/?token=abc", &bearer).1, text("abc"));
        assert_eq!(said("/", &[("authorization", "Basic xyz")]).1, None);
    }

    #[test]
    fn a_token_is_not_shown() {
        let caller = caller("/?user_id=31&token=hush", &[("origin", "http://a.test")]);
        let shown = format!("{caller:?}");
        assert!(shown.contains("31") && shown.contains("a.test"), "{shown}");
        assert!(!shown.contains("hush"), "{shown}");
    }
}
