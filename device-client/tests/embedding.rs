//! The example for platforms of one's own does what it says.

#[path = "../examples/embedded/main.rs"]
mod embedded;

#[test]
fn a_platform_of_ones_own_is_bootstrapped_from_a_card() {
    embedded::main();
}
