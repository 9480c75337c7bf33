//! The settings as they are shown: whole, but for what is secret.

use serde::Serializer;
use slipway_domain::Secret;

use super::{Settings, SettingsError};

impl Settings {
    /// The settings in force as TOML, secrets masked.
    ///
    /// # Errors
    /// When a value has no form in TOML.
    pub(crate) fn as_toml(&self) -> Result<String, SettingsError> {
        let mut shown = self.clone();
        shown.database.url = Some(shown.database.shown(&self.data_dir));
        shown.blobs.url = Some(shown.blobs.url_in(&self.data_dir));
        shown.queue.url = shown.queue.shown();
        shown.secrets = shown.secrets.shown(&self.data_dir);
        let mut text = String::new();
        for old in &self.old_names {
            text.push_str(&format!("# {old}\n"));
        }
        text.push_str(toml::to_string_pretty(&shown)?.trim_end());
        Ok(text)
    }
}

/// A secret as it may be shown.
#[expect(clippy::ref_option, reason = "what serde calls it with")]
pub(super) fn masked<S: Serializer>(_: &Option<Secret>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str("***")
}

/// A URL as it may be shown.
pub(super) fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let rest = without_password_in_query(rest);
    let Some((login, place)) = rest.rsplit_once('@') else { return format!("{scheme}://{rest}") };
    let user = login.split(':').next().unwrap_or_default();
    format!("{scheme}://{user}:***@{place}")
}

/// PostgreSQL takes a password there, too: `postgres://db/slipway?user=u&password=…`.
fn without_password_in_query(rest: &str) -> String {
    let Some((place, query)) = rest.split_once('?') else { return rest.to_owned() };
    let pairs = query.split('&').map(|pair| match pair.split_once('=') {
        Some((name, _)) if name.to_ascii_lowercase().ends_with("password") => {
            format!("{name}=***")
        }
        Some(_) | None => pair.to_owned(),
    });
    format!("{place}?{}", pairs.collect::<Vec<_>>().join("&"))
}

#[cfg(test)]
mod tests {
    use super::super::tests::read;

    #[test]
    fn nothing_is_required_and_what_is_in_force_is_shown() {
        let shown = read("").unwrap().as_toml().unwrap();
        assert!(shown.contains("listen = \"127.0.0.1:8080\""), "{shown}");
        assert!(shown.contains("url = \"sqlite:///tmp/data/slipway.db\""), "{shown}");
        // What is shown can be read again.
        read(&shown).unwrap();
    }

    #[test]
    fn a_password_in_the_query_is_not_shown() {
        for (url, shown) in [
            (
                "postgres://db/s?user=u&password=hunter2&sslmode=require",
                "postgres://db/s?user=u&password=***&sslmode=require",
            ),
            ("postgres://u:p@db/s?password=a@b", "postgres://u:***@db/s?password=***"),
            ("postgres://u@db/s?sslmode=require", "postgres://u:***@db/s?sslmode=require"),
        ] {
            assert_eq!(super::without_password(url), shown);
        }
    }

    #[test]
    fn passwords_are_not_shown() {
        let settings = read(
            "[database]\nurl = \"postgres://u:hunter2@db/slipway\"\n\
             [queue]\nurl = \"amqp://u:hunter2@mq/\"\n[secrets]\nkey = \"hunter2\"\nold_keys = [\"hunter2\", \"hunter2\"]\n\
             [blobs]\nurl = \"s3://b/p\"\nsecret_access_key = \"hunter2\"\n\
             [registries.\"r.example:5000\"]\nusername = \"robot\"\npassword = \"hunter2\"",
        )
        .unwrap();
        let shown = settings.as_toml().unwrap();
        for text in [shown.clone(), format!("{settings:?}").replace("u:hunter2@", "")] {
            assert!(!text.contains("hunter2"), "{text}");
        }
        assert!(shown.contains("postgres://u:***@db/slipway"), "{shown}");
        assert!(shown.contains("amqp://u:***@mq/"), "{shown}");
        assert!(shown.contains("[registries.\"r.example:5000\"]\nusername = \"robot\""), "{shown}");
        assert!(shown.contains("    \"***\",\n    \"***\""), "{shown}");
        assert!(shown.contains("secret_access_key = \"***\""), "{shown}");
        assert!(shown.contains("\nkey = \"***\"") && !shown.contains("key_file"), "{shown}");
    }
}
