//! Habits that no lint knows: rules over the text of every file in the
//! repository.

use std::ops::RangeInclusive;
use std::path::Path;

use anyhow::Result;

use crate::rust_source::{self, Token};
use crate::workspace::Workspace;

/// Folders at the root of some machine's file system that no file of ours has
/// a reason to name: what works there fails everywhere else.
const MACHINE_FOLDERS: &[&str] = &["Users", "home", "mnt", "root", "tmp", "work", "workspace"];

/// Every breach of a habit, one line each.
pub(crate) fn breaches(workspace: &Workspace) -> Result<Vec<String>> {
    let mut breaches = Vec::new();
    for file in workspace.files()? {
        // What is not UTF-8 is no text.
        if let Ok(text) = std::fs::read_to_string(workspace.root.join(&file)) {
            let found = of_file(&file, &text);
            breaches.extend(
                found
                    .into_iter()
                    .map(|(line, what)| format!("{}:{line}: {what}", file.display())),
            );
        }
    }
    Ok(breaches)
}

/// The breaches in one file, each with its line.
fn of_file(file: &Path, text: &str) -> Vec<(usize, &'static str)> {
    let mut found = lines_where(text, names_machine_folder, "names a folder of one machine");
    if file
        .extension()
        .is_some_and(|extension| extension == "snap")
    {
        found.push((
            1,
            "is a snapshot apart from its test: inline, none can be orphaned",
        ));
    }
    if file
        .file_name()
        .is_some_and(|name| name == "package-lock.json")
    {
        found.extend(lines_where(
            text,
            |line| line.contains("\"resolved\""),
            "names a registry's address: `npm install --omit-lockfile-registry-resolved` leaves it out",
        ));
    }
    if file.extension().is_some_and(|extension| extension == "rs") {
        found.extend(of_tests(file, &rust_source::tokens(text)));
    }
    found
}

fn lines_where(
    text: &str,
    is_breach: impl Fn(&str) -> bool,
    what: &'static str,
) -> Vec<(usize, &'static str)> {
    text.lines()
        .enumerate()
        .filter(|(_, line)| is_breach(line))
        .map(|(index, _)| (index + 1, what))
        .collect()
}

/// Whether `line` holds an absolute path into a machine folder. In an address
/// or below another folder the same name is something else.
fn names_machine_folder(line: &str) -> bool {
    let in_windows = line.match_indices(":\\").any(|(at, sign)| {
        line[at + sign.len()..]
            .trim_start_matches('\\')
            .starts_with("Users\\")
    });
    in_windows
        || line.match_indices('/').any(|(at, _)| {
            let is_absolute = !line[..at].ends_with(|before: char| {
                before.is_alphanumeric() || "/._-~}>$*)]".contains(before)
            });
            let folder = line[at + 1..].split('/').next().unwrap_or_default();
            let is_whole = line[at + 1 + folder.len()..].starts_with('/');
            is_absolute && is_whole && MACHINE_FOLDERS.contains(&folder)
        })
}

/// A test that sleeps is slow when it passes and fails when the machine is
/// slow; a test that is ignored tests nothing.
fn of_tests(file: &Path, tokens: &[Token<'_>]) -> Vec<(usize, &'static str)> {
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        if starts_with(&tokens[at..], &["#", "[", "ignore"]) {
            found.push((token.line, "ignores a test: mend it or delete it"));
        }
    }
    let paused = paused_regions(tokens);
    for region in test_regions(file, tokens) {
        for (at, token) in region.iter().enumerate() {
            let is_paused = paused.iter().any(|lines| lines.contains(&token.line));
            if starts_with(&region[at..], &["sleep", "("]) && !is_paused {
                found.push((
                    token.line,
                    "sleeps in a test: wait for the event, or pause time (`start_paused = true`)",
                ));
            }
        }
    }
    found
}

/// The lines of the tests whose clock stands still until all tasks wait: a
/// sleep there takes no time and always ends after what it waits for.
fn paused_regions(tokens: &[Token<'_>]) -> Vec<RangeInclusive<usize>> {
    (0..tokens.len())
        .filter(|&at| starts_with(&tokens[at..], &["start_paused", "=", "true"]))
        .filter_map(|at| Some(tokens[at].line..=item(&tokens[at..]).last()?.line))
        .collect()
}

/// The stretches of a file that only tests run.
fn test_regions<'all, 'source>(
    file: &Path,
    tokens: &'all [Token<'source>],
) -> Vec<&'all [Token<'source>]> {
    let is_test_file = file.starts_with("crates/testkit")
        || file.components().any(|part| part.as_os_str() == "tests")
        || file.file_name().is_some_and(|name| name == "tests.rs");
    if is_test_file {
        return vec![tokens];
    }
    (0..tokens.len())
        .filter(|&at| starts_with(&tokens[at..], &["#", "[", "cfg", "(", "test", ")", "]"]))
        .map(|at| item(&tokens[at..]))
        .collect()
}

/// The item at the start of `tokens`: up to its `;` or the end of its braces.
fn item<'all, 'source>(tokens: &'all [Token<'source>]) -> &'all [Token<'source>] {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match token.text {
            "{" => depth += 1,
            "}" if depth <= 1 => return &tokens[..=at],
            "}" => depth -= 1,
            ";" if depth == 0 => return &tokens[..=at],
            _ => {}
        }
    }
    tokens
}

fn starts_with(tokens: &[Token<'_>], texts: &[&str]) -> bool {
    tokens.len() >= texts.len()
        && tokens
            .iter()
            .zip(texts)
            .all(|(token, text)| token.text == *text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(file: &str, text: &str) -> Vec<usize> {
        of_file(Path::new(file), text)
            .iter()
            .map(|(line, _)| *line)
            .collect()
    }

    #[test]
    fn a_path_into_one_machine_is_found() {
        for folder in MACHINE_FOLDERS {
            assert_eq!(lines("a.md", &format!("\n`/{folder}/ann/x`")), [2]);
        }
        for separator in ["\\", "\\\\"] {
            let path = ["'C:", "Users", "ann'"].join(separator);
            assert_eq!(lines("a.toml", &path), [1], "{path}");
        }
        for fine in [
            "/var/lib/tertulia/",
            "https://example.org/home/x",
            "{base}/tmp/x",
            "~/tmp/x",
        ] {
            assert!(lines("a.md", fine).is_empty(), "{fine}");
        }
    }

    #[test]
    fn an_address_in_a_lock_file_is_found() {
        let text = "{\n\"resolved\": \"https://example.org/a.tgz\"\n}";
        assert_eq!(lines("web/package-lock.json", text), [2]);
        assert!(lines("web/other.json", text).is_empty());
    }

    #[test]
    fn a_snapshot_apart_from_its_test_is_found() {
        assert_eq!(lines("crates/hub/tests/snapshots/a.snap", ""), [1]);
    }

    #[test]
    fn a_sleep_is_found_in_tests_only() {
        let source = "fn a() { sleep(1); }\n#[cfg(test)]\nmod tests {\n fn b() { sleep(1); }\n}\nfn c() { sleep(1); }";
        assert_eq!(lines("crates/hub/src/a.rs", source), [4]);
        assert_eq!(lines("crates/hub/tests/a.rs", source), [1, 4, 6]);
        assert!(
            lines(
                "crates/hub/src/a.rs",
                "#[cfg(test)]\nmod tests;\nfn a() { sleep(1); }"
            )
            .is_empty()
        );
    }

    #[test]
    fn a_sleep_in_paused_time_is_none() {
        let paused = "#[tokio::test(start_paused = true)]\nasync fn a() {\n sleep(1); }\n";
        assert!(lines("crates/hub/tests/a.rs", paused).is_empty());
        let both = format!("{paused}#[tokio::test]\nasync fn b() {{ sleep(1); }}");
        assert_eq!(lines("crates/hub/tests/a.rs", &both), [5]);
    }

    #[test]
    fn an_ignored_test_is_found() {
        let source = "// #[ignore]\n#[ignore = \"later\"]\nfn a() {}";
        assert_eq!(lines("crates/hub/src/a.rs", source), [2]);
    }
}
