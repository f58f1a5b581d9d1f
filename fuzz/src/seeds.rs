//! The inputs a target starts with: valid artifacts made now by our own makers, and hostile ones kept as text.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

/// Names the folder into which a target writes its seeds before it starts.
const VARIABLE: &str = "SZTP_FUZZ_SEEDS";

/// One input.
pub type Seed = Vec<u8>;

/// Writes the seeds of `target` where [`VARIABLE`] says, if it says so.
///
/// Called before the fuzzer reads its folders. Makers are not called otherwise, so that reproducing a finding does not
/// depend on them.
pub fn leave(target: &str, made: impl FnOnce() -> Vec<Seed>) {
    let Some(folder) = env::var_os(VARIABLE).map(PathBuf::from) else { return };
    fs::create_dir_all(&folder).expect("the folder for seeds");
    for (index, seed) in made().into_iter().enumerate() {
        fs::write(folder.join(format!("made-{index:02}")), seed).expect("a seed is written");
    }
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target);
    for (name, seed) in committed(&kept).expect("the committed seeds") {
        fs::write(folder.join(name), seed).expect("a seed is written");
    }
}

/// The files of `folder`: `*.hex` are decoded (`#` starts a comment), others are inputs as they stand.
fn committed(folder: &Path) -> io::Result<Vec<(String, Seed)>> {
    let files = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        files => files?,
    };
    files
        .map(|file| {
            let path = file?.path();
            let bytes = fs::read(&path)?;
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let seed = if path.extension().is_some_and(|it| it == "hex") { decode_hex(&bytes) } else { bytes };
            Ok((name, seed))
        })
        .collect()
}

fn decode_hex(text: &[u8]) -> Seed {
    let text = str::from_utf8(text).expect("hex is text");
    let digits: Vec<u8> = text
        .lines()
        .flat_map(|line| line.split('#').next().unwrap_or_default().bytes())
        .filter(|byte| !byte.is_ascii_whitespace())
        .map(|digit| char::from(digit).to_digit(16).and_then(|it| u8::try_from(it).ok()).expect("hex digits"))
        .collect();
    digits.chunks(2).map(|pair| pair.iter().fold(0, |octet, digit| octet << 4 | digit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_has_comments_and_spaces() {
        assert_eq!(decode_hex(b"# a header\n30 03\n0201 ff # minus one\n"), [0x30, 3, 2, 1, 0xff]);
    }
}
