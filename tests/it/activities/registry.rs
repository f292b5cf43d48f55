//! What is declared, registered and described is one list.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use gatewatch::activities::registry::{DESCRIPTIONS, register};
use temporalio_sdk::WorkerOptions;

use crate::activities::world::World;

#[test]
fn what_is_declared_is_registered_and_described() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/contracts/temporal/activities.rs");
    let text = fs::read_to_string(file).unwrap();
    let declared: BTreeSet<&str> =
        text.split("#[activity(name = \"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    let described: BTreeSet<&str> = DESCRIPTIONS.iter().map(|description| description.name).collect();
    assert_eq!(described, declared);
    assert_eq!(described.len(), DESCRIPTIONS.len(), "each once");

    let mut options = WorkerOptions::new("queue").build();
    register(&mut options, &World::new().services());
    let registered = format!("{:?}", options.activities());
    let registered: BTreeSet<&str> = registered.split('"').skip(1).step_by(2).collect();
    assert_eq!(registered, declared);
}
