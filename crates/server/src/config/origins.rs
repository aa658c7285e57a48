//! Reads the origins of web pages (S10) into the form in which browsers send
//! them, so that they can be compared exactly.

use tertulia_dialects::common::origin::AllowedOrigins;

/// From the items of a list; the first item that is no origin is the error.
pub(super) fn from_list(items: Vec<String>) -> Result<AllowedOrigins, String> {
    if items.iter().any(|item| item == "*") {
        return Ok(AllowedOrigins::Any);
    }
    if items.is_empty() {
        return Ok(AllowedOrigins::Unset);
    }
    let origins = items.into_iter().map(|item| normalize(&item).ok_or(item));
    origins.collect::<Result<_, _>>().map(AllowedOrigins::List)
}

/// As a list again.
pub(super) fn to_list(origins: &AllowedOrigins) -> Vec<String> {
    match origins {
        AllowedOrigins::Unset => Vec::new(),
        AllowedOrigins::Any => vec!["*".to_owned()],
        AllowedOrigins::List(origins) => origins.iter().cloned().collect(),
    }
}

/// Scheme and host in lower case, without the scheme's own port and without a
/// slash at the end (RFC 6454 §6.2).
fn normalize(text: &str) -> Option<String> {
    let text = text.trim().to_ascii_lowercase();
    let (scheme, authority) = text.split_once("://")?;
    let authority = authority.strip_suffix('/').unwrap_or(authority);
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_lowercase())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let is_authority = !authority.is_empty()
        && authority
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte));
    let own_port = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => "",
    };
    let authority = authority.strip_suffix(own_port).unwrap_or(authority);
    (is_scheme && is_authority).then(|| format!("{scheme}://{authority}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_take_the_form_that_browsers_send() {
        let cases = [
            ("http://localhost:3000", Some("http://localhost:3000")),
            (
                "HTTPS://Chat.Example.org/",
                Some("https://chat.example.org"),
            ),
            (
                "https://chat.example.org:443",
                Some("https://chat.example.org"),
            ),
            (
                "http://chat.example.org:80/",
                Some("http://chat.example.org"),
            ),
            ("http://[::1]:5173", Some("http://[::1]:5173")),
            ("capacitor://localhost", Some("capacitor://localhost")),
            ("https://chat.example.org/path", None),
            ("https://*.example.org", None),
            ("chat.example.org", None),
            ("https://", None),
            ("://x", None),
            ("null", None),
        ];
        for (text, expected) in cases {
            assert_eq!(normalize(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_star_anywhere_is_any() {
        let list = |items: &[&str]| from_list(items.iter().map(|&item| item.to_owned()).collect());
        assert_eq!(list(&[]), Ok(AllowedOrigins::Unset));
        assert_eq!(list(&["http://a.test", "*"]), Ok(AllowedOrigins::Any));
        assert_eq!(list(&["http://a.test", "b"]), Err("b".to_owned()));
    }
}
