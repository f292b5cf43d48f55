//! Configuration: what was written ([`raw`]), where it came from ([`sources`]), what it means ([`settings`]).
//!
//! One file, `gatewatch.toml`, is under the environment, which is under the flags. Connecting to Temporal is
//! configured where the `temporal` CLI configures it: `temporal.toml` profiles and `TEMPORAL_*` variables.

pub mod settings;
