//! What the CLI prints, without printing it.

use gatewatch::cli::exit::Exit;
use gatewatch::cli::input::loose;
use gatewatch::cli::table::{Table, fields};
use gatewatch::contracts::clock::Millis;
use gatewatch::contracts::evidence::{CheckStatus, EvidencePackage, differences};
use gatewatch::contracts::failure::FailureKind;
use gatewatch::contracts::ids::{CommitSha, Version};
use gatewatch::contracts::rollback::RollbackReadiness;
use serde_json::json;

use crate::workflows::world::{check, now};

#[test]
fn columns_align_by_what_a_terminal_shows() {
    let mut table = Table::new(["A", "LONGER"]);
    table.row(["日本".to_owned(), "x".to_owned()]);
    table.row(["abc".to_owned(), String::new()]);
    assert_eq!(table.lines(), ["A     LONGER", "日本  x", "abc"]);
    assert_eq!(fields(&[("a", "1".to_owned()), ("bbb", "2".to_owned())]), ["  a    1", "  bbb  2"]);
}

#[test]
fn durations_read_like_speech() {
    let cases = [
        (0, "0 s"),
        (80, "80 ms"),
        (59_999, "59 s"),
        (60_000, "1 min"),
        (90_000, "1 min 30 s"),
        (3_600_000, "1 h"),
        (7_500_000, "2 h 5 min"),
        (259_200_000, "3 d"),
    ];
    for (millis, text) in cases {
        assert_eq!(Millis(millis).words(), text);
    }
}

#[test]
fn each_kind_of_failure_has_its_exit_code() {
    let cases = [
        (FailureKind::Internal, 1),
        (FailureKind::Invalid, 2),
        (FailureKind::ReadOnly, 3),
        (FailureKind::Conflict, 3),
        (FailureKind::NotFound, 5),
        (FailureKind::Unavailable, 6),
        (FailureKind::DeadlineExceeded, 6),
        (FailureKind::Unauthenticated, 7),
        (FailureKind::Denied, 7),
    ];
    for (kind, code) in cases {
        assert_eq!(Exit::from(kind).code(), code, "{kind:?}");
    }
}

#[test]
fn an_argument_is_json_where_it_can_be() {
    assert_eq!(loose("{\"byMs\":1}"), json!({"byMs": 1}));
    assert_eq!(loose("7"), json!(7));
    assert_eq!(loose("hello there"), json!("hello there"));
}

#[test]
fn what_changed_in_the_evidence_is_named() {
    let before = EvidencePackage {
        commit: CommitSha::from("9f31c2e0"),
        version: Version::from("v42"),
        subject: String::new(),
        author: String::new(),
        checks: vec![check("security-scan", CheckStatus::Passed, true), check("old-check", CheckStatus::Passed, false)],
        rollback: RollbackReadiness::default(),
        collected_at: now(),
    };
    assert!(differences(&before, &before).is_empty());
    let after = EvidencePackage {
        commit: CommitSha::from("11111111"),
        checks: vec![check("security-scan", CheckStatus::Failed, true)],
        ..before.clone()
    };
    let told = differences(&before, &after).join("\n");
    for part in ["9f31c2e", "1111111", "security scan passed and failed now", "old check is not checked any more"] {
        assert!(told.contains(part), "{part} is missing: {told}");
    }
}
