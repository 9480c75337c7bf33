//! Registries, as the worker itself speaks to them: an image goes from one to the other with
//! all its platforms, and no Docker host has to do with it.
//!
//! An engine cannot do that: it pulls one platform and pushes a manifest of its own making.
//! Here manifests are passed on as the bytes that they are, so that the index at the target
//! has the digest that it has at the source, and blobs as streams, which stay out of memory
//! and off the disk.
//!
//! What is spoken is the OCI distribution specification 1.1, which is Docker's registry API
//! of version 2, over the client of `slipway-outbound`: a request names the registry, and a
//! registry names where its blobs, its tokens and its uploads are. The libraries for it
//! (`oci-client`) make their own HTTP client, which follows redirects past any guard.

mod access;
mod challenge;
mod copy;
mod digest;
mod faults;
mod manifest;
mod passing;
mod push;
mod repository;
mod summing;
mod tree;

pub(crate) use copy::{Copied, Copy};
pub use repository::RegistrySettings;
pub(crate) use repository::{Registries, Role};
pub(crate) use tree::Tree;
