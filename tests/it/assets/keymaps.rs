//! Keymaps.
