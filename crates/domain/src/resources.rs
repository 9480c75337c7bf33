//! What the steps of a build may use of its host.

use serde::{Deserialize, Serialize};

use crate::FieldError;

/// The least that engines give a container (`linuxMinMemory` in the daemon of moby).
const LEAST_MEMORY_BYTES: u64 = 6 * 1024 * 1024;

/// Limits of the containers that steps run in; none where there is nothing. Engines set them
/// for the classic builder; BuildKit takes the cgroup alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Resources {
    /// Memory, in bytes; as much again of swap.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Weight among all that want the processor; 1024 is a container's usual one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_shares: Option<u32>,
    /// Length of a period of the scheduler, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_period_us: Option<u32>,
    /// Time of processors in each period, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_quota_us: Option<u32>,
    /// Processors, such as `0-2,4`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpuset_cpus: Option<String>,
    /// Nodes of memory, in the same spelling.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpuset_mems: Option<String>,
    /// The cgroup above the containers'.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cgroup_parent: Option<String>,
}

impl Resources {
    /// Whether nothing is limited.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Checks every field.
    ///
    /// # Errors
    /// The first one that no engine takes.
    pub(crate) fn check(&self) -> Result<(), FieldError> {
        let within = |field: &str, given: Option<u32>, least: u32, most: u32| match given {
            Some(value) if !(least..=most).contains(&value) => {
                Err(refused(field, &format!("must be {least} to {most}")))
            }
            Some(_) | None => Ok(()),
        };
        if self.memory_bytes.is_some_and(|bytes| bytes < LEAST_MEMORY_BYTES) {
            return Err(refused("memory_bytes", "must be at least 6291456 bytes (6 MiB)"));
        }
        within("cpu_shares", self.cpu_shares, 2, 262_144)?;
        within("cpu_period_us", self.cpu_period_us, 1000, 1_000_000)?;
        within("cpu_quota_us", self.cpu_quota_us, 1000, u32::MAX)?;
        for (field, set) in [("cpuset_cpus", &self.cpuset_cpus), ("cpuset_mems", &self.cpuset_mems)]
        {
            if set.as_deref().is_some_and(|set| !is_set(set)) {
                return Err(refused(field, "must be numbers and ranges, such as 0-2,4"));
            }
        }
        if self.cgroup_parent.as_deref().is_some_and(|path| !is_cgroup(path)) {
            let message = "must be the path or the name of a cgroup, such as /builds or \
                           builds.slice";
            return Err(refused("cgroup_parent", message));
        }
        Ok(())
    }
}

fn refused(field: &str, message: &str) -> FieldError {
    FieldError::new(format!("resources.{field}"), message)
}

/// As the kernel reads one (`bitmap_parselist`): numbers and ranges with commas between.
fn is_set(text: &str) -> bool {
    let number = |text: &str| text.parse::<u16>().ok().filter(|_| !text.starts_with('+'));
    text.split(',').all(|part| match part.split_once('-') {
        Some((from, to)) => number(from).zip(number(to)).is_some_and(|(from, to)| from <= to),
        None => number(part).is_some(),
    })
}

fn is_cgroup(path: &str) -> bool {
    let good =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '@' | ':');
    (1..=255).contains(&path.len())
        && path.chars().all(good)
        && path.split('/').all(|part| part != "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl FnOnce(&mut Resources)) -> String {
        let mut resources = Resources::default();
        change(&mut resources);
        resources.check().unwrap_err().field
    }

    #[test]
    fn what_engines_take() {
        let all = Resources {
            memory_bytes: Some(LEAST_MEMORY_BYTES),
            cpu_shares: Some(512),
            cpu_period_us: Some(100_000),
            cpu_quota_us: Some(50_000),
            cpuset_cpus: Some("0-2,4".into()),
            cpuset_mems: Some("0".into()),
            cgroup_parent: Some("/docker/builds".into()),
        };
        all.check().unwrap();
        assert!(!all.is_empty());
        assert_eq!(serde_json::from_str::<Resources>("{}").unwrap(), Resources::default());
        assert_eq!(serde_json::to_string(&Resources::default()).unwrap(), "{}");
    }

    #[test]
    fn each_field_is_named() {
        assert_eq!(refused(|r| r.memory_bytes = Some(1024)), "resources.memory_bytes");
        assert_eq!(refused(|r| r.cpu_shares = Some(1)), "resources.cpu_shares");
        assert_eq!(refused(|r| r.cpu_period_us = Some(999)), "resources.cpu_period_us");
        assert_eq!(refused(|r| r.cpu_quota_us = Some(0)), "resources.cpu_quota_us");
        for bad in ["", "a", "1-", "2-1", "1,,2", "+1", "0;1"] {
            assert_eq!(refused(|r| r.cpuset_cpus = Some(bad.into())), "resources.cpuset_cpus");
            assert_eq!(refused(|r| r.cpuset_mems = Some(bad.into())), "resources.cpuset_mems");
        }
        for bad in ["", "a b", "../x", "/a/../b", "a\nb"] {
            assert_eq!(refused(|r| r.cgroup_parent = Some(bad.into())), "resources.cgroup_parent");
        }
    }
}
