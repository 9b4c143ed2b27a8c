//! The values of the house: what a school, a person, a course code or a permission is.
//!
//! Pure: no clock is read here, no socket opened, no row stored. Everything that
//! more than one room needs to say in the same words stands in this crate.

pub mod actor;
pub mod calendar;
pub mod clock;
pub mod code_table;
pub mod codes;
pub mod course_code;
pub mod file_link;
pub mod identity_number;
pub mod ids;
pub mod message;
pub mod permission;
pub mod role;
pub mod rules;
pub mod school;
pub mod secrets;
pub mod status_change;
pub mod text;
