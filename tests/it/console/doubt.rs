//! What is promised, and for how long: a rollback that does not come, one that waits, what nobody looks at, how long
//! something took.

use std::collections::BTreeMap;

use gatewatch::cli::changes::between;
use gatewatch::console::effect::{Effect, Interest};
use gatewatch::console::event::{Event, Overview};
use gatewatch::contracts::clock::Millis;
use gatewatch::contracts::failure::{Failure, FailureKind};
use gatewatch::contracts::health::{HealthStatus, Trigger};
use gatewatch::contracts::workflow::WorkflowDetail;

use crate::console::deployment::fixture::{Story, checkout};
use crate::console::drive::Driven;
use crate::console::rig::at;
use crate::console::world::{described, live, overview};

/// Two seconds after the last look, which found that a rollback is due in one.
fn degraded(width: u16, height: u16) -> (Driven, WorkflowDetail) {
    let mut console = Driven::new(width, height);
    console.pass(7_400_000);
    let failing = Some((Trigger::ErrorRate, 1, 2, Millis::from_secs(3)));
    let mut detail = each_second(checkout(&Story { failing, ..Story::failing(at(200)) }));
    detail.row.health = Some(HealthStatus::Degraded);
    console.overview(overview(Vec::new(), vec![detail.row.clone()]));
    console.describe(detail.clone());
    (console, detail)
}

/// As the demo is watched.
fn each_second(mut detail: WorkflowDetail) -> WorkflowDetail {
    detail.health.as_mut().unwrap().interval_ms = Millis::from_secs(1);
    detail
}

/// So much later, with nothing new from the server, which answers.
fn still(console: &mut Driven, detail: &WorkflowDetail, millis: i64) -> String {
    console.pass(millis);
    let same = console.same(&Interest::Workflow(detail.row.id.clone()));
    console.event(same);
    console.screen()
}

/// The worker is killed in the middle of a countdown: nothing is promised beyond the moment at which it was due.
#[test]
fn a_rollback_that_does_not_come_is_overdue_once_its_look_is_late() {
    for (width, height) in [(80, 24), (120, 36)] {
        for keys in ["1", "4"] {
            let (mut console, detail) = degraded(width, height);
            console.keys(keys);
            let shown = console.screen();
            assert!(shown.contains("rolls back in 00:01"), "{shown}");
            let shown = still(&mut console, &detail, 800);
            let due = ["rollback at next look", "rollback at the next look"];
            assert!(due.iter().any(|due| shown.contains(due)), "it may be on its way:\n{shown}");
            let shown = still(&mut console, &detail, 1500);
            assert!(shown.contains("rollback overdue 1s: "), "no look has come either:\n{shown}");
            assert!(!shown.contains("rolls back in") && !shown.contains("rollback in"), "{shown}");
            let shown = still(&mut console, &detail, 700);
            assert!(shown.contains("not watched for 5s") && !shown.contains("overdue"), "{shown}");
        }
    }
}

/// Where the countdown is longer than a look may be late, the doubt is told before its end; and counts nothing down.
#[test]
fn a_look_that_is_late_puts_the_countdown_in_doubt() {
    let (mut console, _) = degraded(120, 36);
    let mut detail = each_second(checkout(&Story::failing(at(200))));
    detail.row.health = Some(HealthStatus::Degraded);
    console.describe(detail.clone());
    console.keys("4");
    assert!(console.screen().contains("▲ 1/2, 00:13"), "{}", console.screen());
    let shown = still(&mut console, &detail, 2500);
    assert!(shown.contains("· next look is late · R now · whether it rolls back"), "{shown}");
    assert!(shown.contains("automatic rollback in doubt: the next look is late"), "{shown}");
    assert!(shown.contains("▲ 1/2 ") && !shown.contains("1/2, "), "{shown}");
    assert!(!shown.contains("rolls back in"), "{shown}");
}

/// The alert line is for one deployment; each row says it of its own.
#[test]
fn the_row_of_a_deployment_says_that_its_rollback_waits() {
    for (width, height) in [(80, 24), (120, 36)] {
        let mut console = Driven::new(width, height);
        console.pass(7_440_000);
        let quiet = checkout(&Story::quiet(at(240)));
        console.overview(overview(Vec::new(), vec![quiet.row.clone()]));
        console.describe(quiet.clone());
        let row = |console: &Driven| {
            let screen = console.screen();
            let row = screen.lines().find(|line| line.contains("▸checkout v42")).unwrap_or_default();
            assert!(!row.is_empty(), "{screen}");
            row.to_owned()
        };
        assert!(row(&console).contains("not watched"), "{}", row(&console));
        console.keys("RR");
        let sent = console.asked();
        let [Effect::Mutate(mutation)] = sent.as_slice() else { panic!("{sent:?}") };
        console.keys("1");
        assert!(row(&console).contains("◌ to roll back"), "{}", row(&console));
        // The list is asked again and knows of nothing.
        console.overview(overview(Vec::new(), vec![quiet.row.clone()]));
        assert!(row(&console).contains("◌ to roll back"), "{}", row(&console));

        let failure = Failure::new(FailureKind::Unavailable, "no answer", "");
        console.event(Event::Mutated { id: mutation.id().to_owned(), result: Err(failure) });
        assert!(row(&console).contains("not watched"), "it was not sent: {}", row(&console));
        console.keys("RR1");
        assert!(row(&console).contains("◌ to roll back"), "{}", row(&console));
        let rolling = checkout(&Story::rolling(at(240)));
        console.describe(rolling.clone());
        assert!(!row(&console).contains("to roll back"), "it has begun: {}", row(&console));
        console.overview(overview(Vec::new(), vec![rolling.row]));
        console.overview(overview(Vec::new(), vec![quiet.row.clone()]));
        assert!(!row(&console).contains("to roll back"), "another one under the same id: {}", row(&console));
    }
}

/// Beyond the first few nobody looks at each deployment: what is shown of the others is marked.
#[test]
fn what_nobody_looks_at_is_told_as_last_published() {
    for (width, height) in [(80, 24), (120, 36)] {
        let mut rows: Vec<_> = (0..10).map(|nth| live(&format!("deploy-{nth}"), HealthStatus::Watching)).collect();
        rows[9].health = Some(HealthStatus::Degraded);
        let looked_at: BTreeMap<_, _> = rows.iter().take(8).map(|row| (row.run_id.clone(), None)).collect();
        let mut console = Driven::new(width, height);
        let all = Overview { looked_at, ..overview(Vec::new(), rows.clone()) };
        console.overview(all.clone());
        let shown = console.screen();
        let row = |nth: usize| {
            let id = format!("deploy-{nth} ");
            shown.lines().find(|line| line.starts_with('┃') && line.contains(&id)).unwrap_or_default()
        };
        assert!(shown.contains("What needs somebody now · 2 of 10 live as last published: ?"), "{shown}");
        assert!(row(7).contains("● watching"), "{shown}");
        assert!(row(8).contains("? watching") && row(9).contains("? degraded"), "{shown}");

        // What the alert tells of is looked at each second, and stays so between two lists.
        console.describe(described(rows[9].clone()));
        console.pass(1000);
        console.overview(all);
        let shown = console.screen();
        assert!(shown.contains("1 of 10 live as last published") && shown.contains("▲ degraded"), "{shown}");

        console.overview(overview(Vec::new(), rows[..8].to_vec()));
        let shown = console.screen();
        assert!(shown.contains("What needs somebody now ") && !shown.contains("as last published"), "{shown}");
    }
}

/// Whatever tells of it, it took equally long.
#[test]
fn how_long_a_rollback_took_is_the_same_on_the_screen_and_in_lines() {
    let before = checkout(&Story::rolling(at(207)));
    let mut story = Story::verified(at(250));
    story.progress().verified_at = Some(at(212).plus(Millis(700)));
    let after = checkout(&story);
    let lines = between(Some(&before), &after, at(250));
    let said: Vec<_> = lines.into_iter().map(|change| change.text).collect();
    assert!(said.iter().any(|text| text.ends_with("serves again, after 11 s")), "{said:?}");

    let mut console = Driven::new(120, 36);
    console.pass(7_450_000);
    console.overview(overview(Vec::new(), vec![after.row.clone()]));
    console.keys("4");
    console.describe(after);
    assert!(console.screen().contains("· 11 s after mira asked"), "{}", console.screen());
}
