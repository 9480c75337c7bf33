//! One commit of one remote, fetched into a repository of its own.

use slipway_domain::{Failure, GitRef, Reason};

use crate::complaint::Complaint;
use crate::remote::Remote;
use crate::repository::{Commit, Format, Repository};
use crate::resolve::{Listing, Wanted};
use crate::session::Session;

/// The name that what was fetched gets here.
const FETCHED: &str = "refs/slipway/fetched";
/// Where commits are that begin alike, a failure names so many.
const MOST_NAMED: usize = 3;

/// A commit with all that its tree holds.
#[derive(Debug, Clone)]
pub(crate) struct Obtained {
    pub(crate) repository: Repository,
    pub(crate) commit: Commit,
}

/// Fetches what `reference` means; what the server means by `HEAD`, where there is none.
pub(crate) async fn obtain(
    session: &Session<'_>,
    remote: &Remote,
    reference: Option<&GitRef>,
) -> Result<Obtained, Failure> {
    let (wanted, format) = match Wanted::at_once(reference) {
        Some(wanted) => (wanted.clone(), wanted.format()),
        None => named(session, remote, reference).await?,
    };
    match wanted {
        Wanted::Ref(name) => match shallow(session, remote, format, &name).await? {
            Ok(obtained) => Ok(obtained),
            Err(Complaint::NoSuchRef) => {
                let listing = list(session, remote, reference).await?;
                Err(listing.not_found(remote, reference))
            }
            Err(complaint) => Err(remote.failure(&complaint)),
        },
        Wanted::Commit(id) => by_id(session, remote, format, &id).await,
        Wanted::Short(digits) => {
            let id = whole(session, remote, format, &digits).await?;
            by_id(session, remote, format, &id).await
        }
    }
}

/// Fetches the commit of a whole name.
pub(crate) async fn by_id(
    session: &Session<'_>,
    remote: &Remote,
    format: Format,
    id: &str,
) -> Result<Obtained, Failure> {
    match shallow(session, remote, format, id).await? {
        Ok(obtained) => return Ok(obtained),
        // An old server gives away what a branch or tag points to and nothing else, so
        // everything is fetched.
        Err(Complaint::NotOffered) => {}
        Err(Complaint::NoSuchRef) => return Err(no_commit(remote, id)),
        Err(complaint) => return Err(remote.failure(&complaint)),
    }
    session.say("this server gives away no single commits: fetching all branches and tags");
    let repository = Repository::init(session, format).await?;
    let fetched = everything(session, remote, &repository, &["fetch"]).await?;
    fetched.map_err(|complaint| remote.failure(&complaint))?;
    let commit = repository.commit(session, id).await?.ok_or_else(|| no_commit(remote, id))?;
    Ok(Obtained { repository, commit })
}

async fn list(
    session: &Session<'_>,
    remote: &Remote,
    reference: Option<&GitRef>,
) -> Result<Listing, Failure> {
    let repository = Repository::init(session, Format::Sha1).await?;
    // What a default branch is called most often.
    let name = reference.map_or("main", GitRef::as_str);
    Listing::ask(session, remote, &repository, name).await
}

/// Asks what a name means.
async fn named(
    session: &Session<'_>,
    remote: &Remote,
    reference: Option<&GitRef>,
) -> Result<(Wanted, Format), Failure> {
    let listing = list(session, remote, reference).await?;
    let wanted = reference.and_then(|reference| listing.wanted(reference));
    let format = listing.format();
    wanted.map(|wanted| (wanted, format)).ok_or_else(|| listing.not_found(remote, reference))
}

/// Fetches one commit without those before it, by the name of a ref or its own.
async fn shallow(
    session: &Session<'_>,
    remote: &Remote,
    format: Format,
    name: &str,
) -> Result<Result<Obtained, Complaint>, Failure> {
    let repository = Repository::init(session, format).await?;
    let complaint = match shallow_into(session, remote, &repository, name).await? {
        Ok(obtained) => return Ok(obtained.ok_or(Complaint::NoCommit)),
        Err(complaint) => complaint,
    };
    if complaint != Complaint::OtherFormat || format == Format::Sha256 {
        return Ok(Err(complaint));
    }
    // It is known only now.
    let repository = Repository::init(session, Format::Sha256).await?;
    let fetched = shallow_into(session, remote, &repository, name).await?;
    Ok(fetched.and_then(|obtained| obtained.ok_or(Complaint::NoCommit)))
}

async fn shallow_into(
    session: &Session<'_>,
    remote: &Remote,
    repository: &Repository,
    name: &str,
) -> Result<Result<Option<Obtained>, Complaint>, Failure> {
    let how = ["fetch", "--depth=1", "--no-tags", "--no-write-fetch-head", "--progress"];
    let what = format!("+{name}:{FETCHED}");
    if let Err(complaint) = remote.run(session, repository, &how, &[&what], &mut |_| {}).await? {
        return Ok(Err(complaint));
    }
    let commit = repository.commit(session, FETCHED).await?;
    Ok(Ok(commit.map(|commit| Obtained { repository: repository.clone(), commit })))
}

/// Fetches all branches and tags with all that came before. `how` begins git's arguments.
async fn everything(
    session: &Session<'_>,
    remote: &Remote,
    repository: &Repository,
    how: &[&str],
) -> Result<Result<(), Complaint>, Failure> {
    let before = [how, &["--no-tags", "--no-write-fetch-head", "--progress"]].concat();
    let what = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"];
    remote.run(session, repository, &before, &what, &mut |_| {}).await
}

/// The whole name of the commit that begins so. It takes all commits to tell, but neither
/// trees nor files, where the server can leave them out.
async fn whole(
    session: &Session<'_>,
    remote: &Remote,
    format: Format,
    digits: &str,
) -> Result<String, Failure> {
    session.say(&format!("looking through all commits for {digits}"));
    let repository = Repository::init(session, format).await?;
    // Nothing is built of these, and one old commit that git finds odd is no reason to build none.
    // What is, is fetched again, and looked at then.
    let how = ["-c", "fetch.fsckObjects=false", "fetch", "--filter=tree:0"];
    match everything(session, remote, &repository, &how).await? {
        // A tag of a tree, which was left out: git misses it when all commits are there.
        Ok(()) | Err(Complaint::NoCommit) => {}
        Err(complaint) => return Err(remote.failure(&complaint)),
    }
    let found = repository.commits(session, digits).await?;
    match found.as_slice() {
        [] => Err(no_commit(remote, digits)),
        [one] => Ok(one.clone()),
        several => {
            let named: Vec<&str> = several.iter().take(MOST_NAMED).map(String::as_str).collect();
            let message =
                format!("{} commits of {} begin with {digits}", several.len(), remote.url);
            Err(Failure::new(Reason::SourceNotFound, message)
                .hint(format!("give more digits: {}", named.join(", "))))
        }
    }
}

fn no_commit(remote: &Remote, id: &str) -> Failure {
    Failure::new(Reason::SourceNotFound, format!("{} has no commit {id}", remote.url))
        .hint("check the digits, and that the commit was pushed to this repository")
}
