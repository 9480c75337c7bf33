//! What git is run with: an environment of its own, and settings that leave it nothing to do
//! but what it was asked for.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use std::os::unix::process::CommandExt as _;

/// What may be dialled, where anything may be.
const PROTOCOLS: &str = "https:http:ssh";

/// Where programs are looked for when the worker was started without a `PATH`.
const USUAL_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Runs git and waits for the end of its own input, which comes when the worker is gone, however
/// it went: then everything in the process group dies. Without it, git would go on to fetch for
/// nobody, into a folder that nobody counts.
const LEASHED: &str = "\
exec 3<&0
(read -r _ <&3; kill -KILL 0) >/dev/null 2>&1 &
git \"$@\" 3<&- </dev/null
status=$?
exec 2>/dev/null
kill -KILL $!
wait $!
exit $status";

/// Settings of every run. Those of the machine and of the worker's user are not read.
const SETTINGS: &[(&str, &str)] = &[
    // Nothing is run beside git itself.
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.pager", "cat"),
    ("core.sshCommand", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    // Nobody is asked for a password, and none is kept. An empty helper forgets all others.
    ("credential.helper", ""),
    ("core.askPass", ""),
    // Nothing is dialled but what was named. A server can name further addresses: in a
    // redirect, in bundles to begin with, in packs that are somewhere else.
    ("http.followRedirects", "false"),
    ("http.proxy", ""),
    ("http.sslVerify", "true"),
    ("http.saveCookies", "false"),
    ("protocol.allow", "never"),
    ("protocol.https.allow", "always"),
    ("protocol.http.allow", "always"),
    ("protocol.ssh.allow", "always"),
    ("protocol.ext.allow", "never"),
    ("transfer.bundleURI", "false"),
    ("transfer.advertiseSID", "false"),
    ("fetch.recurseSubmodules", "no"),
    ("submodule.recurse", "false"),
    // Servers that know the second protocol send what is asked for instead of all they have.
    ("protocol.version", "2"),
    // What comes stays in the pack that it came in: no file per object, and large ones are
    // neither searched for differences nor held in memory.
    ("fetch.unpackLimit", "1"),
    ("transfer.unpackLimit", "1"),
    ("core.bigFileThreshold", "1m"),
    ("core.packedGitWindowSize", "16m"),
    ("core.packedGitLimit", "128m"),
    // It is thrown away in a moment.
    ("core.fsync", "none"),
    ("fetch.writeCommitGraph", "false"),
    ("core.logAllRefUpdates", "false"),
    // Each object is checked when it comes.
    ("transfer.fsckObjects", "true"),
    ("fetch.fsckObjects", "true"),
    // What old releases of git and other programs wrote, and what means nothing here.
    ("fetch.fsck.badTimezone", "ignore"),
    ("fetch.fsck.badDate", "ignore"),
    ("fetch.fsck.badDateOverflow", "ignore"),
    ("fetch.fsck.zeroPaddedDate", "ignore"),
    ("fetch.fsck.missingSpaceBeforeDate", "ignore"),
    ("fetch.fsck.missingSpaceBeforeEmail", "ignore"),
    ("fetch.fsck.missingNameBeforeEmail", "ignore"),
    ("fetch.fsck.missingEmail", "ignore"),
    ("fetch.fsck.badEmail", "ignore"),
    ("fetch.fsck.badName", "ignore"),
    ("fetch.fsck.multipleAuthors", "ignore"),
    ("fetch.fsck.zeroPaddedFilemode", "ignore"),
    ("fetch.fsck.missingTaggerEntry", "ignore"),
    ("fetch.fsck.badTagName", "ignore"),
    ("fetch.fsck.nulInCommit", "ignore"),
    // Submodules are judged here, where each can be named. Most builds want none.
    ("fetch.fsck.gitmodulesUrl", "ignore"),
    ("fetch.fsck.gitmodulesPath", "ignore"),
    ("fetch.fsck.gitmodulesName", "ignore"),
    ("fetch.fsck.gitmodulesUpdate", "ignore"),
    ("fetch.fsck.gitmodulesParse", "ignore"),
    ("fetch.fsck.gitmodulesSymlink", "ignore"),
    ("fetch.fsck.gitmodulesLarge", "ignore"),
    ("fetch.fsck.gitmodulesBlob", "ignore"),
];

/// Settings of one run, beside those of every run. They may hold a login, and so have no
/// `Debug`.
#[derive(Clone, Default)]
pub(crate) struct Settings {
    pub(crate) pairs: Vec<(String, String)>,
    /// The command that dials by SSH.
    pub(crate) ssh: Option<String>,
    /// Whether anything may be dialled.
    pub(crate) dials: bool,
    /// Whether git tells the headers that it gets. It hides those with logins.
    pub(crate) tells_headers: bool,
}

/// The folder of one fetch as git sees it: repositories, and a home with nothing in it.
#[derive(Debug, Clone)]
pub(crate) struct Environment {
    folder: PathBuf,
    /// Certificates of all whom git trusts; the system's own where there is no such file.
    authorities: Option<PathBuf>,
}

impl Environment {
    /// Makes the empty home, and puts `authorities` (certificates in PEM) where git finds them.
    pub(crate) fn new(folder: &Path, authorities: Option<&str>) -> io::Result<Self> {
        std::fs::create_dir(folder.join("home"))?;
        let put = |pem: &str| {
            let path = folder.join("authorities.pem");
            std::fs::write(&path, pem).map(|()| path)
        };
        Ok(Self { folder: folder.to_owned(), authorities: authorities.map(put).transpose()? })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A run of git in the repository `repository`, in a process group of its own. Its
    /// working folder is the folder of the fetch, so that names of files in it are the same
    /// wherever that is.
    pub(crate) fn git(&self, repository: &Path, settings: &Settings) -> Command {
        self.run(Command::new("git"), repository, settings)
    }

    /// The same, for git that would outlive the worker: one whose output nobody has to take. It
    /// lasts as long as somebody holds the other end of its input.
    pub(crate) fn leashed(&self, repository: &Path, settings: &Settings) -> Command {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", LEASHED, "git"]);
        let mut git = self.run(shell, repository, settings);
        git.stdin(Stdio::piped());
        git
    }

    fn run(&self, mut git: Command, repository: &Path, settings: &Settings) -> Command {
        git.env_clear()
            .env("PATH", search_path())
            .env("HOME", self.folder.join("home"))
            .env("XDG_CONFIG_HOME", self.folder.join("home"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_ATTR_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            // Empty, nobody is asked: a program that answers with nothing would have git try
            // an empty login.
            .env("GIT_ASKPASS", "")
            .env("SSH_ASKPASS", "")
            .env("GIT_SSH_VARIANT", "ssh")
            .env("GIT_SSH_COMMAND", settings.ssh.as_deref().unwrap_or("false"))
            .env("GIT_ALLOW_PROTOCOL", if settings.dials { PROTOCOLS } else { "" })
            .env("GIT_PROTOCOL_FROM_USER", "0")
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("GIT_NO_REPLACE_OBJECTS", "1")
            .env("GIT_LITERAL_PATHSPECS", "1")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("LC_ALL", "C")
            // Without it, git would look for a repository in the folders above.
            .env("GIT_DIR", repository);
        if settings.tells_headers {
            git.env("GIT_TRACE_CURL", "2").env("GIT_TRACE_CURL_NO_DATA", "1");
        }
        // Settings travel in the environment too: what is in the arguments, everybody on the
        // machine can read.
        let own = settings.pairs.iter().map(|(key, value)| (key.as_str(), OsStr::new(value)));
        let trusted = self.authorities.as_ref().map(|path| ("http.sslCAInfo", path.as_os_str()));
        let all = SETTINGS.iter().map(|(key, value)| (*key, OsStr::new(*value)));
        let mut count = 0_usize;
        for (key, value) in all.chain(trusted).chain(own) {
            git.env(format!("GIT_CONFIG_KEY_{count}"), key);
            git.env(format!("GIT_CONFIG_VALUE_{count}"), value);
            count += 1;
        }
        git.env("GIT_CONFIG_COUNT", count.to_string())
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .process_group(0);
        git
    }
}

/// Whether a program is where git would find it.
pub(crate) fn is_installed(program: &str) -> bool {
    std::env::split_paths(&search_path()).any(|folder| folder.join(program).is_file())
}

fn search_path() -> std::ffi::OsString {
    std::env::var_os("PATH").unwrap_or_else(|| OsStr::new(USUAL_PATH).to_owned())
}
