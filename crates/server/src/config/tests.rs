//! Settings as a person gives them, and what comes of it.

use std::fs;
use std::path::{Path, PathBuf};

use tertulia_dialects::common::settings::TrustUserId;

use super::table::{Field, Number, Shown};
use super::*;

const SECRET: &str = "k9Vt3Qw8Zr5Lx2Nb7Hm4Jc6Fd1Gs0PyA";
const OTHER_SECRET: &str = "Zr5Lx2Nb7Hm4Jc6Fd1Gs0PyAk9Vt3Qw8";

fn from_variables(variables: &[(&str, &str)]) -> Result<Settings> {
    load(&Inputs::from_variables(variables.iter().copied()))
}

fn from_toml(text: &str) -> Result<Settings> {
    load(&Inputs {
        file: Some(("tertulia.toml".into(), text.to_owned())),
        ..Inputs::default()
    })
}

fn set(name: &str, value: &str) -> Settings {
    from_variables(&[(name, value)]).unwrap()
}

#[track_caller]
fn check_error(result: Result<Settings>, english: &str, spanish: &str) {
    let error = result.expect_err("taken").to_string();
    for line in [english, spanish] {
        let line = format!("\n  - {line}");
        assert!(error.contains(&line), "no line\n{line}\nin\n{error}");
    }
}

#[test]
fn nothing_is_needed() {
    let settings = from_variables(&[]).unwrap();
    assert_eq!(settings.network.listen[0].to_string(), "127.0.0.1:8000");
    assert_eq!(
        settings.storage.database().to_string(),
        Path::new("data").join("tertulia.db").display().to_string()
    );
    assert!(settings.network.tls.files().is_none());
    assert!(settings.tokens.secret.is_none());
    assert!(settings.notices.is_empty());
}

#[test]
fn the_nearer_source_wins() {
    let mut inputs = Inputs {
        file: Some((
            "tertulia.toml".into(),
            "log = \"warn\"\n[limit]\npage_size = 10\ntitle_chars = 10\n".to_owned(),
        )),
        ..Inputs::default()
    };
    let dotenv = [
        ("TERTULIA_LOG", "debug"),
        ("TERTULIA_LIMIT_PAGE_SIZE", "20"),
    ];
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    inputs.dotenv = dotenv.into_iter().map(owned).collect();
    inputs.environment = [("TERTULIA_LOG", "trace")].into_iter().map(owned).collect();

    let settings = load(&inputs).unwrap();
    assert_eq!(settings.log.filter, "trace");
    assert_eq!(settings.limits.page_size, 20);
    assert_eq!(settings.limits.title_chars, 10);
    assert_eq!(settings.limits.username_chars, 50);

    let described = settings.describe();
    let origin = |name: &str| {
        let line = described
            .lines()
            .find(|line| line.starts_with(name))
            .unwrap();
        line.split_once(" # ").unwrap().1
    };
    assert_eq!(origin("log ="), "TERTULIA_LOG");
    assert_eq!(origin("page_size ="), "TERTULIA_LIMIT_PAGE_SIZE (.env)");
    assert_eq!(origin("title_chars ="), "tertulia.toml");
    assert_eq!(origin("username_chars ="), "default");
}

#[test]
fn listen_is_a_list_or_host_and_port() {
    let listen = |variables: &[(&str, &str)]| {
        let listen = from_variables(variables).unwrap().network.listen;
        listen.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        listen(&[("TERTULIA_LISTEN", "0.0.0.0:8000, 0.0.0.0:8765")]),
        ["0.0.0.0:8000", "0.0.0.0:8765"]
    );
    assert_eq!(
        listen(&[("HOST", "0.0.0.0"), ("PORT", "8765")]),
        ["0.0.0.0:8765"]
    );
    assert_eq!(listen(&[("HOST", "0.0.0.0")]), ["0.0.0.0:8000"]);
    assert_eq!(listen(&[("HOST", "::1"), ("PORT", "1")]), ["[::1]:1"]);
    assert_eq!(
        listen(&[("PORT", "1"), ("TERTULIA_LISTEN", "localhost:0")]),
        ["localhost:0"]
    );
    assert_eq!(
        listen(&[("TERTULIA_LISTEN", "[::1]:5000, [::1]:8000")]),
        ["[::1]:5000", "[::1]:8000"]
    );
    assert_eq!(
        listen(&[("TERTULIA_LISTEN", r#"["[::1]:5000"]"#)]),
        ["[::1]:5000"]
    );
    let settings = from_toml(r#"listen = ["[::]:443", "10.0.0.1:80"]"#).unwrap();
    assert_eq!(settings.network.listen.len(), 2);
}

#[test]
fn wrong_values_name_the_key_what_is_expected_and_an_example() {
    check_error(
        from_variables(&[("TERTULIA_LISTEN", "8000")]),
        "TERTULIA_LISTEN (environment) = \"8000\": expected addresses `host:port` with commas \
         between them. For example: TERTULIA_LISTEN=0.0.0.0:8000,0.0.0.0:8765",
        "TERTULIA_LISTEN (entorno) = \"8000\": se espera: direcciones `host:puerto` separadas por \
         comas. Por ejemplo: TERTULIA_LISTEN=0.0.0.0:8000,0.0.0.0:8765",
    );
    check_error(
        from_variables(&[("PORT", "http")]),
        "PORT (environment) = \"127.0.0.1:http\": expected addresses",
        "PORT (entorno) = \"127.0.0.1:http\": se espera: direcciones",
    );
    check_error(
        from_toml("[limit]\nping_interval = \"10ms\"\n"),
        "limit.ping_interval (tertulia.toml) = \"10ms\": expected a time with ms, s, m, h or d, \
         from 100ms to 1h. For example: ping_interval = \"25s\"",
        "limit.ping_interval (tertulia.toml) = \"10ms\": se espera: un tiempo con ms, s, m, h o d, \
         de 100ms a 1h. Por ejemplo: ping_interval = \"25s\"",
    );
    check_error(
        from_toml("log = { level = 1 }\nlisten = 1979-05-27\n"),
        "listen (tertulia.toml): expected a text, a number, true, false, or a list of those",
        "listen (tertulia.toml): se espera: un texto, un número, true, false, o una lista de ellos",
    );
}

#[test]
fn unknown_names_are_refused_with_the_nearest_one() {
    check_error(
        from_variables(&[("TERTULIA_LISTENS", "x")]),
        "TERTULIA_LISTENS (environment): there is no such setting; did you mean TERTULIA_LISTEN?",
        "TERTULIA_LISTENS (entorno): no hay ningún ajuste con ese nombre; ¿querías decir \
         TERTULIA_LISTEN?",
    );
    check_error(
        from_toml("[limits]\npage_size = 1\n"),
        "limits.page_size (tertulia.toml): there is no such setting; did you mean limit.page_size?",
        "limits.page_size (tertulia.toml): no hay ningún ajuste con ese nombre; ¿querías decir \
         limit.page_size?",
    );
    for name in ["PATH", "TERTULIA_CONFIG", "TERTULIA_TEST_PYTHON"] {
        assert!(from_variables(&[(name, "x")]).is_ok(), "{name}");
    }
}

#[test]
fn everything_wrong_is_told_at_once() {
    let result = from_variables(&[("TERTULIA_LOG_FORMAT", "xml"), ("TERTULIA_X", "1")]);
    let error = result.unwrap_err().to_string();
    assert_eq!(error.matches("\n  - ").count(), 4, "{error}");
}

#[test]
fn a_broken_toml_file_is_refused_with_its_line() {
    check_error(
        from_toml("listen = \"a:1\"\nlog = \n"),
        "tertulia.toml, line 2: ",
        "tertulia.toml, línea 2: ",
    );
}

#[test]
fn origins_have_two_syntaxes_and_two_names() {
    let settings = from_variables(&[
        (
            "ALLOWED_ORIGINS",
            r#"["http://localhost:3000", "http://localhost:8080"]"#,
        ),
        (
            "CORS_ALLOWED_ORIGINS",
            "http://localhost:3000, https://Chat.Example.org/",
        ),
    ]);
    let list = |settings: Settings| origins::to_list(&settings.transport.allowed_origins);
    assert_eq!(
        list(settings.unwrap()),
        [
            "http://localhost:3000",
            "http://localhost:8080",
            "https://chat.example.org"
        ]
    );

    let own = from_variables(&[
        ("TERTULIA_ALLOWED_ORIGINS", "http://a.test"),
        ("CORS_ALLOWED_ORIGINS", "*"),
    ]);
    assert_eq!(list(own.unwrap()), ["http://a.test"]);

    assert_eq!(list(set("CORS_ALLOWED_ORIGINS", "*")), ["*"]);
    check_error(
        from_variables(&[("ALLOWED_ORIGINS", "[oops"), ("CORS_ALLOWED_ORIGINS", "*")]),
        "ALLOWED_ORIGINS (environment), CORS_ALLOWED_ORIGINS (environment) = \"[oops\": expected a list",
        "ALLOWED_ORIGINS (entorno), CORS_ALLOWED_ORIGINS (entorno) = \"[oops\": se espera: una lista",
    );
}

#[test]
fn jwt_secret_signs_and_reads_older_kaapehchat_tokens() {
    let tokens = set("JWT_SECRET", SECRET).tokens;
    assert_eq!(tokens.secret.unwrap().expose(), SECRET);
    assert_eq!(tokens.kaapehchat_secret.unwrap().expose(), SECRET);

    let both = [
        ("JWT_SECRET", SECRET),
        ("TERTULIA_JWT_SECRET", OTHER_SECRET),
    ];
    let tokens = from_variables(&both).unwrap().tokens;
    assert_eq!(tokens.secret.unwrap().expose(), OTHER_SECRET);
    assert_eq!(tokens.kaapehchat_secret.unwrap().expose(), SECRET);

    let tokens = set("SECRET_KEY", SECRET).tokens;
    assert_eq!(tokens.secret.unwrap().expose(), SECRET);
    assert!(tokens.kaapehchat_secret.is_none());

    assert!(set("JWT_SECRET", "").tokens.secret.is_none());
}

/// contracts/sos-habilidoso.md §5: minutes and days, and two keys that may differ.
#[test]
fn variables_of_sos_habilidoso_are_understood() {
    let settings = from_variables(&[
        ("JWT_SECRET_KEY", SECRET),
        ("SECRET_KEY", OTHER_SECRET),
        ("JWT_ACCESS_TOKEN_LIFETIME", "45"),
        ("JWT_REFRESH_TOKEN_LIFETIME", "30"),
        ("BACKEND_URL", "https://sos.example.org/"),
        ("ALLOWED_HOSTS", "sos.example.org, .Liga.test"),
        ("DATABASE_NAME", "habilidosos_db"),
        ("DATABASE_PASSWORD", "hush"),
        ("DATABASE_PORT", "3307"),
    ]);
    let settings = settings.unwrap();
    let notices = settings.notices.iter().map(|notice| &*notice.en);
    let notices = notices.collect::<Vec<_>>().join("\n");
    let source = "DATABASE_NAME, DATABASE_PASSWORD, DATABASE_PORT: the database of SOS-Habilidoso";
    assert!(notices.contains(source), "{notices}");
    assert!(!notices.contains("hush"), "{notices}");
    assert_eq!(settings.tokens.secret.unwrap().expose(), SECRET);
    assert_eq!(settings.tokens.sos_secret.unwrap().expose(), SECRET);
    assert_eq!(
        settings.tokens.sos_socket_secret.unwrap().expose(),
        OTHER_SECRET
    );
    let (access, refresh) = (
        settings.transport.sos_access_lifetime,
        settings.transport.sos_refresh_lifetime,
    );
    assert_eq!(access, Duration::from_secs(45 * 60));
    assert_eq!(refresh, Duration::from_secs(30 * 24 * 60 * 60));
    let public_url = settings.network.public_url.as_deref();
    assert_eq!(public_url, Some("https://sos.example.org"));
    let hosts = settings.transport.sos_allowed_hosts.entries();
    assert_eq!(hosts.collect::<Vec<_>>(), [".liga.test", "sos.example.org"]);
    check_error(
        from_variables(&[("ALLOWED_HOSTS", "http://sos.example.org")]),
        "ALLOWED_HOSTS (environment) = \"http://sos.example.org\": expected hosts such as \
         `liga.example.org`, `.example.org` or `*`, without a scheme",
        "ALLOWED_HOSTS (entorno) = \"http://sos.example.org\": se espera: hosts como \
         `liga.example.org`, `.example.org` o `*`, sin esquema",
    );
    let spelt = set("JWT_ACCESS_TOKEN_LIFETIME", "2h").transport;
    assert_eq!(spelt.sos_access_lifetime, Duration::from_secs(2 * 60 * 60));
    let defaults = set("SECRET_KEY", "").transport;
    assert_eq!(defaults.sos_access_lifetime, Duration::from_secs(60 * 60));
}

#[test]
fn weak_secrets_are_refused_without_showing_them() {
    check_error(
        from_variables(&[("JWT_SECRET", "change_me")]),
        "JWT_SECRET (environment): it contains the well-known example `change_me`, so that others \
         could sign tokens with it. Make a good one with `tertulia token secret`, or take this one \
         away: ",
        "JWT_SECRET (entorno): contiene el ejemplo conocido `change_me`, así que otros podrían \
         firmar tokens con él. Haz uno bueno con `tertulia token secret`, o quita este: ",
    );
    let error = from_variables(&[("JWT_SECRET", "change_me")]).unwrap_err();
    assert_eq!(error.to_string().matches("\n  - ").count(), 2, "{error}");
    let short = "Zr5Lx2Nb7Hm4Jc6F";
    let error = from_variables(&[("TERTULIA_JWT_SECRET", short)]).unwrap_err();
    assert!(error.to_string().contains("it has 16 bytes"), "{error}");
    assert!(!error.to_string().contains(short), "{error}");
}

#[test]
fn secrets_may_come_from_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    fs::write(&path, format!("{SECRET}\n")).unwrap();
    let path = path.to_str().unwrap();

    let settings = set("TERTULIA_JWT_SECRET_FILE", path);
    assert_eq!(settings.tokens.secret.as_ref().unwrap().expose(), SECRET);
    assert!(settings.describe().contains("jwt_secret = \"***\""));

    let toml = format!("jwt_previous_secret_file = {}\n", toml::Value::from(path));
    let settings = from_toml(&toml).unwrap();
    assert_eq!(settings.tokens.previous_secret.unwrap().expose(), SECRET);

    check_error(
        from_variables(&[
            ("TERTULIA_JWT_SECRET_FILE", path),
            ("TERTULIA_JWT_SECRET", SECRET),
        ]),
        "TERTULIA_JWT_SECRET (environment) and TERTULIA_JWT_SECRET_FILE (environment): give one",
        "TERTULIA_JWT_SECRET (entorno) y TERTULIA_JWT_SECRET_FILE (entorno): da solo uno",
    );
    let missing = folder.path().join("missing");
    let error = from_variables(&[("TERTULIA_JWT_SECRET_FILE", missing.to_str().unwrap())]);
    let error = error.unwrap_err().to_string();
    assert!(error.contains("the file cannot be read"), "{error}");
}

#[test]
fn secrets_are_never_shown() {
    let settings = from_variables(&[("JWT_SECRET", SECRET)]).unwrap();
    assert!(!settings.describe().contains(SECRET));
    assert!(!format!("{settings:?}").contains(SECRET));
}

#[test]
fn an_app_has_one_kind_of_key_and_a_secret_of_its_own() {
    let key = set("TERTULIA_APP_JWT_PUBLIC_KEY", "key.pem").app_tokens;
    assert!(matches!(key.key(), Some(AppKeySource::PublicKey(path)) if path.ends_with("key.pem")));
    assert!(Settings::default().app_tokens.key().is_none());
    check_error(
        from_variables(&[
            ("TERTULIA_APP_JWT_SECRET", SECRET),
            ("TERTULIA_APP_JWKS_FILE", "jwks.json"),
        ]),
        "TERTULIA_APP_JWT_SECRET, TERTULIA_APP_JWT_PUBLIC_KEY, TERTULIA_APP_JWKS_FILE: give one",
        "TERTULIA_APP_JWT_SECRET, TERTULIA_APP_JWT_PUBLIC_KEY, TERTULIA_APP_JWKS_FILE: da solo uno",
    );
    check_error(
        from_variables(&[("TERTULIA_APP_JWT_SECRET", SECRET), ("SECRET_KEY", SECRET)]),
        "TERTULIA_APP_JWT_SECRET: it signs Tertulia's own tokens too; the app needs",
        "TERTULIA_APP_JWT_SECRET: también firma los tokens de Tertulia; la app necesita uno",
    );
    check_error(
        from_variables(&[("TERTULIA_APP_JWT_ISSUER", "tertulia")]),
        "TERTULIA_APP_JWT_ISSUER (environment) = \"tertulia\": Tertulia signs its own tokens with it",
        "TERTULIA_APP_JWT_ISSUER (entorno) = \"tertulia\": Tertulia firma con él sus propios tokens",
    );
}

#[test]
fn tls_is_certificate_and_key() {
    let files = |variables: &[(&str, &str)]| {
        let tls = from_variables(variables).unwrap().network.tls;
        tls.files()
            .map(|(certificate, key)| (certificate.to_owned(), key.to_owned()))
    };
    let expected = Some(("c.pem".into(), "k.pem".into()));
    assert_eq!(
        files(&[("SSL_CERT", "c.pem"), ("SSL_KEY", "k.pem")]),
        expected
    );
    assert_eq!(
        files(&[("SSL_CERT_FILE", "c.pem"), ("SSL_KEY_FILE", "k.pem")]),
        expected
    );
    assert_eq!(
        files(&[
            ("TERTULIA_TLS_CERT", "c.pem"),
            ("TERTULIA_TLS_KEY", "k.pem")
        ]),
        expected
    );
    assert_eq!(files(&[("SSL_CERT", ""), ("SSL_KEY", "")]), None);
    check_error(
        from_variables(&[("SSL_CERT", "c.pem")]),
        "SSL_CERT (environment): TLS needs certificate and key; set TERTULIA_TLS_KEY too",
        "SSL_CERT (entorno): TLS necesita certificado y clave; indica también TERTULIA_TLS_KEY",
    );
    check_error(
        from_variables(&[("SSL_KEY_FILE", "k.pem")]),
        "SSL_KEY_FILE (environment): TLS needs certificate and key; set TERTULIA_TLS_CERT too",
        "SSL_KEY_FILE (entorno): TLS necesita certificado y clave; indica también TERTULIA_TLS_CERT",
    );
}

#[test]
fn openssls_own_variable_is_no_certificate_of_ours() {
    let settings = set("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt");
    assert!(settings.network.tls.files().is_none());
}

#[test]
fn databases_of_older_systems_are_sources_of_an_import() {
    let settings = from_variables(&[
        ("MYSQL_DB", "chatapp"),
        ("MYSQL_PASSWORD", "hush"),
        ("DATABASE_URL", "postgresql://u:hush@h/db"),
        ("DB_HOST", ""),
    ]);
    let settings = settings.unwrap();
    let english: Vec<&str> = settings.notices.iter().map(|notice| &*notice.en).collect();
    assert_eq!(english.len(), 2, "{english:?}");
    assert!(english[0].starts_with("MYSQL_DB, MYSQL_PASSWORD: the database of KaapehChat, "));
    assert!(english[1].starts_with("DATABASE_URL: the database of IzpoChat / REDUP, "));
    assert!(!format!("{:?}", settings.notices).contains("hush"));
    assert_eq!(
        settings.storage.database().to_string(),
        Path::new("data").join("tertulia.db").display().to_string()
    );
}

#[test]
fn our_own_store_is_a_file_or_a_servers_database() {
    let shown = |url| {
        let settings = set("TERTULIA_DATABASE_URL", url);
        settings.storage.database().to_string()
    };
    assert_eq!(shown("sqlite:elsewhere.db"), "elsewhere.db");
    let server = shown("postgres://u:hush@h/db?sslmode=require");
    assert_eq!(server, "postgres://h:5432/db");
    check_error(
        from_variables(&[("TERTULIA_DATABASE_URL", "mysql://u:hush@h")]),
        "TERTULIA_DATABASE_URL (environment) = \"mysql://***@h\": the URL names no database: \
         `postgres://user@host/database`",
        "TERTULIA_DATABASE_URL (entorno) = \"mysql://***@h\": la URL no nombra ninguna base de \
         datos: `postgres://usuario@servidor/base`",
    );
}

#[test]
fn a_bare_user_id_is_believed_only_where_somebody_says_so() {
    let trust = |variables: &[(&str, &str)]| {
        let settings = from_variables(variables).unwrap();
        let warned = settings.notices.iter().any(|notice| {
            let names = |text: &str| text.starts_with("TERTULIA_TRUST_USER_ID ");
            names(&notice.en) && names(&notice.es) && notice.en != notice.es
        });
        (settings.transport.trust_user_id, warned)
    };
    let key = "TERTULIA_TRUST_USER_ID";
    assert_eq!(trust(&[]), (TrustUserId::No, false));
    assert_eq!(trust(&[(key, "false")]), (TrustUserId::No, false));
    assert_eq!(trust(&[(key, "true")]), (TrustUserId::OnLoopback, true));
    let everywhere = [(key, "everywhere"), ("HOST", "0.0.0.0"), ("PORT", "5000")];
    assert_eq!(trust(&everywhere), (TrustUserId::Everywhere, true));
    for loopback in ["localhost:5000", "[::1]:5000", "127.0.0.2:1,localhost:2"] {
        let set = trust(&[(key, "1"), ("TERTULIA_LISTEN", loopback)]);
        assert_eq!(set, (TrustUserId::OnLoopback, true), "{loopback}");
    }
    for open in [
        "0.0.0.0:5000",
        "[::]:5000",
        "127.0.0.1:1,192.168.1.7:2",
        "chat.lan:1",
    ] {
        let refused = from_variables(&[(key, "true"), ("TERTULIA_LISTEN", open)]);
        let address = open.rsplit_once(',').map_or(open, |(_, last)| last);
        check_error(
            refused,
            &format!("{key}: {address} is reached by others, who could then be anybody. Listen"),
            &format!("{key}: a {address} llegan otros, que entonces podrían ser cualquiera."),
        );
    }
    check_error(
        from_variables(&[(key, "maybe")]),
        "TERTULIA_TRUST_USER_ID (environment) = \"maybe\": expected true, false or everywhere",
        "TERTULIA_TRUST_USER_ID (entorno) = \"maybe\": se espera: true, false o everywhere",
    );
}

#[test]
fn ad_hoc_groups_come_with_trust_unless_somebody_says_else() {
    let groups = |variables: &[(&str, &str)]| {
        let settings = from_variables(variables).unwrap();
        settings.transport.allows_ad_hoc_groups()
    };
    let trust = ("TERTULIA_TRUST_USER_ID", "true");
    assert!(!groups(&[]));
    assert!(groups(&[trust]));
    assert!(!groups(&[trust, ("TERTULIA_AD_HOC_GROUPS", "false")]));
    assert!(groups(&[("TERTULIA_AD_HOC_GROUPS", "true")]));
}

/// The variables in UPRed's and REDUP's documents (contracts/upred.md §5,
/// contracts/redup.md §5), together.
#[test]
fn the_variables_of_upred_and_redup_are_understood() {
    let settings = from_variables(&[
        ("DB_HOST", "localhost"),
        ("DB_PORT", "3306"),
        ("DB_USER", "root"),
        ("DB_PASSWORD", "hush"),
        ("DB_NAME", "upred_db"),
        ("DATABASE_URL", "postgresql://u:hush@h/red_social_uni"),
        ("SECRET_KEY", SECRET),
        (
            "CORS_ALLOWED_ORIGINS",
            "https://app.test, http://localhost:5173",
        ),
        ("HOST", "0.0.0.0"),
        ("PORT", "5000"),
        ("SSL_CERT_FILE", "cert.pem"),
        ("SSL_KEY_FILE", "key.pem"),
        ("FLASK_ENV", "development"),
        ("CLOUDINARY_CLOUD_NAME", ""),
    ]);
    let settings = settings.unwrap();
    assert_eq!(settings.network.listen[0].to_string(), "0.0.0.0:5000");
    assert_eq!(
        origins::to_list(&settings.transport.allowed_origins),
        ["http://localhost:5173", "https://app.test"]
    );
    assert!(settings.network.tls.files().is_some());
    assert_eq!(settings.tokens.secret.as_ref().unwrap().expose(), SECRET);
    assert_eq!(settings.log.filter, "info,tertulia=debug");
    let sources: Vec<&str> = settings.notices.iter().map(|notice| &*notice.en).collect();
    assert!(sources[0].contains("the database of UPRed"), "{sources:?}");
    assert!(sources[1].contains("the database of IzpoChat / REDUP"));
}

#[test]
fn flasks_environment_is_how_much_is_logged() {
    let filter = |variables: &[(&str, &str)]| from_variables(variables).unwrap().log.filter;
    assert_eq!(filter(&[("FLASK_ENV", "production")]), "info");
    assert_eq!(filter(&[("FLASK_ENV", "testing")]), "info");
    let both = [("FLASK_ENV", "development"), ("TERTULIA_LOG", "warn")];
    assert_eq!(filter(&both), "warn");
}

#[test]
fn the_rest_is_read_too() {
    let settings = from_variables(&[
        ("LOG_WS_DISCONNECTS", "1"),
        ("TERTULIA_LIMIT_CONNECTIONS", "5000"),
        ("TERTULIA_LIMIT_PING_INTERVAL", "100ms"),
        ("TERTULIA_LOG_FORMAT", "json"),
        ("TERTULIA_METRICS_LISTEN", "127.0.0.1:9100"),
        ("TERTULIA_PRESENCE_GRACE", "0"),
        ("TERTULIA_PUBLIC_URL", "https://chat.example.org/"),
        ("TERTULIA_TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8"),
        ("TERTULIA_WEBSOCKET_COMPRESSION", "true"),
    ]);
    let settings = settings.unwrap();
    assert!(settings.log.websocket_disconnects);
    assert_eq!(settings.listener.connections, Some(5000));
    assert_eq!(settings.transport.ping_interval, Duration::from_millis(100));
    assert_eq!(settings.log.format, LogFormat::Json);
    assert_eq!(settings.network.metrics_listen.unwrap().port, 9100);
    assert_eq!(settings.presence_grace, Duration::ZERO);
    assert_eq!(
        settings.network.public_url.as_deref(),
        Some("https://chat.example.org")
    );
    assert_eq!(settings.transport.trusted_proxies.len(), 2);
    assert!(settings.transport.compression);

    for (name, wrong) in [
        ("TERTULIA_LIMIT_CONNECTIONS", "many"),
        ("TERTULIA_LOG", "tertulia=loud"),
        ("TERTULIA_METRICS_LISTEN", "9100"),
        ("TERTULIA_PUBLIC_URL", "https://chat.example.org/path"),
        ("TERTULIA_PUBLIC_URL", "ftp://chat.example.org"),
        ("TERTULIA_TRUSTED_PROXIES", "proxy"),
    ] {
        let error = from_variables(&[(name, wrong)]).unwrap_err().to_string();
        assert!(error.contains(name), "{error}");
    }
}

#[test]
fn names_are_unique() {
    let mut names: Vec<String> = table::all()
        .flat_map(|setting| {
            let own = [Some(setting.key.to_owned()), Some(setting.variable())];
            let files = [setting.file_key(), setting.file_variable()];
            own.into_iter().chain(files).flatten()
        })
        .collect();
    let all = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), all);
}

#[test]
fn every_default_and_every_example_would_be_taken() {
    for setting in table::all() {
        let variable = setting.variable();
        if !setting.example.is_empty() {
            let mut settings = Settings::default();
            let value = value::Value::One(setting.example.to_owned());
            assert_eq!(setting.set(&mut settings, &value), Ok(()), "{variable}");
        }
        let mut settings = Settings::default();
        let Shown::Value(default) = setting.show(&mut settings) else {
            continue;
        };
        let value = value::Value::from_toml(&default).unwrap();
        assert_eq!(setting.set(&mut settings, &value), Ok(()), "{variable}");
        assert_eq!(
            setting.show(&mut settings),
            Shown::Value(default),
            "{variable}"
        );
    }
}

#[test]
fn every_range_fits_its_field() {
    for setting in table::all() {
        if let Field::Count { at, range } = &setting.field {
            let is_zero_allowed = !matches!(at, Number::NonZeroU32(_));
            assert!(is_zero_allowed || *range.start() > 0, "{}", setting.key);
            let largest = match at {
                Number::Usize(_) | Number::U32(_) | Number::NonZeroU32(_) => u64::from(u32::MAX),
                Number::I64(_) => i64::MAX.unsigned_abs(),
            };
            assert!(*range.end() <= largest, "{}", setting.key);
        }
    }
}

#[test]
fn the_example_file_says_the_defaults() {
    let uncomment = |line: &str| match line.strip_prefix('#') {
        Some(setting) if !setting.starts_with(' ') => setting.to_owned(),
        _ => line.to_owned(),
    };
    let uncommented: Vec<String> = example().lines().map(uncomment).collect();
    let settings = from_toml(&uncommented.join("\n")).unwrap();
    let without_origins = |settings: &Settings| {
        let described = settings.describe();
        let lines = described
            .lines()
            .map(|line| line.split('#').next().unwrap_or_default().trim_end());
        lines.collect::<Vec<_>>().join("\n")
    };
    assert_eq!(
        without_origins(&settings),
        without_origins(&Settings::default())
    );
    assert_eq!(settings.origins.len(), table::all().count() - not_set());
}

fn not_set() -> usize {
    let mut settings = Settings::default();
    table::all()
        .filter(|setting| setting.show(&mut settings) == Shown::NotSet)
        .count()
}

/// Writes the file anew where it is not what it should be, and fails, so that
/// the next run passes and the change is seen in review.
#[track_caller]
fn check_file(path: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path);
    if fs::read_to_string(&path).ok().as_deref() == Some(expected) {
        return;
    }
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, expected).unwrap();
    panic!(
        "{} was out of date; it is written anew: commit it",
        path.display()
    );
}

#[test]
fn the_example_file_is_current() {
    check_file("config.example.toml", &example());
}

#[test]
fn the_reference_page_is_current() {
    check_file("docs/reference/settings.md", &reference());
}

#[test]
fn files_lie_in_the_data_folder_unless_somebody_says_where() {
    let settings = from_variables(&[("TERTULIA_DATA_DIR", "chat")]).unwrap();
    let folder = settings.files.folder(&settings.storage.data_dir);
    assert_eq!(folder, Some(PathBuf::from("chat").join("files")));
    let settings = from_variables(&[("TERTULIA_FILES_URL", "file:up")]).unwrap();
    let folder = settings.files.folder(&settings.storage.data_dir);
    assert_eq!(folder, Some(PathBuf::from("up")));
    let error = from_variables(&[("TERTULIA_FILES_URL", "ftp://files")]).unwrap_err();
    for expected in [
        "`file:` and a folder, `s3://bucket/prefix` or `gs://bucket/prefix`",
        "`file:` y una carpeta, `s3://bucket/prefijo` o `gs://bucket/prefijo`",
    ] {
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[cfg(feature = "cloud")]
#[test]
fn the_variables_of_object_storage_are_understood() {
    let settings = from_variables(&[
        ("GCS_BUCKET_NAME", "fotos"),
        ("GOOGLE_APPLICATION_CREDENTIALS", "key.json"),
    ]);
    let files = settings.unwrap().files;
    assert_eq!(files.location.url().as_deref(), Some("gs://fotos"));
    assert_eq!(files.credentials, Some(PathBuf::from("key.json")));

    let settings = from_variables(&[
        ("TERTULIA_FILES_URL", "s3://chat/up"),
        ("GCS_BUCKET_NAME", "fotos"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9000"),
        ("AWS_REGION", "eu-south-2"),
        ("AWS_ACCESS_KEY_ID", "hush-id"),
        ("AWS_SECRET_ACCESS_KEY", "hush"),
    ]);
    let settings = settings.unwrap();
    assert_eq!(
        settings.files.location.url().as_deref(),
        Some("s3://chat/up")
    );
    assert_eq!(
        settings.files.endpoint.as_deref(),
        Some("http://127.0.0.1:9000")
    );
    assert_eq!(settings.files.secret_key.as_deref(), Some("hush"));
    let shown = format!("{}{settings:?}", settings.describe());
    assert!(!shown.contains("hush"), "{shown}");
}
