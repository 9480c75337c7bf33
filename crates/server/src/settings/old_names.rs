//! The variables of the older services, understood so that a deployment moves over
//! unchanged. Nothing new is to be configured here.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use super::docker::Host;
use super::{Settings, SettingsError, invalid};

/// A variable of an older service that was found.
#[derive(Debug, Clone)]
pub(super) struct OldName {
    variable: &'static str,
    now: String,
}

impl fmt::Display for OldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is understood as {}", self.variable, self.now)
    }
}

/// The variables that named boatyard's Redis.
const CACHE: [&str; 3] =
    ["CACHE_1_PORT_6379_TCP_ADDR", "CACHE_1_PORT_6379_TCP_PORT", "CACHE_PASSWORD"];

/// Applies the variables that are set. Settings under their own names win.
///
/// # Errors
/// Names the variable and what is wrong with it.
pub(super) fn apply(settings: &mut Settings) -> Result<Vec<OldName>, SettingsError> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let mut found = Vec::new();
    // Docker's own client reads this one and its companions too, so it needs no warning.
    if let Some(url) = variable("DOCKER_HOST")
        && settings.docker.hosts.is_empty()
    {
        settings.docker.hosts.push(docker_host(&url, &variable));
    }
    if let Some(port) = variable("PORT")
        && std::env::var_os("SLIPWAY__HTTP__LISTEN").is_none()
    {
        settings.http.listen = listen(&port)?;
        found.push(OldName {
            variable: "PORT",
            now: format!("http.listen = {:?}", settings.http.listen),
        });
    }
    if let Some(json) = variable("EXTRA_BUILD_ARGS") {
        let args: BTreeMap<String, String> = serde_json::from_str(&json).map_err(|_| {
            invalid(
                "EXTRA_BUILD_ARGS",
                "is no JSON object of texts, such as {\"HTTP_PROXY\": \"…\"}",
            )
        })?;
        for (name, value) in args {
            settings.build.extra_args.entry(name).or_insert(value);
        }
        found.push(OldName { variable: "EXTRA_BUILD_ARGS", now: "build.extra_args".into() });
    }
    for name in CACHE {
        if variable(name).is_some() {
            let now = "nothing: state lives in the database (database.url)".into();
            found.push(OldName { variable: name, now });
        }
    }
    Ok(found)
}

/// The host that Docker's own client would talk to (docs.docker.com, "Use the Docker command
/// line", environment variables): an address without a scheme is tcp, any value at all in
/// `DOCKER_TLS_VERIFY` asks for TLS, and its files are called as below.
fn docker_host(url: &str, variable: &impl Fn(&str) -> Option<String>) -> Host {
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

/// `8080` or `:8080`, on every address, as the old services listened.
fn listen(port: &str) -> Result<String, SettingsError> {
    let digits = port.trim().trim_start_matches(':');
    let number: u16 = digits
        .parse()
        .map_err(|_| invalid("PORT", format!("{port:?} is no port; write 8080 or :8080")))?;
    Ok(format!("0.0.0.0:{number}"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{docker_host, listen};

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
    fn both_spellings_of_a_port() {
        assert_eq!(listen("8080").unwrap(), "0.0.0.0:8080");
        assert_eq!(listen(":9000").unwrap(), "0.0.0.0:9000");
        assert!(listen("http").unwrap_err().to_string().contains("PORT"));
    }
}
