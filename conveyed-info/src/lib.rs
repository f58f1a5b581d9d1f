//! The artifacts and messages of RFC 8572, 8366 and 9646, and the engine that verifies them
