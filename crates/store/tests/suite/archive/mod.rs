//! Logs that were moved to the blob store, and are read as if they were not.

mod bad_days;
mod marked;
mod moving;
mod place;
mod reading;
