//! Getting in: anonymously, by name and password, or by a token that a registry's token
//! server gives for them (the token specification of Docker's registry, and its OAuth2 form
//! for identity tokens).

use std::time::Duration;

use http::{HeaderMap, Method};
use serde::Deserialize;
use slipway_domain::{Credentials, Failure, Secret};
use slipway_outbound::{Call, Fetcher, Limits, Outgoing, Reply, Request, SecretHeader, show_url};
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::{Url, form_urlencoded};

use super::challenge::Challenge;
use super::faults::Names;

/// Bytes of a token server's answer.
const MAX_ANSWER: u64 = 1024 * 1024;
/// A token is good for so long where its server does not say, as the specification has it.
const GOOD_FOR: Duration = Duration::from_secs(60);
/// A token that is about to run out is not used for a request that is to begin.
const MARGIN: Duration = Duration::from_secs(5);
/// As which an identity token is traded in. Servers want a name and make nothing of it.
const CLIENT_ID: &str = "slipway";

/// The way into one repository.
pub(super) struct Access<'a> {
    login: Option<&'a Credentials>,
    /// What is to be done there: `repository:team/app:pull,push`.
    scopes: Vec<String>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Goes up with each new key, so that of many who were refused with one only one gets
    /// the next.
    number: u32,
    key: Key,
}

#[derive(Default)]
enum Key {
    #[default]
    None,
    Basic,
    Token {
        token: Secret,
        until: Instant,
        /// Where the next one is.
        server: Challenge,
    },
}

/// What a request shows.
#[derive(Default)]
pub(super) struct Shown {
    /// Which key it is.
    pub(super) number: u32,
    pub(super) login: Option<Credentials>,
    pub(super) header: Option<Secret>,
}

/// The answer of a token server. `access_token` is what OAuth2 calls the same.
#[derive(Deserialize)]
struct Answer {
    token: Option<Secret>,
    access_token: Option<Secret>,
    expires_in: Option<u64>,
}

impl<'a> Access<'a> {
    pub(super) fn new(login: Option<&'a Credentials>, scopes: Vec<String>) -> Self {
        Self { login, scopes, state: Mutex::default() }
    }

    /// What to show now. Where a token has run out, the next one.
    pub(super) async fn show(
        &self,
        fetcher: &Fetcher,
        names: &Names<'_>,
    ) -> Result<Shown, Failure> {
        let mut state = self.state.lock().await;
        if let Key::Token { until, server, .. } = &state.key
            && *until <= Instant::now()
        {
            let server = server.clone();
            state.key = self.token(fetcher, names, server).await?;
            state.number += 1;
        }
        let number = state.number;
        Ok(match &state.key {
            Key::None => Shown { number, ..Shown::default() },
            Key::Basic => Shown { number, login: self.login.cloned(), ..Shown::default() },
            Key::Token { token, .. } => {
                let header = Secret::from(format!("Bearer {}", token.expose()));
                Shown { number, header: Some(header), ..Shown::default() }
            }
        })
    }

    /// The token that is shown now, so that nobody quotes it.
    pub(super) async fn token_shown(&self) -> Option<Secret> {
        match &self.state.lock().await.key {
            Key::Token { token, .. } => Some(token.clone()),
            Key::None | Key::Basic => None,
        }
    }

    /// Gets what an answer of 401 asks for. Whether there is something new to show.
    pub(super) async fn answer(
        &self,
        fetcher: &Fetcher,
        names: &Names<'_>,
        headers: &HeaderMap,
        shown: u32,
    ) -> Result<bool, Failure> {
        let mut state = self.state.lock().await;
        if state.number != shown {
            // Another request was faster.
            return Ok(true);
        }
        state.key = match (Challenge::of(headers), &state.key) {
            (Some(server @ Challenge::Bearer { .. }), _) => {
                self.token(fetcher, names, server).await?
            }
            (Some(Challenge::Basic), Key::None) if self.login.is_some() => Key::Basic,
            (Some(Challenge::Basic) | None, _) => return Ok(false),
        };
        state.number += 1;
        Ok(true)
    }

    /// Asks a token server.
    async fn token(
        &self,
        fetcher: &Fetcher,
        names: &Names<'_>,
        server: Challenge,
    ) -> Result<Key, Failure> {
        let Challenge::Bearer { realm, service } = &server else { return Ok(Key::None) };
        let realm = Url::parse(realm).ok().filter(|realm| names.may_be_shown_to(realm));
        let realm = realm.ok_or_else(|| names.bad_realm())?;
        let call = self.ask(realm.clone(), service.as_deref(), names)?;
        let asked = Instant::now();
        let reply = fetcher.send(call).await.map_err(|error| names.unanswered(&error))?;
        let status = reply.status;
        if !status.is_success() {
            return Err(names.refused(reply, None).await);
        }
        let text = read(reply, names).await?;
        let answer: Answer =
            serde_json::from_slice(&text).map_err(|_| names.no_token(&show_url(&realm)))?;
        let token = answer.token.or(answer.access_token);
        let token = token
            .filter(|token| !token.expose().is_empty())
            .ok_or_else(|| names.no_token(&show_url(&realm)))?;
        let good_for = answer.expires_in.map_or(GOOD_FOR, Duration::from_secs).max(GOOD_FOR);
        let until = asked + good_for.min(Duration::from_secs(24 * 60 * 60)) - MARGIN;
        Ok(Key::Token { token, until, server })
    }

    fn ask(
        &self,
        mut realm: Url,
        service: Option<&str>,
        names: &Names<'_>,
    ) -> Result<Call, Failure> {
        let mut limits = Limits::bytes(MAX_ANSWER);
        limits.total = Duration::from_secs(60);
        let scopes = self.scopes.iter().map(|scope| ("scope", scope.as_str()));
        let service = service.map(|service| ("service", service));
        match self.login {
            Some(login) if login.is_identity_token() => {
                let mut form = form_urlencoded::Serializer::new(String::new());
                form.append_pair("grant_type", "refresh_token").append_pair("client_id", CLIENT_ID);
                form.append_pair("refresh_token", login.password.expose()).extend_pairs(service);
                // As OAuth2 has several: with blanks between.
                form.append_pair("scope", &self.scopes.join(" "));
                let kind = Secret::from("application/x-www-form-urlencoded".to_owned());
                let headers = vec![header("content-type", &kind, names)?];
                let outgoing = Some(Outgoing::bytes(form.finish().into()));
                let request = Request { url: realm, login: None, headers, limits };
                Ok(Call { method: Method::POST, request, outgoing })
            }
            login => {
                realm.query_pairs_mut().extend_pairs(service).extend_pairs(scopes);
                let request =
                    Request { url: realm, login: login.cloned(), headers: Vec::new(), limits };
                Ok(Call { method: Method::GET, request, outgoing: None })
            }
        }
    }
}

/// A header of a request to a registry.
pub(super) fn header(
    name: &str,
    value: &Secret,
    names: &Names<'_>,
) -> Result<SecretHeader, Failure> {
    SecretHeader::new(name, value).map_err(|error| names.unsendable(&error))
}

/// Reads an answer to its end, which its request has limited.
pub(super) async fn read(reply: Reply, names: &Names<'_>) -> Result<Vec<u8>, Failure> {
    let mut body = reply.body;
    let mut all = Vec::new();
    while let Some(bytes) = body.chunk().await.map_err(|error| names.unanswered(&error))? {
        all.extend_from_slice(&bytes);
    }
    Ok(all)
}
