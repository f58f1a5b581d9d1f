//! Everything proved against programs that were not written here
