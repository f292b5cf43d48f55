//! The terminal: taken over, painted, given back. Nothing in here knows what is drawn, and nothing ever asks the
//! terminal a question: an answer that comes late would be read as keys.

pub mod control;
pub mod input;
pub mod paint;
pub mod signals;
pub mod terminal;
