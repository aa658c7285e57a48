//! TLS to a database server: whose certificate is taken, and whose is not.

use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tertulia_domain::Store;
use tertulia_store::{Database, OpenError, Options, ServerAddress, SqlStore};

use crate::database_server::DatabaseServer;
use crate::world::Seeded;

/// An authority, with its certificate in a file.
fn authority(path: &Path) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    let authority = CertifiedIssuer::self_signed(params, key).expect("signed");
    std::fs::write(path, authority.pem()).expect("written");
    authority
}

/// A certificate for these names, and its key.
fn certificate(authority: &CertifiedIssuer<'_, KeyPair>, names: &[&str]) -> (String, String) {
    let names: Vec<_> = names.iter().map(|&it| it.to_owned()).collect();
    let params = CertificateParams::new(names).expect("names");
    let key = KeyPair::generate().expect("a key");
    let certificate = params.signed_by(&key, authority).expect("signed");
    (certificate.pem(), key.serialize_pem())
}

/// Opens the store there, with this much asked of its certificate.
async fn open(url: &str, asked: Asked, authority: &Path) -> Result<SqlStore, OpenError> {
    let is_mysql = url.starts_with("mysql:");
    let (mode, file) = match is_mysql {
        true => ("ssl-mode", "ssl-ca"),
        false => ("sslmode", "sslrootcert"),
    };
    let asked = match (asked, is_mysql) {
        (Asked::Name, true) => "VERIFY_IDENTITY",
        (Asked::Name, false) => "verify-full",
        (Asked::Authority, true) => "VERIFY_CA",
        (Asked::Authority, false) => "verify-ca",
    };
    let before = if url.contains('?') { '&' } else { '?' };
    let url = format!("{url}{before}{mode}={asked}&{file}={}", authority.display());
    let address = ServerAddress::parse(&url).expect("an address");
    SqlStore::open(Options::of(Database::Server(address)), &Seeded(7)).await
}

#[derive(Clone, Copy)]
enum Asked {
    Authority,
    Name,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_servers_certificate_is_checked_as_its_address_asks() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (known, other) = (
        folder.path().join("ca.pem"),
        folder.path().join("other.pem"),
    );
    let issuer = authority(&known);
    authority(&other);
    let (chain, key) = certificate(&issuer, &["localhost"]);
    let files = [("server.crt", &*chain), ("server.key", &*key)];
    let Some(server) = DatabaseServer::start_with_files(&files).await else {
        return;
    };
    let by_number = server.url();
    let by_name = by_number.replace("127.0.0.1", "localhost");

    let store = open(&by_name, Asked::Name, &known).await.expect("it opens");
    store.ping().await.expect("it takes writes");
    let opened = open(&by_number, Asked::Authority, &known).await;
    opened.expect("the name is not asked for");

    for (url, asked, authority) in [
        (&by_number, Asked::Name, &known),
        (&by_name, Asked::Name, &other),
        (&by_name, Asked::Authority, &other),
    ] {
        let refused = open(url, asked, authority).await;
        assert!(
            matches!(refused, Err(OpenError::Unavailable { .. })),
            "{refused:?}"
        );
    }
}

/// Whoever asks for TLS is not served without it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_a_certificate_is_refused_where_one_is_asked_for() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let known = folder.path().join("ca.pem");
    authority(&known);
    let Some(server) = DatabaseServer::start().await else {
        return;
    };
    let refused = open(&server.url(), Asked::Authority, &known).await;
    assert!(
        matches!(refused, Err(OpenError::Unavailable { .. })),
        "{refused:?}"
    );
}
