//! A stick that is put in while the device waits.

use std::{
    env, fs,
    os::unix::fs::MetadataExt,
    path::Path,
    process::{Command, Output},
    thread,
    time::{Duration, Instant},
};

use conveyed_info::discovery::removable_storage::Layout;
use device_client::{Device, OutcomeState, config::Config, sources::removable_storage::watch::Ended};

use crate::bench::{Bench, device_folder, plan, write};

/// Tells the test that it runs where it may mount.
const INSIDE: &str = "SZTP_TEST_MAY_MOUNT";

/// Longer than any test may take.
const HOUR: Duration = Duration::from_secs(3600);

fn mount(from: &Path, to: &Path) {
    let mounted = Command::new("mount").arg("--bind").args([from, to]).status().unwrap();
    assert!(mounted.success());
}

/// Runs the test of this name in a namespace in which it may mount.
fn inside(unshare: &peers::peer::Peer, test: &str) -> Output {
    let mut again = Command::new(unshare.path());
    again.args(["--map-root-user", "--mount", "--propagation=private", "--"]);
    again.arg(env::current_exe().unwrap()).args(["--exact", test, "--nocapture"]).env(INSIDE, "1");
    again.output().unwrap()
}

#[test]
fn usb_01_a_stick_that_is_put_in_ends_the_pause() {
    if env::var_os(INSIDE).is_none() {
        let unshare = peers::need!("unshare");
        let _mount = peers::need!("mount");
        // Only what a block device is behind counts as a stick: in some containers nothing is.
        if rustix::fs::major(env::temp_dir().metadata().unwrap().dev()) == 0 {
            peers::skip!("the folder for temporary files is on no block device");
        }
        let mut probe = Command::new(unshare.path());
        if !probe.args(["--map-root-user", "--mount", "true"]).output().unwrap().status.success() {
            peers::skip!("no namespaces here");
        }
        let output = inside(&unshare, "waiting::usb_01_a_stick_that_is_put_in_ends_the_pause");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        return;
    }
    let bench = Bench::new("folders = ['media']");
    for name in ["media/usb0", "media/usb1", "elsewhere", "stick"] {
        fs::create_dir_all(bench.path(name)).unwrap();
    }
    let open = || Device::open(Config::load(&bench.path("device.toml")).unwrap(), &bench.path("root")).unwrap();
    let mut device = open();
    assert_eq!(device.run_once(&mut |_| {}).state, OutcomeState::Unreachable);

    // What is mounted anywhere else is no stick.
    mount(&bench.path("stick"), &bench.path("elsewhere"));
    assert_eq!(device.wait(Duration::ZERO), Ended::Elapsed);

    // While the attempt was under way already.
    let data = bench.signed(&plan(&bench.path("output"), "waited").into());
    write(&bench.path("stick"), &device_folder(&Layout::default(), "SN-1"), &data);
    mount(&bench.path("stick"), &bench.path("media/usb0"));
    assert_eq!(device.wait(HOUR), Ended::NewStorage);

    // While the device waits. It may be seen before the wait begins; either way the hour is not waited for.
    let begun = Instant::now();
    let (from, to) = (bench.path("elsewhere"), bench.path("media/usb1"));
    let later = thread::spawn(move || mount(&from, &to));
    assert_eq!(device.wait(HOUR), Ended::NewStorage);
    later.join().unwrap();
    assert!(begun.elapsed() < HOUR);
    // What was there already wakes nobody.
    assert_eq!(device.wait(Duration::from_millis(1)), Ended::Elapsed);
    assert_eq!(device.run_once(&mut |_| {}).state, OutcomeState::Bootstrapped);
    assert_eq!(bench.configuration()["hostname"], "waited");
}

#[test]
fn a_device_without_removable_storage_waits_as_long_as_it_is_told() {
    let bench = Bench::new("folders = []");
    let mut device = Device::open(Config::load(&bench.path("device.toml")).unwrap(), &bench.path("root")).unwrap();
    let begun = Instant::now();
    assert_eq!(device.wait(Duration::from_millis(50)), Ended::Elapsed);
    assert!(begun.elapsed() >= Duration::from_millis(50));
}
