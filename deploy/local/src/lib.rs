//! Real components for development, tests and the demo city: private instances on free loopback
//! ports under one data folder, never services that already run on the machine.
//!
//! [`Components::up`] finds or installs what is missing and starts everything that the environment
//! does not already name; [`Components::env`] says where it is, as the `LICHENG_*` variables that
//! the application reads. The crate depends on no other crate of ours, so that it builds in seconds.

mod city;
mod component;
mod components;
mod people;
mod ports;
mod process;
mod progress;
mod random;
mod requirements;
mod site;
mod tools;
mod workspace;

pub use city::City;
pub use components::{Components, Options};
pub use people::{Person, ldif};
pub use process::{Launch, Running, Stop, accepts_connections, until_interrupted};
pub use progress::Progress;
pub use requirements::{FALSE_CLOCK, FAULTS, PROGRAMS, Requirement, VERIFICATION, install_missing};
pub use tools::{NPM_CI, Tools, target_folder};
pub use workspace::{cargo, workspace_folder};
