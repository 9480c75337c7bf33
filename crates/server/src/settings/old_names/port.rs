//! `PORT`, of all of them.

use super::Old;
use crate::settings::{SettingsError, invalid};

pub(super) fn apply(old: &mut Old<'_>) -> Result<(), SettingsError> {
    let Some(port) = old.variable_for("PORT", "http.listen") else { return Ok(()) };
    old.settings.http.listen = listen(&port)?;
    let now = format!("http.listen = {:?}", old.settings.http.listen);
    old.understood("PORT", now);
    Ok(())
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
    use super::super::tests::applied;
    use super::listen;

    #[test]
    fn both_spellings_of_a_port() {
        assert_eq!(listen("8080").unwrap(), "0.0.0.0:8080");
        assert_eq!(listen(":9000").unwrap(), "0.0.0.0:9000");
        assert!(listen("http").unwrap_err().to_string().contains("PORT"));
    }

    #[test]
    fn the_setting_wins() {
        let (settings, told) = applied(&[("PORT", ":9000")], &[], &[]).unwrap();
        assert_eq!(settings.http.listen, "0.0.0.0:9000");
        assert_eq!(told, ["PORT is understood as http.listen = \"0.0.0.0:9000\""]);
        let (settings, told) = applied(&[("PORT", "9000")], &[], &["http.listen"]).unwrap();
        assert_eq!((settings.http.listen.as_str(), told.len()), ("127.0.0.1:8080", 0));
    }
}
