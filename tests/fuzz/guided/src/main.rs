//! One binary for every target: `MAILLE_FUZZ_TARGET` names the one that is searched.
//!
//! Besides panics it finds calls that take more memory than the target may. With `MAILLE_FUZZ_SEEDS` it
//! writes the inputs to begin with into that folder and ends.

#![no_main]

#[path = "../../../src/fuzz.rs"]
mod fuzz;

use std::path::Path;
use std::sync::OnceLock;

use fuzz::{TARGETS, Target};
use libfuzzer_sys::fuzz_target;

static TARGET: OnceLock<Target> = OnceLock::new();

fn begin() {
    let name = std::env::var("MAILLE_FUZZ_TARGET").expect("MAILLE_FUZZ_TARGET names a target");
    let target = TARGETS.iter().find(|target| target.name == name);
    let target = *target.expect("MAILLE_FUZZ_TARGET is one of tests/src/fuzz.rs");
    if let Some(folder) = std::env::var_os("MAILLE_FUZZ_SEEDS") {
        let repository = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../.."));
        for (number, seed) in fuzz::seeds(repository).iter().enumerate() {
            if (target.decodes)(&target.sealed(seed)) {
                let path = Path::new(&folder).join(format!("seed-{number}"));
                std::fs::write(path, seed).expect("a seed can be written");
            }
        }
        std::process::exit(0);
    }
    fuzz::begin();
    TARGET.set(target).expect("this is called once");
}

fuzz_target!(init: begin(), |bytes: &[u8]| {
    let target = TARGET.get().expect("set at the beginning");
    let bytes = target.sealed(bytes);
    let heap = allocation_counter::measure(|| {
        (target.decodes)(&bytes);
    });
    let (peak, bound) = (heap.bytes_max, target.memory.bound(bytes.len()));
    assert!(peak <= bound as u64, "{peak} bytes of heap for {}, the bound is {bound}", bytes.len());
});
