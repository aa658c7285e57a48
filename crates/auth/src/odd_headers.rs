//! Headers of tokens that no verifier here takes (S2): for the tests of each.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// What each changes in a good header of HS256. `secret` stands in the key that
/// one of them brings along.
pub(crate) fn odd_headers(secret: &str) -> Vec<Value> {
    let key = json!({"kty": "oct", "k": URL_SAFE_NO_PAD.encode(secret)});
    vec![
        json!({"alg": "none"}),
        json!({"alg": "None"}),
        json!({"alg": "hs256"}),
        json!({"alg": "HS384"}),
        json!({"alg": "HS512"}),
        json!({"alg": "RS256"}),
        json!({"alg": "ES256"}),
        json!({"alg": "EdDSA"}),
        json!({"alg": null}),
        json!({"alg": ["HS256"]}),
        json!({"typ": "JWE"}),
        json!({"typ": 1}),
        json!({"cty": "JWT"}),
        json!({"kid": "1"}),
        json!({"kid": "../../dev/null"}),
        json!({"jwk": key}),
        json!({"jku": "https://keys.test/set"}),
        json!({"x5u": "https://keys.test/chain"}),
        json!({"x5c": ["MIIB"]}),
        json!({"x5t": "abc"}),
        json!({"x5t#S256": "abc"}),
        json!({"crit": ["exp"]}),
        json!({"crit": []}),
        json!({"b64": false, "crit": ["b64"]}),
        json!({"zip": "DEF"}),
        json!({"anything": true}),
    ]
}
