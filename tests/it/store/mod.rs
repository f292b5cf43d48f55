//! The coordinator's database: the same tests on SQLite and on a real PostgreSQL.

use std::time::Duration;

use futures_util::future::join_all;
use gatewatch::config::settings;
use gatewatch::contracts::agent::{AgentMetrics, Tokens};
use gatewatch::contracts::clock::{Millis, UnixMillis};
use gatewatch::contracts::ids::{AttemptId, WorkflowId};
use gatewatch::store::Store;
use gatewatch::store::callbacks::{Callback, NewCallback, Phase, Received, Settled};
use gatewatch::store::reminders::Bringing;
use gatewatch::store::routed::Routed;
use gatewatch::store::siblings::{self, Sibling};
use gatewatch::store::usage::{Cost, Total};
use secrecy::ExposeSecret as _;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection as _, Executor as _, SqlSafeStr as _};

use crate::support::{postgres, wait_until};

const LEASE: Millis = Millis(1000);

/// Databases to test on: where they are, and what must live as long.
async fn engines(test: &str) -> Vec<(settings::Store, Option<tempfile::TempDir>)> {
    let folder = tempfile::tempdir().unwrap();
    let file = settings::Store::Sqlite(folder.path().join("deep/coordinator database.db"));
    let mut all = vec![(file, Some(folder))];
    all.extend(postgres::database(test).await.map(|database| (database, None)));
    all
}

fn callback(key: &str) -> NewCallback {
    NewCallback {
        key: key.to_owned(),
        workflow_id: "goal-1".into(),
        step_id: "implementation-1".into(),
        attempt_id: "run-1".into(),
        sender: "builders".into(),
        response: "{\"status\":\"OK\"}".into(),
    }
}

/// The end of [`callback`], as whoever handles it says so; it has cost something.
fn settled(key: &str, answer: &str, at: i64) -> Settled {
    let cost = Cost {
        key: key.to_owned(),
        goal_id: "g1".into(),
        workflow_id: "goal-1".into(),
        step_id: "implementation-1".into(),
        attempt_id: "run-1".into(),
        agent_role: "builder".into(),
        metrics: AgentMetrics { tokens: Some(Tokens { prompt: 7, completion: 5 }), cost_usd: Some(0.25) },
        at: UnixMillis(at),
    };
    Settled { key: key.to_owned(), answer: answer.to_owned(), cost: Some(cost), at: UnixMillis(at) }
}

/// What the workflow of [`callback`] has cost.
async fn spent(store: &Store) -> Total {
    store.spent(&[("goal-1".into(), UnixMillis(0))]).await.unwrap()[&"goal-1".into()]
}

fn new(received: Received) -> Callback {
    match received {
        Received::New(callback) => callback,
        Received::Known(known) => panic!("known: {known:?}"),
    }
}

fn known(received: Received) -> Callback {
    match received {
        Received::Known(callback) => callback,
        Received::New(callback) => panic!("new: {callback:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_goes_through_its_phases_once() {
    for (place, _folder) in engines("an_answer_goes_through_its_phases_once").await {
        let store = Store::open(&place).await.unwrap();
        let at = UnixMillis(10_000);
        let first = new(store.receive(callback("k"), at, LEASE).await.unwrap());
        assert_eq!((first.phase, first.tries), (Phase::Received, 1));
        let again = known(store.receive(callback("k"), UnixMillis(10_001), LEASE).await.unwrap());
        assert_eq!(again, first, "{place:?}");

        store.signalled("k", UnixMillis(10_002)).await.unwrap();
        assert_eq!(store.callback("k").await.unwrap().unwrap().phase, Phase::Signalled);
        assert_eq!(store.done(settled("k", "{\"a\":1}", 10_003)).await.unwrap(), "{\"a\":1}");
        // Whoever comes later is told what stands.
        assert_eq!(store.done(settled("k", "{\"a\":2}", 10_004)).await.unwrap(), "{\"a\":1}");
        let done = known(store.receive(callback("k"), UnixMillis(10_005), LEASE).await.unwrap());
        assert_eq!((done.phase, done.answer.as_deref(), done.response.as_str()), (Phase::Done, Some("{\"a\":1}"), ""));
        store.forget("k").await.unwrap();
        assert!(store.callback("k").await.unwrap().is_some(), "what is done cannot be undone");
        assert_eq!(store.forget_done_before(UnixMillis(10_004)).await.unwrap(), 1);
        assert_eq!(store.callback("k").await.unwrap(), None);
        assert_eq!(spent(&store).await, Total { tokens: 12, cost_micros: 250_000 }, "what it cost is kept");
        store.ping().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_crash_left_behind_is_taken_by_one() {
    for (place, _folder) in engines("what_a_crash_left_behind_is_taken_by_one").await {
        let store = Store::open(&place).await.unwrap();
        let other = Store::open(&place).await.unwrap();
        for at in 0..40 {
            new(store.receive(callback(&format!("k{at}")), UnixMillis(at), LEASE).await.unwrap());
        }
        store.done(settled("k39", "{}", 100)).await.unwrap();
        assert_eq!(store.take_due(UnixMillis(500), LEASE, 100).await.unwrap(), [], "somebody has them");
        assert_eq!(store.take_over("k0", UnixMillis(999), LEASE).await.unwrap(), None);
        let over = store.take_over("k0", UnixMillis(1000), LEASE).await.unwrap().unwrap();
        assert_eq!((over.tries, over.response.as_str()), (2, "{\"status\":\"OK\"}"));

        let now = UnixMillis(1999);
        let mut takers = Vec::new();
        for store in [store.clone(), other.clone(), store.clone(), other.clone()] {
            takers.push(tokio::spawn(async move { store.take_due(now, Millis(60_000), 20).await.unwrap() }));
        }
        let mut taken = Vec::new();
        for taker in takers {
            taken.extend(taker.await.unwrap().into_iter().map(|callback| callback.key));
        }
        taken.extend(store.take_due(now, Millis(60_000), 100).await.unwrap().into_iter().map(|callback| callback.key));
        taken.sort();
        let mut expected: Vec<_> = (1..39).map(|at| format!("k{at}")).collect();
        expected.sort();
        assert_eq!(taken, expected, "{place:?}");
        store.rest("k1", UnixMillis(2000)).await.unwrap();
        assert_eq!(store.take_due(UnixMillis(2000), LEASE, 100).await.unwrap().len(), 2, "k0's time is over, too");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_at_once_one_is_new_and_its_cost_counts_once() {
    for (place, _folder) in engines("of_many_at_once_one_is_new_and_its_cost_counts_once").await {
        let stores = [Store::open(&place).await.unwrap(), Store::open(&place).await.unwrap()];
        let mut tasks = Vec::new();
        for at in 0..32 {
            let store = stores[at % 2].clone();
            let callback = NewCallback { sender: format!("s{at}"), ..callback("same") };
            tasks.push(tokio::spawn(async move { store.receive(callback, UnixMillis(1), LEASE).await.unwrap() }));
        }
        let mut fresh = 0;
        for task in tasks {
            fresh += usize::from(matches!(task.await.unwrap(), Received::New(_)));
        }
        assert_eq!(fresh, 1, "{place:?}");
        new(stores[0].receive(callback("other"), UnixMillis(1), LEASE).await.unwrap());
        stores[0].forget("other").await.unwrap();
        for (store, key) in [(&stores[0], "same"), (&stores[1], "same"), (&stores[1], "other")] {
            store.done_soon(settled(key, "{}", 2)).await.unwrap();
            store.flush().await.unwrap();
        }
        let expected = Total { tokens: 12, cost_micros: 250_000 };
        assert_eq!(spent(&stores[1]).await, expected, "{place:?}: nor does what was forgotten");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_still_there_when_it_is_opened_again() {
    for (place, _folder) in engines("it_is_still_there_when_it_is_opened_again").await {
        let opened = tokio::join!(Store::open(&place), Store::open(&place), Store::open(&place));
        let store = opened.0.unwrap();
        opened.1.unwrap();
        opened.2.unwrap();
        new(store.receive(callback("k"), UnixMillis(5), LEASE).await.unwrap());
        drop(store);
        let store = Store::open(&place).await.unwrap();
        assert_eq!(store.take_due(UnixMillis(5000), LEASE, 9).await.unwrap().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_workflow_one_decides_at_a_time() {
    for (place, _folder) in engines("on_a_workflow_one_decides_at_a_time").await {
        let (one, other) = (Store::open(&place).await.unwrap(), Store::open(&place).await.unwrap());
        let begin = async |store: &Store, workflow: &str, now: i64| {
            store.begin_deciding(&workflow.into(), UnixMillis(now), LEASE).await.unwrap()
        };
        let first = begin(&one, "w", 0).await.unwrap();
        assert!(begin(&other, "w", 999).await.is_none() && begin(&other, "v", 999).await.is_some(), "{place:?}");
        one.end_deciding(first).await.unwrap();
        let second = begin(&other, "w", 999).await.unwrap();
        let third = begin(&one, "w", 1999).await.expect("the time of whoever had it is over");
        // Who was too slow says so: it is another one's turn by now.
        other.end_deciding(second).await.unwrap();
        assert!(begin(&other, "w", 2000).await.is_none(), "{place:?}");
        one.end_deciding(third).await.unwrap();
        assert!(begin(&other, "w", 2000).await.is_some(), "{place:?}");
    }
}

/// Whoever stops leaves nothing that only its memory knew.
#[tokio::test(flavor = "multi_thread")]
async fn what_gathers_is_written_when_asked_for() {
    for (place, _folder) in engines("what_gathers_is_written_when_asked_for").await {
        let (store, other) = (Store::open(&place).await.unwrap(), Store::open(&place).await.unwrap());
        for key in ["a", "b"] {
            new(store.receive(callback(key), UnixMillis(1), LEASE).await.unwrap());
            store.done_soon(settled(key, "{}", 2)).await.unwrap();
        }
        store.flush().await.unwrap();
        for key in ["a", "b"] {
            assert_eq!(other.callback(key).await.unwrap().unwrap().phase, Phase::Done, "{place:?} {key}");
        }
        store.flush().await.unwrap();
    }
}

/// What is written together is told apart: each of many gets its own outcome, and of each pair one is first.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_committed_together_is_told_apart() {
    const KEYS: usize = 150;
    for (place, _folder) in engines("what_is_committed_together_is_told_apart").await {
        let stores = [Store::open(&place).await.unwrap(), Store::open(&place).await.unwrap()];
        let mut tasks = Vec::new();
        for at in 0..KEYS * 3 {
            let store = stores[at % 2].clone();
            let key = format!("k{}", at % KEYS);
            tasks.push(tokio::spawn(async move {
                let received = store.receive(callback(&key), UnixMillis(1), LEASE).await.unwrap();
                let (is_new, told) = match received {
                    Received::New(told) => (true, told),
                    Received::Known(told) => (false, told),
                };
                assert_eq!(told.key, key, "each is told of its own");
                let answer = format!("{{\"by\":{at}}}");
                let first = store.done(settled(&key, &answer, 2)).await.unwrap();
                (key, is_new, first == answer, first)
            }));
        }
        let mut told: std::collections::BTreeMap<String, Vec<(bool, bool, String)>> = std::collections::BTreeMap::new();
        for task in tasks {
            let (key, is_new, is_first, first) = task.await.unwrap();
            told.entry(key).or_default().push((is_new, is_first, first));
        }
        assert_eq!(told.len(), KEYS);
        for (key, told) in told {
            assert_eq!(told.iter().filter(|(is_new, ..)| *is_new).count(), 1, "{place:?} {key}: {told:?}");
            assert_eq!(told.iter().filter(|(_, is_first, _)| *is_first).count(), 1, "{place:?} {key}: {told:?}");
            assert!(told.iter().all(|(.., first)| *first == told[0].2), "all are told what stands: {told:?}");
            assert_eq!(stores[0].callback(&key).await.unwrap().unwrap().answer.as_ref(), Some(&told[0].2));
        }
        assert_eq!(spent(&stores[0]).await.tokens, 12 * KEYS as u64, "what each cost counts once");
    }
}

/// On one thread all of them are brought before the first is written: one batch, in more than one statement.
#[tokio::test]
async fn in_one_batch_what_is_new_is_told_from_what_is_known() {
    for (place, _folder) in engines("in_one_batch_what_is_new_is_told_from_what_is_known").await {
        let store = Store::open(&place).await.unwrap();
        let is_new = async |keys: &[String]| {
            let received = keys.iter().map(|key| store.receive(callback(key), UnixMillis(1), LEASE));
            let is_new = |received: Result<Received, _>| matches!(received.unwrap(), Received::New(_));
            join_all(received).await.into_iter().map(is_new).collect::<Vec<_>>()
        };
        let keys = |round: &str| -> Vec<String> { (0..4).map(|at| format!("{round}-{at}")).collect() };
        assert_eq!(is_new(&[keys("a"), vec!["y".into(), "z".into()]].concat()).await, [true; 6]);
        // The known ones come in the second statement, when the first has written; then in a batch after such a batch, and
        // twice in one.
        for round in ["b", "c"] {
            let batch = [keys(round), vec!["y".into(), "z".into()]].concat();
            assert_eq!(is_new(&batch).await, [true, true, true, true, false, false], "{place:?} {round}");
        }
        assert_eq!(is_new(&[keys("d"), keys("d")].concat()).await, [[true; 4], [false; 4]].concat(), "{place:?}");
        assert_eq!(is_new(&keys("e")).await, [true; 4], "{place:?}");
        let done = async |keys: [&str; 2]| {
            let done = keys.map(|key| store.done(settled(key, &format!("{{\"of\":\"{key}\"}}"), 2)));
            join_all(done).await.into_iter().map(Result::unwrap).collect::<Vec<_>>()
        };
        done(["a-0", "a-1"]).await;
        // Both kinds in one batch.
        let keys_of_f = keys("f");
        let (received, told) = tokio::join!(is_new(&keys_of_f), done(["a-1", "a-2"]));
        assert_eq!((received, told), (vec![true; 4], vec!["{\"of\":\"a-1\"}".into(), "{\"of\":\"a-2\"}".to_owned()]));
        assert_eq!(spent(&store).await.tokens, 12 * 3, "{place:?}: what each cost counts once");
        for key in [keys("a"), keys("b"), keys("c"), keys("d"), keys("e"), keys("f")].concat() {
            assert!(store.callback(&key).await.unwrap().is_some(), "{place:?}: {key} is kept");
        }
    }
}

/// What agents answer is for nobody else on the machine.
#[cfg(unix)]
#[tokio::test]
async fn only_its_owner_may_read_the_database() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&settings::Store::Sqlite(folder.path().join("gatewatch.db"))).await.unwrap();
    new(store.receive(callback("k"), UnixMillis(1), LEASE).await.unwrap());
    for name in ["gatewatch.db", "gatewatch.db-wal"] {
        let mode = std::fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

/// A transaction that the database ends by itself, as on a full disk, leaves nothing behind in which others would be lost.
#[tokio::test]
async fn what_is_kept_after_a_failed_transaction_is_committed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gatewatch.db");
    let store = Store::open(&settings::Store::Sqlite(file.clone())).await.unwrap();
    let mut other = SqliteConnection::connect(file.to_str().unwrap()).await.unwrap();
    let full = "CREATE TRIGGER full BEFORE INSERT ON callbacks WHEN NEW.dedupe_key = 'full' \
        BEGIN SELECT RAISE(ROLLBACK, 'the disk is full'); END";
    other.execute(full).await.unwrap();
    let receive =
        async |keys: &[&str]| join_all(keys.iter().map(|key| store.receive(callback(key), UnixMillis(1), LEASE))).await;
    // Three rows are two statements, and a transaction.
    let received = receive(&["a", "b", "full"]).await;
    assert_eq!(received.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, true, false], "{received:?}");
    for again in [["a", "c", "d"], ["b", "e", "f"], ["g", "h", "i"]] {
        assert!(receive(&again).await.iter().all(Result::is_ok));
    }
    let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM callbacks").fetch_one(&mut other).await.unwrap();
    assert_eq!(kept, 9, "somebody else sees all that was told to be kept");
}

/// Less than what makes a commit do it: nobody who waits for one waits for that.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_committed_gets_into_the_database_beside_the_writing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gatewatch.db");
    let store = Store::open(&settings::Store::Sqlite(file.clone())).await.unwrap();
    let response = "x".repeat(1_000_000);
    for at in 0..40 {
        let callback = NewCallback { response: response.clone(), ..callback(&format!("k{at}")) };
        new(store.receive(callback, UnixMillis(1), LEASE).await.unwrap());
    }
    let all = async || (std::fs::metadata(&file).unwrap().len() > 30_000_000).then_some(());
    // A rest below what is worth the disk's while may stay.
    wait_until("most of it is in the database, which is open", Duration::from_mins(1), all).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reminder_is_one_coordinators_until_its_time_is_over_and_nobodys_once_it_is_brought() {
    for (place, _folder) in engines("a_reminder_is_one_coordinators_until_its_time_is_over").await {
        let (store, other) = (Store::open(&place).await.unwrap(), Store::open(&place).await.unwrap());
        let begin = async |store: &Store, at: i64| store.begin_reminding("k", UnixMillis(at), LEASE).await.unwrap();
        assert_eq!(begin(&store, 0).await, Bringing::Mine);
        for others in [&other, &store] {
            assert_eq!(begin(others, 999).await, Bringing::Others, "somebody has it");
        }
        assert_eq!(begin(&other, 1000).await, Bringing::Mine, "whoever had it is gone");
        store.reminded("k", UnixMillis(1500)).await.unwrap();
        assert_eq!(begin(&store, 9000).await, Bringing::Brought);
        let never = store.begin_reminding("never brought", UnixMillis(1000), LEASE).await.unwrap();
        assert_eq!(never, Bringing::Mine);
        store.forget_reminders_before(UnixMillis(2000)).await.unwrap();
        assert_eq!(begin(&store, 9000).await, Bringing::Brought, "{place:?}: it is known yet");
        store.forget_reminders_before(UnixMillis(2001)).await.unwrap();
        assert_eq!(begin(&store, 1999).await, Bringing::Mine, "long ago it is forgotten");
        let again = store.begin_reminding("never brought", UnixMillis(1999), LEASE).await.unwrap();
        assert_eq!(again, Bringing::Mine, "{place:?}: nobody brought it, and it is forgotten all the same");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_waits_for_is_written_all_the_same_and_the_first_stands() {
    for (place, _folder) in engines("what_nobody_waits_for_is_written_all_the_same").await {
        let store = Store::open(&place).await.unwrap();
        new(store.receive(callback("k"), UnixMillis(1), LEASE).await.unwrap());
        for by in 1..3 {
            store.done_soon(settled("k", &format!("{{\"a\":{by}}}"), 2)).await.unwrap();
        }
        // What comes in meanwhile waits for none of it.
        new(store.receive(callback("next"), UnixMillis(3), LEASE).await.unwrap());
        let written = async || {
            let found = store.callback("k").await.unwrap().unwrap();
            (found.phase == Phase::Done).then_some(found.answer)
        };
        let answer = wait_until("it is written", Duration::from_mins(1), written).await;
        assert_eq!(answer.as_deref(), Some("{\"a\":1}"), "{place:?}");
        store.done_soon(settled("next", "{}", 4)).await.unwrap();
        store.flush().await.unwrap();
        assert_eq!(store.callback("next").await.unwrap().unwrap().phase, Phase::Done, "what is to be written is");
    }
}

/// Each target of an answer is handled for itself, by whoever has it.
#[tokio::test(flavor = "multi_thread")]
async fn each_target_of_an_answer_goes_its_own_way() {
    for (place, _folder) in engines("each_target_of_an_answer_goes_its_own_way").await {
        let store = Store::open(&place).await.unwrap();
        let one = |route: &str, outcome: Option<&str>| Routed {
            key: "k".into(),
            route: route.into(),
            workflow_id: "w".into(),
            signal: "{}".into(),
            outcome: outcome.map(str::to_owned),
            tries: 1,
            received_at: UnixMillis(10_000),
            unknown_at: None,
        };
        let all = [one("a", None), one("b", None), one("c", Some("refused"))];
        store.route(&all, UnixMillis(10_000), LEASE).await.unwrap();
        store.route(&all, UnixMillis(90_000), LEASE).await.unwrap();
        assert_eq!(store.routes_of("k").await.unwrap(), all, "{place:?}");
        let due = async |at: i64| store.take_due_routes(UnixMillis(at), LEASE, 9).await.unwrap();
        assert_eq!(due(10_999).await, [], "somebody has them");
        store.routed(&all[0], "delivered").await.unwrap();
        store.routed(&all[0], "late").await.unwrap();
        let [left] = &due(11_000).await[..] else { panic!("one is left") };
        assert_eq!((left.route.as_str(), left.tries, due(11_001).await), ("b", 2, Vec::new()));
        let unknown = Routed { unknown_at: Some(UnixMillis(11_000)), ..left.clone() };
        store.rest_route(&unknown, UnixMillis(50_000)).await.unwrap();
        assert_eq!(due(49_999).await, []);
        assert_eq!(due(50_000).await, [Routed { tries: 3, ..unknown.clone() }]);
        let known = store.routes_of("k").await.unwrap();
        assert_eq!(
            (known[0].outcome.as_deref(), known[0].signal.as_str()),
            (Some("delivered"), ""),
            "the first stands"
        );
        store.forget_routes_before(UnixMillis(10_001)).await.unwrap();
        assert_eq!(store.routes_of("k").await.unwrap().len(), 1, "what is open is not forgotten");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sibling_is_looked_after_by_one_until_nothing_is_left_to_do() {
    for (place, _folder) in engines("a_sibling_is_looked_after_by_one_until_nothing_is_left_to_do").await {
        let (store, other) = (Store::open(&place).await.unwrap(), Store::open(&place).await.unwrap());
        let attempt = AttemptId::from("a");
        let wanted = store.want_sibling(&attempt, "{}", UnixMillis(0), LEASE).await.unwrap();
        assert_eq!((wanted.phase, wanted.tries), (siblings::Phase::Wanted, 1));
        assert!(store.want_sibling(&attempt, "{}", UnixMillis(0), LEASE).await.is_err(), "an attempt is one");
        let due = async |store: &Store, at: i64| store.take_due_siblings(UnixMillis(at), LEASE, 9).await.unwrap();
        assert_eq!(due(&other, 999).await, [], "{place:?}: somebody has it");
        assert_eq!(due(&other, 1000).await, [Sibling { tries: 2, ..wanted.clone() }], "whoever had it is gone");
        assert_eq!(due(&store, 1000).await, []);
        store.rest_sibling(&attempt, siblings::Phase::Begun, UnixMillis(5000)).await.unwrap();
        assert_eq!(due(&store, 4999).await, []);
        let begun = due(&store, 5000).await;
        assert_eq!((begun[0].phase, begun[0].tries), (siblings::Phase::Begun, 3));
        store.forget_siblings_before(UnixMillis(9000)).await.unwrap();
        store.sibling_done(&attempt).await.unwrap();
        store.rest_sibling(&attempt, siblings::Phase::Begun, UnixMillis(0)).await.unwrap();
        assert_eq!(due(&store, 99_000).await, [], "nothing is left to do");
        store.forget_siblings_before(UnixMillis(1)).await.unwrap();
        assert!(store.want_sibling(&attempt, "{}", UnixMillis(0), LEASE).await.is_ok(), "long ago it is forgotten");
    }
}

/// A workflow id may be used again: what the goal before has cost is not this one's.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_workflow_has_cost_counts_from_its_beginning() {
    for (place, _folder) in engines("what_a_workflow_has_cost_counts_from_its_beginning").await {
        let store = Store::open(&place).await.unwrap();
        for (key, workflow, at) in [("a", "w1", 10), ("b", "w1", 20), ("c", "w1", 30), ("d", "w2", 20)] {
            store.receive(callback(key), UnixMillis(at), LEASE).await.unwrap();
            let cost = Cost { workflow_id: workflow.into(), ..settled(key, "{}", at).cost.unwrap() };
            // Nobody waits for it, and it counts all the same.
            store.done_soon(Settled { cost: Some(cost), ..settled(key, "{}", at) }).await.unwrap();
        }
        let since = |id: &str, at| (WorkflowId::from(id), UnixMillis(at));
        // More than fit into one statement.
        let mut asked: Vec<_> = (0..100).map(|n| since(&format!("nobody-{n}"), 0)).collect();
        asked.extend([since("w1", 20), since("w2", 0)]);
        let spent = store.spent(&asked).await.unwrap();
        let expected = [
            (WorkflowId::from("w1"), Total { tokens: 24, cost_micros: 500_000 }),
            (WorkflowId::from("w2"), Total { tokens: 12, cost_micros: 250_000 }),
        ];
        assert_eq!(spent, expected.into(), "{place:?}");
        assert!(store.spent(&[]).await.unwrap().is_empty());
    }
}

/// A database as the version before had filled it: what was kept is gone on with, and what it cost counts once.
#[tokio::test(flavor = "multi_thread")]
async fn what_an_older_version_kept_is_gone_on_with() {
    for (place, _folder) in engines("what_an_older_version_kept_is_gone_on_with").await {
        older(&place).await;
        let store = Store::open(&place).await.unwrap();
        let [open] = &store.take_due(UnixMillis(9000), LEASE, 9).await.unwrap()[..] else { panic!("{place:?}") };
        assert_eq!((open.key.as_str(), open.response.as_str(), open.tries), ("open", "{}", 2));
        // Its cost was written when it came in.
        assert_eq!(spent(&store).await.tokens, 12);
        store.done(settled("open", "{}", 9)).await.unwrap();
        assert_eq!(spent(&store).await.tokens, 12, "{place:?}: once");
        assert_eq!(known(store.receive(callback("done"), UnixMillis(9), LEASE).await.unwrap()).phase, Phase::Done);
        assert_eq!(store.forget_done_before(UnixMillis(9)).await.unwrap(), 1);
    }
}

/// Version 9 of the tables, with an answer that is open and one that is done.
async fn older(place: &settings::Store) {
    const TABLES: [&str; 9] = [
        include_str!("../../../src/store/migrations/0001_callbacks.sql"),
        include_str!("../../../src/store/migrations/0002_deciding.sql"),
        include_str!("../../../src/store/migrations/0003_reminders.sql"),
        include_str!("../../../src/store/migrations/0004_open.sql"),
        include_str!("../../../src/store/migrations/0005_routed.sql"),
        include_str!("../../../src/store/migrations/0006_siblings.sql"),
        include_str!("../../../src/store/migrations/0007_usage_workflow.sql"),
        include_str!("../../../src/store/migrations/0008_deciding_owner.sql"),
        include_str!("../../../src/store/migrations/0009_indexes.sql"),
    ];
    const ROWS: [&str; 3] = [
        "INSERT INTO callbacks VALUES ('open', 'goal-1', 'g1', 's', 'r', 'a', '{}', 'received', NULL, 5, 1, 5, NULL, NULL)",
        "INSERT INTO callbacks VALUES ('done', 'goal-1', 'g1', 's', 'r', 'a', '', 'done', '{}', 5, 1, 5, NULL, 6)",
        "INSERT INTO usage VALUES ('open', 'g1', 'goal-1', 's', 'r', 'builder', 7, 5, 0, 5)",
    ];
    sqlx::any::install_default_drivers();
    let url = match place {
        settings::Store::Sqlite(file) => {
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            format!("sqlite://{}?mode=rwc", file.display())
        }
        settings::Store::Postgres(url) => url.expose_secret().to_owned(),
    };
    let pool = sqlx::AnyPool::connect(&url).await.unwrap();
    let table = |(at, text): (usize, &'static str)| {
        let version = i64::try_from(at).unwrap() + 1;
        Migration::new(version, "older".into(), MigrationType::Simple, text.into_sql_str(), false)
    };
    let migrations = TABLES.into_iter().enumerate().map(table).collect();
    Migrator { migrations, ..Migrator::DEFAULT }.run(&pool).await.unwrap();
    for row in ROWS {
        sqlx::query(row).execute(&pool).await.unwrap();
    }
    pool.close().await;
}
