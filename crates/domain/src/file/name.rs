//! Files' names as their owners gave them: data to show, never a path (S13).

/// Bytes of a name that are kept; file systems allow 255.
const MOST: usize = 200;

/// What is kept of an ending, with its dot, when a name is too long.
const MOST_ENDING: usize = 16;

/// What a file is called that has no usable name.
const NAMELESS: &str = "archivo";

/// A name that is safe to show and to save under: the last piece of a path,
/// without control characters, marks that turn the direction of writing,
/// characters that a file system takes for itself, or dots and blanks at its
/// ends; at most 200 bytes, the ending kept. Never empty.
#[must_use]
pub fn clean_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let kept: String = last.chars().filter(|c| !is_unwanted(*c)).collect();
    let trimmed = kept.trim_matches(|c: char| c == '.' || c.is_whitespace());
    let cut = shorten(trimmed);
    match cut.is_empty() {
        true => NAMELESS.to_owned(),
        false => cut,
    }
}

/// A name's ending without its dot; none when it has no dot, or nothing else.
#[must_use]
pub(crate) fn extension(name: &str) -> Option<&str> {
    let (stem, extension) = name.rsplit_once('.')?;
    (!stem.is_empty() && !extension.is_empty()).then_some(extension)
}

/// Control characters, what file systems take for themselves, and invisible
/// marks that make a name look like another one.
fn is_unwanted(c: char) -> bool {
    c.is_control()
        || matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*')
        || matches!(
            c,
            '\u{ad}' | '\u{61c}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        )
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
}

fn shorten(name: &str) -> String {
    if name.len() <= MOST {
        return name.to_owned();
    }
    let ending = extension(name)
        .map(|extension| &name[name.len() - extension.len() - 1..])
        .filter(|ending| ending.len() <= MOST_ENDING)
        .unwrap_or_default();
    let stem = &name[..name.floor_char_boundary(MOST - ending.len())];
    format!("{}{ending}", stem.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shown_as_given_and_hold_nothing_harmful() {
        for (given, kept) in [
            ("partitura.pdf", "partitura.pdf"),
            ("Apuntes de cálculo ñ.pdf", "Apuntes de cálculo ñ.pdf"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Fotos\\ana\\foto.png", "foto.png"),
            ("foto\u{202e}gnp.exe", "fotognp.exe"),
            ("a\r\nSet-Cookie: x.txt", "aSet-Cookie x.txt"),
            ("nul\0.png", "nul.png"),
            (".htaccess", "htaccess"),
            ("..", "archivo"),
            ("", "archivo"),
            ("carpeta/", "archivo"),
            ("  .  ", "archivo"),
            ("<script>.svg", "script.svg"),
        ] {
            assert_eq!(clean_name(given), kept, "{given:?}");
        }
    }

    #[test]
    fn a_long_name_keeps_its_ending() {
        let long = clean_name(&format!("{}.pdf", "ñ".repeat(300)));
        assert!(long.len() <= 200 && long.ends_with("ñ.pdf"), "{long}");
        let ending = clean_name(&format!("a.{}", "x".repeat(300)));
        assert_eq!(ending.len(), 200);
    }

    #[test]
    fn an_ending_needs_a_dot_and_something_before_it() {
        assert_eq!(extension("a.tar.gz"), Some("gz"));
        assert_eq!(extension("README"), None);
        assert_eq!(extension("a."), None);
        assert_eq!(extension(".pdf"), None);
    }
}
