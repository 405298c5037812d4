//! The integration tests, a file a room.

mod files;
mod messages;
