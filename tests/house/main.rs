//! The house itself: who may depend on whom, what the tree may contain, and that no
//! test file was forgotten.

mod attacks;
mod dependencies;
mod layout;
