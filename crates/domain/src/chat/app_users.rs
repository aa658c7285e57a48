//! Users whom the app brings along, made when they are seen for the first time
//! (`design.md` §5): by tokens of its own, or by their bare id.

use super::Chat;
use super::accounts::validate_display_name;
use crate::ports::UserKey;
use crate::session::AppClaims;
use crate::user::NewUser;
use crate::{Conflict, Error, Identity, Limits, Result, User, UserState};

/// How often a user is tried to be made. Each try but the first has a random
/// username, so that a second one hardly ever fails.
const ATTEMPTS: usize = 4;

impl Chat {
    pub(super) async fn authenticate_app(&self, token: &str) -> Result<Identity> {
        let claims = self.ports.tokens.verify_app(token, self.now())?;
        let user = self.app_user(&claims).await?;
        if user.state != UserState::Active {
            return Err(Error::InvalidToken);
        }
        Ok(Identity {
            profile: self.remember(user.profile),
            session: None,
            expires_at: claims.expires_at,
        })
    }

    async fn app_user(&self, claims: &AppClaims) -> Result<User> {
        let find = || {
            let key = UserKey::External(claims.external_id.clone());
            self.store().user(key)
        };
        self.at_first_sight(&claims.external_id, claims.name.as_deref(), find)
            .await
    }

    /// The user whom `find` finds, else one with this external id, made now.
    /// Where several connections bring a user at once, the store lets one make
    /// it, and the others find it.
    pub(super) async fn at_first_sight<F>(
        &self,
        external_id: &str,
        name: Option<&str>,
        find: impl Fn() -> F,
    ) -> Result<User>
    where
        F: Future<Output = Result<Option<User>>>,
    {
        let mut suffix = String::new();
        for _ in 0..ATTEMPTS {
            if let Some(user) = find().await? {
                return Ok(user);
            }
            match self.create_app_user(external_id, name, &suffix).await {
                Err(Error::Conflict(Conflict::UsernameTaken)) => {
                    suffix = format!("-{:08x}", u32::from_be_bytes(self.random_bytes()));
                }
                // Somebody else was first.
                Err(Error::Invalid {
                    field: "external_id",
                    ..
                }) => {}
                other => return other,
            }
        }
        Err(Error::unavailable("no username was free for a new user"))
    }

    async fn create_app_user(
        &self,
        external_id: &str,
        name: Option<&str>,
        suffix: &str,
    ) -> Result<User> {
        let (id, uuid) = (self.ids.user().await?, self.new_uuid());
        let user = NewUser {
            id,
            uuid,
            username: username(external_id, suffix, self.limits.username_chars),
            handles: self.handles(id, uuid, Some(external_id)).await?,
            display_name: display_name(external_id, name, &self.limits),
            email: None,
            external_id: Some(external_id.to_owned()),
            password_hash: None,
            created_at: self.now(),
        };
        self.store().create_user(user).await
    }
}

/// The external id, cut so that it fits with the suffix.
fn username(external_id: &str, suffix: &str, most: usize) -> String {
    let name = cut(
        external_id,
        most.saturating_sub(suffix.chars().count()).max(1),
    );
    format!("{name}{suffix}")
}

/// What the app calls the user, else the external id; cut where it is too long.
fn display_name(external_id: &str, name: Option<&str>, limits: &Limits) -> String {
    let most = limits.display_name_chars;
    name.and_then(|name| validate_display_name(&cut(name.trim(), most), limits).ok())
        .unwrap_or_else(|| cut(external_id, most))
}

fn cut(text: &str, most: usize) -> String {
    let text: String = text.chars().take(most).collect();
    text.trim_end().to_owned()
}
