//! The device program as it goes on flash.

use std::{path::PathBuf, time::Duration};

use interop_tests::lab::Lab;

use crate::report::{Report, median};

/// Size of the device program as it goes on flash, and the most memory it takes during an onboarding.
pub(crate) fn measure(report: &mut Report) {
    let program =
        std::env::var_os("SZTP_FLASH_DEVICE").map(PathBuf::from).expect("SZTP_FLASH_DEVICE names the program");
    let size = std::fs::metadata(&program).unwrap().len();
    let lab = Lab::build(1);
    let server = lab.serve();
    let mut peaks = Vec::new();
    for attempt in 0..3 {
        let root = lab.folder().join(format!("bench-root-{attempt}"));
        let mut running = lab.device_command(&program, "bmc-01", &root).spawn().unwrap();
        let status = format!("/proc/{}/status", running.id());
        let mut peak = 0.0_f64;
        // The kernel keeps the high-water mark; only what happens after the last look is missed.
        let exit = loop {
            if let Some(exit) = running.try_wait().unwrap() {
                break exit;
            }
            if let Ok(text) = std::fs::read_to_string(&status) {
                let mark = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
                let mark = mark.and_then(|mark| mark.trim().trim_end_matches(" kB").parse().ok());
                peak = peak.max(mark.unwrap_or(0.0));
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        assert!(exit.success(), "the onboarding must succeed: {exit}");
        peaks.push(peak);
    }
    drop(server);
    println!("sztp-device: {size} bytes, peak {} KiB", median(peaks.clone()));
    let size = f64::from(u32::try_from(size).unwrap());
    report.set("device_size_bytes", size);
    report.set("device_rss_kib", median(peaks));
}
