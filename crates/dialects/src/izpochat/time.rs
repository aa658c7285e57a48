//! Times as this wire has them: ISO 8601 in UTC with microseconds, with `Z` over
//! HTTP and `+00:00` on the socket (contract §3).

use std::fmt;

use serde::{Serialize, Serializer};
use tertulia_domain::Timestamp;

/// `2026-01-10T12:00:00.000001Z`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Zulu(pub(super) Timestamp);

/// `2026-01-10T12:00:00.000001+00:00`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Offset(pub(super) Timestamp);

/// Times that have no such name are shown as the nearest one that has.
fn civil(time: Timestamp) -> impl fmt::Display {
    let least = jiff::Timestamp::MIN.as_microsecond();
    let most = jiff::Timestamp::MAX.as_microsecond();
    let micros = time.as_micros().clamp(least, most);
    let time = jiff::Timestamp::from_microsecond(micros).unwrap_or_default();
    time.strftime("%Y-%m-%dT%H:%M:%S.%6f").to_string()
}

impl Serialize for Zulu {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}Z", civil(self.0)))
    }
}

impl Serialize for Offset {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}+00:00", civil(self.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_microseconds_and_a_zone() {
        let time = Timestamp::from_micros(1_768_046_400_000_001);
        let both = serde_json::to_string(&(Zulu(time), Offset(time))).expect("texts are JSON");
        assert_eq!(
            both,
            r#"["2026-01-10T12:00:00.000001Z","2026-01-10T12:00:00.000001+00:00"]"#
        );
        for odd in [i64::MIN, i64::MAX] {
            let text = serde_json::to_string(&Zulu(Timestamp::from_micros(odd)));
            assert!(text.is_ok());
        }
    }
}
