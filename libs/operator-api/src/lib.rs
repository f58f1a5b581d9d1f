//! What operators and a bootstrap server say to each other.
