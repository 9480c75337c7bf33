//! Repositories within the repository.
//!
//! `git submodule` is not asked: it checks out, and what it does is written in files that
//! come with the repositories. Each submodule is fetched as the repository itself is, from an
//! address that passes the same guard, and has its place in the list of trees.

use std::collections::{BTreeMap, VecDeque};

use slipway_domain::{Failure, GitUrl, Reason};

use crate::Limits;
use crate::login::Access;
use crate::modules_file::{self, Module};
use crate::obtain::{Obtained, by_id};
use crate::remote::Remote;
use crate::repository::Format;
use crate::session::Session;
use crate::tree::{self, Entry, Kind};

/// Submodules by their path from the top.
pub(crate) type Submodules = BTreeMap<Vec<u8>, Obtained>;

/// A repository whose submodules are still to be fetched.
struct Parent {
    path: Vec<u8>,
    url: GitUrl,
    obtained: Obtained,
    depth: usize,
}

/// Fetches all submodules of `top`, and theirs.
pub(crate) async fn fetch_all(
    session: &Session<'_>,
    url: &GitUrl,
    top: &Obtained,
) -> Result<Submodules, Failure> {
    let mut found = Submodules::new();
    let first = Parent { path: Vec::new(), url: url.clone(), obtained: top.clone(), depth: 0 };
    let mut parents = VecDeque::from([first]);
    while let Some(parent) = parents.pop_front() {
        for (entry, module) in listed(session, &parent).await? {
            if module.skipped {
                continue;
            }
            if found.len() == session.watch.limits.submodules {
                return Err(too_many(url, found.len()));
            }
            if parent.depth == Limits::MOST_DEPTH {
                return Err(too_deep(url, &module));
            }
            let (url, obtained) = fetch_one(session, &parent, &entry, &module).await?;
            let path = join(&parent.path, &entry.path);
            found.insert(path.clone(), obtained.clone());
            parents.push_back(Parent { path, url, obtained, depth: parent.depth + 1 });
        }
    }
    Ok(found)
}

/// The submodules of a commit with what `.gitmodules` says of each.
async fn listed(session: &Session<'_>, parent: &Parent) -> Result<Vec<(Entry, Module)>, Failure> {
    let Obtained { repository, commit } = &parent.obtained;
    let entries = tree::submodules(session, repository, &commit.id).await?;
    let file = tree::entry(&session.environment, repository, &commit.id, ".gitmodules")?;
    // A symlink of that name is not followed.
    let modules = match file.map(|file| file.kind) {
        Some(Kind::File { .. }) => modules_file::read(session, repository, &commit.id).await?,
        Some(Kind::Symlink | Kind::Submodule) | None => Vec::new(),
    };
    entries
        .into_iter()
        .map(|entry| {
            let module = modules.iter().find(|module| module.path.as_bytes() == entry.path);
            let module = module.cloned();
            let path = join(&parent.path, &entry.path);
            module.map(|module| (entry, module)).ok_or_else(|| modules_file::unmapped(&path))
        })
        .collect()
}

async fn fetch_one(
    session: &Session<'_>,
    parent: &Parent,
    entry: &Entry,
    module: &Module,
) -> Result<(GitUrl, Obtained), Failure> {
    let (url, hidden) = module.url(&parent.url)?;
    session.say(&format!("fetching submodule {} of {url}", module.shown()));
    let access = match hidden.login {
        Some(login) => Access { login: Some(login), ..Access::default() },
        None => session.access(&url),
    };
    let elsewhere = access.is_empty() && !session.is_ours(&url);
    let named = |failure: Failure| {
        let message = format!("submodule {}: {}", module.shown(), failure.message);
        let named = Failure { message, ..failure };
        if elsewhere && named.reason == Reason::SourceDenied {
            return named.hint(
                "a login of the source goes to its own server and to no other: have the submodule \
                 there, too, or build without submodules",
            );
        }
        named
    };
    let remote = Remote::reach(session, &url, &access).await.map_err(named)?;
    let format = Format::of_length(entry.id.len()).unwrap_or(Format::Sha1);
    let obtained = by_id(session, &remote, format, &entry.id).await.map_err(named)?;
    Ok((url, obtained))
}

fn join(above: &[u8], path: &[u8]) -> Vec<u8> {
    if above.is_empty() { path.to_vec() } else { [above, b"/", path].concat() }
}

fn too_many(url: &GitUrl, most: usize) -> Failure {
    Failure::new(Reason::ContextTooLarge, format!("{url} has more than {most} submodules"))
        .hint("build without submodules, or have the limit raised in the settings of slipway")
}

fn too_deep(url: &GitUrl, module: &Module) -> Failure {
    let (most, name) = (Limits::MOST_DEPTH, module.shown());
    let message = format!("{url} has submodules within submodules more than {most} deep: {name}");
    Failure::new(Reason::ContextTooLarge, message).hint("build without submodules")
}
