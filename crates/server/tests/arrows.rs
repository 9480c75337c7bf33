//! Which crate may know which. An arrow that is not listed here is a decision, and
//! ARCHITECTURE.md has to say why.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says so by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand};

/// Each crate with the crates of this workspace that it is built from.
const ARROWS: [(&str, &[&str]); 12] = [
    ("slipway-domain", &[]),
    ("slipway-context", &["slipway-domain"]),
    ("slipway-outbound", &["slipway-domain"]),
    ("slipway-git", &["slipway-context", "slipway-domain", "slipway-outbound", "slipway-ssh"]),
    ("slipway-ssh", &[]),
    ("slipway-store", &["slipway-domain"]),
    ("slipway-queue", &["slipway-domain", "slipway-store"]),
    (
        "slipway-worker",
        &[
            "slipway-context",
            "slipway-domain",
            "slipway-git",
            "slipway-outbound",
            "slipway-queue",
            "slipway-ssh",
            "slipway-store",
        ],
    ),
    ("slipway-follow", &["slipway-domain", "slipway-outbound", "slipway-queue", "slipway-store"]),
    ("slipway-api-types", &["slipway-domain"]),
    (
        "slipway-api",
        &[
            "slipway-api-types",
            "slipway-domain",
            "slipway-follow",
            "slipway-outbound",
            "slipway-queue",
            "slipway-ssh",
            "slipway-store",
        ],
    ),
    (
        "slipway-server",
        &[
            "slipway-api",
            "slipway-context",
            "slipway-domain",
            "slipway-follow",
            "slipway-outbound",
            "slipway-queue",
            "slipway-store",
            "slipway-worker",
        ],
    ),
];

/// Each outside system with the one crate that may know its library. The server starts
/// what the API made, and needs the type of it.
const WRAPPED: [(&str, &[&str]); 4] = [
    ("sqlx", &["slipway-store"]),
    ("lapin", &["slipway-queue"]),
    ("bollard", &["slipway-worker"]),
    ("actix-web", &["slipway-api"]),
];

fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = MetadataCommand::new().no_deps().other_options(["--locked".into()]).exec();
    let packages = metadata.unwrap().packages;
    packages
        .into_iter()
        .map(|package| {
            let normal =
                package.dependencies.into_iter().filter(|d| d.kind == DependencyKind::Normal);
            (package.name.to_string(), normal.map(|d| d.name.clone()).collect())
        })
        .collect()
}

#[test]
fn crates_know_only_whom_they_may() {
    let dependencies = dependencies();
    let ours: BTreeSet<&String> = dependencies.keys().collect();
    for (name, allowed) in ARROWS {
        let known = dependencies.get(name).unwrap_or_else(|| panic!("{name} is gone"));
        for other in known.iter().filter(|other| ours.contains(other)) {
            assert!(allowed.contains(&other.as_str()), "{name} must not know {other}");
        }
    }
    let listed = ARROWS.len();
    let unlisted = ["slipway-bench", "slipway-test-support"];
    assert_eq!(listed + unlisted.len(), ours.len(), "a new crate needs its line here: {ours:?}");
}

#[test]
fn outside_systems_are_known_in_one_place() {
    let measuring = ["slipway-bench", "slipway-test-support"];
    for (library, allowed) in WRAPPED {
        for (name, known) in dependencies() {
            if known.contains(library) && !measuring.contains(&name.as_str()) {
                assert!(allowed.contains(&name.as_str()), "{name} must not know {library}");
            }
        }
    }
}
