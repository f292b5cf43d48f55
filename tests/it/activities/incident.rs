//! Incidents: one per deployment, for machines and for people.

use std::fs;

use gatewatch::activities::incident::IncidentActivities;
use gatewatch::activities::incident::record::Incident;
use gatewatch::contracts::actor::{Actor, Via};
use gatewatch::contracts::clock::{Millis, Timestamp};
use gatewatch::contracts::delivery::LiveVersion;
use gatewatch::contracts::health::Trigger;
use gatewatch::contracts::rollback::{RollbackCause, RollbackStep, StepReport, StepStatus};
use gatewatch::contracts::temporal::activities::RecordRollback;
use temporalio_sdk::testing::ActivityEnvironment;

use crate::activities::world::{World, deployment, failure};

fn environment(world: &World) -> ActivityEnvironment {
    ActivityEnvironment::builder().register_activities(IncidentActivities { services: world.services() }).build()
}

fn record() -> RecordRollback {
    let at = Timestamp::from_unix_millis(1_800_000_000_000).unwrap();
    RecordRollback {
        workflow_id: "deploy-42".into(),
        deployment: deployment("d-42", &"c0ffee0".into()),
        version: "v42".into(),
        previous: LiveVersion {
            deployment_id: "d-41".into(),
            version: "v41".into(),
            commit: "beef000".into(),
            since: at.minus(Millis::from_hours(1)),
        },
        cause: RollbackCause {
            trigger: None,
            reason: "errors\n# <b>all over</b> \u{202e}".to_owned(),
            actor: Actor::new("grace", Via::Console),
            at,
        },
        steps: Vec::new(),
        verified_at: None,
    }
}

fn files(world: &World) -> (Incident, String) {
    let folder = world.path("records").join("incidents");
    let json = serde_json::from_slice(&fs::read(folder.join("d-42.json")).unwrap()).unwrap();
    (json, fs::read_to_string(folder.join("d-42.md")).unwrap())
}

#[tokio::test]
async fn one_incident_a_deployment_however_often_it_is_asked_for() {
    let world = World::new();
    let activities = environment(&world);
    let opened = activities.run(IncidentActivities::create_incident_ticket, record()).await.unwrap();
    let (first, text) = files(&world);
    assert_eq!((first.id.as_str(), first.escalation_level), (opened.incident_id.as_str(), 4));
    assert!(text.contains("The rollback is running."), "{text}");
    assert!(text.contains("grace") && !text.contains("\n# \\<b") && !text.contains('\u{202e}'), "{text}");

    // The second attempt of another worker, with another reason: the first stands.
    let mut later = record();
    later.cause.reason = "something else".to_owned();
    activities.run(IncidentActivities::create_incident_ticket, later).await.unwrap();
    assert_eq!(files(&world).0, first);
    assert_eq!(fs::read_dir(world.path("records").join("incidents")).unwrap().count(), 2);
}

#[tokio::test]
async fn how_it_went_is_added_once() {
    let world = World::new();
    let activities = environment(&world);
    let mut done = record();
    done.cause.trigger = Some(Trigger::ErrorRate);
    done.verified_at = Some(done.cause.at.plus(Millis(2500)));
    done.steps = vec![StepReport {
        step: RollbackStep::Code,
        status: StepStatus::Done { detail: "abc1234 restores beef000".to_owned() },
        started_at: None,
        ended_at: None,
    }];
    // Also when opening it never worked.
    let ticket = activities.run(IncidentActivities::document_rollback, done.clone()).await.unwrap();
    let (incident, text) = files(&world);
    assert_eq!(incident.id, ticket.incident_id);
    assert!(text.contains("1. code to previous commit: done: abc1234 restores beef000"), "{text}");
    assert!(text.contains("v41 was seen serving again") && text.contains("2.5 s after"), "{text}");
    assert!(text.contains("the trigger \"error rate\""), "{text}");

    activities.run(IncidentActivities::document_rollback, done).await.unwrap();
    assert_eq!(files(&world).0, incident);
    // Killed between the two files: the next attempt draws the second again.
    let page = world.path("records").join("incidents").join("d-42.md");
    fs::remove_file(&page).unwrap();
    activities.run(IncidentActivities::create_incident_ticket, record()).await.unwrap();
    assert_eq!(fs::read_to_string(&page).unwrap(), text);
}

#[tokio::test]
async fn an_unreadable_record_is_never_written_over() {
    let world = World::new();
    let folder = world.path("records").join("incidents");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("d-42.json"), "a person's notes").unwrap();
    let (kind, message) = failure(environment(&world).run(IncidentActivities::create_incident_ticket, record()).await);
    assert_eq!(kind, None);
    assert!(message.contains("d-42.json"), "{message}");
    assert_eq!(fs::read_to_string(folder.join("d-42.json")).unwrap(), "a person's notes");
}
