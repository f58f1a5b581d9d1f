//! What the kernel knows about a process: processor time and memory.

use std::time::Duration;

/// A process, by its number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Process(pub(crate) u32);

impl Process {
    /// Processor time used so far, in user and kernel mode, of all threads.
    pub(crate) fn cpu(self) -> Duration {
        // proc(5): after the name in brackets, user and system time are the 12th and 13th field, in hundredths of a second.
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0)).unwrap();
        let (_, fields) = stat.rsplit_once(')').unwrap();
        let ticks = fields.split_whitespace().skip(11).take(2).map(|field| field.parse::<u64>().unwrap()).sum::<u64>();
        Duration::from_millis(ticks * 10)
    }

    /// Memory that is resident now, in MiB.
    pub(crate) fn resident(self) -> f64 {
        self.status("VmRSS:")
    }

    /// The most memory that was ever resident, in MiB.
    pub(crate) fn peak(self) -> f64 {
        self.status("VmHWM:")
    }

    fn status(self, name: &str) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0)).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_works_uses_time_and_memory() {
        let own = Process(std::process::id());
        let before = own.cpu();
        let started = std::time::Instant::now();
        while own.cpu() == before {
            assert!(started.elapsed() < Duration::from_secs(60), "time must be counted");
        }
        assert!(own.resident() > 0.5 && own.peak() >= own.resident() * 0.5);
    }
}
