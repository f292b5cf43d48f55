//! Answers that are signed as standard-webhooks does: whose they are, that they are fresh, that nobody changed them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use serde_json::Value;

use crate::coordinator::callbacks::draft;
use crate::coordinator::rig::{Rig, SECRETS, answer, nowhere};

/// As any library of the standard does it.
fn signature(secret: &str, id: &str, at: i64, body: &str) -> String {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let content = format!("{id}.{at}.{body}");
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), content.as_bytes());
    format!("v1,{}", STANDARD.encode(tag))
}

async fn send(rig: &Rig, id: &str, at: i64, signature: &str, body: &str) -> (u16, Value) {
    let request = rig
        .request(reqwest::Method::POST, "/agent/callback")
        .header("content-type", "application/json")
        .header("webhook-id", id)
        .header("webhook-timestamp", at.to_string())
        .header("webhook-signature", signature)
        .body(body.to_owned());
    let (status, body) = answer(request).await;
    (status.as_u16(), body)
}

/// The example of the standard's own specification: our way of signing is everybody's.
#[test]
fn the_standards_example_comes_out() {
    let signed = signature(SECRETS[0], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
    assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_signed_is_taken_and_what_is_not_is_not() {
    // Nobody is there to deliver to: what is taken in answers 202.
    let rig = Rig::start(nowhere()).await;
    let body = draft("w").to_string();
    let now = chrono::Utc::now().timestamp();
    for (at, secret) in SECRETS.iter().enumerate() {
        let good = signature(secret, "msg_1", now, &body);
        assert_eq!(send(&rig, "msg_1", now, &good, &body).await.0, 202, "secret {at}");
        let rotating = format!("v1,AAAA v1a,{} {good}", "A".repeat(44));
        assert_eq!(send(&rig, "msg_1", now, &rotating, &body).await.0, 202, "one of several is enough");
    }
    let good = signature(SECRETS[0], "msg_1", now, &body);
    let stranger = signature("whsec_QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB", "msg_1", now, &body);
    let changed = body.replace("\"OK\"", "\"FAIL\"");
    let (old, coming) = (now - 301, now + 320);
    for (what, id, at, signed, sent) in [
        ("a stranger's", "msg_1", now, stranger, &body),
        ("another id", "msg_2", now, good.clone(), &body),
        ("another time", "msg_1", now - 1, good.clone(), &body),
        ("another body", "msg_1", now, good.clone(), &changed),
        ("an old one", "msg_1", old, signature(SECRETS[0], "msg_1", old, &body), &body),
        ("one of the future", "msg_1", coming, signature(SECRETS[0], "msg_1", coming, &body), &body),
        ("no signature", "msg_1", now, "v1,".to_owned(), &body),
        ("another version", "msg_1", now, good.replace("v1,", "v2,"), &body),
        ("no base64", "msg_1", now, "v1,***".to_owned(), &body),
        ("nothing", "msg_1", now, String::new(), &body),
    ] {
        let (status, said) = send(&rig, id, at, &signed, sent).await;
        assert_eq!(status, 401, "{what}: {said}");
    }
}
