use super::*;
use chrono::TimeDelta;
use jsonwebtoken::{EncodingKey, crypto};
use serde_json::{Value, json};
use std::sync::Mutex;
use uuid::Uuid;

const SECRET: &str = "correct-horse-battery-staple-2026";
const OTHER_SECRET: &str = "an unrelated text of 32 and more bytes";
const ID: &str = "7c9e6679-7425-40de-944b-e07fc1f90ae7";
const NOW: i64 = 1_800_000_000;

/// Made by a Go program with `github.com/golang-jwt/jwt` and [`SECRET`]: valid until a day after [`NOW`].
const MADE_BY_GO: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.\
    eyJhdXRob3JpemVkIjp0cnVlLCJleHAiOjE4MDAwODY0MDAsImlkIjoiN2M5ZTY2NzktNzQyNS00MGRlLTk0NGItZTA3ZmMxZjkwYWU3Iiwicm9sZSI6InNlbGxlciJ9.\
    Ibg62qkugq0AdS_6xGTo3tZGjmv03UrpnSjFthO11zg";

struct TestClock(Mutex<DateTime<Utc>>);

impl TestClock {
    fn advance(&self, seconds: i64) {
        *self.0.lock().unwrap() += TimeDelta::seconds(seconds);
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(NOW, 0).unwrap()
}

fn options() -> Options {
    Options {
        issuer: "https://shop.example".to_owned(),
        audience: "shop".to_owned(),
        lifetime: Duration::from_secs(86_400),
        accept_legacy: false,
    }
}

fn key(id: &str, state: KeyState, secret: &str) -> Key {
    Key { id: id.to_owned(), state, secret: secret.into() }
}

fn keys(keys: &[Key]) -> KeySet {
    KeySet::new(keys).unwrap()
}

fn jwt_with(options: Options) -> (Jwt, Arc<TestClock>) {
    let clock = Arc::new(TestClock(Mutex::new(now())));
    let keys = keys(&[key("k1", KeyState::Current, SECRET)]);
    (Jwt::new(options, keys, Arc::clone(&clock) as _), clock)
}

fn jwt() -> Jwt {
    jwt_with(options()).0
}

fn legacy_jwt() -> (Jwt, Arc<TestClock>) {
    jwt_with(Options { accept_legacy: true, ..options() })
}

/// One part of a token, whatever its JSON.
fn part(json: &Value) -> String {
    let key = EncodingKey::from_secret(b"any");
    let token = encode(&Header::default(), json, &key).unwrap();
    token.split('.').nth(1).unwrap().to_owned()
}

/// A token with a true signature of any algorithm under any secret.
fn forge(header: &Value, claims: &Value, algorithm: Algorithm, secret: &str) -> String {
    let message = format!("{}.{}", part(header), part(claims));
    let key = EncodingKey::from_secret(secret.as_bytes());
    let signature = crypto::sign(message.as_bytes(), &key, algorithm).unwrap();
    format!("{message}.{signature}")
}

fn own_header() -> Value {
    json!({"alg": "HS256", "typ": "at+jwt", "kid": "k1"})
}

fn own_claims() -> Value {
    json!({
        "authorized": true, "id": ID, "role": "buyer", "exp": NOW + 3600, "sub": ID,
        "iss": "https://shop.example", "aud": "shop", "iat": NOW, "nbf": NOW, "jti": "j",
    })
}

fn go_header() -> Value {
    json!({"alg": "HS256", "typ": "JWT"})
}

fn go_claims() -> Value {
    json!({"authorized": true, "id": ID, "role": "buyer", "exp": NOW + 3600})
}

/// `base` with one key set, or removed by `null`.
fn with(mut base: Value, name: &str, value: Value) -> Value {
    let object = base.as_object_mut().unwrap();
    if value.is_null() {
        object.remove(name);
    } else {
        object.insert(name.to_owned(), value);
    }
    base
}

fn signed(header: &Value, claims: &Value) -> String {
    forge(header, claims, Algorithm::HS256, SECRET)
}

fn reason(jwt: &Jwt, token: &str) -> String {
    let TokenRefused(reason) = jwt.verify(token).expect_err(token);
    reason
}

/// The JSON of a token's part, by way of the library's own reading of it.
fn claims_of(token: &str) -> Value {
    jsonwebtoken::dangerous::insecure_decode_claims(token).unwrap()
}

#[test]
fn an_issued_token_tells_who_bears_it_and_all_that_readers_need() {
    let (jwt, id) = (jwt(), ID.parse().unwrap());
    let token = jwt.issue(id, Role::Seller, now()).unwrap().into_string();
    let bearer = jwt.verify(&token).unwrap();
    assert_eq!(bearer, Identity { id, role: Role::Seller });

    let header = decode_header(&token).unwrap();
    assert_eq!((header.typ.as_deref(), header.kid.as_deref()), (Some("at+jwt"), Some("k1")));
    let mut claims = claims_of(&token);
    let jti = claims.as_object_mut().unwrap().remove("jti").unwrap();
    assert_eq!(Uuid::try_parse(jti.as_str().unwrap()).unwrap().get_version_num(), 7);
    let expected = json!({
        "authorized": true, "id": ID, "role": "seller", "exp": NOW + 86_400, "sub": ID,
        "iss": "https://shop.example", "aud": "shop", "iat": NOW - 30, "nbf": NOW - 30,
    });
    assert_eq!(claims, expected);
}

#[test]
fn the_forgers_own_measure_is_right() {
    assert!(jwt().verify(&signed(&own_header(), &own_claims())).is_ok());
    assert!(legacy_jwt().0.verify(&signed(&go_header(), &go_claims())).is_ok());
}

/// RFC 8725 §2.1, §3.1 and §3.10. Each is signed with the true secret where its algorithm can be.
#[test]
fn a_header_that_is_not_ours_is_refused() {
    let jwk = json!({"kty": "oct", "k": "YXR0YWNrZXI"});
    let long = "k".repeat(65);
    let headers = [
        with(own_header(), "crit", json!(["exp"])),
        with(own_header(), "jwk", jwk),
        with(own_header(), "jku", json!("https://attacker.example/keys")),
        with(own_header(), "x5u", json!("https://attacker.example/cert")),
        with(own_header(), "x5c", json!(["MIIB"])),
        with(own_header(), "b64", json!(false)),
        with(own_header(), "kid", json!("../../dev/null")),
        with(own_header(), "kid", json!("k1' OR '1'='1")),
        with(own_header(), "kid", json!(long)),
        with(own_header(), "kid", json!("unknown")),
        with(own_header(), "kid", json!("")),
        with(own_header(), "kid", Value::Null),
        with(own_header(), "typ", json!("JWT")),
        with(own_header(), "typ", Value::Null),
        with(own_header(), "alg", json!("RS256")),
        with(own_header(), "alg", json!("")),
        with(own_header(), "alg", Value::Null),
        json!("HS256"),
    ];
    for jwt in [jwt(), legacy_jwt().0] {
        for header in &headers {
            assert!(jwt.verify(&signed(header, &own_claims())).is_err(), "{header}");
        }
    }
}

#[test]
fn no_other_algorithm_is_accepted_even_under_our_secret() {
    for jwt in [jwt(), legacy_jwt().0] {
        for (header, claims) in [(own_header(), own_claims()), (go_header(), go_claims())] {
            for (name, algorithm) in [("HS384", Algorithm::HS384), ("HS512", Algorithm::HS512)] {
                let told = forge(&with(header.clone(), "alg", json!(name)), &claims, algorithm, SECRET);
                let untold = forge(&header, &claims, algorithm, SECRET);
                assert!(jwt.verify(&told).is_err(), "{name}");
                assert!(jwt.verify(&untold).is_err(), "{name} called HS256");
            }
            for name in ["none", "None", "NONE"] {
                let header = with(header.clone(), "alg", json!(name));
                let unsigned = format!("{}.{}.", part(&header), part(&claims));
                assert!(jwt.verify(&unsigned).is_err(), "{name}");
                assert!(jwt.verify(&signed(&header, &claims)).is_err(), "{name}, signed");
            }
        }
    }
}

#[test]
fn a_token_that_was_tampered_with_is_refused() {
    let jwt = jwt();
    let token = signed(&own_header(), &own_claims());
    let [header, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else {
        panic!("{token}");
    };
    let promoted = part(&with(own_claims(), "role", json!("seller")));
    let stranger = forge(&own_header(), &own_claims(), Algorithm::HS256, OTHER_SECRET);
    assert_eq!(reason(&jwt, &format!("{header}.{promoted}.{signature}")), "wrong signature");
    assert_eq!(reason(&jwt, &stranger), "wrong signature");
    for broken in [
        format!("{header}.{claims}."),
        format!("{header}.{claims}"),
        format!("{header}.{claims}.{signature}.{signature}"),
        format!("{header}.{claims}.{signature}="),
        "..".to_owned(),
        String::new(),
    ] {
        assert!(jwt.verify(&broken).is_err(), "{broken}");
    }
}

#[test]
fn times_have_half_a_minute_of_leeway() {
    for (name, accepted, refused) in
        [("exp", NOW - 29, NOW - 31), ("nbf", NOW + 30, NOW + 31), ("iat", NOW + 30, NOW + 31)]
    {
        let token = |time: i64| signed(&own_header(), &with(own_claims(), name, json!(time)));
        assert!(jwt().verify(&token(accepted)).is_ok(), "{name}");
        assert!(jwt().verify(&token(refused)).is_err(), "{name}");
    }
}

#[test]
fn a_token_ends_when_its_lifetime_does() {
    let (jwt, clock) = jwt_with(options());
    let token = jwt.issue(UserId::generate(), Role::Buyer, now()).unwrap();
    let token = token.into_string();
    clock.advance(86_400 + 29);
    assert!(jwt.verify(&token).is_ok());
    clock.advance(1);
    assert_eq!(reason(&jwt, &token), "expired (key k1)");
}

#[test]
fn claims_that_are_not_ours_are_refused() {
    let other_id = "00000000-0000-4000-8000-000000000000";
    let wrong = [
        ("iss", json!("https://elsewhere.example")),
        ("iss", json!(["https://shop.example"])),
        ("aud", json!("warehouse")),
        ("aud", json!(["shop", "warehouse"])),
        ("role", json!("admin")),
        ("role", json!("")),
        ("authorized", json!(false)),
        ("authorized", json!("true")),
        ("sub", json!(other_id)),
        ("id", json!(other_id)),
        ("exp", json!("1800003600")),
        ("exp", json!(u64::MAX)),
    ];
    let missing = own_claims();
    let missing = missing.as_object().unwrap().keys();
    let missing = missing.map(|name| (name.as_str(), Value::Null));
    for (name, value) in wrong.into_iter().chain(missing) {
        let token = signed(&own_header(), &with(own_claims(), name, value.clone()));
        assert!(jwt().verify(&token).is_err(), "{name}: {value}");
    }
    let nobody = with(with(own_claims(), "id", json!("42")), "sub", json!("42"));
    assert_eq!(reason(&jwt(), &signed(&own_header(), &nobody)), "an id that is no UUID");
}

#[test]
fn a_token_made_by_go_is_accepted_where_that_is_wanted() {
    assert!(jwt().verify(MADE_BY_GO).is_err());
    let (jwt, clock) = legacy_jwt();
    let id = ID.parse().unwrap();
    assert_eq!(jwt.verify(MADE_BY_GO).unwrap(), Identity { id, role: Role::Seller });
    clock.advance(86_400 + 30);
    assert_eq!(reason(&jwt, MADE_BY_GO), "expired (legacy)");
}

#[test]
fn only_exactly_what_go_made_passes_for_it() {
    let (jwt, _clock) = legacy_jwt();
    let day = 86_400;
    let latest = with(go_claims(), "exp", json!(NOW + day + 60));
    assert!(jwt.verify(&signed(&go_header(), &latest)).is_ok());
    for (name, value) in [
        ("exp", json!(NOW + day + 61)),
        ("exp", json!(NOW + 2 * day)),
        ("exp", json!(NOW - 31)),
        ("exp", Value::Null),
        ("authorized", json!(false)),
        ("role", json!("admin")),
        ("iss", json!("https://shop.example")),
        ("aud", json!("shop")),
        ("sub", json!(ID)),
        ("nbf", json!(NOW)),
    ] {
        let token = signed(&go_header(), &with(go_claims(), name, value.clone()));
        assert!(jwt.verify(&token).is_err(), "{name}: {value}");
    }
    for (header, claims) in [
        (go_header(), own_claims()),
        (own_header(), go_claims()),
        (with(go_header(), "kid", json!("k1")), go_claims()),
        (with(go_header(), "typ", json!("at+jwt")), go_claims()),
    ] {
        assert!(jwt.verify(&signed(&header, &claims)).is_err(), "{header} {claims}");
    }
    let stranger = forge(&go_header(), &go_claims(), Algorithm::HS256, OTHER_SECRET);
    assert_eq!(reason(&jwt, &stranger), "wrong signature");
    assert!(jwt.verify(&signed(&own_header(), &own_claims())).is_ok(), "ours are accepted as well");
}

#[test]
fn keys_rotate_without_refusing_a_valid_token() {
    use KeyState::{Current, Next, Retired};
    let (old, new) = (|state| key("k1", state, SECRET), |state| key("k2", state, OTHER_SECRET));
    let jwt = jwt();
    let issue = || {
        let token = jwt.issue(UserId::generate(), Role::Buyer, now()).unwrap();
        token.into_string()
    };
    let kid = |token: &str| decode_header(token).unwrap().kid.unwrap();

    let first = issue();
    jwt.replace_keys(keys(&[old(Current), new(Next)]));
    let by_another_server =
        forge(&with(own_header(), "kid", json!("k2")), &own_claims(), Algorithm::HS256, OTHER_SECRET);
    assert_eq!(kid(&issue()), "k1");
    assert!(jwt.verify(&by_another_server).is_ok(), "another server may be ahead");

    jwt.replace_keys(keys(&[old(Retired), new(Current)]));
    let second = issue();
    assert_eq!(kid(&second), "k2");
    assert!(jwt.verify(&first).is_ok() && jwt.verify(&second).is_ok());

    jwt.replace_keys(keys(&[new(Current)]));
    assert_eq!(reason(&jwt, &first), "unknown key");
    assert!(jwt.verify(&second).is_ok());
}

#[test]
fn having_been_accepted_once_helps_no_token() {
    let (jwt, clock) = jwt_with(options());
    let token = signed(&own_header(), &own_claims());
    assert_eq!(jwt.verify(&token).unwrap(), jwt.verify(&token).unwrap());
    // Whatever is changed of it, by one letter or in its signature alone.
    for place in [0, token.len() / 2, token.len() - 2] {
        let mut changed = token.clone().into_bytes();
        changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
        assert!(jwt.verify(&String::from_utf8(changed).unwrap()).is_err(), "{place}");
    }
    assert!(jwt.verify(&token[..token.len() - 1]).is_err() && jwt.verify(&format!("{token}A")).is_err());
    clock.advance(3600 + 31);
    assert_eq!(reason(&jwt, &token), "expired (key k1)");
    jwt.replace_keys(keys(&[key("k1", KeyState::Current, OTHER_SECRET)]));
    clock.advance(-3600);
    assert_eq!(reason(&jwt, &token), "wrong signature");
}

#[test]
fn a_reason_never_quotes_the_token() {
    let marker = "MARKER-in-the-token";
    for name in ["alg", "typ", "kid", "cty", "jku"] {
        let token = signed(&with(own_header(), name, json!(marker)), &own_claims());
        assert!(!reason(&jwt(), &token).contains("MARKER"), "{name}");
    }
    for name in ["id", "role", "exp", "iss", "aud", "iat", "authorized"] {
        let token = signed(&own_header(), &with(own_claims(), name, json!(marker)));
        assert!(!reason(&jwt(), &token).contains("MARKER"), "{name}");
    }
}
