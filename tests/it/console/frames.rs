//! Whole frames of the screens that list things, at the three sizes people have.

use std::collections::BTreeMap;

use gatewatch::console::effect::{Effect, Interest};
use gatewatch::console::event::{Answer, Overview};
use gatewatch::console::guide::Guide;
use gatewatch::contracts::clock::Millis;
use gatewatch::contracts::delivery::DeploymentStage;
use gatewatch::contracts::evidence::FailingCheck;
use gatewatch::contracts::gate::OnDeadline;
use gatewatch::contracts::health::HealthStatus;
use gatewatch::contracts::phase::{Phase, PhaseStatus};
use gatewatch::contracts::workflow::{
    ExecutionStatus, HeldUp, WorkflowCounts, WorkflowDetail, WorkflowPage, WorkflowRow,
};

use crate::console::deployment::fixture::{Story, checkout};
use crate::console::drive::Driven;
use crate::console::rig::at;
use crate::console::world::{live, overview, row, waiting};

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 36), (200, 50)];

fn gates() -> Vec<WorkflowRow> {
    let mut production = waiting("prod-checkout-42", "5d2c0000000091aa");
    let mut plan = waiting("plan-feat-88", "77aa01");
    let mut review = waiting("dev-feat-88", "77aa02");
    let open = |row: &mut WorkflowRow, title: &str, opened: u64, deadline: i64, then: OnDeadline| {
        let gate = &mut row.published.as_mut().unwrap().gates[0];
        title.clone_into(&mut gate.title);
        gate.opened_at = at(0).minus(Millis::from_secs(opened));
        let late = Millis::from_secs(deadline.unsigned_abs());
        gate.deadline = Some(if deadline < 0 { at(200).minus(late) } else { at(200).plus(late) });
        gate.then = then;
        if let Some(evidence) = &mut gate.evidence {
            evidence.collected_at = at(20);
        }
    };
    open(&mut production, "production approval", 240, 258_960, OnDeadline::Reject);
    open(&mut plan, "plan approval", 7200, 165_600, OnDeadline::Escalate);
    open(&mut review, "code review", 93_600, -7200, OnDeadline::Escalate);
    let evidence = production.published.as_mut().unwrap().gates[0].evidence.as_mut().unwrap();
    evidence.failing.push(FailingCheck {
        title: "lighthouse performance".to_owned(),
        critical: false,
        detail: "81 < 90".to_owned(),
    });
    evidence.failed = 2;
    for row in [&mut plan, &mut review] {
        row.environment = None;
        row.workflow_type = "FeatureWorkflow".into();
        row.published.as_mut().unwrap().gates[0].evidence = None;
    }
    vec![production, plan, review]
}

fn troubled() -> Vec<WorkflowRow> {
    let mut failed = row("deploy-search-v7", "ProductionDeploymentWorkflow");
    failed.status = ExecutionStatus::Failed;
    failed.closed_at = Some(at(0).minus(Millis::from_secs(600)));
    let mut back = row("deploy-basket-v12", "ProductionDeploymentWorkflow");
    back.status = ExecutionStatus::Completed;
    back.health = Some(HealthStatus::RolledBack);
    back.closed_at = Some(at(0).minus(Millis::from_secs(1900)));
    vec![failed, back]
}

/// Four minutes into a deployment that begins to fail, with three gates open.
fn busy(width: u16, height: u16) -> Driven {
    let mut console = Driven::new(width, height);
    console.pass(7_400_000);
    let mut detail = checkout(&Story::failing(at(200)));
    detail.row.health = Some(HealthStatus::Degraded);
    let all = Overview { troubled: troubled(), ..overview(gates(), vec![detail.row.clone()]) };
    console.overview(all);
    let id = detail.row.id.clone();
    let answer = Answer::Workflow { id: id.clone(), result: Ok(Box::new(detail)) };
    console.answer(|interest| *interest == Interest::Workflow(id.clone()), answer);
    console
}

fn snapshots(name: &str, keys: &str, prepare: impl Fn(&mut Driven)) {
    for (width, height) in SIZES {
        let mut console = busy(width, height);
        console.keys(keys);
        prepare(&mut console);
        // A moment later everything is still fresh.
        insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!(format!("{name}-{width}x{height}"), console.screen());
        });
    }
}

#[test]
fn now() {
    snapshots("now", "", |_| {});
}

#[test]
fn the_gates() {
    snapshots("gates", "2", |_| {});
}

#[test]
fn the_workflows() {
    snapshots("workflows", "3", |console| {
        let mut rows = gates();
        rows.push(checkout(&Story::failing(at(200))).row);
        rows.extend(troubled());
        let phase = |name: &str, status| Phase { name: name.to_owned(), status, started_at: None, ended_at: None };
        rows[0].published.as_mut().unwrap().phases =
            vec![phase("evidence", PhaseStatus::Done), phase("approval", PhaseStatus::Waiting)];
        for nth in 0..60 {
            let mut theirs = row(&format!("order-{nth:04}"), "OrderWorkflow");
            theirs.started_at = Some(at(0).minus(Millis::from_secs(60 * nth)));
            rows.push(theirs);
        }
        let counts = WorkflowCounts {
            by_status: vec![
                (ExecutionStatus::Running, 64),
                (ExecutionStatus::Completed, 1),
                (ExecutionStatus::Failed, 1),
            ],
            total: 66,
        };
        let query = String::new();
        let watched = |interest: &Interest| matches!(interest, Interest::Workflows { .. });
        let result = Ok(WorkflowPage { rows, next: None });
        console.answer(watched, Answer::Workflows { query: query.clone(), result });
        console.answer(watched, Answer::Counts { query, result: Ok(counts) });
        console.keys("j");
    });
}

/// What matters most about something that fails is when it is rolled back, and which key does it now.
#[test]
fn the_alert_says_what_matters_on_a_narrow_screen() {
    for width in [80, 120, 200] {
        let screen = busy(width, 24).screen();
        let alert = screen.lines().nth(2).unwrap();
        assert!(alert.starts_with("✗ checkout v42") && alert.contains(" · rolls back in 00:13 · R "), "{alert}");
    }
}

/// Nobody is told of a rollback that cannot come: the monitor's worker has gone.
#[test]
fn the_alert_promises_nothing_while_nobody_looks() {
    for width in [80, 120, 200] {
        let mut console = busy(width, 24);
        console.pass(40_000);
        let mut detail = checkout(&Story::failing(at(240)));
        detail.row.health = Some(HealthStatus::Degraded);
        console.describe(detail);
        let screen = console.screen();
        let alert = screen.lines().nth(2).unwrap();
        assert!(alert.contains(" · not watched for 42s · R ") && !alert.contains("rolls back in"), "{alert}");
        let row = screen.lines().find(|line| line.contains("of 10:00")).unwrap();
        assert!(row.contains("▲ not watched"), "{row}");
        console.keys("4RR");
        let screen = console.screen();
        let alert = screen.lines().nth(2).unwrap();
        assert!(!alert.contains(" · R now"), "it was pressed: {alert}");
        assert!(screen.contains("rollback sent, it runs as soon as a worker takes it"), "{screen}");
        assert!(!screen.contains("no worker takes it up"), "that the monitor is silent does not say so: {screen}");
    }
}

/// A list has only what was published: whether somebody looks, the overview saw. One word everywhere.
#[test]
fn no_list_calls_watched_what_nobody_watches() {
    for (width, height) in SIZES {
        let mut console = Driven::new(width, height);
        console.pass(7_400_000);
        let row = checkout(&Story::quiet(at(192))).row;
        let quiet = overview(Vec::new(), vec![row.clone()]);
        let looked_at = |found| BTreeMap::from([(row.run_id.clone(), found)]);
        let no_look = Some(HeldUp::NoLook(Millis::from_secs(40)));
        console.overview(Overview { looked_at: looked_at(no_look), ..quiet.clone() });
        let alert = console.screen().lines().nth(2).unwrap().to_owned();
        assert!(alert.starts_with("✗ checkout v42 → production: no look for 40s: the monitor's worker"), "{alert}");
        let standing = |console: &Driven| {
            let screen = console.screen();
            let line = screen.lines().skip(3).find(|line| line.contains("checkout")).unwrap().to_owned();
            (line.contains("▲ not watched"), line.contains("● watching"))
        };
        assert_eq!(standing(&console), (true, false), "{}", console.screen());
        console.keys("3");
        let result = Ok(WorkflowPage { rows: vec![row.clone()], next: None });
        let answer = Answer::Workflows { query: String::new(), result };
        console.answer(|interest| matches!(interest, Interest::Workflows { .. }), answer);
        assert_eq!(standing(&console), (true, false), "{}", console.screen());
        // The word on screen is found, and what was published of it is not on screen.
        console.keys("/'not 'watched<enter>");
        assert!(console.screen().contains("▲ not watched"), "{}", console.screen());
        console.keys("/<C-u>'watching<enter>");
        assert!(!console.screen().contains("deploy-checkout-v42"), "{}", console.screen());
        console.keys("/<esc>");
        // A look that fails is no good news.
        console.overview(quiet.clone());
        assert_eq!(standing(&console), (true, false), "{}", console.screen());
        console.overview(Overview { looked_at: looked_at(None), ..quiet.clone() });
        assert_eq!(standing(&console), (false, true), "{}", console.screen());
        console.overview(quiet);
        assert_eq!(standing(&console), (false, true), "{}", console.screen());
        assert!(!console.screen().contains("no look"), "{}", console.screen());
    }
}

/// So does a trigger that arms, which no list has; a rollback that was published since is newer.
#[test]
fn what_nobody_looked_at_this_time_stands_as_it_was_seen() {
    let mut console = Driven::new(120, 36);
    let degraded = live("deploy-search-7", HealthStatus::Degraded);
    let looked_at = BTreeMap::from([(degraded.run_id.clone(), None)]);
    console.overview(Overview { looked_at, ..overview(Vec::new(), vec![degraded]) });
    let mut listed = |health| {
        console.overview(overview(Vec::new(), vec![live("deploy-search-7", health)]));
        console.model.live()[0].health
    };
    assert_eq!(listed(HealthStatus::Watching), Some(HealthStatus::Degraded));
    assert_eq!(listed(HealthStatus::RollingBack), Some(HealthStatus::RollingBack));
    assert_eq!(listed(HealthStatus::Watching), Some(HealthStatus::Watching));
}

/// The worst first: what goes on is calmer than what nobody works on, and of that production comes first, then the longest.
#[test]
fn what_nobody_works_on_is_not_hidden_by_a_rollback_that_goes_on() {
    let mut console = Driven::new(120, 36);
    let rolling = live("deploy-calm-1", HealthStatus::RollingBack);
    let silent = |id: &str| live(id, HealthStatus::Watching);
    let staging = WorkflowRow { environment: Some("staging".into()), ..silent("deploy-staging-2") };
    let all = overview(Vec::new(), vec![rolling, staging, silent("deploy-short-3"), silent("deploy-long-4")]);
    let alert = |console: &Driven| console.screen().lines().nth(2).unwrap().to_owned();
    let fine = all.live.iter().map(|row| (row.run_id.clone(), None));
    console.overview(Overview { looked_at: fine.collect(), ..all.clone() });
    assert!(alert(&console).contains("deploy-calm-1 is rolling back"), "{}", alert(&console));
    console.asked();

    let late =
        [None, Some(600), Some(40), Some(90)].map(|late| late.map(|late| HeldUp::NoLook(Millis::from_secs(late))));
    let looked_at = all.live.iter().map(|row| row.run_id.clone()).zip(late).collect();
    let held_up = Overview { looked_at, ..all };
    console.overview(held_up.clone());
    assert!(alert(&console).starts_with("✗ deploy-long-4: no look for 1m"), "{}", alert(&console));
    let told = |effects: Vec<Effect>| -> Vec<(String, String)> {
        let notice = |effect| match effect {
            Effect::Notify(notice) => Some((notice.title, notice.body)),
            _ => None,
        };
        effects.into_iter().filter_map(notice).collect()
    };
    let news = told(console.asked());
    let expected = ["deploy-staging-2", "deploy-short-3", "deploy-long-4"]
        .map(|id| ("Nobody watches a live deployment".to_owned(), id.to_owned()));
    assert_eq!(news, expected);
    console.overview(held_up);
    assert_eq!(told(console.asked()), [], "once is enough");
}

/// A rollback that is stuck wants a person, whether or not a worker is there for its next attempt.
#[test]
fn a_stuck_rollback_is_called_stuck_everywhere() {
    let mut console = Driven::new(120, 36);
    let stuck = live("deploy-search-7", HealthStatus::Stuck);
    let looked_at = BTreeMap::from([(stuck.run_id.clone(), Some(HeldUp::NoWorker(Millis::from_secs(40))))]);
    console.overview(Overview { looked_at, ..overview(Vec::new(), vec![stuck]) });
    let screen = console.screen();
    assert!(screen.lines().nth(2).unwrap().contains("the rollback is stuck and wants a person"), "{screen}");
    assert!(screen.contains("✗ stuck") && !screen.contains("no worker"), "{screen}");
}

/// The server counts a worker that died for a minute more: what nobody takes says so sooner, and nothing else does.
#[test]
fn a_worker_that_takes_no_work_is_a_question() {
    for (width, words) in [(80, "1 worker?   "), (120, "1 worker? polled 40s ago   ")] {
        let mut console = Driven::with(width, 24, |profile| profile.coordinator = true);
        let all = Overview { workers: Some(1), ..overview(Vec::new(), Vec::new()) };
        console.overview(all.clone());
        let header = |console: &Driven| console.screen().lines().next().unwrap().to_owned();
        assert!(header(&console).contains("1 worker   "), "{}", header(&console));
        console.overview(Overview { polled_at: Some(console.now.minus(Millis::from_secs(40))), ..all });
        assert!(header(&console).contains(words), "{}", header(&console));
    }
}

/// In a list the key means what fails, and the last line says which that is.
#[test]
fn the_key_that_rolls_back_means_the_deployment_that_fails() {
    for screen in ["1", "2"] {
        let mut console = busy(120, 36);
        let mut other = checkout(&Story::quiet(at(192))).row;
        other.id = "deploy-basket-v9".into();
        let deployment = other.published.as_mut().unwrap().deployment.as_mut().unwrap();
        (deployment.service, deployment.version) = ("basket".into(), "v9".into());
        let failing = console.model.live()[0].clone();
        console.overview(Overview { ..overview(gates(), vec![other, failing]) });
        console.keys(screen);
        for _ in 0..5 {
            let shown = console.screen();
            assert!(shown.lines().last().unwrap().contains("R roll back checkout v42"), "{shown}");
            console.keys("j");
        }
        // Nor does it turn to a healthy one while the rollback runs.
        let mut rolling = console.model.live()[1].clone();
        rolling.health = Some(HealthStatus::RollingBack);
        let other = console.model.live()[0].clone();
        console.overview(overview(gates(), vec![other, rolling.clone()]));
        console.describe(WorkflowDetail { row: rolling, ..checkout(&Story::rolling(at(201))) });
        let shown = console.screen();
        assert!(!shown.lines().last().unwrap().contains("basket"), "{shown}");
        console.keys("R");
        assert!(console.screen().contains("┏ deploy-checkout-v42 ·"), "{}", console.screen());
    }
}

/// The second press must mean the first one: whoever pressed something else meanwhile has turned to that.
#[test]
fn a_rollback_that_was_shown_is_sent_only_by_the_next_press() {
    for other in ["a", "w", "p<esc>"] {
        let mut console = busy(120, 36);
        console.keys("4R");
        assert!(console.screen().contains("R rolls back now"), "{}", console.screen());
        console.keys(other);
        assert!(!console.screen().contains("R rolls back now"), "after {other}:\n{}", console.screen());
        console.asked();
        console.keys("R");
        let sent = console.asked().into_iter().any(|effect| matches!(effect, Effect::Mutate(_)));
        assert!(!sent, "after {other} the next R shows it again");
        assert!(console.screen().contains("R rolls back now"), "{}", console.screen());
    }
    for look in ["?<esc>", ":<esc>"] {
        let mut console = busy(120, 36);
        console.keys("4R");
        console.keys(look);
        console.keys("R");
        let sent = console.asked().into_iter().any(|effect| matches!(effect, Effect::Mutate(_)));
        assert!(sent, "{look} changes nothing");
    }
}

/// A deployment that was rolled back completed, as Temporal sees it; nobody must read that as a success.
#[test]
fn a_deployment_that_was_rolled_back_says_so_in_the_list() {
    let mut console = busy(120, 36);
    console.keys("3");
    let query = String::new();
    let result = Ok(WorkflowPage { rows: troubled(), next: None });
    let watched = |interest: &Interest| matches!(interest, Interest::Workflows { .. });
    console.answer(watched, Answer::Workflows { query, result });
    let screen = console.screen();
    assert!(screen.contains("↺ rolled back") && !screen.contains("completed"), "{screen}");
}

/// The demo's guide follows the world: somebody may have approved and broken it from another terminal.
#[test]
fn the_guide_goes_on_whoever_did_the_deed() {
    let mut console = Driven::new(120, 36);
    console.pass(7_400_000);
    console.model.guide = Some(Guide::Open);
    let mut gates = gates();
    gates[0].published.as_mut().unwrap().service = Some("checkout".into());
    console.overview(overview(gates, Vec::new()));
    assert_eq!(console.model.guide, Some(Guide::Approve));
    let live = |console: &mut Driven, stage, health| {
        let mut row = checkout(&Story::quiet(at(192))).row;
        row.published.as_mut().unwrap().deployment.as_mut().unwrap().stage = stage;
        row.health = Some(health);
        console.overview(overview(Vec::new(), vec![row]));
    };
    live(&mut console, DeploymentStage::Deploying, HealthStatus::Watching);
    assert_eq!(console.model.guide, Some(Guide::Wait));
    console.model.guide = Some(Guide::Open);
    live(&mut console, DeploymentStage::Monitoring, HealthStatus::Watching);
    assert_eq!(console.model.guide, Some(Guide::Break));
    live(&mut console, DeploymentStage::Monitoring, HealthStatus::Degraded);
    assert_eq!(console.model.guide, Some(Guide::RollBack));
    live(&mut console, DeploymentStage::RollingBack, HealthStatus::RollingBack);
    assert_eq!(console.model.guide, Some(Guide::Watch));
}

/// In the world of the last demo the story was told: what is under way in it is followed, and nothing else is promised.
#[test]
fn the_guide_promises_no_gate_in_a_world_that_was_kept() {
    let mut console = Driven::new(120, 36);
    console.model.guide = Some(Guide::Kept);
    console.overview(overview(Vec::new(), Vec::new()));
    let shown = console.screen();
    assert!(shown.contains("The last demo's world, as it was left: nothing new begins in it."), "{shown}");
    let mut gates = gates();
    gates[0].published.as_mut().unwrap().service = Some("checkout".into());
    console.overview(overview(gates, Vec::new()));
    assert_eq!(console.model.guide, Some(Guide::Approve), "one that waited still does");
}
