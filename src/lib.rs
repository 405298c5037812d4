//! allclear tracks an infection ticket from the first report to *confirmed clean*.
//!
//! Reading order: `pure` holds every decision, `engine` is the one loop that appends events,
//! `edge` touches the outside world, `cli` is a file a command. See ARCHITECTURE.md for the map.

pub mod pure;

pub mod engine;

pub mod edge;

pub mod season;

pub mod cli;
