//! The one integration test binary.

mod life;
mod world;
