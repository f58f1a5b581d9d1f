//! The client: one connection to one server, with a token.
