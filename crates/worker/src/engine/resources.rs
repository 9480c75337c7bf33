//! Limits of steps, as an engine's `/build` takes them.
//!
//! They are the classic builder's. BuildKit in an engine reads the cgroup alone
//! (`builder/builder-next` in moby), and says nothing of the others: so we do.

use slipway_domain::Resources;

/// The cgroup's name in the query, the one that both builders know.
const CGROUP: &str = "cgroupparent";

/// The limits by their names in the Docker Engine's API.
pub(super) fn query(resources: &Resources) -> impl Iterator<Item = (&'static str, String)> {
    let Resources {
        memory_bytes,
        cpu_shares,
        cpu_period_us,
        cpu_quota_us,
        cpuset_cpus,
        cpuset_mems,
        cgroup_parent,
    } = resources;
    let number = |value: &Option<u32>| value.map(|value| value.to_string());
    [
        ("memory", memory_bytes.map(|bytes| bytes.to_string())),
        ("cpushares", number(cpu_shares)),
        ("cpuperiod", number(cpu_period_us)),
        ("cpuquota", number(cpu_quota_us)),
        ("cpusetcpus", cpuset_cpus.clone()),
        ("cpusetmems", cpuset_mems.clone()),
        (CGROUP, cgroup_parent.clone()),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
}

/// What is to be said of limits that BuildKit does not set, if there are any.
pub(super) fn unlimited(resources: &Resources) -> Option<String> {
    let names: Vec<&str> =
        query(resources).map(|(name, _)| name).filter(|name| *name != CGROUP).collect();
    (!names.is_empty()).then(|| {
        format!(
            "warning: the builder of this host is BuildKit, which does not limit {}; a host with \
             builder = \"classic\" does",
            names.join(", ")
        )
    })
}
