//! The signing key: made once, kept private, the same for coordinators that start together.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use gatewatch::contracts::actor::{Actor, Via};
use gatewatch::contracts::decision::{Decide, Verdict};
use gatewatch::contracts::ids::WorkflowId;
use gatewatch::coordinator::key::SigningKey;
use ring::signature::{ED25519, UnparsedPublicKey};

fn decide() -> Decide {
    Decide {
        decision_id: "d".into(),
        gate: "g".into(),
        verdict: Verdict::Approve,
        evidence: None,
        reason: None,
        actor: Actor::new("mira", Via::Coordinator),
        proof: None,
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn a_proof_holds_for_this_decision_and_for_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let key = SigningKey::load_or_create(&folder.path().join("deep/coordinator.key")).unwrap();
    let (decide, workflow) = (decide(), WorkflowId::from("w"));
    let proof = key.prove(&decide, &workflow);
    assert_eq!(proof.key, key.public());
    let public = UnparsedPublicKey::new(&ED25519, bytes(&proof.key));
    let signature = bytes(&proof.signature);
    public.verify(&decide.signed_bytes(&workflow), &signature).unwrap();
    let other = Decide { verdict: Verdict::Reject, ..decide.clone() };
    for wrong in [decide.signed_bytes(&WorkflowId::from("x")), other.signed_bytes(&workflow)] {
        assert!(public.verify(&wrong, &signature).is_err());
    }
}

#[test]
fn it_is_made_once_for_its_owner_alone_and_leaves_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("coordinator.key");
    let first = SigningKey::load_or_create(&file).unwrap();
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let again = SigningKey::load_or_create(&file).unwrap();
    assert_eq!(first.public(), again.public());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "a temporary file stayed behind");
}

#[test]
fn coordinators_that_start_together_agree() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("coordinator.key");
    let keys: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..8).map(|_| scope.spawn(|| SigningKey::load_or_create(&file).unwrap().public().to_owned())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(keys.windows(2).all(|pair| pair[0] == pair[1]), "{keys:?}");
}

#[test]
fn a_key_that_others_can_read_or_that_is_none_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("coordinator.key");
    SigningKey::load_or_create(&file).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let error = format!("{:#}", SigningKey::load_or_create(&file).err().unwrap());
    assert!(error.contains("chmod 600") && error.contains("coordinator.key"), "{error}");
    fs::write(&file, "not a key").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let error = format!("{:#}", SigningKey::load_or_create(&file).err().unwrap());
    assert!(error.contains("no Ed25519 key"), "{error}");
    let before = fs::read(&file).unwrap();
    assert_eq!(before, b"not a key", "a file that is no key is never replaced");
}
