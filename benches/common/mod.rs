//! What do the benches share? Inputs with known truth, runs made up, commands timed in turns, and one table of figures.
#![allow(dead_code, reason = "each bench uses its part")]

pub mod figures;
pub mod generate;
pub mod inputs;
pub mod night;
pub mod peers;
pub mod timing;
pub mod truth;
