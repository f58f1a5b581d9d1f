//! Flattened Image Tree: parse, verify, build and sign boot images without trusting their own signature lists
