//! Deterministic workflows, one file each, and the blocks they share.
