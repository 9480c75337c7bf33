//! What can be asked for, and what comes of it.

use std::path::Path;
use std::sync::Arc;

use slipway_context::{ContextOptions, OpenContext, stream_tree};
use slipway_domain::{Credentials, Failure, GitRef, GitUrl, Secret};
use slipway_outbound::Guard;

use crate::Limits;
use crate::failure::internal;
use crate::ignore_file;
use crate::login::Access;
use crate::obtain::obtain;
use crate::remote::Remote;
use crate::session::Session;
use crate::submodules::{self, Submodules};
use crate::walk::Forest;
use crate::watch::Say;
use crate::work::Work;

/// Digits of a commit in lines for people.
const SHOWN_DIGITS: usize = 12;

/// A commit to fetch.
#[derive(Debug, Clone)]
pub struct GitFetch {
    /// Where the repository is.
    pub url: GitUrl,
    /// A branch, tag, ref or commit; what the server means by `HEAD` where none is named. Of
    /// a branch and a tag of one name it is the branch.
    pub reference: Option<GitRef>,
    /// Whether submodules are fetched too. Without, each is an empty folder.
    pub submodules: bool,
    /// A login by http. It is sent to the server of `url` (scheme, host and port), and so to
    /// submodules there, and to no other.
    pub login: Option<Credentials>,
    /// A token in place of a login.
    pub token: Option<Secret>,
    /// The private key of a login by SSH, without a passphrase. Used for the server of `url`
    /// alone, as logins are.
    pub ssh_key: Option<Secret>,
    /// Lines as of OpenSSH's `known_hosts`. No server is dialled by SSH whose key is not
    /// among them.
    pub known_hosts: Option<String>,
    /// Certificates in PEM of all who may vouch for servers of `https`; those that the system
    /// trusts, where there are none.
    pub authorities: Option<Arc<str>>,
}

/// A commit that was fetched, in a folder that is removed with it.
pub struct Fetched {
    forest: Forest,
    // After the forest: nothing reads there any more when it goes.
    work: Work,
}

/// Fetches a commit into a fresh folder within `folder`, whose name begins with `git-`. It is
/// gone when what is returned is; one that stays is of a process that was killed.
/// `say` gets lines for whoever watches the build.
///
/// # Errors
/// A failure whose message and hint may be shown: they hold no login, and of what git itself
/// said one line at most. Its stage is the caller's to say.
pub async fn fetch(
    what: &GitFetch,
    guard: &Guard,
    folder: &Path,
    limits: &Limits,
    say: Say<'_>,
) -> Result<Fetched, Failure> {
    let work = Work::new(folder)
        .map_err(|error| internal("no folder for git can be made on the worker", &error))?;
    let session = Session::begin(what, guard, work.path(), limits, say)?;
    let url = &what.url;
    let name = what.reference.as_ref().map_or("HEAD", GitRef::as_str);
    session.say(&format!("fetching {name} of {url}"));
    let remote = Remote::reach(&session, url, &Access::of(what)).await?;
    let top = obtain(&session, &remote, what.reference.as_ref()).await?;
    let shown = top.commit.id.get(..SHOWN_DIGITS).unwrap_or(&top.commit.id);
    session.say(&format!("resolved {name} to {shown}"));
    let submodules = if what.submodules {
        submodules::fetch_all(&session, url, &top).await?
    } else {
        Submodules::new()
    };
    let forest = Forest { environment: session.environment.clone(), top, submodules };
    Ok(Fetched { forest, work })
}

impl Fetched {
    /// The full name of the commit.
    #[must_use]
    pub fn commit(&self) -> &str {
        &self.forest.top.commit.id
    }

    /// Gives on the commit as a build context, file by file as the builder takes them: of one
    /// commit always the same bytes. Each file has the time of the commit. The
    /// folder is removed when the context is done, or is dropped. Needs a tokio runtime.
    ///
    /// # Errors
    /// When the tree's own `.dockerignore` cannot be read. What is wrong with other files
    /// ends the context.
    pub async fn open(self, options: ContextOptions) -> Result<OpenContext, Failure> {
        let fetched = Arc::new(self);
        let (shared, wanted) = (Arc::clone(&fetched), options.clone());
        let reading =
            tokio::task::spawn_blocking(move || ignore_file::read(&shared.forest, &wanted));
        let ignore = reading
            .await
            .map_err(|error| internal("the .dockerignore could not be read", &error))?
            .map_err(|error| match error {
                slipway_context::ContextError::Refused(failure) => failure,
                gone @ slipway_context::ContextError::ReceiverGone => {
                    internal("the .dockerignore could not be read", &gone)
                }
            })?;
        Ok(stream_tree(options, ignore, move |context| {
            let written = fetched.forest.write(context);
            // Now, and not when the builder has read the last byte.
            drop(fetched);
            written
        }))
    }
}

impl std::fmt::Debug for Fetched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let folder = self.work.path();
        f.debug_struct("Fetched").field("commit", &self.commit()).field("folder", &folder).finish()
    }
}
