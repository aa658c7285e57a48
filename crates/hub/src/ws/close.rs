//! Close codes and reasons (RFC 6455 §7.4).

use std::borrow::Cow;

/// The close codes this server sends. Each says whether the client should come back.
pub mod code {
    /// The purpose of the connection was fulfilled. Nothing is expected of the client.
    pub const NORMAL: u16 = 1000;
    /// The server goes away. Come back later.
    pub const GOING_AWAY: u16 = 1001;
    /// The peer broke RFC 6455. A client that comes back breaks it again.
    pub const PROTOCOL_ERROR: u16 = 1002;
    /// A text was not UTF-8, or a compressed message could not be inflated.
    pub const INVALID_DATA: u16 = 1007;
    /// A rule of the server was broken: a limit, or an identity that ended.
    pub const POLICY: u16 = 1008;
    /// The message was larger than the limit.
    pub const TOO_BIG: u16 = 1009;
    /// The server gave up on this connection (no pong, or a fault of its own). Come back.
    pub const INTERNAL_ERROR: u16 = 1011;
    /// The server restarts. Come back after a moment of the client's own choosing.
    pub const SERVICE_RESTART: u16 = 1012;
    /// The client fell behind, or the server is full. Come back and catch up.
    pub const TRY_AGAIN_LATER: u16 = 1013;
}

/// The longest reason that fits a close frame: 125 bytes less the code.
pub(super) const MAX_REASON: usize = 123;

/// Why a connection ends, as the close frame says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Close {
    code: u16,
    reason: Cow<'static, str>,
}

impl Close {
    /// A code of [`code`] and a short reason for machines and logs. A reason longer than the 123
    /// bytes a close frame can hold is cut at a character.
    #[must_use]
    pub fn new(code: u16, reason: impl Into<Cow<'static, str>>) -> Self {
        let mut reason = reason.into();
        if reason.len() > MAX_REASON {
            let end = reason.floor_char_boundary(MAX_REASON);
            reason = Cow::Owned(reason[..end].to_owned());
        }
        Self { code, reason }
    }

    /// 1013 `slow_consumer`: the client did not take its traffic in time. It comes back and
    /// catches up from its cursor (`reliability.md` G12).
    #[must_use]
    pub fn slow_consumer() -> Self {
        Self::new(code::TRY_AGAIN_LATER, "slow_consumer")
    }

    /// 1008 `session_ended`: the login or the token that admitted the connection has ended, and
    /// its session did not say so in its own words in time (`reliability.md` S4).
    #[must_use]
    pub fn session_ended() -> Self {
        Self::new(code::POLICY, "session_ended")
    }

    /// The status code.
    #[must_use]
    pub fn code(&self) -> u16 {
        self.code
    }

    /// The reason, at most 123 bytes.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

/// Whether a peer may send this code (RFC 6455 §7.4, and the IANA registry for 1012 to 1014).
/// 1004, 1005, 1006 and 1015 never travel; 1016 to 2999 are not assigned; 5000 and above do not
/// exist.
pub(super) fn may_travel(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_reason_is_cut_at_a_character() {
        let close = Close::new(code::POLICY, "ñ".repeat(100));
        assert_eq!(close.reason(), "ñ".repeat(61));
    }

    #[test]
    fn codes_that_may_travel() {
        for code in [
            1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999,
            4000, 4999,
        ] {
            assert!(may_travel(code), "{code}");
        }
        for code in [
            0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535,
        ] {
            assert!(!may_travel(code), "{code}");
        }
    }
}
