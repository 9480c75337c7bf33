//! The variables of the older services, understood so that a deployment moves over
//! unchanged. Nothing new is to be configured here.

use std::collections::BTreeMap;
use std::fmt;

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
    // Docker's own clients read this one too, so it needs no warning.
    if let Some(url) = variable("DOCKER_HOST")
        && settings.docker.hosts.is_empty()
    {
        settings.docker.hosts.push(Host::named("local", &url));
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
    use super::listen;

    #[test]
    fn both_spellings_of_a_port() {
        assert_eq!(listen("8080").unwrap(), "0.0.0.0:8080");
        assert_eq!(listen(":9000").unwrap(), "0.0.0.0:9000");
        assert!(listen("http").unwrap_err().to_string().contains("PORT"));
    }
}
