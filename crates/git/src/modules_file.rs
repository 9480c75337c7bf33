//! `.gitmodules`, read and judged. It is a file of a tree, so anybody may have written it.

use std::collections::BTreeMap;

use slipway_domain::{Failure, GitUrl, Hidden, Reason};

use crate::relative;
use crate::repository::Repository;
use crate::session::Session;

/// Bytes of the file at most.
const MOST_BYTES: usize = 1 << 20;
/// Characters of a name that a failure shows.
const SHOWN: usize = 100;

/// One section of it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Module {
    name: String,
    /// Where it stands in the tree.
    pub(crate) path: String,
    address: Option<String>,
    /// Whether its own file says that nobody needs it.
    pub(crate) skipped: bool,
}

/// Reads the file of a commit. Git reads it as one of its settings, of which no more than
/// the submodules' are taken, and includes nothing.
pub(crate) async fn read(
    session: &Session<'_>,
    repository: &Repository,
    commit: &str,
) -> Result<Vec<Module>, Failure> {
    let mut git = repository.leashed(session);
    git.args(["config", "--no-includes", "-z", "--blob"])
        .arg(format!("{commit}:.gitmodules"))
        .arg("--list");
    let mut modules = BTreeMap::new();
    let mut bytes = 0;
    let mut take = |record: &[u8]| {
        bytes += record.len();
        if bytes <= MOST_BYTES {
            note(&mut modules, &String::from_utf8_lossy(record));
        }
    };
    let ran = session.read(git, b"\0", &mut take).await?;
    if !ran.success || bytes > MOST_BYTES {
        let what = if ran.success { "is larger than 1 MiB" } else { "cannot be read" };
        return Err(Failure::new(
            Reason::SourceError,
            format!("the .gitmodules of {commit} {what}"),
        )
        .hint("git config --file .gitmodules --list in a clone says what is wrong"));
    }
    let modules: Vec<Module> = modules.into_values().collect();
    for module in &modules {
        module.check_path()?;
    }
    Ok(modules)
}

/// Takes `submodule.NAME.KEY`, a line break, and a value.
fn note(modules: &mut BTreeMap<String, Module>, record: &str) {
    let (key, value) = record.split_once('\n').unwrap_or((record, ""));
    let Some((name, key)) = key.strip_prefix("submodule.").and_then(|key| key.rsplit_once('.'))
    else {
        return;
    };
    let module = modules
        .entry(name.to_owned())
        .or_insert_with(|| Module { name: name.to_owned(), ..Module::default() });
    match key {
        "path" => module.path = value.trim_end_matches('/').to_owned(),
        "url" => module.address = Some(value.to_owned()),
        "update" => module.skipped = value == "none",
        _ => {}
    }
}

impl Module {
    /// Its name, as far as it may be shown.
    pub(crate) fn shown(&self) -> String {
        self.name.chars().filter(|c| !c.is_control()).take(SHOWN).collect()
    }

    /// Where it is, seen from its parent, and what its address hid.
    pub(crate) fn url(&self, parent: &GitUrl) -> Result<(GitUrl, Hidden), Failure> {
        let Some(address) = &self.address else {
            return Err(self.refuse("has no url"));
        };
        let address = if relative::is_relative(address) {
            let whole = relative::resolve(parent, address);
            whole.ok_or_else(|| self.refuse("has a url that leads out of its host"))?
        } else {
            address.clone()
        };
        GitUrl::parse(&address).map_err(|_| {
            self.refuse("has a url that is not of https or ssh, or has a password for ssh")
                .hint("give submodules addresses such as https://host/path.git or ../path.git")
        })
    }

    fn check_path(&self) -> Result<(), Failure> {
        let strange =
            |part: &str| matches!(part, "" | "." | "..") || part.eq_ignore_ascii_case(".git");
        if self.path.split('/').any(strange)
            || self.path.starts_with('-')
            || self.path.contains(char::is_control)
        {
            return Err(self.refuse("has a path that leads out of the repository"));
        }
        Ok(())
    }

    fn refuse(&self, why: &str) -> Failure {
        Failure::new(Reason::ContextUnsafe, format!("the submodule {} {why}", self.shown()))
            .hint("see .gitmodules in the repository, or build without submodules")
    }
}

/// That a context cannot be made without what is missing.
pub(crate) fn unmapped(path: &[u8]) -> Failure {
    let path: String =
        String::from_utf8_lossy(path).chars().filter(|c| !c.is_control()).take(SHOWN).collect();
    Failure::new(Reason::SourceNotFound, format!("the submodule at {path} is not in .gitmodules"))
        .hint("remove it with git rm --cached, or add it with git submodule add")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(records: &[&str]) -> Vec<Module> {
        let mut modules = BTreeMap::new();
        for record in records {
            note(&mut modules, record);
        }
        modules.into_values().collect()
    }

    fn with(path: &str, url: &str) -> Module {
        let lines = [format!("submodule.a.b.path\n{path}"), format!("submodule.a.b.url\n{url}")];
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let mut modules = read(&lines);
        assert_eq!(modules.len(), 1);
        modules.remove(0)
    }

    #[test]
    fn sections_by_name() {
        let modules = read(&[
            "core.sshcommand\nid",
            "submodule.a.path\nlibs/a",
            "submodule.a.update\nnone",
            "submodule.b.path\nb",
            "submodule.b.url",
        ]);
        let names: Vec<_> = modules.iter().map(|m| (m.shown(), m.skipped)).collect();
        assert_eq!(names, [("a".to_owned(), true), ("b".to_owned(), false)]);
    }

    #[test]
    fn what_leads_out_is_refused_by_name() {
        let parent = GitUrl::parse("https://h.example/b.git").unwrap().0;
        for url in
            ["file:///etc", "ext::sh -c id", "--upload-pack=id", "/srv/x", "../../x", "-u:x", ""]
        {
            let failure = with("x", url).url(&parent).unwrap_err();
            assert_eq!(failure.reason, Reason::ContextUnsafe, "{url}");
            assert!(failure.message.contains("submodule a.b "), "{failure}");
        }
        for path in ["../x", ".git", "a/.GIT/x", "/x", "", "a/../b", "-x"] {
            let failure = with(path, "../x").check_path().unwrap_err();
            assert!(failure.message.contains("submodule a.b "), "{path}: {failure}");
        }
        with("libs/x", "../x").check_path().unwrap();
        let (url, hidden) = with("x", "https://u:pw@h.example/x").url(&parent).unwrap();
        assert_eq!((url.as_str(), hidden.login.is_some()), ("https://h.example/x", true));
    }
}
