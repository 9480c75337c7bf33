//! The command that dials by SSH.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use slipway_ssh::SshKey;

use crate::agent::Listening;
use crate::login::Server;

/// What ssh finds in the folder of the fetch, where git runs, for one remote.
pub(crate) struct Files {
    known_hosts: String,
    agent: Option<Listening>,
}

impl Files {
    /// Puts them there, for nobody else to read. `number` tells them from those of others.
    pub(crate) fn put(
        folder: &Path,
        number: usize,
        key: Option<SshKey>,
        known_hosts: &str,
    ) -> io::Result<Self> {
        let name = format!("known-hosts-{number}");
        let path = folder.join(&name);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        // OpenSSH wants a line break at the end, and none of Windows.
        let lines = known_hosts.trim().replace("\r\n", "\n");
        writeln!(file, "{lines}")?;
        let agent = key.map(|key| Listening::start(folder, number, key)).transpose()?;
        Ok(Self { known_hosts: name, agent })
    }
}

/// The command for `server`, which is dialled at `address` and nowhere else. A shell reads
/// it: what is in it are words of ours, an address, and a host of letters, digits and dots.
pub(crate) fn command(server: &Server, address: IpAddr, files: &Files, timeout: u64) -> String {
    let Server { host, port, .. } = server;
    // The name that the host's key is known by, as in a file of known hosts.
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let alias = if *port == 22 { bare.to_owned() } else { format!("[{bare}]:{port}") };
    let Files { known_hosts, agent } = files;
    let agent = agent.as_ref().map_or("none", Listening::name);
    [
        // No settings of the machine or of the worker's user, and no agent of theirs.
        format!("ssh -F /dev/null -o IdentityAgent={agent} -o PKCS11Provider=none"),
        format!("-o HostName={address} -o 'HostKeyAlias={alias}'"),
        "-o CheckHostIP=no -o CanonicalizeHostname=no -o ProxyCommand=none".to_owned(),
        format!("-o StrictHostKeyChecking=yes -o UserKnownHostsFile={known_hosts}"),
        "-o GlobalKnownHostsFile=/dev/null -o UpdateHostKeys=no -o VerifyHostKeyDNS=no".to_owned(),
        // The agent's key, and no file of the worker's user.
        "-o IdentitiesOnly=no -o IdentityFile=none -o PreferredAuthentications=publickey"
            .to_owned(),
        "-o PasswordAuthentication=no -o KbdInteractiveAuthentication=no".to_owned(),
        "-o BatchMode=yes -o NumberOfPasswordPrompts=0 -o AddKeysToAgent=no".to_owned(),
        "-o ForwardAgent=no -o ForwardX11=no -o ClearAllForwardings=yes".to_owned(),
        "-o PermitLocalCommand=no -o ControlMaster=no -o ControlPath=none".to_owned(),
        format!("-o ConnectTimeout={timeout} -o ServerAliveInterval=15 -o ServerAliveCountMax=4"),
        "-o LogLevel=ERROR".to_owned(),
    ]
    .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_known_as_in_files_of_known_hosts() {
        let files = Files { known_hosts: "known-hosts-0".into(), agent: None };
        let said = |host: &str, port| {
            let server = Server { scheme: "ssh".into(), host: host.into(), port };
            command(&server, [192, 0, 2, 1].into(), &files, 10)
        };
        assert!(said("h.example", 22).contains("'HostKeyAlias=h.example'"));
        assert!(said("h.example", 2222).contains("'HostKeyAlias=[h.example]:2222'"));
        assert!(said("[2001:db8::1]", 22).contains("'HostKeyAlias=2001:db8::1'"));
        assert!(said("h.example", 22).contains("HostName=192.0.2.1 "));
        assert!(said("h.example", 22).contains("IdentityAgent=none "));
    }
}
