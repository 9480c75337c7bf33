//! Limits of what steps may use.

use slipway_domain::{LogStream, Reason, Resources};
use slipway_test_support::env;
use slipway_worker::engine::{BuildRequest, Builder};

use crate::support::{BOTH, build_dockerfile, engine, request, unique};

const MEMORY: u64 = 32 * 1024 * 1024;

fn limited() -> BuildRequest {
    let resources = Resources {
        memory_bytes: Some(MEMORY),
        cpu_shares: Some(512),
        cpu_period_us: Some(50_000),
        cpu_quota_us: Some(25_000),
        cpuset_cpus: Some("0".into()),
        cpuset_mems: Some("0".into()),
        cgroup_parent: None,
    };
    BuildRequest { resources, ..request() }
}

/// A step that prints its limits, under either version of cgroups, and one more command.
fn dockerfile(command: &str) -> String {
    let limits = "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes \
                  2>/dev/null; cat /sys/fs/cgroup/cpu.max 2>/dev/null || cat \
                  /sys/fs/cgroup/cpu/cpu.cfs_quota_us";
    format!("FROM {}\nRUN echo {}; {limits}; {command}\n", env::base_image(), unique())
}

#[tokio::test]
async fn the_classic_builder_sets_them() {
    let told = build_dockerfile(&engine(Builder::Classic), &limited(), &dockerfile("true")).await;
    told.result.as_ref().unwrap();
    let printed = told.text(LogStream::Stdout);
    assert!(printed.contains(&format!("{MEMORY}\n")), "{printed}");
    assert!(printed.contains("25000"), "{printed}");
    assert_eq!(told.text(LogStream::Slipway), "");
}

#[tokio::test]
async fn a_step_that_wants_more_memory_does_not_get_it() {
    // tail keeps all of a line that does not end.
    let greedy = dockerfile("head -c 200000000 /dev/zero | tail -n 1 | wc -c");
    let told = build_dockerfile(&engine(Builder::Classic), &limited(), &greedy).await;
    let printed = told.text(LogStream::Stdout) + &told.text(LogStream::Stderr);
    assert!(!printed.contains("\n200000000\n"), "{printed}");
    let free = build_dockerfile(&engine(Builder::Classic), &request(), &greedy).await;
    assert!(free.text(LogStream::Stdout).contains("200000000\n"));
}

#[tokio::test]
async fn buildkit_does_not_and_the_log_says_so() {
    let told = build_dockerfile(&engine(Builder::Buildkit), &limited(), &dockerfile("true")).await;
    told.result.as_ref().unwrap();
    let said = told.text(LogStream::Slipway);
    let names = "does not limit memory, cpushares, cpuperiod, cpuquota, cpusetcpus, cpusetmems;";
    assert!(said.contains(names), "{said}");
    assert!(!told.text(LogStream::Stdout).contains(&format!("{MEMORY}\n")));
    let none = build_dockerfile(&engine(Builder::Buildkit), &request(), &dockerfile("true")).await;
    assert_eq!(none.text(LogStream::Slipway), "");
}

#[tokio::test]
async fn a_cgroup_is_taken_by_both() {
    for builder in BOTH {
        let name = format!("slipway-test-{}", unique());
        let resources =
            Resources { cgroup_parent: Some(format!("/{name}")), ..Resources::default() };
        let request = BuildRequest { resources, ..request() };
        let told = build_dockerfile(&engine(builder), &request, &dockerfile("true")).await;
        if let Err(failure) = &told.result {
            panic!("{builder:?}: {failure}");
        }
    }
}

#[tokio::test]
async fn processors_that_the_host_does_not_have() {
    let resources = Resources { cpuset_cpus: Some("4000".into()), ..Resources::default() };
    let request = BuildRequest { resources, ..request() };
    let told = build_dockerfile(&engine(Builder::Classic), &request, &dockerfile("true")).await;
    let failure = told.result.unwrap_err();
    assert_ne!(failure.reason, Reason::Internal, "{failure}");
    assert!(failure.message.contains("CPUs"), "{failure}");
}
