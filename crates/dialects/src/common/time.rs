//! Times as RFC 3339 in UTC with milliseconds, `2026-02-03T15:00:00.123Z`. Made
//! without allocation, since every delivered message carries one. And times to
//! wait, as HTTP says them.

use std::fmt;
use std::time::Duration;

use jiff::tz::Offset;
use serde::{Serialize, Serializer};
use tertulia_domain::Timestamp;

const LENGTH: usize = 24;

/// The first millisecond of the year 0, before which RFC 3339 has no years.
const FIRST_MILLI: i64 = -62_167_219_200_000;

/// A time as text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Rfc3339([u8; LENGTH]);

impl Rfc3339 {
    /// Renders a time, cut to the millisecond. Times before the year 0 or after
    /// the end of 9999 are shown as the nearest one that can be named.
    #[must_use]
    pub fn new(time: Timestamp) -> Self {
        let last = jiff::Timestamp::MAX.as_second() * 1_000;
        let millis = time.as_millis().clamp(FIRST_MILLI, last);
        let at =
            Offset::UTC.to_datetime(jiff::Timestamp::from_millisecond(millis).unwrap_or_default());
        let mut text = *b"0000-00-00T00:00:00.000Z";
        put(&mut text[0..4], at.year().unsigned_abs());
        put(&mut text[5..7], at.month().unsigned_abs().into());
        put(&mut text[8..10], at.day().unsigned_abs().into());
        put(&mut text[11..13], at.hour().unsigned_abs().into());
        put(&mut text[14..16], at.minute().unsigned_abs().into());
        put(&mut text[17..19], at.second().unsigned_abs().into());
        put(&mut text[20..23], at.millisecond().unsigned_abs());
        Self(text)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Only ASCII was ever put there.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Writes the last digits of `number`, right-aligned.
fn put(place: &mut [u8], mut number: u16) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

impl fmt::Debug for Rfc3339 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl Serialize for Rfc3339 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Whole seconds, rounded up, at least one: what `Retry-After` can say
/// (RFC 9110 §10.2.3) so that nobody comes back too soon.
#[must_use]
pub(crate) fn whole_seconds(wait: Duration) -> u64 {
    let begun = u64::from(wait.subsec_nanos() > 0);
    wait.as_secs().saturating_add(begun).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_told_to_come_back_too_soon() {
        for (millis, seconds) in [(0, 1), (1, 1), (1_000, 1), (1_001, 2), (60_000, 60)] {
            assert_eq!(whole_seconds(Duration::from_millis(millis)), seconds);
        }
        assert_eq!(whole_seconds(Duration::MAX), u64::MAX);
    }

    #[test]
    fn times_are_rendered_to_the_millisecond() {
        for (micros, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_770_130_800_123_999, "2026-02-03T15:00:00.123Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (951_782_400_000_000, "2000-02-29T00:00:00.000Z"),
            (i64::MAX, "9999-12-30T22:00:00.000Z"),
            (i64::MIN, "0000-01-01T00:00:00.000Z"),
        ] {
            assert_eq!(Rfc3339::new(Timestamp::from_micros(micros)).as_str(), text);
        }
    }
}
