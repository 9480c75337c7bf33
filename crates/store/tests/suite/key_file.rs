//! The key that seals secrets, in a file of its own.

use std::collections::BTreeSet;
use std::fs;

use slipway_store::seal::KeyRing;

use crate::blobs::files;
use crate::tmpfs::SmallDisk;

#[test]
fn processes_that_start_at_once_agree_on_one_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret.key");
    let rings: BTreeSet<String> = std::thread::scope(|scope| {
        let load = || format!("{:?}", KeyRing::load_or_create(&path).unwrap());
        let starting: Vec<_> = (0..16).map(|_| scope.spawn(load)).collect();
        starting.into_iter().map(|started| started.join().unwrap()).collect()
    });
    assert_eq!(rings.len(), 1, "{rings:?}");
    assert_eq!(files(folder.path()), ["secret.key"]);
}

#[test]
fn a_full_disk_leaves_no_half_key() {
    let disk = SmallDisk::mount(64);
    let path = disk.path().join("secret.key");
    let full = disk.fill();
    let refused = KeyRing::load_or_create(&path).unwrap_err().to_string();
    assert!(refused.contains("cannot be made"), "{refused}");
    assert_eq!(files(disk.path()), ["filler"]);
    drop(full);
    let made = format!("{:?}", KeyRing::load_or_create(&path).unwrap());
    assert_eq!(format!("{:?}", KeyRing::load_or_create(&path).unwrap()), made);
}

#[test]
fn a_file_that_holds_no_key_is_left_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret.key");
    for content in ["", "c2hvcnQ=", "not base64 at all, but 44 characters long ..."] {
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let refused = KeyRing::load_or_create(&path).unwrap_err().to_string();
        assert!(refused.contains("restore it from a backup"), "{refused}");
        assert_eq!(fs::read_to_string(&path).unwrap(), content);
    }
}
