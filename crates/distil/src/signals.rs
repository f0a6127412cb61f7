//! What signals do to the command: none leaves something half-written.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use distil_store::unfinished::discard_unfinished;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;

use crate::terminal;

/// Sets up what signals do.
///
/// - An interrupt, a hang-up and a termination end the process at once, and what it has half-written
///   goes first. The store needs no care: what is in its place there is whole.
/// - Of a file that becomes larger than the process may write (`ulimit -f`), writing fails, as any
///   other failing does.
///
/// Where the machine has no thread to spare, the signals' own effects stay.
pub(crate) fn handle() {
    // The handler only has to be one: then write(2) fails with EFBIG instead of ending the process.
    let _ = signal_hook::flag::register(SIGXFSZ, Arc::default());
    let ignored = ignored();
    let mut ending = [SIGINT, SIGTERM, SIGHUP].to_vec();
    ending.retain(|signal| (ignored >> (signal - 1)) & 1 == 0);
    let wait = move || {
        let Ok(mut signals) = Signals::new(ending) else {
            return;
        };
        for signal in signals.forever() {
            if PASSED_ON.load(Ordering::Acquire) {
                continue;
            }
            discard_unfinished();
            let name = match signal {
                SIGINT => "SIGINT",
                SIGTERM => "SIGTERM",
                _ => "SIGHUP",
            };
            terminal::say(format_args!(
                "error: interrupted by {name}; unfinished files were removed, and finished downloads \
                 are kept in the store\n"
            ));
            // As a shell reports a program that a signal ended.
            std::process::exit(128 + signal);
        }
    };
    let name = String::from("signals");
    let _ = thread::Builder::new().name(name).spawn(wait);
}

/// Whether signals are somebody else's.
static PASSED_ON: AtomicBool = AtomicBool::new(false);

/// From now on signals do not end the process: what it runs gets them.
pub(crate) fn pass_on() {
    PASSED_ON.store(true, Ordering::Release);
}

/// The signals that whoever started the process wants ignored, such as `nohup` does with SIGHUP:
/// signal N is bit N - 1 (proc_pid_status(5), `SigIgn`).
fn ignored() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.unwrap_or(0)
}
