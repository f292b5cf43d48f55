//! Whether a decision carries the authority its workflow asks for: an Ed25519 signature of a coordinator that
//! has checked who decides. Pure: the same bytes give the same answer on every replay.

use ring::signature::{ED25519, UnparsedPublicKey};

use crate::contracts::actor::Via;
use crate::contracts::decision::{Decide, Proof, Refusal, RefusalCode};
use crate::contracts::delivery::{Authority, SignalPolicy};
use crate::contracts::hex;
use crate::contracts::ids::WorkflowId;

/// How a decision came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// The sender waits for the answer.
    Update,
    /// Nobody waits, and anybody with access to the namespace can send it.
    Signal,
}

/// Whether `decide` may have an effect on `workflow`. An update needs a proof as soon as the workflow names
/// deciders; a signal always, unless the workflow was started with open signals.
pub fn check(authority: &Authority, workflow: &WorkflowId, decide: &Decide, channel: Channel) -> Result<(), Refusal> {
    let needed = match channel {
        Channel::Update => !authority.deciders.is_empty(),
        Channel::Signal => authority.signals == SignalPolicy::Proven,
    };
    if !needed {
        return Ok(());
    }
    let Some(proof) = &decide.proof else {
        return Err(refuse(match channel {
            Channel::Update => "the decision carries no proof of who decides. Decide through the coordinator.",
            Channel::Signal => {
                "a signal does not say who sent it, and this one carries no proof. Decide through the coordinator."
            }
        }));
    };
    if !is_known(authority, proof) {
        return Err(refuse(
            "the proof is signed with a key this workflow was not started with. Decide through its own coordinator.",
        ));
    }
    if signed(proof, &decide.signed_bytes(workflow)) {
        Ok(())
    } else {
        Err(refuse("the proof does not match the decision: it was changed, or made for another workflow."))
    }
}

/// The way a decision came, as far as that is known: through a coordinator when it carries the proof of one that the
/// workflow was started with; else the way it says, which can be any but that.
pub fn via(authority: &Authority, workflow: &WorkflowId, decide: &Decide) -> Via {
    let proven = |proof: &&Proof| is_known(authority, proof) && signed(proof, &decide.signed_bytes(workflow));
    match decide.proof.as_ref().filter(proven) {
        Some(_) => Via::Coordinator,
        None if decide.actor.via == Via::Coordinator => Via::Signal,
        None => decide.actor.via,
    }
}

fn is_known(authority: &Authority, proof: &Proof) -> bool {
    authority.deciders.iter().any(|known| known.eq_ignore_ascii_case(&proof.key))
}

fn signed(proof: &Proof, bytes: &[u8]) -> bool {
    let (Some(key), Some(signature)) = (hex::decode(&proof.key), hex::decode(&proof.signature)) else { return false };
    UnparsedPublicKey::new(&ED25519, key).verify(bytes, &signature).is_ok()
}

fn refuse(why: &str) -> Refusal {
    Refusal::new(RefusalCode::NotAuthorised, format!("Not authorised: {why}"))
}

#[cfg(test)]
mod tests {
    use ring::signature::{Ed25519KeyPair, KeyPair as _};

    use super::{Channel, check, via};
    use crate::contracts::actor::{Actor, Via};
    use crate::contracts::decision::{Decide, Proof, RefusalCode, Verdict};
    use crate::contracts::delivery::{Authority, SignalPolicy};
    use crate::contracts::hex;
    use crate::contracts::ids::{DecisionId, EvidenceDigest, GateId, WorkflowId};

    fn key(seed: u8) -> Ed25519KeyPair {
        Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
    }

    fn decide() -> Decide {
        Decide {
            decision_id: DecisionId::from("d-1"),
            gate: GateId::from("production-approval"),
            verdict: Verdict::Approve,
            evidence: Some(EvidenceDigest::from("5d2c")),
            reason: None,
            actor: Actor::new("mira", Via::Coordinator),
            proof: None,
        }
    }

    fn proven(decide: Decide, key: &Ed25519KeyPair, workflow: &str) -> Decide {
        let signature = hex::encode(key.sign(&decide.signed_bytes(&WorkflowId::from(workflow))).as_ref());
        Decide { proof: Some(Proof { key: hex::encode(key.public_key().as_ref()), signature }), ..decide }
    }

    fn authority(signals: SignalPolicy, deciders: &[&Ed25519KeyPair]) -> Authority {
        Authority { signals, deciders: deciders.iter().map(|key| hex::encode(key.public_key().as_ref())).collect() }
    }

    #[test]
    fn a_proof_is_needed_where_the_workflow_says_so() {
        use Channel::{Signal, Update};
        use SignalPolicy::{Open, Proven};
        let (ours, theirs) = (key(1), key(2));
        let bare = decide();
        let good = proven(decide(), &ours, "wf");
        let foreign = proven(decide(), &theirs, "wf");
        let elsewhere = proven(decide(), &ours, "another");
        let changed = Decide { verdict: Verdict::Reject, ..good.clone() };
        let renamed = Decide { actor: Actor::new("mallory", Via::Coordinator), ..good.clone() };
        let garbage = Decide {
            proof: Some(Proof { key: hex::encode(ours.public_key().as_ref()), signature: "zz€".into() }),
            ..decide()
        };
        let cases = [
            ("no deciders, update", Proven, false, Update, &bare, true),
            ("no deciders, signal", Proven, false, Signal, &bare, false),
            ("no deciders, open signal", Open, false, Signal, &bare, true),
            ("deciders, bare update", Proven, true, Update, &bare, false),
            ("deciders, bare update, open signals", Open, true, Update, &bare, false),
            ("deciders, bare open signal", Open, true, Signal, &bare, true),
            ("deciders, good update", Proven, true, Update, &good, true),
            ("deciders, good signal", Proven, true, Signal, &good, true),
            ("a key that is not ours", Proven, true, Update, &foreign, false),
            ("made for another workflow", Proven, true, Update, &elsewhere, false),
            ("another verdict", Proven, true, Update, &changed, false),
            ("another name", Proven, true, Update, &renamed, false),
            ("not even hex", Proven, true, Update, &garbage, false),
        ];
        for (what, signals, with_deciders, channel, decide, allowed) in cases {
            let deciders: &[&Ed25519KeyPair] = if with_deciders { &[&ours] } else { &[] };
            let answer = check(&authority(signals, deciders), &WorkflowId::from("wf"), decide, channel);
            assert_eq!(answer.is_ok(), allowed, "{what}: {answer:?}");
            if let Err(refusal) = answer {
                assert_eq!(refusal.code, RefusalCode::NotAuthorised, "{what}");
            }
        }
    }

    #[test]
    fn only_a_proof_that_holds_makes_it_the_coordinators() {
        let (ours, theirs) = (key(1), key(2));
        let (open, named) = (authority(SignalPolicy::Open, &[]), authority(SignalPolicy::Open, &[&ours]));
        let said = |said| Decide { actor: Actor::new("mira", said), ..decide() };
        let good = proven(said(Via::Cli), &ours, "wf");
        let changed = Decide { reason: Some("another".into()), ..proven(decide(), &ours, "wf") };
        for (what, authority, decide, expected) in [
            ("proven, whatever it says", &named, &good, Via::Coordinator),
            ("nobody to prove it to", &open, &proven(decide(), &ours, "wf"), Via::Signal),
            ("unproven", &named, &decide(), Via::Signal),
            ("another's key", &named, &proven(decide(), &theirs, "wf"), Via::Signal),
            ("made for another workflow", &named, &proven(decide(), &ours, "another"), Via::Signal),
            ("changed", &named, &changed, Via::Signal),
            ("a command", &named, &said(Via::Cli), Via::Cli),
        ] {
            assert_eq!(via(authority, &WorkflowId::from("wf"), decide), expected, "{what}");
        }
    }
}
