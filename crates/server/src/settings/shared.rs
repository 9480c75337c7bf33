//! What the settings must say where several processes work on the same builds.

use slipway_store::seal::KeyRing;

use super::{Settings, SettingsError, invalid};
use crate::roles::Failure;

impl Settings {
    /// Refuses what only `slipwayd standalone` can work with. `role` is how the operator
    /// called this process.
    ///
    /// # Errors
    /// Names the setting and what to write.
    pub(crate) fn check_shared(&self, role: &str) -> Result<(), SettingsError> {
        self.check_shared_database(role)?;
        if !self.queue.is_shared() {
            let problem = format!(
                "`slipwayd {role}` shares its queue with other processes: name the RabbitMQ \
                 server, as amqp://user:password@host:5672; only `slipwayd standalone` works \
                 with local:"
            );
            return Err(invalid("queue.url", problem));
        }
        if self.blobs.url.is_none() {
            let problem = format!(
                "`slipwayd {role}` needs the place for uploads that every api and worker \
                 shares: file:///folder, on a volume that all of them mount, or s3://bucket/prefix"
            );
            return Err(invalid("blobs.url", problem));
        }
        Ok(())
    }

    /// The keys that all processes share. One made on the spot would be this process's alone,
    /// and no other could open what it has sealed.
    ///
    /// # Errors
    /// When none is given, or it cannot be read.
    pub(crate) fn shared_keys(&self, role: &str) -> Result<KeyRing, Failure> {
        match (&self.secrets.key, &self.secrets.key_file) {
            (Some(key), _) => Ok(self.secrets.ring(KeyRing::parse(key.expose())?)?),
            (None, Some(file)) => Ok(self.secrets.ring(KeyRing::read(file)?)?),
            (None, None) => {
                let problem = format!(
                    "`slipwayd {role}` needs the key that every api and worker shares: make \
                     one with `slipwayd new-key` and give it to all of them, in this file or \
                     as SLIPWAY__SECRETS__KEY"
                );
                Err(invalid("secrets.key_file", problem).into())
            }
        }
    }

    /// The database alone.
    ///
    /// # Errors
    /// Names the setting and what to write.
    pub(crate) fn check_shared_database(&self, role: &str) -> Result<(), SettingsError> {
        if self.database.is_shared() {
            return Ok(());
        }
        let problem = format!(
            "`slipwayd {role}` works on a PostgreSQL database: name it, as \
             postgres://user:password@host/database; only `slipwayd standalone` works on \
             SQLite, and it applies its own migrations"
        );
        Err(invalid("database.url", problem))
    }
}

#[cfg(test)]
mod tests {
    use slipway_store::seal::new_key;

    use super::super::tests::read;

    #[test]
    fn what_several_processes_share_has_to_be_named() {
        let shared = [
            ("database.url", "[database]\nurl = \"postgres://u@db/slipway\"\n"),
            ("queue.url", "[queue]\nurl = \"amqp://u@mq/\"\n"),
            ("blobs.url", "[blobs]\nurl = \"file:///srv/slipway\"\n"),
        ];
        let mut toml = String::new();
        for (key, section) in shared {
            let refused = read(&toml).unwrap().check_shared("api").unwrap_err().to_string();
            assert!(refused.starts_with(&format!("settings: {key}: `slipwayd api`")), "{refused}");
            toml.push_str(section);
        }
        let settings = read(&toml).unwrap();
        settings.check_shared("api").unwrap();
        let refused = settings.shared_keys("api").unwrap_err().to_string();
        assert!(refused.contains("secrets.key_file") && refused.contains("new-key"), "{refused}");
        toml.push_str(&format!("[secrets]\nkey = \"{}\"\n", new_key().unwrap()));
        read(&toml).unwrap().shared_keys("api").unwrap();
    }
}
