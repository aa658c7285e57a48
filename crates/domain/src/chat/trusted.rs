//! Clients that prove nothing: whoever they say they are is believed. Only
//! where a setting says so (`TERTULIA_TRUST_USER_ID`, S1); the dialects ask.

use super::Chat;
use crate::{Error, Identity, Reason, Result, Timestamp, UserState};

/// Characters of a `user_id` (contracts/upred.md §2).
const MOST: usize = 100;

impl Chat {
    /// Whom a bare `user_id` names; who is not known is made at first sight,
    /// with that external id. The proof has no end.
    ///
    /// # Errors
    /// [`Error::Invalid`] `user_id` unless it is 1 to 100 characters, trimmed,
    /// none of them a control character; [`Error::InvalidToken`] for a suspended
    /// or deleted user.
    pub async fn trust(&self, user_id: &str) -> Result<Identity> {
        let external_id = validate(user_id)?;
        let find = || self.user_named(external_id);
        let user = self.at_first_sight(external_id, None, find).await?;
        if user.state != UserState::Active {
            return Err(Error::InvalidToken);
        }
        Ok(Identity {
            profile: self.remember(user.profile),
            session: None,
            expires_at: Timestamp::NEVER,
        })
    }
}

fn validate(user_id: &str) -> Result<&str> {
    let user_id = user_id.trim();
    let reason = match user_id {
        "" => Reason::Missing,
        long if long.chars().nth(MOST).is_some() => Reason::TooLong { max: MOST },
        odd if odd.chars().any(char::is_control) => Reason::Malformed,
        _ => return Ok(user_id),
    };
    Err(Error::invalid("user_id", reason))
}
