//! Reads decisions out of whatever was sent: the update's object, the gateway's signal, the seeds' signal with
//! positional arguments or none.

use serde::Deserialize;

use crate::contracts::actor::{Actor, Via};
use crate::contracts::decision::{Decide, Proof, Refusal, RefusalCode, Verdict};
use crate::contracts::ids::{DecisionId, EvidenceDigest, GateId};
use crate::contracts::temporal::args::Args;
use crate::workflows::blocks::authority::Channel;

/// The order in which a signal's positional arguments are read.
pub const POSITIONAL: [&str; 4] = ["actor", "reason", "evidence", "decisionId"];

/// Who a signal says it is from: a name, or an [`Actor`].
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Claimed {
    Name(String),
    Actor(Actor),
}

impl Claimed {
    pub fn actor(self) -> Actor {
        match self {
            Self::Name(name) => Actor::new(name, Via::Signal),
            Self::Actor(actor) => actor,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Signalled {
    decision_id: DecisionId,
    gate: Option<GateId>,
    verdict: Option<Verdict>,
    evidence: Option<EvidenceDigest>,
    reason: Option<String>,
    actor: Option<Claimed>,
    proof: Option<Proof>,
}

/// The `decide` update's argument.
pub fn of_update(args: &Args) -> Result<Decide, Refusal> {
    let mut decide: Decide = args.read(&[]).map_err(|why| malformed(&why))?;
    decide.actor.via = honest(decide.actor.via, Channel::Update);
    Ok(decide)
}

/// A signal that says `verdict` by its name. `fallback` is the id of a sender who gives none.
pub fn of_signal(args: &Args, verdict: Verdict, gate: &GateId, fallback: String) -> Result<Decide, Refusal> {
    let sent: Signalled = args.read(&POSITIONAL).map_err(|why| malformed(&why))?;
    if sent.verdict.is_some_and(|said| said != verdict) {
        return Err(malformed("its verdict is not the one the signal is named after"));
    }
    let mut actor = sent.actor.map(Claimed::actor).unwrap_or_default();
    actor.via = honest(actor.via, Channel::Signal);
    Ok(Decide {
        decision_id: if sent.decision_id.is_empty() { DecisionId::new(fallback) } else { sent.decision_id },
        gate: sent.gate.unwrap_or_else(|| gate.clone()),
        verdict,
        evidence: sent.evidence,
        reason: sent.reason,
        actor,
        proof: sent.proof,
    })
}

/// Only the workflow itself may say that a trigger or a deadline did something.
pub fn honest(via: Via, channel: Channel) -> Via {
    match (via, channel) {
        (Via::Trigger | Via::Deadline, Channel::Update | Channel::Signal) => Via::Signal,
        (said @ (Via::Console | Via::Cli | Via::Coordinator | Via::Signal), _) => said,
    }
}

pub fn malformed(why: &str) -> Refusal {
    Refusal::new(RefusalCode::Malformed, format!("The argument cannot be read: {why}. It takes one object."))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{of_signal, of_update};
    use crate::contracts::actor::Via;
    use crate::contracts::decision::{RefusalCode, Verdict};
    use crate::contracts::ids::GateId;
    use crate::contracts::temporal::args::Args;

    fn signal(values: impl IntoIterator<Item = Value>) -> Result<super::Decide, super::Refusal> {
        of_signal(&Args::of(values), Verdict::Reject, &GateId::from("g"), "signal-7".into())
    }

    #[test]
    fn a_signal_arrives_as_one_object_positionally_or_bare() {
        let object =
            signal([json!({"decisionId": "d", "actor": {"name": "mira", "via": "console"}, "reason": "no"})]).unwrap();
        assert_eq!((object.decision_id.as_str(), object.actor.name.as_str()), ("d", "mira"));
        assert_eq!(object.actor.via, Via::Console);

        let positional = signal([json!("mira"), json!("no"), json!("5d2c"), json!("d")]).unwrap();
        assert_eq!(positional.decision_id.as_str(), "d");
        assert_eq!((positional.actor.name.as_str(), positional.actor.via), ("mira", Via::Signal));
        assert_eq!(positional.reason.as_deref(), Some("no"));
        assert_eq!(positional.evidence.unwrap().as_str(), "5d2c");

        let bare = signal([]).unwrap();
        assert_eq!((bare.decision_id.as_str(), bare.gate.as_str()), ("signal-7", "g"));
        assert_eq!(bare.verdict, Verdict::Reject);
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        let cases: [(&str, Vec<Value>); 4] = [
            ("too many", vec![json!(1); 9]),
            ("wrong types", vec![json!({"reason": {"not": "text"}})]),
            ("another verdict", vec![json!({"verdict": "approve"})]),
            ("an unknown verdict", vec![json!({"verdict": "burn"})]),
        ];
        for (what, values) in cases {
            assert_eq!(signal(values).unwrap_err().code, RefusalCode::Malformed, "{what}");
        }
        assert_eq!(of_update(&Args::default()).unwrap_err().code, RefusalCode::Malformed, "an update says what it is");
    }

    #[test]
    fn nobody_can_pass_for_the_clock() {
        let sent =
            json!({"decisionId": "d", "gate": "g", "verdict": "reject", "actor": {"name": "x", "via": "deadline"}});
        assert_eq!(of_update(&Args::of([sent.clone()])).unwrap().actor.via, Via::Signal);
        assert_eq!(signal([sent]).unwrap().actor.via, Via::Signal);
    }
}
