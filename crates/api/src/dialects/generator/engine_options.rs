//! What generator handed on to the engine as it was.

use slipway_domain::{FieldError, Resources};

use super::fields::Fields;

/// Each limit: its name here, and as an error of the native API names it.
const LIMITS: [(&str, &str); 7] = [
    ("memory", "resources.memory_bytes"),
    ("cpushares", "resources.cpu_shares"),
    ("cpuperiod", "resources.cpu_period_us"),
    ("cpuquota", "resources.cpu_quota_us"),
    ("cpusetcpus", "resources.cpuset_cpus"),
    ("cpusetmems", "resources.cpuset_mems"),
    ("cgroupparent", "resources.cgroup_parent"),
];

/// The limits of steps.
///
/// # Errors
/// When one is no number.
pub(super) fn resources(fields: &Fields) -> Result<Resources, FieldError> {
    let text = |name: &str| fields.get(name).map(str::to_owned);
    Ok(Resources {
        memory_bytes: fields.number("memory")?,
        cpu_shares: fields.number("cpushares")?,
        cpu_period_us: fields.number("cpuperiod")?,
        cpu_quota_us: fields.number("cpuquota")?,
        cpuset_cpus: text("cpusetcpus"),
        cpuset_mems: text("cpusetmems"),
        cgroup_parent: text("cgroupparent"),
    })
}

/// Reads what changes nothing here: containers of steps are always removed, and a log that is
/// not wanted need not be read.
///
/// # Errors
/// When it says neither yes nor no.
pub(super) fn without_effect(fields: &Fields) -> Result<(), FieldError> {
    fields.flag("forceremove")?;
    fields.flag("suppressoutput")?;
    Ok(())
}

/// A limit by its name here.
pub(super) fn spelled(native: &str) -> Option<&'static str> {
    LIMITS.iter().find(|(_, known)| *known == native).map(|(name, _)| *name)
}
