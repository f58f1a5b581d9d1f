//! The classic test vectors of Certificate Transparency: eight leaves, all roots on the way, and proofs.
//!
//! Inputs and roots are those of `testonly/constants.go` in transparency-dev/merkle; the nine roots were also recomputed
//! with Python's hashlib by the recursive definition of RFC 6962 §2.1. Each node of the proofs is named there too.

#![allow(clippy::unwrap_used, reason = "helpers of tests may unwrap like the tests themselves")]

use audit_log::{CompactRange, ConsistencyProof, InclusionProof, LeafHash, LogIndex, NodeHash, TreeHead, TreeSize};

const INPUTS: [&[u8]; 8] =
    [b"", b"\x00", b"\x10", b"\x20\x21", b"\x30\x31", b"\x40\x41\x42\x43", b"PQRSTUVW", b"`abcdefghijklmno"];

const ROOTS: [&str; 9] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

// Nodes by level and position: N1_0 covers leaves 0 and 1, N2_1 leaves 4 to 7.
const N0_0: &str = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d";
const N0_1: &str = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7";
const N0_4: &str = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b";
const N1_0: &str = "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125";
const N1_1: &str = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e";
const N1_2: &str = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a";
const N1_3: &str = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0";
const N2_0: &str = "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7";
const N2_1: &str = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4";

fn hashes() -> Vec<LeafHash> {
    INPUTS.map(LeafHash::of).to_vec()
}

fn head(size: u64) -> TreeHead {
    hashes().into_iter().take(usize::try_from(size).unwrap()).collect::<CompactRange>().head()
}

fn hex(path: &[NodeHash]) -> Vec<String> {
    path.iter().map(ToString::to_string).collect()
}

#[test]
fn the_roots_of_all_sizes() {
    for (size, root) in (0..).zip(ROOTS) {
        assert_eq!(head(size).root.to_string(), root, "size {size}");
    }
}

#[test]
fn inclusion_proofs() {
    let cases: [(u64, u64, &[&str]); 5] = [
        (0, 1, &[]),
        (0, 8, &[N0_1, N1_1, N2_1]),
        (5, 8, &[N0_4, N1_3, N2_0]),
        (2, 3, &[N1_0]),
        (1, 5, &[N0_0, N1_1, N0_4]),
    ];
    for (index, size, path) in cases {
        let proof = InclusionProof::generate(&hashes(), LogIndex(index), TreeSize(size)).unwrap();
        assert_eq!(hex(proof.path()), path, "leaf {index} of {size}");
        assert_eq!(proof.verify(hashes()[usize::try_from(index).unwrap()], &head(size)), Ok(()));
    }
}

#[test]
fn consistency_proofs() {
    let cases: [(u64, u64, &[&str]); 4] =
        [(1, 1, &[]), (1, 8, &[N0_1, N1_1, N2_1]), (6, 8, &[N1_2, N1_3, N2_0]), (2, 5, &[N1_1, N0_4])];
    for (old, new, path) in cases {
        let proof = ConsistencyProof::generate(&hashes(), TreeSize(old), TreeSize(new)).unwrap();
        assert_eq!(hex(proof.path()), path, "{old} to {new}");
        assert_eq!(proof.verify(&head(old), &head(new)), Ok(()));
    }
}
