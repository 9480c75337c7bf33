//! What clients of the shipped API send, and those of the jenkins job before it.
//!
//! The jenkins job's had their arguments as lines of a Dockerfile (`build_options`), and for a
//! source that is an image no `sources` but its name in `docker_registry`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use http::HeaderValue;
use serde_json::json;
use serde_json_borrow::Value;
use slipway_domain::{
    BuildSpecDraft, Credentials, Follower, FollowerAddress, FollowerForm, FollowerKind, ImageRef,
    KafkaTarget, Secret,
};
use slipway_store::names::Name;
use uuid::Uuid;

use super::Refusal;
use super::paths::App;
use crate::Api;
use crate::dialects::buildshuttle::arguments;
use crate::dialects::buildshuttle::envelope::field;
use crate::dialects::buildshuttle::lenient::{self, field as field_of, said};
use crate::dialects::buildshuttle::source::{self, Read, SOURCES, uuid};
use crate::intake::Order;
use crate::secrets::{self, Brought};

/// An image to copy, in place of `sources`.
const COPIED: &str = "docker_registry";
const REPO: &str = "gm_registry_repo";

/// A request that was read.
pub(super) struct Asked {
    pub(super) order: Order,
    pub(super) read: Read,
    /// The field that each follower came in.
    pub(super) told: Vec<String>,
}

/// What says which build it is.
struct Identity {
    app: String,
    space: String,
    number: i64,
    build_uuid: Uuid,
    app_uuid: Uuid,
}

impl Asked {
    /// Reads a request.
    pub(super) async fn read(api: &Api, body: &Value<'_>) -> Result<Self, Refusal> {
        let copied = said(body, COPIED, COPIED)?;
        let (from, address) = match (said(body, "sources", "sources")?, copied) {
            // The newer ones say it twice.
            (Some(sources), Some(_)) if is_image(&sources) => ("sources", sources),
            (_, Some(image)) => (COPIED, format!("docker://{image}").into()),
            (Some(sources), None) => ("sources", sources),
            (None, None) => return Err(Refusal::MissingFields),
        };
        let (host, repo) = (required(body, "gm_registry_host")?, required(body, REPO)?);
        let identity = Identity::read(body)?;
        let Identity { app, app_uuid, number, .. } = &identity;
        let image = format!("{host}/{repo}/{app}-{app_uuid}:1.{number}");
        let image_ref = image_of(&host, &repo, &image)?;
        let (told, followers) = identity.followers(api, body)?;
        let mut args = BTreeMap::new();
        for name in ["build_options", "build_opts"] {
            args.extend(arguments::of_lines(&said(body, name, name)?.unwrap_or_default()));
        }
        args.extend(arguments::of_object("build_args", body.get("build_args"))?);

        let mut read = source::read(api, from, &address).await?;
        // Over the one in the address.
        let password = said(body, "docker_password", "docker_password")?;
        if let Some(username) = said(body, "docker_login", "docker_login")? {
            read.secrets.login = Some(login(&username, &password.unwrap_or_default()));
        }
        let push = push_login(body.get("gm_registry_auth"))?
            .map(|login| (image_ref.registry().to_string(), login));
        let secrets = secrets::check(Brought {
            registry_auth: push.into_iter().collect(),
            source: read.secrets.clone(),
            ..Brought::default()
        })?;
        let scope = App::new(app, *app_uuid);
        let draft = BuildSpecDraft {
            args,
            labels: identity.labels(),
            metadata: Some(identity.metadata(body)),
            supersede_key: Some(format!("{}/{number}", scope.as_str())),
            also_tags: vec!["latest".into()],
            args_in_every_stage: true,
            log_opening: identity.opening(body),
            ..BuildSpecDraft::new(image, read.source.clone())
        };
        let names = vec![
            Name { scope: scope.scope(), name: number.to_string(), alone: false },
            Name { scope: SOURCES.into(), name: identity.build_uuid.to_string(), alone: false },
        ];
        let order = Order { names, followers, ..Order::check(draft, secrets)? };
        Ok(Self { order, read, told })
    }
}

impl Identity {
    fn read(body: &Value<'_>) -> Result<Self, Refusal> {
        let (app, space) =
            (required(body, "app")?.into_owned(), required(body, "space")?.into_owned());
        let (app_uuid, number) = (required(body, "app_uuid")?, required(body, "build_number")?);
        let build_uuid = uuid(required(body, "build_uuid")?.trim()).ok_or(Refusal::BadUuid)?;
        Ok(Self {
            app,
            space,
            number: number
                .trim()
                .parse()
                .ok()
                .filter(|number| *number > 0)
                .ok_or_else(|| field("build_number", "is no number of a build"))?,
            build_uuid,
            app_uuid: uuid(app_uuid.trim()).ok_or_else(|| field("app_uuid", "is no UUID"))?,
        })
    }

    fn labels(&self) -> BTreeMap<String, String> {
        let Self { app, space, build_uuid, app_uuid, .. } = self;
        let ids = (build_uuid.to_string(), app_uuid.to_string());
        [("app", app), ("space", space), ("build_uuid", &ids.0), ("app_uuid", &ids.1)]
            .map(|(name, value)| (name.to_owned(), value.clone()))
            .into()
    }

    /// What the request says of itself, for whoever finds the build elsewhere.
    fn metadata(&self, body: &Value<'_>) -> serde_json::Value {
        let mut metadata = json!({
            "app": self.app, "space": self.space, "build_number": self.number,
            "build_uuid": self.build_uuid, "app_uuid": self.app_uuid,
        });
        for name in ["org", "repo", "branch", "sha"] {
            if let Some(text) = field_of(body, name) {
                metadata[name] = without_login(&text).into();
            }
        }
        metadata
    }

    /// What a log begins with. Sources that came from no repository have no second line.
    fn opening(&self, body: &Value<'_>) -> Vec<String> {
        let text = |name: &str| one_line(&without_login(&field_of(body, name).unwrap_or_default()));
        let Self { app, space, build_uuid, .. } = self;
        let build = format!("{app}-{space} build uuid {build_uuid}");
        let mut opening = vec![format!("Generating build for {}", one_line(&build))];
        let (repo, branch, sha) = (text("repo"), text("branch"), text("sha"));
        if !repo.is_empty() {
            opening.push(format!("Getting source code for {repo}/{branch} SHA {sha}..."));
        }
        opening
    }

    /// The callback, and the log's topic; and the field that each came in.
    fn followers(
        &self,
        api: &Api,
        body: &Value<'_>,
    ) -> Result<(Vec<String>, Vec<Follower>), Refusal> {
        let metadata = format!("{}-{}", self.app, self.space);
        let form = FollowerForm::Callback { metadata, build: self.number };
        let mut all = Vec::new();
        if let Some(callback) = said(body, "callback", "callback")? {
            let (address, userinfo) = FollowerAddress::parse_http("callback", &callback)?;
            let given = said(body, "callback_auth", "callback_auth")?;
            if given.as_ref().is_some_and(|auth| HeaderValue::from_str(auth).is_err()) {
                return Err(field("callback_auth", "has characters that no header may have"));
            }
            let follower = Follower {
                kind: FollowerKind::Status,
                form: form.clone(),
                address,
                authorization: given.map(|auth| Secret::from(auth.into_owned())).or(userinfo),
                signing_key: None,
            };
            all.push(("callback".to_owned(), follower));
        }
        let hosts = body.get("kafka_hosts");
        if !lenient::is_absent(hosts) && lenient::texts(hosts).is_empty() {
            return Err(field("kafka_hosts", "must be a text such as h1:9092,h2:9092"));
        }
        let hosts = lenient::texts(hosts);
        let brokers = hosts.iter().flat_map(|hosts| hosts.split(','));
        let mut brokers =
            brokers.map(|broker| broker.trim().to_owned()).filter(|b| !b.is_empty()).peekable();
        if brokers.peek().is_some() {
            let target = KafkaTarget::new("kafka_hosts", brokers, &api.dialects.kafka_topic)?;
            let follower = Follower {
                kind: FollowerKind::Logs,
                form,
                address: FollowerAddress::Kafka(target),
                authorization: None,
                signing_key: None,
            };
            all.push(("kafka_hosts".to_owned(), follower));
        }
        Ok(all.into_iter().unzip())
    }
}

fn required<'a>(body: &'a Value<'_>, name: &str) -> Result<Cow<'a, str>, Refusal> {
    said(body, name, name)?.ok_or(Refusal::MissingFields)
}

/// The image that three fields make together; what is wrong with it is told by the first that is
/// wrong.
fn image_of(host: &str, repo: &str, image: &str) -> Result<ImageRef, Refusal> {
    ImageRef::parse(image).map_err(|error| {
        let names = [("gm_registry_host", format!("{host}/x")), (REPO, format!("{host}/{repo}/x"))];
        let begins = names.into_iter().find_map(|(name, beginning)| {
            ImageRef::parse(&beginning).err().map(|error| field(name, &error.to_string()))
        });
        begins.unwrap_or_else(|| field("app", &error.to_string()))
    })
}

fn is_image(address: &str) -> bool {
    address.trim().get(..9).is_some_and(|start| start.eq_ignore_ascii_case("docker://"))
}

/// `gm_registry_auth`. Clients of registries without logins send one with nothing in it; one with
/// something in it that is no login would end in a push that nobody may do.
fn push_login(auth: &Value<'_>) -> Result<Option<Credentials>, Refusal> {
    const NAME: &str = "gm_registry_auth";
    if lenient::is_absent(auth) {
        return Ok(None);
    }
    if auth.as_object().is_none() {
        return Err(field(NAME, "must be an object with username and password"));
    }
    let username = said(auth, "username", "gm_registry_auth.username")?;
    let password = said(auth, "password", "gm_registry_auth.password")?;
    match (username, password) {
        (Some(username), password) => Ok(Some(login(&username, &password.unwrap_or_default()))),
        (None, Some(_)) => Err(field("gm_registry_auth.username", "is missing")),
        (None, None) => Ok(None),
    }
}

fn login(username: &str, password: &str) -> Credentials {
    Credentials { username: username.to_owned(), password: Secret::from(password.to_owned()) }
}

/// A repository as it may be shown: metadata is kept, listed and sent to followers. What is no
/// address stays as it is.
fn without_login(text: &str) -> String {
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (Some(scheme), rest),
        None => (None, text),
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (place, path) = rest.split_at(end);
    let host = match place.rsplit_once('@') {
        // As in `git@host:path`, which has no password.
        Some((login, _)) if scheme.is_none() && !login.contains(':') => place,
        Some((_, host)) => host,
        None => place,
    };
    match scheme {
        // A query is how addresses are signed.
        Some(scheme) => {
            let path = path.split(['?', '#']).next().unwrap_or_default();
            format!("{scheme}://{host}{path}")
        }
        None => format!("{host}{path}"),
    }
}

/// A log's line is a line.
fn one_line(text: &str) -> String {
    text.split(char::is_control).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_of_a_repository() {
        for (given, shown) in [
            ("https://github.com/o/r", "https://github.com/o/r"),
            ("https://x-access-token:pw@github.com/o/r", "https://github.com/o/r"),
            ("https://pw@github.com/o/r?token=pw#x", "https://github.com/o/r"),
            ("https://u:p@w@github.com", "https://github.com"),
            ("u:pw@github.com/o/r", "github.com/o/r"),
            ("git@github.com:o/r", "git@github.com:o/r"),
            ("feature/a?b#c", "feature/a?b#c"),
            ("o/r@v1", "o/r@v1"),
        ] {
            assert_eq!(without_login(given), shown);
        }
    }
}
