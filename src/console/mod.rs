//! The terminal UI: the Elm architecture at the root, one folder per screen, stateless widgets below.
//!
//! [`event`] → keymap → [`action`] → update → [`effect`] → perform → [`event`]. `state` and `update` never name ratatui,
//! only `perform` and `run` name the gateway, and [`screens`] never import each other.

pub mod action;
pub mod assets;
pub mod ctx;
pub mod effect;
pub mod event;
pub mod key;
pub mod keymap;
pub mod question;
pub mod remote;
pub mod screen;
pub mod screens;
pub mod theme;
pub mod widgets;
pub mod world;
