//! The deployment screen, from quiet to rolled back.

pub(super) mod fixture;

use gatewatch::cli::changes::between;
use gatewatch::console::action::Action;
use gatewatch::console::effect::Effect;
use gatewatch::console::event::{Answer as World, Input};
use gatewatch::console::key::KeyPress;
use gatewatch::console::screen::{Beat, Focus, Place};
use gatewatch::console::screens::deployment::state::{Asked, State};
use gatewatch::console::screens::deployment::update::{can, update};
use gatewatch::console::screens::deployment::view::{title, view};
use gatewatch::console::theme::role::Role;
use gatewatch::contracts::clock::{Millis, Timestamp};
use gatewatch::contracts::delivery::DeploymentStage;
use gatewatch::contracts::failure::{Failure, FailureKind};
use gatewatch::contracts::http::RollbackOutcome;
use gatewatch::contracts::mutation::{Done, Mutation};
use gatewatch::contracts::rollback::StepStatus;
use gatewatch::contracts::workflow::{ExecutionStatus, WorkflowDetail};

use self::fixture::{Story, checkout};
use super::rig::{Rig, at};
use super::world::overview;

/// The screen on the bench.
struct Screen {
    rig: Rig,
    state: State,
}

impl Screen {
    fn new(width: u16, height: u16) -> Self {
        let mut screen = Self { rig: Rig::new(width, height), state: State::default() };
        let place = Place::Deployment(Some("deploy-checkout-v42".into()));
        update(&mut screen.state, Input::Opened(&place), &screen.rig.ctx());
        screen
    }

    fn sees(&mut self, story: &Story) -> &mut Self {
        self.learns(checkout(story), story.now)
    }

    fn learns(&mut self, detail: WorkflowDetail, now: Timestamp) -> &mut Self {
        self.rig.now = now;
        let answer = self.rig.learn(detail);
        update(&mut self.state, Input::Answer(&answer), &self.rig.ctx());
        self
    }

    fn press(&mut self, action: Action) -> Vec<Effect> {
        update(&mut self.state, Input::Action(action), &self.rig.ctx())
    }

    fn picture(&self, name: &str) -> String {
        let ctx = self.rig.ctx();
        let title = title(&self.state, &ctx);
        self.rig.picture(name, &title, |ctx, theme, frame, area| view(&self.state, ctx, theme, frame, area))
    }
}

/// The line that says how it stands.
fn standing(screen: &Screen) -> String {
    screen.picture("standing").lines().nth(2).unwrap().trim_matches(['┃', ' ']).to_owned()
}

#[test]
fn a_quiet_deployment_at_80_columns() {
    let mut screen = Screen::new(80, 22);
    screen.sees(&Story::quiet(at(192)));
    insta::assert_snapshot!(screen.picture("quiet"), @r"
    ┏ deploy-checkout-v42 · ProductionDeploymentWorkflow ━━━━━━━━━━━━━━━━━━━━━━━━━━┓
    ┃ checkout v42 → production   live 03:00 of 10:00  ▕█████░░░░░░░░░░░░░▏ 30%    ┃
    ┃ ✓ all quiet: 90 looks, one every 2s, all triggers within their limits        ┃
    ┃ error rate %  now 2.9  limit 6.3 (3×)  p95 ms  now 218  limit 950 (5×)       ┃
    ┃ 8┤┊                                    1000┤┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄ limit ┃
    ┃  │┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄ limit      │┊                                ┃
    ┃  │┊                                        │┊                                ┃
    ┃ 4┤┊                                     500┤┊                                ┃
    ┃  │┊⣰⡆⣠⢶⢀⣶⢀⡴⡆ ⡆⣠⢶⢠⢶⢀⡴⡆⡴⡆⣠⢶⢠⢶⢀⡴⡆⡴            │┊                                ┃
    ┃  │⠼⠁⠷⠃⠸⠏⠸⠞·⠷·⠷⠃⠸⠏⠸⠞·⠿⠁⠷⠃⠸⠋⠸⠞·⠟⠁ base       │⠤⠖⠦⠖⠦⠖⠦⠖⠦⠐⠦⠖⠦⠖⠦⠖⠦⠖⠦⠖⠦⠖⠦⠖⠦⠖ base  ┃
    ┃ 0┤┊                                       0┤┊                                ┃
    ┃   14:00:12 deploy      14:03:10             14:00:12 deploy   14:03:10       ┃
    ┃ TRIGGER              NOW            STATE      live        ✓ v42 9f31c2e     ┃
    ┃ database migration   applied        ✓ ok       previous    v41 9b7d00f       ┃
    ┃ deployment           serving        ✓ ok       backup      verified 14:00:03 ┃
    ┃ health endpoint      answers 200    ✓ ok       migrations  2, all reversible ┃
    ┃ error rate           0.9× (1.9 %)   ✓ ok       rollback    READY ~40s        ┃
    ┃ response time        2.2× (410 ms)  ✓ ok       decided by  mira 13:58Z       ┃
    ┃ user acceptance      not run yet    ? not yet              (evidence         ┃
    ┃ P0/P1 bug            none reported  ✓ ok                   5d2c…91)          ┃
    ┃ database connection  reached        ✓ ok                                     ┃
    ┗━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┛
    ");
}

#[test]
fn a_failing_deployment_with_the_way_back_below() {
    let mut screen = Screen::new(120, 33);
    screen.sees(&Story::failing(at(200)));
    insta::assert_snapshot!(screen.picture("failing"), @r"
    ┏ deploy-checkout-v42 · ProductionDeploymentWorkflow ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┓
    ┃ checkout v42 → production   live 03:08 of 10:00  ▕██████░░░░░░░░░░░░▏ 31%                                            ┃
    ┃ ▲ error rate 3.4× (7.2 %) · automatic rollback in 00:13 · R now · 1 of 2, limit > 3× (6.3 %)                         ┃
    ┃ error rate %  now 7.5 ▲  limit 6.3 (3×)  base 2.1          p95 ms  now 410  limit 950 (5×)  base 190                 ┃
    ┃ 8┤┊                                               ⢠        1000┤┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄ limit ┃
    ┃  │┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄⡼ limit      │┊                                                    ┃
    ┃  │┊                                              ⢠⠇            │┊                                                    ┃
    ┃  │┊                                              ⣸             │┊                                                    ┃
    ┃ 4┤┊  ⣀   ⣀  ⢀⡀  ⣀  ⢀⡀  ⢀⡀  ⣀  ⢀⡀  ⢀⡀  ⣀  ⢀⡀  ⢀⡀ ⢀⡇          500┤┊                                            ⢠       ┃
    ┃  │·⣠⠞⢹⢀⡴⠚⢹⢀⡴⠋⡇⣠⠞⢹···⢧⢀⡴⠋⡇⣠⠞⢹⢀⡴⠋⡇⣀⡴⠋⡇⣠⠞⢹⢀⡴⠋⡇⣠⠖⠋⡇⣠⣼·· base       │┊                                          ⢀⡴⠋       ┃
    ┃  │⠚⠁ ⠘⠋  ⠘⠋  ⠛⠁ ⠘⠃  ⠘⠋  ⠛⠁ ⠘⠋  ⠛⠁  ⠛⠁ ⠘⠋  ⠛⠁  ⠛⠁               │⠒⠒⠋⠙⠒⠚⠉⠓⠒⠋⠙⠒⠋⠙⠂·⠈⠓⠒⠋⠙⠒⠚⠉⠓⠒⠋⠙⠒⠚⠉⠓⠒⠋⠓⠒⠋⠙⠒⠚⠉⠓⠒⠚·· base  ┃
    ┃ 0┤┊                                                           0┤┊                                                    ┃
    ┃   14:00:12 deploy                          14:03:18             14:00:12 deploy                       14:03:18       ┃
    ┃ TRIGGER              NOW               LIMIT             STATE           live        ✓ v42 9f31c2e                   ┃
    ┃ database migration   applied           any failure       ✓ ok            previous    v41 9b7d00f                     ┃
    ┃ deployment           serving           any failure       ✓ ok            backup      verified 14:00:03               ┃
    ┃ health endpoint      answers 200       > 3 in a row      ✓ ok            migrations  2, all reversible               ┃
    ┃ error rate           3.4× (7.2 %)      > 3× (6.3 %)      ▲ 1/2, 00:13    rollback    READY ~40s                      ┃
    ┃ response time        2.2× (410 ms)     > 5× (950 ms) f…  ✓ ok            decided by  mira 13:58Z (evidence 5d2c…91)  ┃
    ┃ user acceptance      not run yet       critical journey  ? not yet                                                   ┃
    ┃ P0/P1 bug            none reported     any P0 or P1      ✓ ok                                                        ┃
    ┃ database connection  reached           3 in a row        ✓ ok                                                        ┃
    ┃                                                                                                                      ┃
    ┃ The way back  checkout v42 → v41                                                                                     ┃
    ┃ · 1 roll back database migrations  0042_add_retry, 0041_idx (reversible)                                             ┃
    ┃ · 2 code to previous commit        9b7d00f                                                                           ┃
    ┃ · 3 deploy previous version        v41                                                                               ┃
    ┃ · 4 verify it serves               it answers, and says it is v41                                                    ┃
    ┃ · 5 watch until healthy            a few good looks in a row                                                         ┃
    ┃ · 6 document the reason            rollback commit, incident note                                                    ┃
    ┃ R shows this and asks; nothing happens before you press it again                                                     ┃
    ┃                                                                                                                      ┃
    ┗━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┛
    ");
}

#[test]
fn a_stuck_rollback_says_what_is_tried_and_what_a_person_can_do() {
    let mut screen = Screen::new(80, 22);
    screen.sees(&Story::failing(at(198)));
    screen.press(Action::RollBack);
    screen.rig.now = at(200);
    screen.press(Action::RollBack);
    screen.sees(&Story::stuck(at(240)));
    insta::assert_snapshot!(screen.picture("stuck"), @r"
    ┏ deploy-checkout-v42 · ProductionDeploymentWorkflow ━━━━━━━━━━━━━━━━━━━━━━━━━━┓
    ┃ checkout v42 ↺ v41 → production                                              ┃
    ┃ ✗ stuck at step 3 of 6, deploy previous version · 00:40 since you pressed R  ┃
    ┃ error rate %  was 7.5 ▲  limit 6.3     p95 ms  was 410  limit 950 (5×)       ┃
    ┃ 8┤┊                           ⢠        1000┤┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄ limit ┃
    ┃  │┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄⡞ limit      │┊                                ┃
    ┃  │┊                           ⡇            │┊                                ┃
    ┃ 4┤┊                          ⢰⠃         500┤┊                                ┃
    ┃  │┊⡴⡆⣰⢲⣠⢶⢠⢶ ⢰⢀⡴⡆⡴⡆⡴⡆⣰⢲⣠⢶⢠⢶⢀⣶⢀⣸             │┊                       ⢀⡞       ┃
    ┃  │⠼⠁⠷⠃⠸⠃⠸⠋⠸⠆⠸⠞·⠟⠁⠿⠁⠷⠃⠸⠃⠸⠏⠸⠏⠸⠞⠉· base       │⠤⠖⠦⠖⠦⠖⠦⠶⠄⠰⠴⠲⠴⠲⠴⠲⠴⠲⠴⠦⠴⠦⠖⠦⠼· base  ┃
    ┃ 0┤┊                                       0┤┊                                ┃
    ┃   14:00:12 deploy      14:03:18             14:00:12 deploy   14:03:18       ┃
    ┃ Rolling back checkout v42 → v41  asked by mira: checkout fails for everybod… ┃
    ┃ ✓ 1 roll back database migrations  2.0s  took back 0042_add_retry, 0041_idx  ┃
    ┃ ✓ 2 code to previous commit        1.0s  6ab1f0e restores 9b7d00f            ┃
    ┃ ✗ 3 deploy previous version        attempt 4, due in 8s: switch 127.0.0.1:4… ┃
    ┃ · 4 verify it serves                                                         ┃
    ┃ · 5 watch until healthy                                                      ┃
    ┃ · 6 document the reason                                                      ┃
    ┃ It is tried until it succeeds. You may start the previous version by hand:   ┃
    ┃ the next attempt finds it serving.                                           ┃
    ┗━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┛
    ");
}

#[test]
fn the_preview_in_a_narrow_terminal() {
    let mut screen = Screen::new(60, 14);
    screen.sees(&Story::failing(at(200)));
    screen.press(Action::RollBack);
    insta::assert_snapshot!(screen.picture("preview"), @r"
    ┏ deploy-checkout-v42 · ProductionDeploymentWorkflow ━━━━━━┓
    ┃ checkout v42 → production   live 03:08 of 10:00  ▕█████… ┃
    ┃ ▲ error rate 3.4× (7.2 %) · automatic rollback in 00:13… ┃
    ┃ error rate %  now 7.5 ▲  limit 6.3 (3×)  base 2.1        ┃
    ┃ Roll back checkout v42 → v41?                            ┃
    ┃ reason                                        (optional) ┃
    ┃ · 1 roll back database migrations  0042_add_retry, 0041… ┃
    ┃ · 2 code to previous commit        9b7d00f               ┃
    ┃ · 3 deploy previous version        v41                   ┃
    ┃ · 4 verify it serves               it answers, and says… ┃
    ┃ · 5 watch until healthy            a few good looks in … ┃
    ┃ · 6 document the reason            rollback commit, inc… ┃
    ┃ R rolls back now   Esc keeps watching   Tab reason   y … ┃
    ┗━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┛
    ");
}

#[test]
fn the_end_is_one_line_that_cannot_be_missed() {
    let mut screen = Screen::new(120, 33);
    screen.sees(&Story::failing(at(198)));
    screen.press(Action::RollBack);
    screen.rig.now = at(200);
    screen.press(Action::RollBack);
    screen.sees(&Story::verified(at(250)));
    let words = "✓ v41 is serving again, verified 14:03:32 · 14 s after detection, 12 s after you pressed R";
    assert_eq!(standing(&screen), words);
    let buffer = screen.rig.buffer("t", |ctx, theme, frame, area| view(&screen.state, ctx, theme, frame, area));
    let style = screen.rig.theme.style(Role::BannerGood);
    assert!((2..118).all(|x| Some(buffer[(x, 2)].bg) == style.bg), "the whole line is lit");
    let whole = screen.picture("verified");
    assert!(whole.contains("taken back  v42 9f31c2e"), "{whole}");
    assert!(whole.contains("database migration   taken back"), "{whole}");
    assert!(!whole.contains("READY"), "there is nothing to be ready for any more:\n{whole}");
    // What led there and how it recovers are one series.
    let samples = &screen.state.seen.as_ref().unwrap().report.samples;
    assert_eq!((samples.len(), samples.last().unwrap().version.as_deref()), (96, Some("v41")));
}

#[test]
fn two_presses_send_one_request_and_a_third_nothing() {
    let mut screen = Screen::new(80, 22);
    screen.sees(&Story::failing(at(200)));
    assert!(!screen.state.confirms(Action::RollBack));
    assert_eq!(screen.press(Action::RollBack), []);
    assert!(screen.state.confirms(Action::RollBack));
    let sent = screen.press(Action::RollBack);
    let Some(Effect::Mutate(mutation)) = sent.first() else { panic!("{sent:?}") };
    let Mutation::Rollback(rollback) = mutation.as_ref() else { panic!("{mutation:?}") };
    assert_eq!(rollback.target.workflow_id.as_str(), "deploy-checkout-v42");
    assert_eq!(
        can(&screen.state, Action::RollBack, &screen.rig.ctx()),
        Err("The rollback is sent already; once is enough.".into())
    );
    assert_eq!(standing(&screen), "↺ rollback sent · 00:00 since you pressed R");

    // It could not be sent: the key sends the same request again, and the clock still counts from the first press.
    let failure = Failure::new(FailureKind::Unavailable, "Temporal does not answer.", "");
    update(&mut screen.state, Input::Mutated(mutation, &Err(failure)), &screen.rig.ctx());
    assert!(standing(&screen).starts_with("✗ rollback not sent · R sends the same request again · Temporal does not"));
    screen.rig.now = at(205);
    let again = screen.press(Action::RollBack);
    assert_eq!(again, sent);
    assert_eq!(standing(&screen), "↺ rollback sent · 00:05 since you pressed R");

    // No worker: the server holds it.
    let doubt = Done::RolledBack { result: RollbackOutcome::InDoubt { request_id: mutation.id().into() } };
    update(&mut screen.state, Input::Mutated(mutation, &Ok(doubt)), &screen.rig.ctx());
    assert!(standing(&screen).starts_with("◌ rollback asked for durably, but no worker has taken it yet"));
}

#[test]
fn a_typed_reason_is_kept_by_escape_and_goes_with_the_request() {
    let mut screen = Screen::new(120, 33);
    screen.sees(&Story::failing(at(200)));
    screen.press(Action::RollBack);
    screen.press(Action::NextPane);
    assert_eq!(screen.state.focus(), Focus::Text);
    for c in "checkout 壊れた R".chars() {
        update(&mut screen.state, Input::Key(KeyPress::char(c)), &screen.rig.ctx());
    }
    screen.press(Action::Back);
    assert_eq!(screen.state.focus(), Focus::Keys);
    screen.press(Action::Back);
    assert_eq!(screen.state.asked, Asked::No);
    screen.press(Action::RollBack);
    assert!(screen.picture("reason").contains("checkout 壊れた R"));
    let sent = screen.press(Action::RollBack);
    let Some(Effect::Mutate(mutation)) = sent.first() else { panic!("{sent:?}") };
    let Mutation::Rollback(rollback) = mutation.as_ref() else { panic!("{mutation:?}") };
    assert_eq!(rollback.reason.as_deref(), Some("checkout 壊れた R"));
}

#[test]
fn a_rollback_begun_by_somebody_else_closes_the_question() {
    let mut screen = Screen::new(90, 22);
    screen.sees(&Story::failing(at(200)));
    screen.press(Action::RollBack);
    screen.press(Action::NextPane);
    screen.sees(&Story::rolling(at(207)));
    assert_eq!((screen.state.asked.clone(), screen.state.focus()), (Asked::No, Focus::Keys));
    assert_eq!(standing(&screen), "↺ rolling back: step 3 of 6, deploy previous version · 00:06 since mira asked");
    assert!(can(&screen.state, Action::RollBack, &screen.rig.ctx()).unwrap_err().contains("already"));
}

#[test]
fn a_rollback_that_is_over_is_told_as_over() {
    let mut screen = Screen::new(90, 22);
    let mut story = Story::verified(at(250));
    screen.sees(&story);
    let why = |screen: &Screen| can(&screen.state, Action::RollBack, &screen.rig.ctx()).unwrap_err();
    assert_eq!(why(&screen), "It is being rolled back already; this screen follows it to the end.");
    story.progress().completed_at = Some(at(240));
    screen.sees(&story);
    assert_eq!(why(&screen), "Rolled back already: v41 verified at 14:03:32.");
}

/// What `watch` tells of the end has the end's own time, and an incident is recorded once the last step has.
#[test]
fn an_incident_is_opened_before_it_is_recorded_and_at_the_time_that_was_published() {
    let told = |status: StepStatus| {
        let mut story = Story::verified(at(250));
        story.step(5).status = status;
        let before = checkout(&story);
        let mut after = before.clone();
        let published = after.row.published.as_mut().unwrap();
        published.incident_id = Some("INC-1".into());
        let all = between(Some(&before), &after, at(900));
        all.into_iter().map(|change| (change.at, change.text)).collect::<Vec<_>>()
    };
    assert_eq!(told(StepStatus::Pending), [(at(250), "opened as INC-1".to_owned())]);
    let done = StepStatus::Done { detail: "incident INC-1".into() };
    assert_eq!(told(done), [(at(250), "recorded as INC-1".to_owned())]);
}

/// The key under the thumb that scrolls must not change what `R` is about.
#[test]
fn a_page_never_leads_to_another_deployment() {
    let mut screen = Screen::new(80, 22);
    let story = Story::quiet(at(192));
    screen.sees(&story);
    let mut other = checkout(&story).row;
    other.id = "deploy-search-7".into();
    let live = vec![checkout(&story).row, other];
    screen.rig.world.apply(&World::Overview(Ok(overview(Vec::new(), live))), at(192));
    for action in [Action::PageDown, Action::PageUp] {
        let why = can(&screen.state, action, &screen.rig.ctx()).unwrap_err();
        assert_eq!(why, "This is all there is. j and k go to another live deployment.");
        assert_eq!(screen.press(action), []);
    }
    let next = Place::Deployment(Some("deploy-search-7".into()));
    assert_eq!(screen.press(Action::CursorDown), [Effect::Go(next)]);
}

/// Old quiet is no quiet.
#[test]
fn what_was_quiet_when_it_was_last_seen_is_not_called_quiet() {
    let mut screen = Screen::new(90, 22);
    screen.sees(&Story::quiet(at(192)));
    screen.rig.now = at(195);
    assert!(standing(&screen).starts_with("✓ all quiet"), "{}", standing(&screen));
    screen.rig.now = at(200);
    assert_eq!(standing(&screen), "? was quiet, last look 10s ago");
    let failure = Failure::new(FailureKind::Unavailable, "Temporal does not answer.", "");
    screen.rig.now = at(193);
    screen.rig.world.apply(&World::Workflow { id: "deploy-checkout-v42".into(), result: Err(failure) }, at(193));
    assert_eq!(standing(&screen), "? was quiet, last look 3s ago");
}

#[test]
fn the_countdown_counts_each_second() {
    let mut screen = Screen::new(80, 22);
    let story = Story::failing(at(200));
    screen.sees(&story);
    assert!(standing(&screen).contains("automatic rollback in 00:13 · R now"));
    assert_eq!(screen.state.beat(&screen.rig.ctx()), Beat::Second);
    screen.rig.now = at(201);
    assert!(standing(&screen).contains("automatic rollback in 00:12 · R now"));
    assert!(
        screen.picture("board").contains("▲ 1/2 "),
        "without room the board leaves the countdown to the line above"
    );
    screen.rig.now = at(214);
    assert!(standing(&screen).contains("automatic rollback at the next look"));
}

fn fired(now: Timestamp) -> Story {
    Story { fired: true, ..Story::failing(now) }
}

/// A step that is scheduled, and no worker is there.
fn unclaimed(now: Timestamp) -> Story {
    let mut story = Story::stuck(now);
    story.step(2).status = StepStatus::Running;
    let pending = &mut story.pending[0];
    (pending.attempt, pending.next_attempt_at, pending.last_failure) = (1, None, None);
    story
}

/// What this console cannot see it does not promise.
#[test]
fn a_countdown_out_of_sight_is_told_as_what_was_seen() {
    let mut screen = Screen::new(120, 33);
    screen.sees(&Story::failing(at(200)));
    let failure = Failure::new(FailureKind::Unavailable, "Temporal does not answer.", "");
    screen.rig.now = at(230);
    screen.rig.world.apply(&World::Workflow { id: "deploy-checkout-v42".into(), result: Err(failure) }, at(230));
    let stands = standing(&screen);
    assert!(
        stands.starts_with("▲ error rate 3.4× (7.2 %) · last seen 32s ago, 1 of 2: whether it rolls back"),
        "{stands}"
    );
    assert!(!screen.picture("out-of-sight").contains("1/2, "), "the board counts nothing down either");
}

/// A deployment whose next task no worker takes, while its monitor has looked a moment ago.
fn unclaimed_task(now: Timestamp) -> WorkflowDetail {
    let mut detail = checkout(&Story { now, ..Story::failing(at(200)) });
    detail.health.as_mut().unwrap().samples.last_mut().unwrap().at = now;
    detail.workflow_task_waiting_since = Some(now.minus(Millis::from_secs(40)));
    detail
}

/// Whoever presses the key knows before that it would wait; it stays possible, because it is kept.
#[test]
fn the_preview_says_that_the_rollback_would_wait_for_a_worker() {
    for (width, height) in [(80, 22), (120, 33)] {
        let mut screen = Screen::new(width, height);
        screen.learns(unclaimed_task(at(240)), at(240));
        screen.press(Action::RollBack);
        let stands = standing(&screen);
        assert!(stands.starts_with("▲ R would wait for a worker: no worker takes its next task for 40s"), "{stands}");
        let shown = screen.picture("would-wait");
        assert!(shown.contains("R rolls back once a worker is back   Esc"), "{shown}");
        assert!(!shown.contains("rolls back now"), "{shown}");
        assert!(matches!(screen.press(Action::RollBack).as_slice(), [Effect::Mutate(_)]));
        assert!(standing(&screen).starts_with("◌ rollback sent, but no worker takes it up"), "{}", standing(&screen));
    }
}

/// That the monitor is silent does not say that no worker is there: another one may roll back at once.
#[test]
fn the_preview_promises_no_waiting_because_nobody_looks() {
    for (width, height, rest) in
        [(80, 22, "runs once a worker takes it"), (120, 33, "R is sent now and runs as soon as")]
    {
        let mut screen = Screen::new(width, height);
        screen.sees(&Story::failing(at(240)));
        screen.press(Action::RollBack);
        let stands = standing(&screen);
        assert!(stands.starts_with("▲ nobody watches for 42s · R is sent now") && stands.contains(rest), "{stands}");
        assert!(!stands.contains('…'), "{stands}");
        let shown = screen.picture("nobody-watches");
        assert!(shown.contains("R sends it now   Esc") && !shown.contains("worker is back"), "{shown}");
        assert!(matches!(screen.press(Action::RollBack).as_slice(), [Effect::Mutate(_)]));
        assert!(standing(&screen).starts_with("◌ rollback sent, it runs as soon as"), "{}", standing(&screen));
    }
}

/// After a watch that came to its end no look is due: what was seen last still holds, however long ago.
#[test]
fn a_watch_that_ended_well_is_not_called_old() {
    let accepting = Story { stage: DeploymentStage::Accepting, ..Story::quiet(at(912)) };
    let validating = Story { stage: DeploymentStage::Validating, ..accepting.clone() };
    let over = Story { stage: DeploymentStage::Live, status: ExecutionStatus::Completed, ..accepting.clone() };
    for story in [accepting, validating, over] {
        let mut screen = Screen::new(120, 33);
        screen.sees(&story);
        let shown = screen.picture("over");
        assert!(shown.contains("✓ ok"), "{:?}:\n{shown}", story.stage);
        for words in ["was ok", " AGO", "  was "] {
            assert!(!shown.contains(words), "{words} in {:?}:\n{shown}", story.stage);
        }
    }
}

/// While nobody looks, neither board nor numbers pass for what is: words say so, and no colour does.
#[test]
fn what_was_seen_long_ago_is_marked_as_old() {
    for (width, height) in [(80, 22), (120, 33)] {
        let mut screen = Screen::new(width, height);
        screen.sees(&Story::failing(at(240)));
        let shown = screen.picture("old");
        for words in ["AT 14:03:18", "42s AGO", "? was ok", "▲ was 1/2", "error rate %  was 7.5", "p95 ms  was 410"] {
            assert!(shown.contains(words), "{words} is not in\n{shown}");
        }
        for words in ["✓ ok", "now 7.5", "✓ v42"] {
            assert!(!shown.contains(words), "{words} is in\n{shown}");
        }
        let loud = screen.rig.theme.style(Role::StatusFailed).fg;
        let buffer = screen.rig.buffer("t", |ctx, theme, frame, area| view(&screen.state, ctx, theme, frame, area));
        let row = |y: u16| (1..width / 2).any(|x| Some(buffer[(x, y)].fg) == loud);
        let board = (0..height).find(|y| buffer[(2, *y)].symbol() == "T" && buffer[(3, *y)].symbol() == "R").unwrap();
        assert!((board..board + 9).all(|y| !row(y)), "nothing that is past is loud:\n{shown}");
        screen.sees(&Story::failing(at(201)));
        assert!(screen.picture("fresh").contains("✓ ok"), "{}", screen.picture("fresh"));
    }
}

#[test]
fn what_must_be_known_now_comes_first() {
    let cases: [(&str, Story, &str); 11] = [
        (
            "paused",
            Story::paused(at(202)),
            "⏸ PAUSED: no automatic rollback for another 04:38 · error rate is failing · P resumes",
        ),
        ("silent", Story::quiet(at(240)), "▲ no look for 50s: no automatic rollback until somebody looks again"),
        (
            "silent in the middle of a countdown",
            Story::failing(at(240)),
            "▲ error rate 3.4× (7.2 %) · no look for 42s: no automatic rollback",
        ),
        (
            "silent while paused",
            Story::paused(at(240)),
            "▲ error rate 3.4× (7.2 %) · no look for 42s: no automatic rollback",
        ),
        ("fired", fired(at(202)), "✗ error rate fired: the rollback begins"),
        ("fired for nobody", fired(at(240)), "▲ error rate fired 42s ago, and nothing has followed"),
        ("a step for nobody", unclaimed(at(240)), "▲ step 3 of 6, deploy previous version: no worker takes it for 36s"),
        (
            "terminated",
            Story { status: ExecutionStatus::Terminated, ..Story::quiet(at(200)) },
            "✗ the workflow is terminated while monitoring: nothing watches this version…",
        ),
        (
            "live",
            Story { status: ExecutionStatus::Completed, stage: DeploymentStage::Live, ..Story::quiet(at(700)) },
            "✓ live: watched to the end, accepted and validated",
        ),
        (
            "starting",
            Story { stage: DeploymentStage::Deploying, looks: Vec::new(), ..Story::quiet(at(9)) },
            "● starting the new version",
        ),
        ("quiet", Story::quiet(at(192)), "✓ all quiet: 90 looks, one every 2s, all triggers within their limits"),
    ];
    for (name, story, words) in cases {
        let mut screen = Screen::new(90, 22);
        screen.sees(&story);
        let stands = standing(&screen);
        let start = words.trim_end_matches('…');
        assert!(stands.starts_with(start), "{name}: {stands}");
    }
}

#[test]
fn the_watch_is_changed_by_a_question_and_only_while_there_is_one() {
    let mut screen = Screen::new(80, 22);
    screen.sees(&Story::quiet(at(192)));
    for action in [Action::ExtendMonitoring, Action::PauseMonitoring] {
        assert_eq!(can(&screen.state, action, &screen.rig.ctx()), Ok(()));
        assert!(matches!(screen.press(action).as_slice(), [Effect::Ask(_)]), "{action:?}");
    }
    assert!(can(&screen.state, Action::ResumeMonitoring, &screen.rig.ctx()).is_err());
    screen.sees(&Story::paused(at(210)));
    assert_eq!(can(&screen.state, Action::ResumeMonitoring, &screen.rig.ctx()), Ok(()));
    let why = can(&screen.state, Action::PauseMonitoring, &screen.rig.ctx()).unwrap_err();
    assert_eq!(why, "It is paused already, until 14:08:00. P resumes it.");
    screen.sees(&Story::rolling(at(220)));
    assert!(can(&screen.state, Action::ExtendMonitoring, &screen.rig.ctx()).is_err());
}

#[test]
fn the_command_that_is_shown_is_the_one_that_is_copied() {
    let mut screen = Screen::new(200, 46);
    screen.sees(&Story::failing(at(200)));
    assert_eq!(screen.press(Action::Copy), [Effect::Copy("deploy-checkout-v42".into())]);
    screen.press(Action::RollBack);
    let copied = screen.press(Action::Copy);
    let Some(Effect::Copy(command)) = copied.first() else { panic!("{copied:?}") };
    assert!(command.starts_with("temporal workflow signal --workflow-id deploy-checkout-v42 --name triggerRollback"));
    assert!(screen.picture("command").contains(command.as_str()));
}

#[test]
fn wide_and_combining_text_leaves_every_border_where_it_is() {
    let mut story = Story::rolling(at(207));
    story.progress().cause.reason = "支払い🚀が壊れた e\u{301}\u{301} \\u{202e}".into();
    story.step(1).status = StepStatus::Done { detail: "復元しました👩‍👩‍👧 ".repeat(9) };
    for (width, height) in [(80, 22), (61, 15), (120, 33)] {
        let mut screen = Screen::new(width, height);
        screen.sees(&story);
        let buffer = screen.rig.buffer("t", |ctx, theme, frame, area| view(&screen.state, ctx, theme, frame, area));
        for y in 1..height - 1 {
            assert_eq!((buffer[(0, y)].symbol(), buffer[(width - 1, y)].symbol()), ("┃", "┃"), "row {y} at {width}");
        }
    }
}

#[test]
fn without_a_deployment_it_says_what_would_be_here() {
    let mut screen = Screen::new(80, 22);
    update(&mut screen.state, Input::Opened(&Place::Deployment(None)), &screen.rig.ctx());
    assert!(screen.picture("none").contains("No deployment is live."));
    assert!(can(&screen.state, Action::RollBack, &screen.rig.ctx()).is_err());
}

#[test]
fn the_reason_is_seen_wherever_it_can_be_typed() {
    for width in [60, 72, 80, 120] {
        let mut screen = Screen::new(width, 22);
        screen.sees(&Story::failing(at(200)));
        screen.press(Action::RollBack);
        screen.press(Action::NextPane);
        assert_eq!(screen.state.focus(), Focus::Text);
        for c in "bad deploy".chars() {
            update(&mut screen.state, Input::Key(KeyPress::char(c)), &screen.rig.ctx());
        }
        let picture = screen.picture("reason");
        assert!(picture.contains("reason bad deploy"), "at {width}:\n{picture}");
        assert!(picture.contains("rolls back now"), "at {width}:\n{picture}");
    }
}
