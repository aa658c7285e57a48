//! Users whom the app brings along by tokens of its own (`design.md` §5).

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

    /// The user of this external id, made at first sight. Where several
    /// connections bring a user at once, the store lets one make it, and the
    /// others find it.
    async fn app_user(&self, claims: &AppClaims) -> Result<User> {
        let mut suffix = String::new();
        for _ in 0..ATTEMPTS {
            let key = UserKey::External(claims.external_id.clone());
            if let Some(user) = self.store().user(key).await? {
                return Ok(user);
            }
            match self.create_app_user(claims, &suffix).await {
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

    async fn create_app_user(&self, claims: &AppClaims, suffix: &str) -> Result<User> {
        let user = NewUser {
            id: self.ids.user().await?,
            uuid: self.new_uuid(),
            username: username(&claims.external_id, suffix, self.limits.username_chars),
            display_name: display_name(claims, &self.limits),
            email: None,
            external_id: Some(claims.external_id.clone()),
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
fn display_name(claims: &AppClaims, limits: &Limits) -> String {
    let most = limits.display_name_chars;
    claims
        .name
        .as_deref()
        .and_then(|name| validate_display_name(&cut(name.trim(), most), limits).ok())
        .unwrap_or_else(|| cut(&claims.external_id, most))
}

fn cut(text: &str, most: usize) -> String {
    let text: String = text.chars().take(most).collect();
    text.trim_end().to_owned()
}
