//! Workbooks are measured before the reader, which is not ours, sees them: it believes the sizes that a file names.

pub(super) mod xls;
pub(super) mod xlsx;
