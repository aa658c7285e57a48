//! Just enough Rust to read: words and signs without comments and texts, and
//! the paths that they spell. Rules about source stand on this, so that a
//! comment never breaks one and a nested `use` never escapes one.

/// A word or a single sign, and the line that it stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token<'source> {
    pub(crate) text: &'source str,
    /// Counted from 1.
    pub(crate) line: usize,
}

/// A path such as `crate::hub::Outbox`, and the line that it ends on. A name
/// inside `use a::{b, c};` is given whole: `a::b`, `a::c`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RustPath<'source> {
    pub(crate) segments: Vec<&'source str>,
    pub(crate) line: usize,
}

/// The words and signs of `source`; comments, texts, characters and lifetimes
/// are left out.
pub(crate) fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut line = 1;
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let length = blank_length(rest).unwrap_or_else(|| {
            let length = word_length(rest).unwrap_or(first.len_utf8());
            tokens.push(Token {
                text: &rest[..length],
                line,
            });
            length
        });
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    tokens
}

/// Every path of two or more segments.
pub(crate) fn paths<'source>(tokens: &[Token<'source>]) -> Vec<RustPath<'source>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        at = if is_word(tokens[at].text) {
            path(tokens, at, &[], &mut found)
        } else {
            at + 1
        };
    }
    found
}

/// Reads the path that starts at the word `at` and gives what follows it.
fn path<'source>(
    tokens: &[Token<'source>],
    mut at: usize,
    prefix: &[&'source str],
    found: &mut Vec<RustPath<'source>>,
) -> usize {
    let mut segments = prefix.to_vec();
    let mut line = 0;
    while let Some(token) = tokens.get(at).filter(|token| is_word(token.text)) {
        segments.push(token.text);
        line = token.line;
        at += 1;
        if !is_separator(tokens, at) {
            break;
        }
        at += 2;
    }
    if is_separator(tokens, at.wrapping_sub(2)) && text(tokens, at) == "{" {
        return group(tokens, at + 1, &segments, found);
    }
    if segments.len() > 1 {
        found.push(RustPath { segments, line });
    }
    at
}

/// Reads what stands between the braces of a `use`, from `at` on.
fn group<'source>(
    tokens: &[Token<'source>],
    mut at: usize,
    prefix: &[&'source str],
    found: &mut Vec<RustPath<'source>>,
) -> usize {
    while at < tokens.len() && tokens[at].text != "}" {
        at = match tokens[at].text {
            // `a as b`: the new name is no path.
            "as" => at + 2,
            word if is_word(word) => path(tokens, at, prefix, found),
            _ => at + 1,
        };
    }
    at + 1
}

fn is_separator(tokens: &[Token<'_>], at: usize) -> bool {
    text(tokens, at) == ":" && text(tokens, at.wrapping_add(1)) == ":"
}

fn text<'source>(tokens: &[Token<'source>], at: usize) -> &'source str {
    tokens.get(at).map_or("", |token| token.text)
}

fn is_word(text: &str) -> bool {
    text.starts_with(|first: char| first.is_alphanumeric() || first == '_')
}

fn word_length(rest: &str) -> Option<usize> {
    let length = rest
        .find(|next: char| !next.is_alphanumeric() && next != '_')
        .unwrap_or(rest.len());
    (length > 0).then_some(length)
}

/// How much at the start of `rest` is no word and no sign.
fn blank_length(rest: &str) -> Option<usize> {
    let white = rest.len() - rest.trim_start().len();
    if white > 0 {
        return Some(white);
    }
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return Some(block_comment_length(rest));
    }
    literal_length(rest)
}

fn block_comment_length(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        let here = &rest.as_bytes()[at..];
        if here.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if here.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

/// A text with or without a prefix, a character, or a lifetime.
fn literal_length(rest: &str) -> Option<usize> {
    let prefix = ["br", "cr", "b", "c", "r", ""].into_iter().find(|prefix| {
        rest.strip_prefix(prefix)
            .is_some_and(|after| after.starts_with(['"', '\'', '#']))
    })?;
    let body = &rest[prefix.len()..];
    let length = if prefix.ends_with('r') {
        raw_text_length(body)?
    } else if body.starts_with('"') {
        quoted_length(body, b'"')
    } else if body.starts_with('\'') {
        character_or_lifetime_length(body)
    } else {
        return None;
    };
    Some(prefix.len() + length)
}

/// `#"…"#` with any number of `#`; a raw word such as `r#type` is none.
fn raw_text_length(body: &str) -> Option<usize> {
    let hashes = body.bytes().take_while(|&byte| byte == b'#').count();
    let text = body[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", &body[..hashes]);
    let length = text.find(&end).map_or(text.len(), |at| at + end.len());
    Some(hashes + 1 + length)
}

fn quoted_length(body: &str, quote: u8) -> usize {
    let mut escaped = false;
    for (at, byte) in body.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            _ if byte == quote => return at + 1,
            _ => {}
        }
    }
    body.len()
}

fn character_or_lifetime_length(body: &str) -> usize {
    let mut characters = body.chars().skip(1);
    let first = characters.next();
    if first == Some('\\') || characters.next() == Some('\'') {
        return quoted_length(body, b'\'');
    }
    1 + word_length(&body[1..]).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(source: &str) -> String {
        let words: Vec<&str> = tokens(source).iter().map(|token| token.text).collect();
        words.join(" ")
    }

    fn joined(source: &str) -> Vec<String> {
        paths(&tokens(source))
            .iter()
            .map(|path| path.segments.join("::"))
            .collect()
    }

    #[test]
    fn comments_and_texts_are_left_out() {
        assert_eq!(words("a // b\nc /* d /* e */ f */ g"), "a c g");
        assert_eq!(
            words(r##"a("b \" c", r#"d " e"#, b"f", br"g\", 'h', '\'', b'i') j"##),
            "a ( , , , , , , ) j"
        );
        assert_eq!(
            words("fn f<'a>(x: &'a str, r#type: b) {}"),
            "fn f < > ( x : & str , r # type : b ) { }"
        );
    }

    #[test]
    fn lines_are_counted_over_what_is_left_out() {
        let last = *tokens("/*\n*/ \"\n\"\na").last().unwrap();
        assert_eq!(last, Token { text: "a", line: 4 });
    }

    #[test]
    fn nested_use_gives_whole_paths() {
        assert_eq!(
            joined("use crate::{a::{self, B as C}, v1::x, y};\nfn f() { super::z::<T>(1); }"),
            [
                "crate::a::self",
                "crate::a::B",
                "crate::v1::x",
                "crate::y",
                "super::z"
            ],
        );
    }

    #[test]
    fn a_match_on_a_path_is_no_use() {
        assert_eq!(joined("match a::b { c => d::e, }"), ["a::b", "d::e"]);
    }
}
