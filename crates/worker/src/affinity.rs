//! Which host a repository's builds should go to. A repository is one project's: two that
//! push to one have caches of their own.
//!
//! Rendezvous hashing: each host gets a weight for the repository and the highest weight
//! wins. Every worker computes the same order without asking anybody, a repository keeps
//! finding the host that has its cache, and a host that comes or goes moves only the
//! repositories that it wins or held.

use sha2::{Digest, Sha256};
use slipway_domain::HostName;

/// The weight of `host` for a project's `repository`.
#[must_use]
pub(crate) fn weight(project: &str, repository: &str, host: &HostName) -> u64 {
    let mut hash = Sha256::new();
    hash.update(project.as_bytes());
    hash.update([0]);
    hash.update(repository.as_bytes());
    hash.update([0]);
    hash.update(host.as_str().as_bytes());
    let digest = hash.finalize();
    digest.iter().take(8).fold(0, |weight, byte| weight << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_leaves_moves_only_its_own() {
        let hosts: Vec<HostName> =
            ["a", "b", "c"].iter().map(|name| HostName::parse(name).unwrap()).collect();
        let best = |hosts: &[HostName], repository: &str| {
            hosts.iter().max_by_key(|host| weight("default", repository, host)).unwrap().clone()
        };
        let mut won = [0; 3];
        for number in 0..300 {
            let repository = format!("r.example/app-{number}");
            let with_all = best(&hosts, &repository);
            won[hosts.iter().position(|host| *host == with_all).unwrap()] += 1;
            if with_all != hosts[2] {
                assert_eq!(best(&hosts[..2], &repository), with_all);
            }
        }
        assert!(won.iter().all(|count| *count > 60), "{won:?}");
    }
}
