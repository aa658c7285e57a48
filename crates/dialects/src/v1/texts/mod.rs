//! What a person reads of an error, in the caller's language.

mod english;
mod spanish;

use http::{HeaderMap, header};

use super::refusal::Refusal;

/// The languages we speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Language {
    /// What is spoken where nothing is asked for.
    #[default]
    Spanish,
    /// English.
    English,
}

impl Language {
    /// The one that `Accept-Language` (RFC 9110 §12.5.4) likes best of ours.
    #[must_use]
    pub(crate) fn preferred(headers: &HeaderMap) -> Self {
        let mut spanish = None;
        let mut english = None;
        for range in headers
            .get_all(header::ACCEPT_LANGUAGE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
        {
            let (tag, quality) = quality(range);
            let primary = tag.split('-').next().unwrap_or_default();
            let slot = match primary {
                "es" => &mut spanish,
                "en" => &mut english,
                _ => continue,
            };
            *slot = Some(slot.unwrap_or(0).max(quality));
        }
        if english.unwrap_or(0) > spanish.unwrap_or(0) {
            Self::English
        } else {
            Self::Spanish
        }
    }

    /// Its tag (RFC 5646).
    #[must_use]
    pub(crate) fn tag(self) -> &'static str {
        match self {
            Self::Spanish => "es",
            Self::English => "en",
        }
    }
}

/// A language range and its weight in thousandths; one that cannot be read
/// counts nothing.
fn quality(range: &str) -> (String, u16) {
    let mut parts = range.split(';').map(str::trim);
    let tag = parts.next().unwrap_or_default().to_ascii_lowercase();
    let weight = parts.find_map(|part| part.strip_prefix("q="));
    let quality = match weight {
        None => 1_000,
        Some(weight) => match weight.parse::<f32>() {
            Ok(weight) if (0.0..=1.0).contains(&weight) => (weight * 1_000.0) as u16,
            _ => 0,
        },
    };
    (tag, quality)
}

/// A short sentence that is the same for each error with this code.
#[must_use]
pub(crate) fn title(refusal: &Refusal, language: Language) -> &'static str {
    match language {
        Language::Spanish => spanish::title(refusal),
        Language::English => english::title(refusal),
    }
}

/// What to do about this one error.
#[must_use]
pub(crate) fn detail(refusal: &Refusal, language: Language) -> String {
    match language {
        Language::Spanish => spanish::detail(refusal),
        Language::English => english::detail(refusal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn the_best_liked_language_is_spoken() {
        for (accept, language) in [
            ("", Language::Spanish),
            ("en", Language::English),
            ("en-GB,en;q=0.9", Language::English),
            ("es-MX,es;q=0.9,en;q=0.8", Language::Spanish),
            ("en;q=0.7, es;q=0.8", Language::Spanish),
            ("de, en;q=0.5, *;q=0.1", Language::English),
            ("fr", Language::Spanish),
            ("en;q=0", Language::Spanish),
            ("en;q=x, es;q=0.1", Language::Spanish),
            ("english", Language::Spanish),
            ("EN-us", Language::English),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_static(accept));
            assert_eq!(Language::preferred(&headers), language, "{accept}");
        }
        assert_eq!(Language::preferred(&HeaderMap::new()), Language::Spanish);
    }
}
