//! The real process is killed at moments that nobody chose.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::{
    bench::{Bench, OUTPUT},
    boot, run,
};

/// Devices that are killed until they arrive; `SZTP_KILLED_DEVICES` says otherwise.
const DEVICES: u64 = 12;

/// The next number (SplitMix64).
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Starts the agent and kills it after this time. Its exit code, or `None` when it was killed.
fn run_for(folder: &Path, time: Duration) -> Option<i32> {
    let mut agent = Command::new(env!("CARGO_BIN_EXE_sztp-device"))
        .args(["run", "--once", "--root"])
        .arg(folder.join("root"))
        .arg("--config")
        .arg(folder.join("device.toml"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    thread::sleep(time);
    agent.kill().unwrap();
    agent.wait().unwrap().code()
}

/// What must hold at any moment: the configuration is the old one or the new one, and done means done.
fn assert_sane(bench: &Bench, story: &str) {
    let configuration = bench.configuration();
    let is_new = configuration["hostname"] == "leaf-1";
    assert!(configuration["kept"] == true && (is_new || configuration.as_object().unwrap().len() == 1), "{story}");
    if let Ok(active) = fs::read(bench.root("images/active.json")) {
        let active: serde_json::Value = serde_json::from_slice(&active).unwrap();
        let slot = format!("images/{}.fit", active["sha256"].as_str().unwrap());
        let image = fs::read(bench.root(&slot)).unwrap();
        assert_eq!(pki::digest::sha256(&image).to_string(), active["sha256"], "{story}");
    }
    if bench.root("done").exists() {
        assert!(is_new, "{story}");
        assert_eq!(bench.reports().last().map(String::as_str), Some("bootstrap-complete"), "{story}");
    }
}

#[test]
fn a_process_that_is_killed_at_any_moment_arrives() {
    // How long an onboarding takes here.
    let bench = Bench::new("continue");
    let begun = Instant::now();
    assert_eq!(run(bench.folder.path(), None), Some(0));
    let whole = u64::try_from(begun.elapsed().as_micros()).unwrap();

    let devices = std::env::var("SZTP_KILLED_DEVICES").map_or(DEVICES, |text| text.parse().unwrap());
    let mut kills = 0;
    for seed in 0..devices {
        let bench = Bench::new("exit");
        let folder = bench.folder.path();
        let (mut state, mut own_kills, mut worn_out) = (seed, 0, false);
        for attempt in 0.. {
            assert!(attempt < 30, "seed {seed}: it does not arrive");
            // Less and less often, so that it comes to an end.
            let is_killed = attempt < 8;
            let time = next(&mut state) % whole;
            let code = if is_killed { run_for(folder, Duration::from_micros(time)) } else { run(folder, None) };
            let story = format!("seed {seed}, attempt {attempt}, {time} µs: {code:?}");
            assert_sane(&bench, &story);
            own_kills += usize::from(code.is_none());
            match code {
                Some(0) => break,
                Some(75) => boot(&bench),
                // Two installations that were cut short: no third one, and it says why.
                Some(1) if bench.reports().last().map(String::as_str) == Some("boot-image-error") => {
                    worn_out = own_kills >= 2;
                    assert!(worn_out, "{story}");
                    break;
                }
                // Killed, while an installed image may wait for its boot.
                None if bench.root("images/active.json").exists() => boot(&bench),
                None => {}
                Some(_) => panic!("{story}"),
            }
        }
        kills += own_kills;
        if worn_out {
            continue;
        }
        assert_eq!(bench.configuration()["hostname"], "leaf-1", "seed {seed}");
        let output = fs::read_to_string(folder.join(OUTPUT)).unwrap();
        let count = |word| output.lines().filter(|line| *line == word).count();
        assert!((1..=1 + own_kills).contains(&count("pre")), "seed {seed}: {output}");
        assert!((1..=1 + own_kills).contains(&count("post")), "seed {seed}: {output}");
        // One more start: nothing is left of what the owner's documents said.
        assert_eq!(run(folder, None), Some(0));
        for name in
            ["configuration.previous", "configuration.previous.new", "work", "done.new", "images/active.json.new"]
        {
            assert!(!bench.root(name).exists(), "seed {seed}: {name}");
        }
        assert!(!folder.join("running.json.new").exists(), "seed {seed}");
    }
    assert!(kills >= usize::try_from(devices).unwrap(), "{kills} kills");
}
