//! generator's `conf/runtime.conf`.

use configparser::ini::Ini;
use slipway_domain::RegistryHost;

use super::Old;
use crate::settings::{SettingsError, invalid};

const FILE: &str = "conf/runtime.conf";

pub(super) fn apply(old: &mut Old<'_>) -> Result<(), SettingsError> {
    let Some(text) = old.file(FILE)? else { return Ok(()) };
    let mut conf = Ini::new();
    // Its words quote the line, and there is a password in this file.
    conf.read(text).map_err(|_| invalid(FILE, "is no file of sections and name = value"))?;
    let value = |section: &str, key: &str| {
        let value = conf.get(section, key)?;
        let bare = value.trim().trim_matches(['"', '\'', '`']);
        (!bare.is_empty()).then(|| bare.to_owned())
    };
    let top = |key: &str| value("default", key);
    match top("listenmode").as_deref() {
        None | Some("http") => {}
        Some("https") => https(old, top("httpscertfile"), top("httpskeyfile"))?,
        Some(_) => return Err(invalid(&key("listenmode"), "must be http or https")),
    }
    if let Some(registry) = value("generator", "genurl")
        && !(old.around.given)("dialects.default_registry")
    {
        let registry = RegistryHost::parse(&registry)
            .map_err(|_| invalid(&key("genurl"), "is no registry; write host or host:port"))?;
        old.understood(&key("genurl"), format!("dialects.default_registry = \"{registry}\""));
        old.settings.dialects.default_registry = Some(registry.to_string());
    }
    if value("log", "filepath").is_some() {
        old.understood(&key("filepath"), "nothing: the log goes to standard error");
    }
    if conf.get_map_ref().contains_key("db") {
        let now = "nothing: state lives in the database (database.url)";
        old.understood(&format!("{FILE} [db]"), now);
    }
    Ok(())
}

fn https(
    old: &mut Old<'_>,
    cert: Option<String>,
    secret: Option<String>,
) -> Result<(), SettingsError> {
    if (old.around.given)("http.tls_cert") || (old.around.given)("http.tls_key") {
        return Ok(());
    }
    let missing = |name: &str| invalid(&key(name), "is missing beside listenmode = https");
    let cert = old.path(&cert.ok_or_else(|| missing("httpscertfile"))?);
    let secret = old.path(&secret.ok_or_else(|| missing("httpskeyfile"))?);
    old.understood(&key("httpscertfile"), format!("http.tls_cert = {cert:?}"));
    old.understood(&key("httpskeyfile"), format!("http.tls_key = {secret:?}"));
    old.settings.http.tls_cert = Some(cert);
    old.settings.http.tls_key = Some(secret);
    Ok(())
}

fn key(name: &str) -> String {
    format!("{FILE} {name}")
}

#[cfg(test)]
mod tests {
    use super::super::tests::applied;

    const CONF: &str = "# as it was shipped\n\
        runmode = \"dev\"\n\
        listenmode = \"https\"\n\
        httpscertfile = \"cert/containerops.crt\"\n\
        httpskeyfile = \"cert/containerops.key\"\n\
        [log]\nfilepath = \"log/containerops-log\"\n\
        [db]\nuri = \"localhost:6379\"\npasswd = \"hunter2\"\ndb = 0\n\
        [generator]\ngenurl = \"containerops.me\"\n";

    fn with(conf: &str) -> Result<(crate::settings::Settings, Vec<String>), String> {
        applied(&[], &[("conf/runtime.conf", conf)], &[])
    }

    #[test]
    fn what_stands_in_its_file() {
        let (settings, told) = with(CONF).unwrap();
        insta::assert_snapshot!(told.join("\n"), @r#"
        conf/runtime.conf httpscertfile is understood as http.tls_cert = "/cert/containerops.crt"
        conf/runtime.conf httpskeyfile is understood as http.tls_key = "/cert/containerops.key"
        conf/runtime.conf genurl is understood as dialects.default_registry = "containerops.me"
        conf/runtime.conf filepath is understood as nothing: the log goes to standard error
        conf/runtime.conf [db] is understood as nothing: state lives in the database (database.url)
        "#);
        assert!(settings.http.url().starts_with("https://"));
        assert_eq!(settings.dialects.default_registry.as_deref(), Some("containerops.me"));
    }

    #[test]
    fn plain_http_takes_no_certificate_and_what_is_wrong_is_named() {
        let (settings, told) = with(&CONF.replace("\"https\"", "http")).unwrap();
        assert!(settings.http.tls_cert.is_none());
        assert_eq!(told.len(), 3, "{told:?}");
        let (settings, told) = with("").unwrap();
        assert!(settings.http.tls_cert.is_none() && told.is_empty());
        for (conf, words) in [
            ("listenmode = unix", "conf/runtime.conf listenmode: must be http or https"),
            ("listenmode = https", "conf/runtime.conf httpscertfile: is missing"),
            ("[generator]\ngenurl = http:// hunter2", "conf/runtime.conf genurl: is no registry"),
            ("[generator\nhunter2", "conf/runtime.conf: is no file of sections"),
        ] {
            let problem = with(conf).unwrap_err();
            assert!(problem.contains(words) && !problem.contains("hunter2"), "{problem}");
        }
    }

    #[test]
    fn settings_win() {
        let given = ["http.tls_cert", "dialects.default_registry"];
        let (settings, told) = applied(&[], &[("conf/runtime.conf", CONF)], &given).unwrap();
        assert!(settings.http.tls_cert.is_none());
        assert!(settings.dialects.default_registry.is_none());
        assert_eq!(told.len(), 2, "{told:?}");
    }
}
