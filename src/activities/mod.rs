//! The outside world: what workflows ask for and cannot do themselves.
