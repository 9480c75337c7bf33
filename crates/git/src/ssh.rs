//! The command that dials by SSH.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use slipway_domain::Secret;

use crate::login::Server;

/// Files of one remote, by their names in the folder of the fetch, where git runs.
pub(crate) struct Files {
    known_hosts: String,
    key: Option<String>,
}

impl Files {
    /// Writes them, readable by nobody else. `number` tells them from those of others.
    pub(crate) fn write(
        folder: &Path,
        number: usize,
        key: Option<&Secret>,
        known_hosts: &str,
    ) -> io::Result<Self> {
        let put = |name: String, text: &str| {
            let path = folder.join(&name);
            let mut file =
                OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
            file.write_all(text.as_bytes())?;
            Ok::<_, io::Error>(name)
        };
        // OpenSSH wants a line break at the end, and none of Windows.
        let lines = |text: &str| format!("{}\n", text.trim().replace("\r\n", "\n"));
        let known_hosts = put(format!("known-hosts-{number}"), &lines(known_hosts))?;
        let key = key.map(|key| put(format!("key-{number}"), &lines(key.expose()))).transpose()?;
        Ok(Self { known_hosts, key })
    }
}

/// The command for `server`, which is dialled at `address` and nowhere else. A shell reads
/// it: what is in it are words of ours, an address, and a host of letters, digits and dots.
pub(crate) fn command(server: &Server, address: IpAddr, files: &Files, timeout: u64) -> String {
    let Server { host, port, .. } = server;
    // The name that the host's key is known by, as in a file of known hosts.
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let alias = if *port == 22 { bare.to_owned() } else { format!("[{bare}]:{port}") };
    let Files { known_hosts, key } = files;
    let key = key.as_deref().unwrap_or("none");
    [
        // No settings of the machine or of the worker's user, and no agent of theirs.
        "ssh -F /dev/null -o IdentityAgent=none -o PKCS11Provider=none".to_owned(),
        format!("-o HostName={address} -o 'HostKeyAlias={alias}'"),
        "-o CheckHostIP=no -o CanonicalizeHostname=no -o ProxyCommand=none".to_owned(),
        format!("-o StrictHostKeyChecking=yes -o UserKnownHostsFile={known_hosts}"),
        "-o GlobalKnownHostsFile=/dev/null -o UpdateHostKeys=no -o VerifyHostKeyDNS=no".to_owned(),
        format!(
            "-o IdentitiesOnly=yes -o IdentityFile={key} -o PreferredAuthentications=publickey"
        ),
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
        let files = Files { known_hosts: "known-hosts-0".into(), key: None };
        let said = |host: &str, port| {
            let server = Server { scheme: "ssh".into(), host: host.into(), port };
            command(&server, [192, 0, 2, 1].into(), &files, 10)
        };
        assert!(said("h.example", 22).contains("'HostKeyAlias=h.example'"));
        assert!(said("h.example", 2222).contains("'HostKeyAlias=[h.example]:2222'"));
        assert!(said("[2001:db8::1]", 22).contains("'HostKeyAlias=2001:db8::1'"));
        assert!(said("h.example", 22).contains("HostName=192.0.2.1 "));
        assert!(said("h.example", 22).contains("IdentityFile=none "));
    }
}
