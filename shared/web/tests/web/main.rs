//! The web through its real layers, with a real Redis (`LICHENG_REDIS_URL`).

mod house;

mod doors;
mod overload;
mod pages;
mod problems;
mod sessions;
