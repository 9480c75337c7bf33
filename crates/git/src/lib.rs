//! One commit of a repository, fetched by the `git` program and given on as a build context.
//!
//! A worker runs a program here on words that a stranger chose: an address, a reference, a
//! tree of files, a list of further addresses in that tree. Git can do far more than fetch,
//! and much of it by way of such words: it runs hooks and filters, follows redirects, asks
//! for passwords, reads the settings of whoever runs it, and writes files and links where a
//! tree says. So:
//!
//! - git gets an environment and settings of its own and none of the worker's, knows three
//!   protocols, and has no word in its arguments that could be read as an option;
//! - it dials the addresses that the [`Guard`](slipway_outbound::Guard) checked, and asks
//!   for no name itself;
//! - nothing is checked out. Objects are read from a bare repository as bytes and go through
//!   the guard of build contexts, like the entries of an archive. So no hook, filter or
//!   attribute has a say, and pointers of Git LFS stay pointers;
//! - a login reaches git in its environment, which other users of the machine cannot read,
//!   and goes to the host it was given for and to no other;
//! - everything has an end: a time, a time without news, bytes on the disk, a number of
//!   submodules. Whoever stops waiting for a fetch kills git and what it started.
//!
//! Memory is flat whatever the size of the files: they pass in pieces from git to the builder.

mod agent;
mod blobs;
mod complaint;
mod environment;
mod failure;
mod fetch;
mod ignore_file;
mod limits;
mod login;
mod modules_file;
mod nearest;
mod obtain;
mod output;
mod program;
mod progress;
mod relative;
mod remote;
mod repository;
mod resolve;
mod scrub;
mod session;
mod ssh;
mod submodules;
mod tree;
mod walk;
mod watch;
mod work;

pub use fetch::{Fetched, GitFetch, fetch};
pub use limits::Limits;
