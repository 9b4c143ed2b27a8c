//! Messages in the application and the mails that go with them (F-036, F-151).

pub(crate) mod jobs;
pub(crate) mod pages;
pub(crate) mod store;
