//! Archives as people make them: all of it must arrive.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use slipway_test_support::archives::{self, Tar};
use tar::EntryType;

use crate::model::{Entry, entries};
use crate::{guard, guard_for};

#[test]
fn names_get_one_spelling_and_the_rest_stays() {
    let clean = guard(&*archives::honest()).unwrap();
    let seen = entries(&clean);
    let of = |kind, path: &str, target: &str, mode, data: &[u8]| Entry {
        kind,
        path: path.into(),
        target: target.into(),
        mode,
        data: data.to_vec(),
    };
    assert_eq!(
        seen,
        [
            of(EntryType::Regular, "Dockerfile", "", 0o644, archives::DOCKERFILE),
            of(EntryType::Directory, "app/", "", 0o755, b""),
            of(EntryType::Regular, "app/run.sh", "", 0o755, b"#!/bin/sh\necho hello\n"),
            of(EntryType::Symlink, "app/latest", "../app/run.sh", 0o777, b""),
            of(EntryType::Link, "start", "app/run.sh", 0o644, b""),
        ]
    );
    for entry in tar::Archive::new(&*clean).entries().unwrap() {
        let entry = entry.unwrap();
        assert_eq!((entry.header().uid().unwrap(), entry.header().gid().unwrap()), (0, 0));
        assert_eq!(entry.header().mtime().unwrap(), 1_700_000_000);
    }
}

#[test]
fn odd_but_honest_entries_pass() {
    let latin = [&b"caf\xe9"[..], &b"x".repeat(150)].concat();
    let archive = Tar::default()
        .folder("./")
        .file("./a/../Dockerfile", b"FROM scratch\n")
        // git archive begins with the commit id in a global header.
        .entry(EntryType::XGlobalHeader, b"pax_global_header", b"", b"52 comment=x\n", 0o644)
        .entry(EntryType::Regular, b"setuid", b"", b"", 0o4755)
        .entry(EntryType::Continuous, b"contiguous", b"", b"x", 0o644)
        .entry(EntryType::new(0), b"old-folder/", b"", b"", 0o755)
        .entry(EntryType::Regular, &latin, b"", b"", 0o644)
        .pax(&[("SCHILY.xattr.security.capability", b"\x01\n\xff\0"), ("path", b"named")])
        .file("x", b"y")
        // Circles and links to nothing open nothing.
        .symlink("circle", "circle")
        .symlink("dangling", "no/such/file")
        .symlink("dot", ".")
        .symlink("a/winding", "../old-folder/../setuid")
        // A second entry of a name takes the place of the first, symlink or not.
        .symlink("twice", "dangling")
        .folder("twice")
        .file("twice/file", b"")
        .end();
    let clean = guard(&*archive).unwrap();
    let seen = entries(&clean);
    let names: Vec<_> = seen.iter().map(|entry| entry.path.as_slice()).collect();
    assert_eq!(
        names,
        [
            b"Dockerfile",
            &b"setuid"[..],
            b"contiguous",
            b"old-folder/",
            &latin,
            b"named",
            b"circle",
            b"dangling",
            b"dot",
            b"a/winding",
            b"twice",
            b"twice/",
            b"twice/file",
        ]
    );
    assert_eq!(seen[1].mode, 0o4755);
    assert_eq!(guard(&*clean), Ok(clean));
}

#[test]
fn the_dockerfile_may_be_reached_by_symlinks() {
    let tar = || Tar::default().file("build/docker/api", b"FROM scratch\n");
    for (archive, dockerfile) in [
        (tar().symlink("Dockerfile", "build/docker/api"), "Dockerfile"),
        (tar().symlink("docker", "build/docker"), "docker/api"),
        (tar().hard_link("Dockerfile", "build/docker/api"), "Dockerfile"),
        (tar(), "build/docker/api"),
    ] {
        guard_for(dockerfile, &*archive.end()).unwrap();
    }
}

/// What the tar on the machine writes, in each of its formats, plain and in gzip, arrives.
#[test]
fn every_format_of_the_tar_command_passes() {
    let folder = tempfile::tempdir().unwrap();
    plant(folder.path());
    for format in ["gnu", "oldgnu", "pax", "ustar", "v7"] {
        for compress in [&[][..], &["--gzip"]] {
            // The old formats have no room for the long names.
            let short = matches!(format, "ustar" | "v7");
            let tar = Command::new("tar")
                .arg("-C")
                .arg(folder.path())
                .args(["--format", format, "-c"])
                .args(compress)
                .args(if short { &["--exclude=long*"][..] } else { &[] })
                .arg(".")
                .output()
                .unwrap();
            assert!(tar.status.success(), "{}", String::from_utf8_lossy(&tar.stderr));
            let clean = guard(&*tar.stdout).unwrap_or_else(|failure| panic!("{format}: {failure}"));

            let unpacked = tempfile::tempdir().unwrap();
            tar::Archive::new(&*clean).unpack(unpacked.path()).unwrap();
            let differences = Command::new("diff")
                .args(["-r", "--no-dereference"])
                .args(if short { &["--exclude=long*"][..] } else { &[] })
                .args([folder.path(), unpacked.path()])
                .output()
                .unwrap();
            assert!(
                differences.status.success(),
                "{format}: {}",
                String::from_utf8_lossy(&differences.stdout)
            );
            let mode = fs::metadata(unpacked.path().join("bin/run")).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o755, "{format}");
        }
    }
}

fn plant(folder: &Path) {
    fs::write(folder.join("Dockerfile"), archives::DOCKERFILE).unwrap();
    fs::create_dir(folder.join("bin")).unwrap();
    fs::write(folder.join("bin/run"), archives::random_bytes(70_000)).unwrap();
    fs::set_permissions(folder.join("bin/run"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(folder.join("bin/ünïcödé 'quoted' \\"), b"").unwrap();
    fs::hard_link(folder.join("bin/run"), folder.join("same")).unwrap();
    symlink("../bin/run", folder.join("bin/link")).unwrap();
    let long = format!("long-{}/{}", "f".repeat(120), "g".repeat(120));
    fs::create_dir(folder.join(&long[..125])).unwrap();
    fs::write(folder.join(&long), b"deep").unwrap();
    symlink(&long, folder.join("long-link")).unwrap();
}
