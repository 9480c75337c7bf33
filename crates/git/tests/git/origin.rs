//! Repositories that are served, made with git itself.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A folder of repositories.
pub(crate) struct Origin {
    folder: TempDir,
}

/// A repository with a working tree, served from its `.git`.
pub(crate) struct Repo {
    pub(crate) path: PathBuf,
}

impl Origin {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// An empty repository, whose branch will be `main`. It is served under its name.
    pub(crate) fn repo(&self, name: &str) -> Repo {
        self.repo_of(name, "sha1")
    }

    pub(crate) fn repo_of(&self, name: &str, format: &str) -> Repo {
        let path = self.path().join(name);
        std::fs::create_dir_all(&path).unwrap();
        let repo = Repo { path };
        repo.git(&[
            "init",
            "--quiet",
            "--bare",
            "--initial-branch=main",
            "--template=",
            &format!("--object-format={format}"),
        ]);
        repo
    }

    /// One with a Dockerfile on `main`.
    pub(crate) fn repo_with_dockerfile(&self, name: &str) -> Repo {
        let repo = self.repo(name);
        repo.commit("main", &[("Dockerfile", "FROM scratch\n")]);
        repo
    }
}

impl Repo {
    pub(crate) fn git(&self, args: &[&str]) -> String {
        self.git_with(args, b"")
    }

    pub(crate) fn git_with(&self, args: &[&str], input: &[u8]) -> String {
        let mut git = Command::new("git");
        git.env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", &self.path)
            .envs([("GIT_CONFIG_NOSYSTEM", "1"), ("GIT_CONFIG_GLOBAL", "/dev/null")])
            .envs([("GIT_AUTHOR_NAME", "A"), ("GIT_AUTHOR_EMAIL", "a@h.example")])
            .envs([("GIT_COMMITTER_NAME", "A"), ("GIT_COMMITTER_EMAIL", "a@h.example")])
            .envs([
                ("GIT_AUTHOR_DATE", "@1700000000 +0000"),
                ("GIT_COMMITTER_DATE", "@1700000000 +0000"),
            ])
            .current_dir(&self.path)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = git.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "git {args:?}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Adds a commit to a branch: these files and those of the branch. Returns its id.
    pub(crate) fn commit(&self, branch: &str, files: &[(&str, &str)]) -> String {
        let mut lines = String::new();
        for (path, text) in files {
            let (mode, path) = match path.split_once(':') {
                Some((mode, path)) => (mode, path),
                None => ("100644", *path),
            };
            if mode == "160000" {
                lines += &format!("M 160000 {text} {path}\n");
            } else {
                lines += &format!("M {mode} inline {path}\ndata {}\n{text}\n", text.len());
            }
        }
        self.import(branch, &lines)
    }

    /// Adds a commit with these orders of `git fast-import`.
    pub(crate) fn import(&self, branch: &str, orders: &str) -> String {
        let name = format!("refs/heads/{branch}");
        let known = Command::new("git")
            .current_dir(&self.path)
            .args(["rev-parse", "--verify", "--quiet", &name])
            .output()
            .unwrap();
        let from = if known.status.success() { format!("from {name}^0\n") } else { String::new() };
        let stream = format!(
            "commit {name}\ncommitter A <a@h.example> 1700000000 +0000\ndata 1\nx\n{from}{orders}\n"
        );
        self.git_with(&["fast-import", "--quiet", "--force"], stream.as_bytes());
        self.git(&["rev-parse", &name])
    }

    /// A commit on a branch whose tree has these entries, as no program would write them.
    pub(crate) fn commit_of_raw_tree(&self, branch: &str, entries: &[(&str, &[u8])]) {
        let blob = self.git_with(&["hash-object", "-w", "--stdin"], b"FROM scratch\n");
        let id: Vec<u8> = (0..blob.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&blob[at..at + 2], 16).unwrap())
            .collect();
        let mut tree = Vec::new();
        for (mode, name) in entries {
            tree.extend_from_slice(&[mode.as_bytes(), b" ", name, b"\0", &id].concat());
        }
        let tree =
            self.git_with(&["hash-object", "-t", "tree", "--literally", "-w", "--stdin"], &tree);
        let commit = self.git(&["commit-tree", "-m", "x", &tree]);
        self.git(&["update-ref", &format!("refs/heads/{branch}"), &commit]);
    }
}
