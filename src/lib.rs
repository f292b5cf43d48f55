//! gatewatch: the on-call console for Temporal.
//!
//! # Codemap
//!
//! Arrows point down only; `tests/it/tidy.rs` holds them.
//!
//! | layer | room | what it owns |
//! |---|---|---|
//! | L4 | [`devstack`] | the demo: a real Temporal server, worker, coordinator and service, and the story they play |
//! | L4 | [`headless`] | one process without a screen: arguments, logs, signals around worker and coordinator |
//! | L3 | [`console`] | the terminal UI |
//! | L3 | [`cli`] | the same operations without a screen |
//! | L3 | [`coordinator`] | HTTP: decisions in, exactly one effect out |
//! | L3 | [`worker`] | runs workflows and activities |
//! | L2 | [`workflows`] | deterministic; never sees `activities` |
//! | L2 | [`activities`] | the outside world |
//! | L2 | [`agents`] | who does the work of goals, as they are called: HTTP, commands, language models, rehearsals |
//! | L2 | [`gateway`] | the only home of the Temporal client and of protos |
//! | L2 | [`store`] | the coordinator's database: which answers were taken in, which workflows begun, how far each is |
//! | L1 | [`spec`] | the rules that say what a goal needs next: documents, conditions, templates; pure but for `spec::library`, which reads a folder of them |
//! | L1 | [`config`] | file, environment and flags, validated |
//! | L1 | [`telemetry`] | the program's own log: a file for the console, standard output for services |
//! | L0 | [`contracts`] | pure data that everybody shares |
//!
//! # Invariants
//!
//! 1. Nothing the server can send may hang, crash, spoof or write to the terminal: remote text passes
//!    [`contracts::text`] at the boundary.
//! 2. Gate truth comes from the server's durable state (search attributes, memo, history, heartbeats), never from a query.
//! 3. Every mutation takes one path: intent, confirm, re-read, send with a stable id, follow, audit. Read-only blocks it there.
//! 4. A decision is an update with a validator. One that no worker has accepted is in doubt, never failed.
//! 5. Approving names what was seen: it carries the digest of the evidence shown.
//! 6. Production is never approved by a clock, a flag or one person's mistake.
//! 7. Rollback always works: in every state after the deploy began, idempotent, in its exact order, until the old
//!    version is verified serving.
//! 8. Every effect on the outside world is idempotent under retry.
//! 9. Signals are at-least-once: every handler is safe to receive twice.
//! 10. A signal that does not decode never wedges a workflow: messages arrive as [`contracts::temporal::args::Args`].
//! 11. Workflow code is deterministic: no clock, no random, no environment, no I/O.
//! 12. The UI thread never waits. First frame before any network answer. Old data stays, with its age.
//! 13. Secrets are of a type that cannot be printed; nothing secret enters a workflow's input, history, log or error.

pub mod activities;
pub mod agents;
pub mod cli;
pub mod config;
pub mod console;
pub mod contracts;
pub mod coordinator;
pub mod devstack;
pub mod gateway;
pub mod headless;
pub mod spec;
pub mod store;
pub mod telemetry;
pub mod worker;
pub mod workflows;
