//! The tests are in `tests/it`; this crate only carries them.
