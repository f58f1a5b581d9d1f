//! Counts what one verification of a full signed grouping allocates, and prints the number of allocations and of octets. A
//! program of its own: counting takes time, which the ratios of `bench` must not pay.

#![allow(clippy::unwrap_used, clippy::print_stdout, dead_code, reason = "a measurement that cannot go on stops")]

#[path = "bench/grouping.rs"]
mod grouping;

use std::{alloc::System, hint::black_box};

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() {
    let grouping = grouping::Grouping::new();
    let region = Region::new(&INSTRUMENTED_SYSTEM);
    black_box(grouping.judge());
    let change = region.change();
    println!("{} {}", change.allocations + change.reallocations, change.bytes_allocated);
}
