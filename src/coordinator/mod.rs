//! The HTTP service that turns people's decisions into exactly one effect each.
