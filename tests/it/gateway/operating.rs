//! The one path on which people change anything.
