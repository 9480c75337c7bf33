//! A commit of a repository, fetched by the `git` program.

use slipway_context::OpenContext;
use slipway_domain::{GitRef, GitUrl, SubDir};
use slipway_git::{GitFetch, Limits};
use tokio::sync::mpsc;

use super::Order;
use crate::run::Broken;

/// Which repository, and what of it.
pub(super) struct Wanted<'a> {
    pub(super) url: &'a GitUrl,
    pub(super) reference: Option<&'a GitRef>,
    pub(super) subdir: Option<&'a SubDir>,
    pub(super) submodules: bool,
    pub(super) known_hosts: Option<&'a str>,
}

pub(super) async fn open(order: Order<'_>, wanted: Wanted<'_>) -> Result<OpenContext, Broken> {
    let Wanted { url, reference, subdir, submodules, known_hosts } = wanted;
    let (secrets, reach) = (order.secrets, &order.worker.reach);
    let what = GitFetch {
        url: url.clone(),
        reference: reference.cloned(),
        submodules,
        login: secrets.login.clone(),
        token: secrets.token.clone(),
        ssh_key: secrets.ssh_key.clone(),
        known_hosts: known_hosts.or(reach.known_hosts.as_deref()).map(ToOwned::to_owned),
        authorities: reach.authorities.clone(),
    };
    let settings = &order.worker.settings;
    let limits = Limits {
        total: settings.fetch_timeout,
        bytes: settings.context.bytes,
        ..Limits::default()
    };
    let (sender, mut lines) = mpsc::unbounded_channel::<String>();
    // A line a second at most, and the log takes them as they come. Nobody listens any more
    // when the fetch has been given up.
    let say = move |line: &str| drop(sender.send(line.to_owned()));
    let fetching = async {
        let fetched =
            slipway_git::fetch(&what, &reach.guard, reach.temp.folder(), &limits, &say).await;
        drop(say);
        fetched
    };
    let telling = async {
        while let Some(line) = lines.recv().await {
            order.log.say(&line).await?;
        }
        Ok::<_, Broken>(())
    };
    let (fetched, told) = tokio::join!(fetching, telling);
    told?;
    let fetched = fetched?;
    order.resolved(fetched.commit()).await?;
    Ok(fetched.open(order.options(subdir)).await?)
}
