//! The status of the commit that is built, told to its forge as to any follower.
//!
//! Where it goes is put together from the trigger and the settings: the token goes to the forge
//! that it was given for, whatever a delivery says.

use slipway_domain::{
    FieldError, Follower, FollowerAddress, FollowerForm, FollowerKind, Forge, Happening, Secret,
};

use super::{Armed, Webhooks};

/// Who is told the status of a commit; nobody where there is no token, or no commit is known.
pub(super) fn follower(
    webhooks: &Webhooks,
    armed: &Armed,
    happening: &Happening,
) -> Result<Option<Follower>, FieldError> {
    let (Some(token), Some(commit)) = (&armed.secrets.token, &happening.commit) else {
        return Ok(None);
    };
    let repository = &happening.repository;
    let forge = happening.forge;
    let place = armed.trigger.definition().url.as_deref();
    let url = match (forge, webhooks.github_api.as_deref(), place) {
        (Forge::Github, Some(api), _) => format!("{api}/repos/{repository}/statuses/{commit}"),
        (Forge::Gitea, _, Some(url)) => {
            format!("{url}/api/v1/repos/{repository}/statuses/{commit}")
        }
        (Forge::Gitlab, _, Some(url)) => {
            let project = repository.as_str().replace('/', "%2F");
            format!("{url}/api/v4/projects/{project}/statuses/{commit}")
        }
        (Forge::Github, None, _) | (Forge::Gitea | Forge::Gitlab, _, None) => return Ok(None),
    };
    let (address, _) = FollowerAddress::parse("url", &url)?;
    let word = match forge {
        Forge::Github | Forge::Gitlab => "Bearer",
        Forge::Gitea => "token",
    };
    let link = webhooks
        .public_url
        .as_deref()
        .map(|url| format!("{}/api/v2/builds/{{build}}/logs", url.trim_end_matches('/')));
    Ok(Some(Follower {
        kind: FollowerKind::Status,
        form: FollowerForm::CommitStatus {
            forge,
            context: format!("slipway/{}", armed.trigger.name()),
            link,
        },
        address,
        authorization: Some(Secret::from(format!("{word} {}", token.expose()))),
        signing_key: None,
    }))
}

#[cfg(test)]
mod tests {
    use slipway_domain::{CommitId, RepositoryName, TriggerDefinition, TriggerSecrets, What};

    use super::*;

    fn told(forge: Forge, url: Option<&str>) -> (String, String, Option<String>) {
        let definition = TriggerDefinition {
            url: url.map(str::to_owned),
            ..TriggerDefinition::new("web", forge, "**", "r.example/{repo}:{branch}")
        };
        let token = Some("t0ken".to_owned().into());
        let secrets = TriggerSecrets { secret: None, token };
        let armed = Armed::set(&(definition.parse().unwrap(), secrets));
        let webhooks = Webhooks {
            github_api: Some("https://api.github.com".into()),
            public_url: Some("https://slipway.example/".into()),
            ..Webhooks::default()
        };
        let happening = Happening {
            forge,
            repository: RepositoryName::parse("octo/app").unwrap(),
            what: What::pushed("refs/heads/main").unwrap(),
            commit: Some(CommitId::parse(&"ab".repeat(20)).unwrap()),
        };
        let follower = follower(&webhooks, &armed, &happening).unwrap().unwrap();
        let FollowerForm::CommitStatus { link, context, .. } = follower.form else { panic!() };
        assert_eq!(context, "slipway/web");
        let shown = follower.address.shown().replace(&"ab".repeat(20), "SHA");
        (shown, follower.authorization.unwrap().expose().to_owned(), link)
    }

    #[test]
    fn each_forge_has_a_place_of_its_own() {
        let (url, login, link) = told(Forge::Github, None);
        assert_eq!(url, "https://api.github.com/repos/octo/app/statuses/SHA");
        assert_eq!(login, "Bearer t0ken");
        assert_eq!(link.unwrap(), "https://slipway.example/api/v2/builds/{build}/logs");
        let (url, login, _) = told(Forge::Gitea, Some("https://git.example/x/"));
        assert_eq!(url, "https://git.example/x/api/v1/repos/octo/app/statuses/SHA");
        assert_eq!(login, "token t0ken");
        let (url, login, _) = told(Forge::Gitlab, None);
        assert_eq!(url, "https://gitlab.com/api/v4/projects/octo%2Fapp/statuses/SHA");
        assert_eq!(login, "Bearer t0ken");
    }
}
