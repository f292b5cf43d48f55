//! Open gates and the decision card of one of them.

pub mod card;
pub mod row;
pub mod state;
pub mod update;
pub mod view;
