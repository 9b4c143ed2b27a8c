//! counseling
