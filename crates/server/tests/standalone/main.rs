//! Whole stories: a real daemon, a real engine, a real registry.

mod cancel;
mod ends;
mod hosts;
mod restart;
mod secrets;
mod stack;
mod uploads;
