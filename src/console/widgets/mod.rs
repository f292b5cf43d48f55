//! Pieces that screens are drawn with. They know the theme and what they are given, and no state of the console.

pub mod aside;
pub mod card;
pub mod chart;
pub mod meter;
pub mod panel;
pub mod reader;
pub mod sparkline;
pub mod strip;
pub mod table;
pub mod text;
pub mod time;
