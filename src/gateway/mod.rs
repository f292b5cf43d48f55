//! The only home of the Temporal client and of protos.
