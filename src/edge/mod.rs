//! A file an outside thing: each touches the world and decides nothing.

pub mod bundle;
pub mod capture;
pub mod clock;
pub mod copy;
pub mod doorbell;
pub mod files;
pub mod health;
pub mod lock;
pub mod mailer;
pub mod memory;

pub mod perform;
pub mod precedence;
pub mod resolver;
pub mod store;
pub mod template;
