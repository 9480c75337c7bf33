//! Docker hosts: of `DOCKER_HOST`, and of generator's `conf/pool.json`.

use std::path::PathBuf;

use serde::Deserialize;

use super::Old;
use crate::settings::docker::Host;
use crate::settings::{SettingsError, invalid};

const POOL: &str = "conf/pool.json";

/// `{"docker": [{"url": "127.0.0.1", "port": "19000"}, …]}`
#[derive(Deserialize)]
struct Pool {
    docker: Vec<Member>,
}

#[derive(Deserialize)]
struct Member {
    url: String,
    #[serde(default)]
    port: Port,
}

/// Written as a text there; a number says the same.
#[derive(Default, Deserialize)]
#[serde(untagged)]
enum Port {
    Number(u16),
    Text(String),
    #[default]
    None,
}

pub(super) fn apply(old: &mut Old<'_>) -> Result<(), SettingsError> {
    // Docker's own client reads this one and its companions too, so it needs no warning.
    let mut of_variable = false;
    if let Some(url) = old.variable("DOCKER_HOST")
        && old.settings.docker.hosts.is_empty()
    {
        of_variable = true;
        let host = docker_host(&url, old.around.variable);
        old.settings.docker.hosts.push(host);
    }
    let Some(text) = old.file(POOL)? else { return Ok(()) };
    if !old.settings.docker.hosts.is_empty() {
        let named_by = if of_variable { "DOCKER_HOST" } else { "docker.hosts" };
        old.understood(POOL, format!("nothing: {named_by} says where to build"));
        return Ok(());
    }
    let pool: Pool = serde_json::from_str(&text).map_err(|error| {
        let problem = format!(
            "is no pool, such as {{\"docker\": [{{\"url\": \"127.0.0.1\", \"port\": \"19000\"}}]}}: \
             see line {}, column {}",
            error.line(),
            error.column()
        );
        invalid(POOL, problem)
    })?;
    for (number, member) in (1..).zip(&pool.docker) {
        old.settings.docker.hosts.push(Host::named(&format!("pool-{number}"), &member.address()));
    }
    let urls: Vec<&str> = old.settings.docker.hosts.iter().map(|host| host.url.as_str()).collect();
    let now = format!("docker.hosts with {}", urls.join(", "));
    old.understood(POOL, now);
    Ok(())
}

impl Member {
    /// `tcp://url:port`, unless the address has a scheme of its own.
    fn address(&self) -> String {
        let url = self.url.trim();
        let url = if url.contains("://") { url.to_owned() } else { format!("tcp://{url}") };
        match &self.port {
            Port::Number(port) => format!("{url}:{port}"),
            Port::Text(port) if !port.trim().is_empty() => format!("{url}:{}", port.trim()),
            Port::Text(_) | Port::None => url,
        }
    }
}

/// The host that Docker's own client would talk to (docs.docker.com, "Use the Docker command
/// line", environment variables): an address without a scheme is tcp, any value at all in
/// `DOCKER_TLS_VERIFY` asks for TLS, and its files are called as below.
fn docker_host(url: &str, variable: &dyn Fn(&str) -> Option<String>) -> Host {
    let url = if url.contains("://") { url.to_owned() } else { format!("tcp://{url}") };
    let mut host = Host::named("local", &url);
    if variable("DOCKER_TLS_VERIFY").is_some() && !url.starts_with("unix://") {
        let folder = variable("DOCKER_CERT_PATH").map_or_else(
            || PathBuf::from(variable("HOME").unwrap_or_default()).join(".docker"),
            PathBuf::from,
        );
        host.tls_ca = Some(folder.join("ca.pem"));
        host.tls_cert = Some(folder.join("cert.pem"));
        host.tls_key = Some(folder.join("key.pem"));
    }
    host
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::tests::applied;
    use super::docker_host;

    #[test]
    fn docker_host_as_dockers_own_client_reads_it() {
        let with = |url: &str, set: &[(&str, &str)]| {
            let set: Vec<_> = set.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
            docker_host(url, &|name: &str| {
                set.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
            })
        };
        assert_eq!(with("unix:///a.sock", &[]).url, "unix:///a.sock");
        assert_eq!(with("127.0.0.1:2375", &[]).url, "tcp://127.0.0.1:2375");
        // Without DOCKER_TLS_VERIFY the path alone does nothing.
        let plain = with("tcp://h:2376", &[("DOCKER_CERT_PATH", "/certs")]);
        assert_eq!((plain.tls_ca, plain.tls_cert, plain.tls_key), (None, None, None));
        let verify = ("DOCKER_TLS_VERIFY", "1");
        let tls = with("tcp://h:2376", &[verify, ("DOCKER_CERT_PATH", "/certs")]);
        assert_eq!(tls.tls_ca.as_deref(), Some(Path::new("/certs/ca.pem")));
        assert_eq!(tls.tls_cert.as_deref(), Some(Path::new("/certs/cert.pem")));
        assert_eq!(tls.tls_key.as_deref(), Some(Path::new("/certs/key.pem")));
        let at_home = with("tcp://h:2376", &[verify, ("HOME", "/home/u")]);
        assert_eq!(at_home.tls_key.as_deref(), Some(Path::new("/home/u/.docker/key.pem")));
        assert_eq!(with("unix:///a.sock", &[verify]).tls_ca, None);
    }

    #[test]
    fn a_pool_of_hosts() {
        let pool = r#"{"docker": [{"url": "127.0.0.1", "port": "19000"},
            {"url": "unix:///run/docker.sock", "port": ""}, {"url": "127.0.0.2", "port": 2375}]}"#;
        let (settings, told) = applied(&[], &[("conf/pool.json", pool)], &[]).unwrap();
        let hosts: Vec<_> = settings
            .docker
            .hosts
            .iter()
            .map(|host| (host.name.as_str(), host.url.as_str()))
            .collect();
        let expected = [
            ("pool-1", "tcp://127.0.0.1:19000"),
            ("pool-2", "unix:///run/docker.sock"),
            ("pool-3", "tcp://127.0.0.2:2375"),
        ];
        assert_eq!(hosts, expected);
        insta::assert_snapshot!(told.join("\n"), @"conf/pool.json is understood as docker.hosts with tcp://127.0.0.1:19000, unix:///run/docker.sock, tcp://127.0.0.2:2375");
        // A host that is given otherwise wins.
        let variable = [("DOCKER_HOST", "unix:///a.sock")];
        let (settings, told) = applied(&variable, &[("conf/pool.json", pool)], &[]).unwrap();
        assert_eq!(settings.docker.hosts.len(), 1);
        insta::assert_snapshot!(told.join("\n"), @"conf/pool.json is understood as nothing: DOCKER_HOST says where to build");
        for bad in ["", "[]", r#"{"docker": [{"port": "1"}]}"#] {
            let problem = applied(&[], &[("conf/pool.json", bad)], &[]).unwrap_err();
            assert!(problem.starts_with("settings: conf/pool.json: is no pool"), "{problem}");
        }
        // As of any host: whoever reaches that port is root there.
        let far = r#"{"docker": [{"url": "10.0.0.1", "port": "2375"}]}"#;
        let problem = applied(&[], &[("conf/pool.json", far)], &[]).unwrap_err();
        assert!(problem.contains("plain_tcp = true"), "{problem}");
    }
}
