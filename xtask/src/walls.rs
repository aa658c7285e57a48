//! The walls between our crates: which may know which, who may know what of
//! the world outside, and that no dialect sees another. A new arrow fails
//! `cargo test`; whoever wants one changes a table here and ARCHITECTURE.md.

use std::path::Path;

use anyhow::{Context, Result};

use crate::rust_source::{self, RustPath};
use crate::workspace::{Package, Workspace};

/// What each of our crates may depend on. A crate not named here is refused.
const ARROWS: &[(&str, &[&str])] = &[
    ("tertulia-domain", &[]),
    ("tertulia-auth", &["tertulia-domain"]),
    ("tertulia-store", &["tertulia-domain"]),
    ("tertulia-bus", &["tertulia-domain"]),
    ("tertulia-blob", &["tertulia-domain"]),
    ("tertulia-hub", &["tertulia-domain"]),
    ("tertulia-dialects", &["tertulia-hub", "tertulia-domain"]),
    ("tertulia-server", BELOW_SERVER),
    ("tertulia-testkit", SERVER_AND_BELOW),
    ("tertulia-bench", SERVER_AND_BELOW),
    ("xtask", &[]),
];

const BELOW_SERVER: &[&str] = &[
    "tertulia-auth",
    "tertulia-blob",
    "tertulia-bus",
    "tertulia-dialects",
    "tertulia-domain",
    "tertulia-hub",
    "tertulia-store",
];

const SERVER_AND_BELOW: &[&str] = &[
    "tertulia-auth",
    "tertulia-blob",
    "tertulia-bus",
    "tertulia-dialects",
    "tertulia-domain",
    "tertulia-hub",
    "tertulia-server",
    "tertulia-store",
];

/// What tests of any crate may use besides: they look at the whole from outside.
const FOR_TESTS: &[&str] = &["tertulia-server", "tertulia-testkit"];

/// Something of the world outside, and the few crates of ours that know it.
struct Knowledge {
    of: &'static str,
    crates: &'static [&'static str],
    held_by: &'static [&'static str],
}

const KNOWLEDGE: &[Knowledge] = &[
    Knowledge {
        of: "SQL",
        crates: &["rusqlite", "sqlx"],
        held_by: &["tertulia-store", "tertulia-testkit", "tertulia-bench"],
    },
    Knowledge {
        of: "transport",
        crates: &[
            "axum",
            "hyper",
            "hyper-util",
            "rustls",
            "tokio-rustls",
            "tokio-tungstenite",
            "tower",
            "tower-http",
        ],
        held_by: &[
            "tertulia-hub",
            "tertulia-dialects",
            "tertulia-server",
            "tertulia-testkit",
            "tertulia-bench",
        ],
    },
    Knowledge {
        of: "requests and answers",
        crates: &["http", "http-body-util"],
        held_by: &[
            // A question to a bucket, which the library for buckets lacks.
            "tertulia-blob",
            "tertulia-hub",
            "tertulia-dialects",
            "tertulia-server",
            "tertulia-testkit",
            "tertulia-bench",
        ],
    },
    Knowledge {
        of: "wire forms",
        crates: &["serde"],
        held_by: &[
            "tertulia-auth",
            "tertulia-blob",
            // JSON objects that were stored, and lines of an export.
            "tertulia-store",
            "tertulia-dialects",
            "tertulia-server",
            "tertulia-testkit",
            "tertulia-bench",
        ],
    },
    Knowledge {
        of: "documents of an API",
        crates: &["utoipa", "utoipa-axum"],
        held_by: &[
            "tertulia-dialects",
            "tertulia-server",
            "tertulia-testkit",
            "tertulia-bench",
        ],
    },
    Knowledge {
        of: "images and storage of files",
        crates: &["image", "object_store"],
        held_by: &["tertulia-blob"],
    },
    Knowledge {
        of: "passwords and tokens",
        crates: &["argon2", "bcrypt", "jsonwebtoken"],
        held_by: &["tertulia-auth"],
    },
    Knowledge {
        of: "command lines and settings",
        crates: &["clap", "dotenvy"],
        held_by: &["tertulia-server", "tertulia-bench"],
    },
];

/// Parts of general crates that are transport, storage or machine. (An
/// `IpAddr` is none of these: it only names a caller.)
const OUTSIDE: &[&[&str]] = &[
    &["std", "env"],
    &["std", "fs"],
    &["std", "net", "TcpListener"],
    &["std", "net", "TcpStream"],
    &["std", "net", "UdpSocket"],
    &["std", "process"],
    &["tokio", "fs"],
    &["tokio", "io"],
    &["tokio", "net"],
    &["tokio", "process"],
    &["tokio", "signal"],
];

/// The modules of `crates/dialects/src` that name every dialect, which is their
/// purpose: the crate's root, and the decoders for fuzz targets and benches.
const NAMES_ALL: &[&str] = &["lib", "decoders"];

/// The folders of `crates/dialects/src` that hold one wire protocol each.
const DIALECTS: &[&str] = &["izpochat", "kaapehchat", "socketio", "sos", "v1"];

/// Every breach of a wall, one line each.
pub(crate) fn breaches(workspace: &Workspace) -> Result<Vec<String>> {
    let mut breaches: Vec<String> = workspace.packages.iter().flat_map(of_manifest).collect();
    for file in workspace.files()? {
        let Some(rule) = rule_for(&file) else {
            continue;
        };
        let source = std::fs::read_to_string(workspace.root.join(&file))
            .with_context(|| format!("cannot read {}", file.display()))?;
        for path in rust_source::paths(&rust_source::tokens(&source)) {
            if let Some(breach) = rule(&file, &path) {
                let path_text = path.segments.join("::");
                breaches.push(format!(
                    "{}:{}: `{path_text}`: {breach}",
                    file.display(),
                    path.line
                ));
            }
        }
    }
    Ok(breaches)
}

fn of_manifest(package: &Package) -> Vec<String> {
    let name = &package.name;
    let Some((_, allowed)) = ARROWS.iter().find(|(from, _)| from == name) else {
        return vec![format!(
            "{name}: a new crate needs its row in xtask/src/walls.rs"
        )];
    };
    let mut breaches = Vec::new();
    for dependency in &package.dependencies {
        let to = dependency.name.as_str();
        let is_ours = ARROWS.iter().any(|(ours, _)| *ours == to) || to.starts_with("tertulia-");
        let for_tests = dependency.is_dev && FOR_TESTS.contains(&to);
        if is_ours && !allowed.contains(&to) && !for_tests {
            breaches.push(format!("{name} → {to}: no such arrow (ARCHITECTURE.md)"));
        }
        let foreign = KNOWLEDGE
            .iter()
            .find(|known| known.crates.contains(&to) && !known.held_by.contains(&name.as_str()));
        if let (Some(known), false) = (foreign, dependency.is_dev) {
            breaches.push(format!(
                "{name} → {to}: this crate knows nothing of {}",
                known.of
            ));
        }
    }
    breaches
}

type Rule = fn(&Path, &RustPath<'_>) -> Option<String>;

/// Which rule the paths of `file` must keep, if any.
fn rule_for(file: &Path) -> Option<Rule> {
    if file.extension()? != "rs" {
        return None;
    }
    if file.starts_with("crates/domain/src") {
        return Some(outside_of_domain);
    }
    if file.starts_with("crates/dialects/src") {
        return Some(other_dialect);
    }
    None
}

fn outside_of_domain(_: &Path, path: &RustPath<'_>) -> Option<String> {
    OUTSIDE
        .iter()
        .any(|outside| path.segments.starts_with(outside))
        .then(|| "the domain knows no transport, no files and no machine".to_owned())
}

fn other_dialect(file: &Path, path: &RustPath<'_>) -> Option<String> {
    let own = file.strip_prefix("crates/dialects/src").ok()?;
    let own = own.components().next()?.as_os_str().to_str()?;
    let own = own.trim_end_matches(".rs");
    if NAMES_ALL.contains(&own) {
        return None;
    }
    let from_root = path
        .segments
        .iter()
        .position(|segment| !matches!(*segment, "crate" | "super" | "self"))?;
    let target = path.segments[from_root];
    let leaves = from_root > 0 && DIALECTS.contains(&target) && target != own;
    leaves.then(|| format!("`{own}` may not see the dialect `{target}`"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Dependency;

    #[test]
    fn the_walls_stand() {
        let breaches = breaches(&Workspace::load().unwrap()).unwrap();
        assert!(breaches.is_empty(), "\n{}\n", breaches.join("\n"));
    }

    fn breaches_of(name: &str, to: &str, is_dev: bool) -> usize {
        let dependency = Dependency {
            name: to.to_owned(),
            is_dev,
        };
        of_manifest(&Package {
            name: name.to_owned(),
            dependencies: vec![dependency],
        })
        .len()
    }

    #[test]
    fn a_new_arrow_is_found() {
        assert_eq!(breaches_of("tertulia-hub", "tertulia-domain", false), 0);
        assert_eq!(breaches_of("tertulia-domain", "tertulia-hub", false), 1);
        assert_eq!(breaches_of("tertulia-hub", "tertulia-store", true), 1);
        assert_eq!(breaches_of("tertulia-new", "anyhow", false), 1);
    }

    #[test]
    fn tests_may_start_the_whole_server() {
        assert_eq!(
            breaches_of("tertulia-dialects", "tertulia-testkit", true),
            0
        );
        assert_eq!(
            breaches_of("tertulia-dialects", "tertulia-testkit", false),
            1
        );
    }

    #[test]
    fn knowledge_in_the_wrong_crate_is_found() {
        assert_eq!(breaches_of("tertulia-store", "rusqlite", false), 0);
        assert_eq!(breaches_of("tertulia-domain", "rusqlite", false), 1);
        assert_eq!(breaches_of("tertulia-domain", "serde", false), 1);
        assert_eq!(breaches_of("tertulia-hub", "rusqlite", true), 0);
    }

    fn is_breach(file: &str, source: &str) -> bool {
        let file = Path::new(file);
        let rule = rule_for(file).unwrap();
        rust_source::paths(&rust_source::tokens(source))
            .iter()
            .any(|path| rule(file, path).is_some())
    }

    #[test]
    fn a_dialect_that_sees_another_is_found() {
        let file = "crates/dialects/src/kaapehchat/encode.rs";
        assert!(is_breach(file, "use crate::v1::frame;"));
        assert!(is_breach(file, "use crate::{kaapehchat::x, v1::y};"));
        assert!(is_breach(file, "fn f() { super::super::sos::g() }"));
        assert!(is_breach(
            "crates/dialects/src/shared.rs",
            "use crate::v1::frame;"
        ));
        assert!(!is_breach(
            file,
            "use crate::kaapehchat::x; use super::shared; use crate::socket;"
        ));
        assert!(!is_breach(
            "crates/dialects/src/lib.rs",
            "pub use crate::v1::V1;"
        ));
    }

    #[test]
    fn the_domain_sees_no_machine() {
        let file = "crates/domain/src/chat.rs";
        assert!(is_breach(file, "use tokio::{sync::Mutex, net::TcpStream};"));
        assert!(is_breach(file, "fn f() { std::fs::read(p) }"));
        assert!(!is_breach(
            file,
            "use tokio::sync::{Mutex, mpsc}; use std::time::Duration;"
        ));
    }
}
