//! One case for each way in which a token may be wrong (S2).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::*;
use crate::odd_headers::odd_headers;
use crate::test_random::CountingRandom;

const CURRENT: &str = "current-9Vt3Qw8Zr5Lx2Nb7Hm4Jc6Fd1Gs0PyA";
const PREVIOUS: &str = "previous-Vt3Qw8Zr5Lx2Nb7Hm4Jc6Fd1Gs0PyA";
const KAAPEHCHAT: &str = "kaapeh-9Vt3Qw8Zr5Lx2Nb7Hm4Jc6Fd1Gs0PyA";
const STRANGER: &str = "stranger-Vt3Qw8Zr5Lx2Nb7Hm4Jc6Fd1Gs0PyA";

const UUID: &str = "0d0c6f6e-2f0e-4c7a-9a3b-5e1f00aa77bb";
const ISSUED: i64 = 1_771_400_000;
const EXPIRES: i64 = ISSUED + 900;

fn secret(text: &str) -> SigningSecret {
    SigningSecret::parse(text).unwrap()
}

fn tokens() -> JwtTokens {
    let keys = TokenKeys {
        current: secret(CURRENT),
        previous: Some(secret(PREVIOUS)),
        kaapehchat: Some(secret(KAAPEHCHAT)),
    };
    JwtTokens::new(&keys, Arc::new(CountingRandom::default()))
}

fn now() -> Timestamp {
    Timestamp::from_secs(ISSUED + 10)
}

fn claims() -> AccessClaims {
    AccessClaims {
        user: UserId(7),
        user_uuid: Uuid::try_parse(UUID).unwrap(),
        username: "inés".to_owned(),
        session: SessionId(31),
        issued_at: Timestamp::from_secs(ISSUED),
        expires_at: Timestamp::from_secs(EXPIRES),
    }
}

fn header() -> Value {
    json!({"alg": "HS256", "typ": "JWT"})
}

fn own() -> Value {
    json!({
        "iss": "tertulia", "sub": UUID, "user_id": UUID, "uid": 7, "usr": "inés",
        "token_type": "access", "sid": 31, "jti": "j-1", "iat": ISSUED, "exp": EXPIRES,
    })
}

fn kaapehchat() -> Value {
    json!({"sub": UUID, "usr": "ines", "iat": ISSUED, "exp": EXPIRES})
}

/// `object` with these members; a null takes one away.
fn with(mut object: Value, changes: &Value) -> Value {
    let members = object.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => members.remove(name),
            value => members.insert(name.clone(), value.clone()),
        };
    }
    object
}

fn encode(part: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(part)
}

/// A token with an HS256 signature, whatever its header says.
fn signed(key: &str, header: &Value, claims: &Value) -> String {
    signed_as(Algorithm::HS256, key, header, claims)
}

fn signed_as(algorithm: Algorithm, key: &str, header: &Value, claims: &Value) -> String {
    let message = [
        encode(header.to_string().as_bytes()),
        encode(claims.to_string().as_bytes()),
    ]
    .join(".");
    let key = EncodingKey::from_secret(key.as_bytes());
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, algorithm).unwrap();
    format!("{message}.{signature}")
}

fn is_taken(token: &str) -> bool {
    match tokens().verify(token, now()) {
        Ok(found) => {
            assert_eq!(found, claims());
            true
        }
        Err(error) => {
            assert!(matches!(error, Error::InvalidToken), "{error:?}");
            false
        }
    }
}

fn is_taken_from_kaapehchat(token: &str) -> bool {
    let result = tokens().verify_installation(Installation::KaapehChat, token, now());
    match result {
        Ok(found) => {
            assert_eq!(found.user, Bearer::Uuid(claims().user_uuid));
            assert_eq!(found.expires_at, claims().expires_at);
            true
        }
        Err(error) => {
            assert!(matches!(error, Error::InvalidToken), "{error:?}");
            false
        }
    }
}

#[test]
fn what_is_issued_is_read_again() {
    let token = tokens().issue(&claims()).unwrap();
    assert!(is_taken(&token));
}

#[test]
fn an_issued_token_says_what_the_design_says() {
    let token = tokens().issue(&claims()).unwrap();
    let part = |index| -> Value {
        let encoded = token.split('.').nth(index).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(encoded).unwrap()).unwrap()
    };
    assert_eq!(part(0), header());
    let jti = "00010203-0405-4607-8809-0a0b0c0d0e0f";
    assert_eq!(part(1), with(own(), &json!({"jti": jti})));
}

#[test]
fn no_two_tokens_are_the_same() {
    let tokens = tokens();
    assert_ne!(
        tokens.issue(&claims()).unwrap(),
        tokens.issue(&claims()).unwrap()
    );
}

#[test]
fn both_keys_are_valid_and_the_current_one_signs() {
    assert!(is_taken(&signed(CURRENT, &header(), &own())));
    assert!(is_taken(&signed(PREVIOUS, &header(), &own())));
    assert!(!is_taken(&signed(STRANGER, &header(), &own())));

    let keys = TokenKeys {
        current: secret(CURRENT),
        previous: None,
        kaapehchat: None,
    };
    let without_previous = JwtTokens::new(&keys, Arc::new(CountingRandom::default()));
    let token = tokens().issue(&claims()).unwrap();
    assert!(without_previous.verify(&token, now()).is_ok());
    let old = signed(PREVIOUS, &header(), &own());
    assert!(without_previous.verify(&old, now()).is_err());
}

#[test]
fn headers_that_ask_for_anything_are_refused() {
    for case in odd_headers(STRANGER) {
        for key in [CURRENT, STRANGER] {
            let token = signed(key, &with(header(), &case), &own());
            assert!(!is_taken(&token), "{case}");
        }
    }
}

#[test]
fn the_header_need_not_say_that_it_is_a_jwt() {
    for case in [json!({"typ": null}), json!({"typ": "jwt"})] {
        assert!(is_taken(&signed(CURRENT, &with(header(), &case), &own())));
    }
}

#[test]
fn a_real_signature_of_another_algorithm_is_refused() {
    for algorithm in [Algorithm::HS384, Algorithm::HS512] {
        let header = json!({"alg": format!("{algorithm:?}"), "typ": "JWT"});
        let token = signed_as(algorithm, CURRENT, &header, &own());
        assert!(!is_taken(&token), "{algorithm:?}");
    }
}

#[test]
fn claims_that_are_not_exactly_ours_are_refused() {
    let text_exp = EXPIRES.to_string();
    let other_user = "11111111-2f0e-4c7a-9a3b-5e1f00aa77bb";
    let cases = [
        json!({"exp": null}),
        json!({"exp": text_exp}),
        json!({"exp": [EXPIRES]}),
        json!({"exp": ISSUED + 10}),
        json!({"exp": -1}),
        json!({"nbf": ISSUED + 11}),
        json!({"nbf": "soon"}),
        json!({"iss": null}),
        json!({"iss": "other"}),
        json!({"iss": ["tertulia"]}),
        json!({"aud": "other"}),
        json!({"aud": ["tertulia"]}),
        json!({"token_type": null}),
        json!({"token_type": "refresh"}),
        json!({"sid": null}),
        json!({"sid": "31"}),
        json!({"uid": null}),
        json!({"uid": "7"}),
        json!({"usr": null}),
        json!({"jti": null}),
        json!({"iat": null}),
        json!({"sub": null}),
        json!({"sub": other_user}),
        json!({"sub": "ines", "user_id": "ines"}),
        json!({"user_id": null}),
    ];
    for case in cases {
        let token = signed(CURRENT, &header(), &with(own(), &case));
        assert!(!is_taken(&token), "{case}");
    }
}

#[test]
fn claims_that_say_more_are_taken() {
    for case in [json!({"nbf": ISSUED + 10}), json!({"theme": "dark"})] {
        let token = signed(CURRENT, &header(), &with(own(), &case));
        assert!(is_taken(&token), "{case}");
    }
}

#[test]
fn a_token_ends_with_the_second_that_it_names() {
    let token = tokens().issue(&claims()).unwrap();
    let last = Timestamp::from_micros(EXPIRES * 1_000_000 - 1);
    assert!(tokens().verify(&token, last).is_ok());
    assert!(
        tokens()
            .verify(&token, Timestamp::from_secs(EXPIRES))
            .is_err()
    );
}

#[test]
fn changed_or_broken_tokens_are_refused() {
    let token = signed(CURRENT, &header(), &own());
    let parts: Vec<&str> = token.split('.').collect();
    let [header_part, claims_part, signature] = parts[..] else {
        panic!("three parts");
    };
    let promoted = encode(with(own(), &json!({"uid": 1})).to_string().as_bytes());
    let cases = [
        String::new(),
        "abc".to_owned(),
        "..".to_owned(),
        format!("{header_part}.{promoted}.{signature}"),
        format!("{header_part}.{claims_part}."),
        format!("{header_part}.{claims_part}"),
        format!("{header_part}.{claims_part}.{signature}.{signature}"),
        format!("{header_part}.{claims_part}.{}", &signature[1..]),
        format!("{token}="),
        format!(" {token}"),
        format!("{}.{claims_part}.{signature}", encode(b"not json")),
    ];
    for case in cases {
        assert!(!is_taken(&case), "{case}");
    }
}

#[test]
fn over_long_tokens_are_refused_unread() {
    let padded = |bytes: usize| {
        let pad = "x".repeat(bytes);
        signed(CURRENT, &header(), &with(own(), &json!({"pad": pad})))
    };
    assert!(is_taken(&padded(5_000)));
    assert!(!is_taken(&padded(MAX_TOKEN_BYTES)));
}

#[test]
fn tokens_of_an_older_kaapehchat_are_read_with_its_key() {
    let token = signed(KAAPEHCHAT, &header(), &kaapehchat());
    assert!(is_taken_from_kaapehchat(&token));
    assert!(!is_taken(&token));
    for other in [CURRENT, PREVIOUS, STRANGER] {
        let token = signed(other, &header(), &kaapehchat());
        assert!(!is_taken_from_kaapehchat(&token), "{other}");
    }
}

#[test]
fn tokens_of_another_shape_are_not_kaapehchats() {
    let sos = json!({
        "user_id": UUID, "token_type": "access", "jti": "j", "iat": ISSUED, "exp": EXPIRES,
    });
    let cases = [
        own(),
        sos,
        json!({"sub": "ines", "exp": EXPIRES}),
        with(kaapehchat(), &json!({"sub": "ines"})),
        with(kaapehchat(), &json!({"sub": null})),
        with(kaapehchat(), &json!({"usr": null})),
        with(kaapehchat(), &json!({"iat": null})),
        with(kaapehchat(), &json!({"exp": null})),
        with(kaapehchat(), &json!({"exp": EXPIRES.to_string()})),
        with(kaapehchat(), &json!({"exp": ISSUED})),
        with(kaapehchat(), &json!({"iss": "tertulia"})),
        with(kaapehchat(), &json!({"token_type": "access"})),
        with(kaapehchat(), &json!({"nbf": ISSUED + 11})),
    ];
    for case in cases {
        let token = signed(KAAPEHCHAT, &header(), &case);
        assert!(!is_taken_from_kaapehchat(&token), "{case}");
    }
    let with_kid = with(header(), &json!({"kid": "1"}));
    assert!(!is_taken_from_kaapehchat(&signed(
        KAAPEHCHAT,
        &with_kid,
        &kaapehchat()
    )));
}

#[test]
fn one_secret_for_both_keeps_the_two_apart() {
    let keys = TokenKeys {
        current: secret(CURRENT),
        previous: None,
        kaapehchat: Some(secret(CURRENT)),
    };
    let tokens = JwtTokens::new(&keys, Arc::new(CountingRandom::default()));
    let installation =
        |token: &str| tokens.verify_installation(Installation::KaapehChat, token, now());
    let ours = tokens.issue(&claims()).unwrap();
    let theirs = signed(CURRENT, &header(), &kaapehchat());
    assert!(tokens.verify(&ours, now()).is_ok());
    assert!(installation(&ours).is_err());
    assert!(installation(&theirs).is_ok());
    assert!(tokens.verify(&theirs, now()).is_err());
}

#[test]
fn without_its_key_no_installation_is_believed() {
    let keys = TokenKeys {
        current: secret(CURRENT),
        previous: None,
        kaapehchat: None,
    };
    let tokens = JwtTokens::new(&keys, Arc::new(CountingRandom::default()));
    let token = signed(CURRENT, &header(), &kaapehchat());
    let result = tokens.verify_installation(Installation::KaapehChat, &token, now());
    assert!(matches!(result, Err(Error::InvalidToken)));
}

fn sos() -> Value {
    json!({
        "token_type": "access", "exp": EXPIRES, "iat": ISSUED, "jti": "0a1b", "user_id": UUID,
    })
}

fn sos_tokens(keys: &[&str]) -> JwtTokens {
    let keys: Vec<_> = keys.iter().map(|key| secret(key)).collect();
    tokens().with_sos_habilidoso_keys(&keys)
}

/// The installation signed calls with one key and opened sockets with another:
/// both are tried. Its refresh tokens are no access.
#[test]
fn access_tokens_of_an_older_sos_habilidoso_are_taken() {
    let tokens = sos_tokens(&[KAAPEHCHAT, PREVIOUS]);
    let verify =
        |token: &str| tokens.verify_installation(Installation::SosHabilidoso, token, now());
    for key in [KAAPEHCHAT, PREVIOUS] {
        let taken = verify(&signed(key, &header(), &sos())).unwrap();
        assert_eq!(taken.user, Bearer::Uuid(UUID.parse().unwrap()));
        assert_eq!(taken.expires_at, Timestamp::from_secs(EXPIRES));
    }
    assert!(verify(&signed(STRANGER, &header(), &sos())).is_err());
    for changes in [
        json!({"token_type": "refresh"}),
        json!({"token_type": null}),
        json!({"user_id": "7"}),
        json!({"jti": null}),
        json!({"iss": "tertulia"}),
        json!({"exp": ISSUED + 10}),
    ] {
        let case = with(sos(), &changes);
        assert!(
            verify(&signed(KAAPEHCHAT, &header(), &case)).is_err(),
            "{case}"
        );
    }
    let theirs = signed(KAAPEHCHAT, &header(), &sos());
    assert!(tokens.verify(&theirs, now()).is_err());
    let kaapehchat = Installation::KaapehChat;
    assert!(
        tokens
            .verify_installation(kaapehchat, &theirs, now())
            .is_err()
    );
    let without = self::tokens();
    let sos = Installation::SosHabilidoso;
    assert!(without.verify_installation(sos, &theirs, now()).is_err());
}

#[test]
fn a_refresh_token_is_no_access_token_and_the_other_way_round() {
    let tokens = tokens();
    let claims = RefreshClaims {
        token: "opaque".to_owned(),
        user_uuid: Uuid::try_parse(UUID).unwrap(),
        issued_at: Timestamp::from_secs(ISSUED),
        expires_at: Timestamp::from_secs(EXPIRES),
    };
    let refresh = tokens.issue_refresh(&claims).unwrap();
    assert!(tokens.verify_refresh(&refresh, now()).unwrap() == claims);
    assert!(tokens.verify(&refresh, now()).is_err());
    for installation in [Installation::KaapehChat, Installation::SosHabilidoso] {
        let with_own_key = sos_tokens(&[CURRENT]);
        assert!(
            with_own_key
                .verify_installation(installation, &refresh, now())
                .is_err()
        );
    }
    let access = tokens.issue(&self::claims()).unwrap();
    assert!(tokens.verify_refresh(&access, now()).is_err());
    let late = Timestamp::from_secs(EXPIRES);
    assert!(tokens.verify_refresh(&refresh, late).is_err());
}

fn izpochat_tokens() -> JwtTokens {
    tokens().with_izpochat_key(&IzpoChatKey {
        secret: secret(STRANGER),
        lifetime: Duration::from_secs(1_800),
    })
}

#[test]
fn a_token_of_izpochat_names_a_user_and_when_it_was_issued() {
    let claims = json!({"sub": "lidia", "exp": EXPIRES});
    let token = signed(STRANGER, &header(), &claims);
    let found = izpochat_tokens().verify_installation(Installation::IzpoChat, &token, now());
    let found = found.unwrap();
    let issued_at = Timestamp::from_secs(EXPIRES - 1_800);
    let name = "lidia".to_owned();
    assert_eq!(found.user, Bearer::Username { name, issued_at });
    assert_eq!(found.expires_at, Timestamp::from_secs(EXPIRES));
}

#[test]
fn a_token_of_izpochat_has_its_two_claims_and_no_other() {
    let tokens = izpochat_tokens();
    let good = json!({"sub": "lidia", "exp": EXPIRES});
    for (claims, key) in [
        (with(good.clone(), &json!({"exp": ISSUED})), STRANGER),
        (with(good.clone(), &json!({"iat": ISSUED})), STRANGER),
        (with(good.clone(), &json!({"iss": "tertulia"})), STRANGER),
        (with(good.clone(), &json!({"sub": 7})), STRANGER),
        (json!({"sub": "lidia"}), STRANGER),
        (kaapehchat(), STRANGER),
        (good.clone(), CURRENT),
        (good.clone(), PREVIOUS),
    ] {
        let token = signed(key, &header(), &claims);
        let result = tokens.verify_installation(Installation::IzpoChat, &token, now());
        assert!(matches!(result, Err(Error::InvalidToken)), "{claims}");
    }
    let token = signed(STRANGER, &header(), &good);
    for elsewhere in [
        tokens.verify_installation(Installation::KaapehChat, &token, now()),
        self::tokens().verify_installation(Installation::IzpoChat, &token, now()),
    ] {
        assert!(matches!(elsewhere, Err(Error::InvalidToken)));
    }
    assert!(tokens.verify(&token, now()).is_err());
}
