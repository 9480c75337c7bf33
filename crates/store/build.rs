//! The migrations are compiled in; cargo does not see that they belong to this crate.

fn main() {
    println!("cargo::rerun-if-changed=../../migrations");
}
