//! What the harnesses of load share: processes and what they cost, and a served city.

pub mod process;
pub mod site;
