//! Merkle audit log: leaves, tree, signed checkpoints and proofs
