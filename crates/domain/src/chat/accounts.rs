//! Registering, logging in, and whom a token speaks for.

use std::net::IpAddr;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::Chat;
use crate::common_passwords::is_common;
use crate::login_guard::Try;
use crate::ports::{Installation, PasswordCheck, UserKey};
use crate::session::{Bearer, NewSession};
use crate::user::{Credentials, NewUser};
use crate::{
    AccessClaims, Denial, Entity, Error, Identity, Limits, Reason, Result, Session, SessionId,
    Timestamp, User, UserId, UserState,
};

/// An account as a person asks for it.
#[derive(Clone, Debug, Default)]
pub struct NewAccount {
    /// Required; trimmed.
    pub username: String,
    /// The username, when none is given; trimmed.
    pub display_name: Option<String>,
    /// Trimmed.
    pub email: Option<String>,
    /// Required.
    pub password: String,
}

/// Where a login comes from.
#[derive(Clone, Debug)]
pub struct Device {
    /// What the client calls itself; cut at 200 characters.
    pub name: String,
    /// For slowing down guesses.
    pub address: Option<IpAddr>,
    /// How long the access token lives; each dialect has its own.
    pub access_lifetime: Duration,
}

/// A fresh login.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// Who.
    pub user: User,
    /// Who, for a connection.
    pub identity: Identity,
    /// A signed access token.
    pub access_token: String,
    /// 43 characters of URL-safe Base64. Good for one exchange.
    pub refresh_token: String,
    /// How long the access token lives.
    pub expires_in: Duration,
}

impl Chat {
    /// Makes an account and logs in.
    ///
    /// # Errors
    /// [`Error::Invalid`] by field;
    /// [`Conflict::UsernameTaken`](crate::Conflict::UsernameTaken),
    /// [`Conflict::EmailTaken`](crate::Conflict::EmailTaken);
    /// [`Error::SlowDown`].
    pub async fn register(&self, account: NewAccount, device: &Device) -> Result<SignedIn> {
        let user = self.enroll(account, device.address).await?;
        self.sign_in(user, device).await
    }

    /// Makes an account for somebody who registers from this address, and does not
    /// log in.
    ///
    /// # Errors
    /// As [`Chat::register`].
    pub async fn enroll(&self, account: NewAccount, address: Option<IpAddr>) -> Result<User> {
        let begun = self.login_guard.registration(address)?;
        let user = self.create_account(account).await?;
        begun.counts();
        Ok(user)
    }

    /// Makes an account.
    ///
    /// # Errors
    /// As [`Chat::register`].
    pub async fn create_account(&self, account: NewAccount) -> Result<User> {
        let username = validate_username(&account.username, &self.limits)?;
        let display_name = match account.display_name.as_deref().map(str::trim) {
            None | Some("") => username.clone(),
            Some(name) => validate_display_name(name, &self.limits)?,
        };
        let email = match account.email.as_deref().map(str::trim) {
            None | Some("") => None,
            Some(email) => Some(validate_email(email, &self.limits)?),
        };
        validate_password(&account.password, &self.limits)?;
        self.refuse_taken(&username, email.as_deref()).await?;
        let password_hash = Some(self.ports.passwords.hash(account.password).await?);
        let (id, uuid) = (self.ids.user().await?, self.new_uuid());
        let user = NewUser {
            id,
            uuid,
            username,
            handles: self.handles(id, uuid, None).await?,
            display_name,
            email,
            external_id: None,
            password_hash,
            created_at: self.now(),
        };
        self.store().create_user(user).await
    }

    /// Spares the hash, and an id, where the name is taken anyway. The store's
    /// unique indexes decide.
    async fn refuse_taken(&self, username: &str, email: Option<&str>) -> Result<()> {
        use crate::Conflict::{EmailTaken, UsernameTaken};
        if self
            .store()
            .user(UserKey::Username(username.to_owned()))
            .await?
            .is_some()
        {
            return Err(Error::Conflict(UsernameTaken));
        }
        if let Some(email) = email
            && self
                .store()
                .user(UserKey::Email(email.to_owned()))
                .await?
                .is_some()
        {
            return Err(Error::Conflict(EmailTaken));
        }
        Ok(())
    }

    /// Logs in with a username or an e-mail address. With an `@` it is tried as
    /// an address first.
    ///
    /// # Errors
    /// [`Error::InvalidCredentials`] whatever is wrong (S6);
    /// [`Denial::Suspended`] for the right password of such an account;
    /// [`Error::SlowDown`] after too many failures.
    pub async fn login(&self, login: &str, password: &str, device: &Device) -> Result<SignedIn> {
        let account = login.trim().to_lowercase();
        let begun = self.login_guard.login(&account, device.address)?;
        let candidates = self.candidates(&account).await?;
        let user = self.try_password(begun, candidates, password).await?;
        self.sign_in(user, device).await
    }

    /// Checks a password as one counted try.
    async fn try_password(
        &self,
        begun: Try<'_>,
        candidates: Vec<Credentials>,
        password: &str,
    ) -> Result<User> {
        match self.check_password(candidates, password).await {
            Ok(user) => {
                begun.succeeded();
                Ok(user)
            }
            Err(Error::InvalidCredentials) => {
                tracing::info!("a password was wrong");
                begun.counts();
                Err(Error::InvalidCredentials)
            }
            Err(error) => Err(error),
        }
    }

    /// The account among `candidates` that the password opens. With none it
    /// takes as long as with one (S6).
    async fn check_password(&self, candidates: Vec<Credentials>, password: &str) -> Result<User> {
        let (_, most) = self.limits.password_chars;
        // Longer than any password can be: spare the work of hashing it.
        let too_long = password.chars().nth(most).is_some();
        let password = if too_long { "" } else { password };
        if candidates.is_empty() {
            self.ports
                .passwords
                .verify(password.to_owned(), None)
                .await?;
        }
        let mut refused = Error::InvalidCredentials;
        for Credentials {
            user,
            password_hash,
        } in candidates
        {
            let check = self
                .ports
                .passwords
                .verify(password.to_owned(), password_hash.clone())
                .await?;
            if check == PasswordCheck::Wrong || too_long {
                continue;
            }
            match user.state {
                UserState::Active => {}
                UserState::Suspended => {
                    refused = Error::Forbidden(Denial::Suspended);
                    continue;
                }
                UserState::Deleted => continue,
            }
            if let (PasswordCheck::RightButOld, Some(old)) = (check, password_hash) {
                let new = self.ports.passwords.hash(password.to_owned()).await?;
                self.store().upgrade_password(user.id(), &old, new).await?;
            }
            return Ok(user);
        }
        Err(refused)
    }

    /// Whom a login may mean: with an `@` the owner of the address first, then
    /// the owner of the username.
    async fn candidates(&self, account: &str) -> Result<Vec<Credentials>> {
        let by_email = match account.contains('@') {
            true => {
                self.store()
                    .credentials(UserKey::Email(account.to_owned()))
                    .await?
            }
            false => None,
        };
        let by_username = self
            .store()
            .credentials(UserKey::Username(account.to_owned()))
            .await?;
        let mut found: Vec<_> = by_email.into_iter().chain(by_username).collect();
        found.dedup_by_key(|credentials| credentials.user.id());
        Ok(found)
    }

    /// Logs an active user in without a password, as an administrator does who
    /// tests something.
    ///
    /// # Errors
    /// [`Entity::User`] not found, also when it may not sign in.
    pub async fn sign_in_as(&self, user: UserId, device: &Device) -> Result<SignedIn> {
        let user = self.account(user).await?;
        if user.state != UserState::Active {
            return Err(Error::NotFound(Entity::User));
        }
        self.sign_in(user, device).await
    }

    async fn sign_in(&self, user: User, device: &Device) -> Result<SignedIn> {
        let now = self.now();
        let (refresh_token, refresh_hash) = self.new_refresh_token();
        let session = Session {
            id: self.ids.session().await?,
            user: user.id(),
            device: device.name.chars().take(200).collect(),
            created_at: now,
            last_used_at: now,
            expires_at: now.after(self.limits.session_lifetime),
        };
        let id = session.id;
        self.store()
            .create_session(NewSession {
                session,
                refresh_hash,
            })
            .await?;
        tracing::info!(
            user = user.id().0,
            session = id.0,
            address = device.address.as_ref().map(display),
            "signed in"
        );
        self.signed_in(user, id, refresh_token, device.access_lifetime)
    }

    pub(super) fn signed_in(
        &self,
        user: User,
        session: SessionId,
        refresh_token: String,
        expires_in: Duration,
    ) -> Result<SignedIn> {
        let now = self.now();
        let claims = AccessClaims {
            user: user.id(),
            user_uuid: user.profile.uuid,
            username: user.profile.username.clone(),
            session,
            issued_at: now,
            expires_at: now.after(expires_in),
        };
        let access_token = self.ports.tokens.issue(&claims)?;
        let profile = self.remember(user.profile.clone());
        let identity = Identity {
            profile,
            session: Some(session),
            expires_at: claims.expires_at,
        };
        Ok(SignedIn {
            user,
            identity,
            access_token,
            refresh_token,
            expires_in,
        })
    }

    /// Who an access token speaks for: one of ours, or one that the app signed,
    /// whose user is made when it is seen for the first time.
    ///
    /// # Errors
    /// [`Error::InvalidToken`] also when the session ended or the user may not
    /// sign in.
    pub async fn authenticate(&self, token: &str) -> Result<Identity> {
        match self.authenticate_own(token).await {
            Err(Error::InvalidToken) => self.authenticate_app(token).await,
            other => other,
        }
    }

    async fn authenticate_own(&self, token: &str) -> Result<Identity> {
        let now = self.now();
        let claims = self.ports.tokens.verify(token, now)?;
        let user = self.store().session_user(claims.session, now).await?;
        let user = user
            .filter(|user| user.id() == claims.user)
            .ok_or(Error::InvalidToken)?;
        let profile = self.remember(user.profile);
        Ok(Identity {
            profile,
            session: Some(claims.session),
            expires_at: claims.expires_at,
        })
    }

    /// Who a token speaks for, where a dialect also honours the tokens of an
    /// older installation.
    ///
    /// # Errors
    /// As [`Chat::authenticate`].
    pub async fn authenticate_with(
        &self,
        installation: Installation,
        token: &str,
    ) -> Result<Identity> {
        match self.authenticate(token).await {
            Err(Error::InvalidToken) => {}
            other => return other,
        }
        let claims = self
            .ports
            .tokens
            .verify_installation(installation, token, self.now())?;
        let user = match &claims.user {
            Bearer::Uuid(uuid) => self.store().user(UserKey::Uuid(*uuid)).await?,
            Bearer::Username { name, issued_at } => self.named_since(name, *issued_at).await?,
        };
        let user = user
            .filter(|user| user.state == UserState::Active)
            .ok_or(Error::InvalidToken)?;
        Ok(Identity {
            profile: self.remember(user.profile),
            session: None,
            expires_at: claims.expires_at,
        })
    }

    /// The user of this name, if it has been nobody else's name since then.
    async fn named_since(&self, name: &str, issued_at: Timestamp) -> Result<Option<User>> {
        let user = self
            .store()
            .user(UserKey::Username(name.to_owned()))
            .await?;
        Ok(user.filter(|user| user.renamed_at.unwrap_or(user.created_at) <= issued_at))
    }

    /// Whether a token that is refused would be good but for its user, who is
    /// suspended.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn is_of_suspended(&self, token: &str) -> Result<bool> {
        let Ok(claims) = self.ports.tokens.verify(token, self.now()) else {
            return Ok(false);
        };
        let user = self.store().user(UserKey::Id(claims.user)).await?;
        Ok(user.is_some_and(|user| user.state == UserState::Suspended))
    }

    /// Whether an identity that was proved earlier still holds: its session has
    /// not ended and its user may sign in.
    ///
    /// # Errors
    /// [`Error::InvalidToken`] when it does not.
    pub async fn recheck(&self, identity: &Identity) -> Result<()> {
        let user = match identity.session {
            Some(session) => self.store().session_user(session, self.now()).await?,
            None => self.store().user(UserKey::Id(identity.user())).await?,
        };
        let active = user
            .is_some_and(|user| user.state == UserState::Active && user.id() == identity.user());
        if active {
            Ok(())
        } else {
            Err(Error::InvalidToken)
        }
    }

    /// Changes one's own password; every other session ends (S4).
    ///
    /// # Errors
    /// [`Error::InvalidCredentials`] when `current` is wrong; [`Error::Invalid`]
    /// for a weak new one.
    pub async fn change_password(
        &self,
        identity: &Identity,
        current: &str,
        new: String,
    ) -> Result<()> {
        let account = identity.profile.username.to_lowercase();
        let begun = self.login_guard.login(&account, None)?;
        let own = self
            .store()
            .credentials(UserKey::Id(identity.user()))
            .await?;
        self.try_password(begun, own.into_iter().collect(), current)
            .await?;
        self.set_password(identity.user(), new, identity.session)
            .await
    }

    pub(super) fn new_refresh_token(&self) -> (String, [u8; 32]) {
        let token = url_safe(&self.random_bytes::<32>());
        let hash = hash_token(&token);
        (token, hash)
    }
}

pub(super) fn hash_token(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// URL-safe Base64 without padding (RFC 4648 §5).
pub(super) fn url_safe(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk
            .iter()
            .fold(0u32, |group, byte| (group << 8) | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for index in 0..=chunk.len() {
            let digit = (group >> (18 - 6 * index)) & 0x3f;
            text.push(char::from(ALPHABET[digit as usize]));
        }
    }
    text
}

pub(super) fn validate_username(name: &str, limits: &Limits) -> Result<String> {
    validate_name("username", name, limits.username_chars)
}

pub(super) fn validate_display_name(name: &str, limits: &Limits) -> Result<String> {
    validate_name("display_name", name, limits.display_name_chars)
}

/// A name without surrounding white space, line breaks or control characters.
pub(super) fn validate_name(field: &'static str, name: &str, most: usize) -> Result<String> {
    let name = name.trim();
    let reason = match name {
        "" => Reason::Empty,
        long if long.chars().count() > most => Reason::TooLong { max: most },
        odd if odd.chars().any(char::is_control) => Reason::Malformed,
        _ => return Ok(name.to_owned()),
    };
    Err(Error::invalid(field, reason))
}

/// Enough of RFC 5321 to catch mistakes: something, `@`, something.
pub(super) fn validate_email(email: &str, limits: &Limits) -> Result<String> {
    let email = validate_name("email", email, limits.email_chars)?;
    let plausible = email.rsplit_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && !domain.is_empty() && !email.contains(char::is_whitespace)
    });
    if plausible {
        Ok(email)
    } else {
        Err(Error::invalid("email", Reason::Malformed))
    }
}

pub(super) fn validate_password(password: &str, limits: &Limits) -> Result<()> {
    let (least, most) = limits.password_chars;
    let reason = match password.chars().count() {
        few if few < least => Reason::TooShort { min: least },
        many if many > most => Reason::TooLong { max: most },
        _ if is_common(password) => Reason::TooCommon,
        _ => return Ok(()),
    };
    Err(Error::invalid("password", reason))
}

#[cfg(test)]
mod tests {
    use super::url_safe;

    #[test]
    fn base64_is_that_of_rfc_4648() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg"),
            ("fo", "Zm8"),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg"),
        ] {
            assert_eq!(url_safe(bytes.as_bytes()), text);
        }
        assert_eq!(url_safe(&[0xfb, 0xff]), "-_8");
    }
}
