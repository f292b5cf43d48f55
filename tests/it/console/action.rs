//! The one table of actions.

use std::collections::BTreeSet;

use gatewatch::console::action::{ACTIONS, Action};
use gatewatch::console::guide::SERVICE;

#[test]
fn every_action_is_in_the_table_once() {
    let actions: BTreeSet<Action> = ACTIONS.iter().map(|spec| spec.action).collect();
    assert_eq!(actions.len(), ACTIONS.len(), "an action has two rows");
    // `FaultNone` is the last one declared: rows and variants are equally many exactly when none is missing.
    assert_eq!(ACTIONS.len(), Action::FaultNone as usize + 1, "an action has no row");
}

#[test]
fn names_are_unique_and_parse_back() {
    let names: BTreeSet<&str> = ACTIONS.iter().map(|spec| spec.name).collect();
    assert_eq!(names.len(), ACTIONS.len());
    for spec in ACTIONS {
        assert_eq!(Action::parse(spec.name), Some(spec.action));
        assert_eq!(spec.action.spec(), spec);
        assert!(spec.doc.ends_with('.'), "{}: {}", spec.name, spec.doc);
        assert!(spec.title.split(' ').count() <= 2, "{}: {}", spec.name, spec.title);
        assert!(!spec.contexts.is_empty(), "{} is possible nowhere", spec.name);
    }
    assert_eq!(Action::parse("no.such"), None);
}

/// Two services are live in the demo.
#[test]
fn a_fault_of_the_demo_names_the_service_that_gets_it() {
    let faults = ACTIONS.iter().filter(|spec| spec.name.starts_with("demo.fault."));
    let names = faults.inspect(|spec| assert!(spec.doc.contains(SERVICE), "{}: {}", spec.name, spec.doc));
    assert_eq!(names.count(), 5);
}
