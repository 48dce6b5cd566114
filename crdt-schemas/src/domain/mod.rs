//! One file per domain of life.

pub mod energy;
pub mod mobility;
