//! One case for each way in which an app's token may be wrong (S2).

use std::sync::LazyLock;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::json;

use super::*;
use crate::SigningSecret;
use crate::odd_headers::odd_headers;

const SECRET: &str = "app-9Vt3Qw8Zr5Lx2Nb7Hm4Jc6Fd1Gs0PyA-app";
const STRANGER: &str = "stranger-Vt3Qw8Zr5Lx2Nb7Hm4Jc6Fd1Gs0PyA";
const NOW: i64 = 1_771_400_000;
const EXPIRES: i64 = NOW + 900;

static RSA: LazyLock<KeyPair> = LazyLock::new(|| KeyPair::generate(KeySize::Rsa2048).unwrap());
static OTHER_RSA: LazyLock<KeyPair> =
    LazyLock::new(|| KeyPair::generate(KeySize::Rsa2048).unwrap());
static ED25519: LazyLock<Ed25519KeyPair> = LazyLock::new(|| Ed25519KeyPair::generate().unwrap());

fn tokens(keys: AppKeys) -> AppTokens {
    AppTokens {
        keys,
        user_claim: "sub".to_owned(),
        name_claim: "name".to_owned(),
        issuer: None,
        audience: None,
    }
}

fn secret_tokens() -> AppTokens {
    let secret = SigningSecret::parse(SECRET).unwrap();
    tokens(AppKeys::shared_secret(&secret))
}

fn read(tokens: &AppTokens, token: &str) -> Option<AppClaims> {
    tokens.read(token, Timestamp::from_secs(NOW))
}

fn header() -> Value {
    json!({"alg": "HS256", "typ": "JWT"})
}

fn claims() -> Value {
    json!({"sub": "u-7", "name": "Inés Mora", "exp": EXPIRES})
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

/// What is signed.
fn message(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}

/// An HS256 signature, whatever the header says.
fn signed(secret: &str, header: &Value, claims: &Value) -> String {
    let message = message(header, claims);
    let key = EncodingKey::from_secret(secret.as_bytes());
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256);
    format!("{message}.{}", signature.unwrap())
}

fn rsa_signed(pair: &KeyPair, header: &Value) -> String {
    let message = message(header, &claims());
    let mut signature = vec![0; pair.public_modulus_len()];
    let random = SystemRandom::new();
    pair.sign(
        &RSA_PKCS1_SHA256,
        &random,
        message.as_bytes(),
        &mut signature,
    )
    .unwrap();
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn ed_signed(header: &Value) -> String {
    let message = message(header, &claims());
    let signature = ED25519.sign(message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    format!("-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n")
}

fn rsa_pem() -> String {
    let der: PublicKeyX509Der<'_> = RSA.public_key().as_der().unwrap();
    pem(der.as_ref())
}

fn ed_pem() -> String {
    let der: PublicKeyX509Der<'_> = ED25519.public_key().as_der().unwrap();
    pem(der.as_ref())
}

fn rsa_jwk(pair: &KeyPair, kid: &str) -> Value {
    let public = pair.public_key();
    json!({
        "kty": "RSA", "kid": kid,
        "n": URL_SAFE_NO_PAD.encode(public.modulus().big_endian_without_leading_zero()),
        "e": URL_SAFE_NO_PAD.encode(public.exponent().big_endian_without_leading_zero()),
    })
}

fn ed_jwk(kid: &str) -> Value {
    let x = URL_SAFE_NO_PAD.encode(ED25519.public_key().as_ref());
    json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": x})
}

fn key_set(keys: &[Value]) -> Result<AppKeys, UnusableKey> {
    AppKeys::key_set(json!({ "keys": keys }).to_string().as_bytes())
}

#[test]
fn a_token_says_who_and_until_when() {
    let found = read(&secret_tokens(), &signed(SECRET, &header(), &claims())).unwrap();
    let expected = AppClaims {
        external_id: "u-7".to_owned(),
        name: Some("Inés Mora".to_owned()),
        expires_at: Timestamp::from_secs(EXPIRES),
    };
    assert_eq!(found, expected);
}

#[test]
fn headers_that_ask_for_anything_are_refused() {
    for case in odd_headers(STRANGER) {
        for key in [SECRET, STRANGER] {
            let token = signed(key, &with(header(), &case), &claims());
            assert_eq!(read(&secret_tokens(), &token), None, "{case}");
        }
    }
    let stranger = signed(STRANGER, &header(), &claims());
    assert_eq!(read(&secret_tokens(), &stranger), None);
}

#[test]
fn claims_that_are_not_right_are_refused() {
    let cases = [
        json!({"exp": null}),
        json!({"exp": EXPIRES.to_string()}),
        json!({"exp": [EXPIRES]}),
        json!({"exp": true}),
        json!({"exp": NOW}),
        json!({"exp": -1}),
        json!({"exp": -0.5}),
        json!({"exp": 1e300}),
        json!({"nbf": NOW + 61}),
        json!({"nbf": "soon"}),
        json!({"iss": "tertulia"}),
        json!({"iss": ["app"]}),
        json!({"aud": "chat"}),
        json!({"aud": ["chat"]}),
        json!({"sub": null}),
        json!({"sub": ""}),
        json!({"sub": " \t "}),
        json!({"sub": "a\u{0}b"}),
        json!({"sub": "a\nb"}),
        json!({"sub": "x".repeat(101)}),
        json!({"sub": 7.5}),
        json!({"sub": true}),
        json!({"sub": ["u-7"]}),
        json!({"sub": {"id": "u-7"}}),
    ];
    for case in cases {
        let token = signed(SECRET, &header(), &with(claims(), &case));
        assert_eq!(read(&secret_tokens(), &token), None, "{case}");
    }
    let array = signed(SECRET, &header(), &json!([claims()]));
    assert_eq!(read(&secret_tokens(), &array), None);
}

#[test]
fn what_an_app_may_say_is_taken() {
    let cases = [
        (json!({"typ": null}), json!({})),
        (json!({"typ": "at+jwt"}), json!({})),
        (json!({}), json!({"nbf": NOW + 60, "iat": NOW + 30})),
        (json!({}), json!({"exp": 1_771_400_000.5 + 900.0})),
        (json!({}), json!({"iss": "https://app.test"})),
        (json!({}), json!({"roles": ["admin"]})),
        (json!({}), json!({"sub": " u-7 "})),
    ];
    for (head, change) in cases {
        let token = signed(SECRET, &with(header(), &head), &with(claims(), &change));
        let found = read(&secret_tokens(), &token).map(|claims| claims.external_id);
        assert_eq!(found.as_deref(), Some("u-7"), "{head} {change}");
    }
}

#[test]
fn the_user_is_a_text_or_a_whole_number() {
    let longest = "ñ".repeat(100);
    for (sub, expected) in [
        (json!(7), "7"),
        (json!(-7), "-7"),
        (json!(u64::MAX), "18446744073709551615"),
        (json!("007"), "007"),
        (json!(longest), longest.as_str()),
    ] {
        let token = signed(SECRET, &header(), &with(claims(), &json!({ "sub": sub })));
        let found = read(&secret_tokens(), &token).unwrap();
        assert_eq!(found.external_id, expected);
    }
}

#[test]
fn claims_and_their_values_are_configured() {
    let tokens = AppTokens {
        user_claim: "https://app.test/uid".to_owned(),
        name_claim: "nick".to_owned(),
        issuer: Some("app".to_owned()),
        audience: Some("chat".to_owned()),
        ..secret_tokens()
    };
    let good = json!({
        "https://app.test/uid": 31, "nick": "Inés", "iss": "app", "aud": ["api", "chat"],
        "sub": "another", "exp": EXPIRES,
    });
    let found = read(&tokens, &signed(SECRET, &header(), &good)).unwrap();
    assert_eq!(found.external_id, "31");
    assert_eq!(found.name.as_deref(), Some("Inés"));
    for case in [json!({"aud": "chat"}), json!({"nick": 7})] {
        let token = signed(SECRET, &header(), &with(good.clone(), &case));
        assert!(read(&tokens, &token).is_some(), "{case}");
    }
    for case in [
        json!({"iss": null}),
        json!({"iss": "App"}),
        json!({"iss": "tertulia"}),
        json!({"aud": null}),
        json!({"aud": "api"}),
        json!({"aud": []}),
        json!({"aud": ["chat", 1]}),
        json!({"https://app.test/uid": null}),
    ] {
        let token = signed(SECRET, &header(), &with(good.clone(), &case));
        assert_eq!(read(&tokens, &token), None, "{case}");
    }
}

#[test]
fn a_token_ends_with_the_second_that_it_names() {
    let token = signed(SECRET, &header(), &claims());
    let last = Timestamp::from_micros(EXPIRES * 1_000_000 - 1);
    assert!(secret_tokens().read(&token, last).is_some());
    let end = Timestamp::from_secs(EXPIRES);
    assert_eq!(secret_tokens().read(&token, end), None);
}

#[test]
fn broken_and_over_long_tokens_are_refused() {
    let token = signed(SECRET, &header(), &claims());
    let (message, signature) = token.rsplit_once('.').unwrap();
    let long = json!({"pad": "x".repeat(MAX_TOKEN_BYTES)});
    for case in [
        String::new(),
        "..".to_owned(),
        format!("{message}."),
        message.to_owned(),
        format!("{message}.{}", &signature[1..]),
        format!("{token}.{signature}"),
        signed(SECRET, &header(), &with(claims(), &long)),
    ] {
        assert_eq!(read(&secret_tokens(), &case), None, "{case}");
    }
}

#[test]
fn a_public_key_verifies_with_its_own_algorithm_only() {
    let rsa = tokens(AppKeys::public_key(rsa_pem().as_bytes()).unwrap());
    let ed25519 = tokens(AppKeys::public_key(ed_pem().as_bytes()).unwrap());
    let rsa_token = rsa_signed(&RSA, &json!({"alg": "RS256"}));
    let ed_token = ed_signed(&json!({"alg": "EdDSA"}));
    assert!(read(&rsa, &rsa_token).is_some());
    assert!(read(&ed25519, &ed_token).is_some());

    assert_eq!(read(&rsa, &ed_token), None);
    assert_eq!(read(&ed25519, &rsa_token), None);
    let stranger = rsa_signed(&OTHER_RSA, &json!({"alg": "RS256"}));
    assert_eq!(read(&rsa, &stranger), None);
    for (tokens, pem) in [(&rsa, rsa_pem()), (&ed25519, ed_pem())] {
        // The public key taken for a secret.
        assert_eq!(read(tokens, &signed(&pem, &header(), &claims())), None);
        for name in ["RS256", "EdDSA", "RS384", "PS256", "none"] {
            let token = signed(&pem, &json!({ "alg": name }), &claims());
            assert_eq!(read(tokens, &token), None, "{name}");
        }
    }
}

#[test]
fn a_key_set_is_chosen_from_by_key_id() {
    let other_use = with(rsa_jwk(&OTHER_RSA, "enc"), &json!({"use": "enc"}));
    let secret = json!({"kty": "oct", "kid": "s", "k": URL_SAFE_NO_PAD.encode(SECRET)});
    let set = key_set(&[
        with(rsa_jwk(&RSA, "r"), &json!({"use": "sig", "alg": "RS256"})),
        ed_jwk("e"),
        other_use,
        secret,
    ]);
    let tokens = tokens(set.unwrap());
    let rsa = |pair, kid: Value| rsa_signed(pair, &json!({"alg": "RS256", "kid": kid}));
    assert!(read(&tokens, &rsa(&RSA, json!("r"))).is_some());
    assert!(read(&tokens, &ed_signed(&json!({"alg": "EdDSA", "kid": "e"}))).is_some());

    for token in [
        rsa(&RSA, json!("e")),
        rsa(&RSA, json!("unknown")),
        rsa(&RSA, json!(["r"])),
        rsa(&OTHER_RSA, json!("r")),
        rsa(&OTHER_RSA, json!("enc")),
        rsa_signed(&RSA, &json!({"alg": "RS256"})),
        rsa_signed(
            &RSA,
            &json!({"alg": "RS256", "kid": "r", "jku": "https://keys.test/"}),
        ),
        signed(SECRET, &json!({"alg": "HS256", "kid": "s"}), &claims()),
    ] {
        assert_eq!(read(&tokens, &token), None, "{token}");
    }
}

#[test]
fn a_set_of_one_key_needs_no_key_id() {
    let tokens = tokens(key_set(&[rsa_jwk(&RSA, "r")]).unwrap());
    assert!(read(&tokens, &rsa_signed(&RSA, &json!({"alg": "RS256"}))).is_some());
    let other = rsa_signed(&RSA, &json!({"alg": "RS256", "kid": "q"}));
    assert_eq!(read(&tokens, &other), None);
}

#[test]
fn files_without_a_good_key_are_refused() {
    let unusable = |keys: &[Value]| key_set(keys).err().unwrap();
    let rsa = rsa_jwk(&RSA, "r");
    assert_eq!(unusable(&[]), UnusableKey::NoUsableKey);
    for change in [
        json!({"alg": "RS512"}),
        json!({"use": "enc"}),
        json!({"kty": "EC"}),
    ] {
        assert_eq!(
            unusable(&[with(rsa.clone(), &change)]),
            UnusableKey::NoUsableKey
        );
    }
    let weak = URL_SAFE_NO_PAD.encode([0xc3; 128]);
    for change in [json!({"n": null}), json!({"n": "!"}), json!({"n": weak})] {
        assert_eq!(
            unusable(&[with(rsa.clone(), &change)]),
            UnusableKey::BrokenKey,
            "{change}"
        );
    }
    let short = with(ed_jwk("e"), &json!({"x": "AAAA"}));
    assert_eq!(unusable(&[short]), UnusableKey::BrokenKey);
    assert_eq!(
        unusable(&[rsa.clone(), ed_jwk("r")]),
        UnusableKey::RepeatedKeyId
    );
    let many = vec![json!({"kty": "EC"}); 101];
    assert_eq!(unusable(&many), UnusableKey::TooManyKeys);
    for text in ["", "[]", "{}", r#"{"keys": 1}"#] {
        assert_eq!(
            AppKeys::key_set(text.as_bytes()).err(),
            Some(UnusableKey::NotAKeySet)
        );
    }

    let der: Pkcs8V1Der<'_> = RSA.as_der().unwrap();
    let private = pem(der.as_ref()).replace("PUBLIC", "PRIVATE");
    for text in ["", "abc", &pem(b"abc"), &pem(&[]), &private, SECRET] {
        let refused = AppKeys::public_key(text.as_bytes()).err();
        assert_eq!(refused, Some(UnusableKey::NotAPublicKey), "{text}");
    }
}
