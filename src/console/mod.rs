//! The terminal UI: the Elm architecture at the root, one folder per screen, stateless widgets below.
//!
//! [`event`] → keymap → [`action`] → update → [`effect`] → perform → [`event`]. `state` and `update` never name ratatui,
//! only `perform` and `run` name the gateway, and [`screens`] never import each other.

pub mod act;
pub mod action;
pub mod alert;
pub mod asking;
pub mod assets;
pub mod chronicle;
pub mod countdown;
pub mod ctx;
pub mod cursor;
pub mod effect;
pub mod event;
pub mod event_text;
pub mod field;
pub mod frames;
pub mod fuzzy;
pub mod gate_facts;
pub mod gates;
pub mod guide;
pub mod header;
pub mod hints;
pub mod key;
pub mod keymap;
pub mod layout;
pub mod leaving;
pub mod look;
pub mod messages;
pub mod model;
pub mod outbox;
pub mod overlays;
pub mod pending;
pub mod perform;
pub mod press;
pub mod question;
pub mod reader;
pub mod remote;
pub mod run;
pub mod screen;
pub mod screens;
pub mod sent;
pub mod stage;
pub mod theme;
pub mod tty;
pub mod typing;
pub mod update;
pub mod view;
pub mod wake;
pub mod watched;
pub mod widgets;
pub mod world;
