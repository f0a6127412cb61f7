//! Which numbers of users and groups a container has, and which of the host they are
//! (user_namespaces(7), "User and group ID mappings").
//!
//! An ordinary user has one number, so the container has one: that of its program. All files of the
//! image, which belong to the user on the host, then belong to that number. Root has all, and
//! they stay what they are.

use std::fs;
use std::io;

use rustix::process::{getegid, geteuid};

use crate::error::RunError;

/// Whether this process is root's.
pub fn is_root() -> bool {
    geteuid().is_root()
}

/// The numbers of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mapping {
    users: Vec<Range>,
    groups: Vec<Range>,
    /// Whether the program's user is one of several, so that groups may be set too.
    pub(crate) has_several: bool,
}

/// Numbers that follow one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    inside: u32,
    outside: u32,
    count: u32,
}

impl Mapping {
    /// What this process may give a container whose program has these numbers.
    pub(crate) fn of(uid: u32, gid: u32) -> Result<Self, RunError> {
        if !geteuid().is_root() {
            let one = |inside, outside| {
                vec![Range {
                    inside,
                    outside,
                    count: 1,
                }]
            };
            return Ok(Self {
                users: one(uid, geteuid().as_raw()),
                groups: one(gid, getegid().as_raw()),
                has_several: false,
            });
        }
        let own = |path: &str| {
            let text = fs::read_to_string(path);
            let text = text.map_err(RunError::set_up(format!("read `{path}`")))?;
            Ok::<_, RunError>(identical(&text))
        };
        let (users, groups) = (own("/proc/self/uid_map")?, own("/proc/self/gid_map")?);
        for (kind, id, ranges) in [("user", uid, &users), ("group", gid, &groups)] {
            if !ranges.iter().any(|range| range.has(id)) {
                return Err(RunError::NotMapped { kind, id });
            }
        }
        Ok(Self {
            users,
            groups,
            has_several: true,
        })
    }

    /// Gives them to the user namespace of a process.
    pub(crate) fn write(&self, pid: u32) -> io::Result<()> {
        if !self.has_several {
            // Else a user could leave a group that a file is forbidden to (CVE-2014-8989).
            fs::write(format!("/proc/{pid}/setgroups"), "deny")?;
        }
        fs::write(format!("/proc/{pid}/gid_map"), text(&self.groups))?;
        fs::write(format!("/proc/{pid}/uid_map"), text(&self.users))
    }
}

impl Range {
    fn has(&self, id: u32) -> bool {
        id.checked_sub(self.inside)
            .is_some_and(|offset| offset < self.count)
    }
}

/// The numbers that this process sees itself, each as itself.
fn identical(text: &str) -> Vec<Range> {
    let ranges = text.lines().filter_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let inside = words.next()?.parse().ok()?;
        let count = words.nth(1)?.parse().ok()?;
        Some(Range {
            inside,
            outside: inside,
            count,
        })
    });
    ranges.collect()
}

fn text(ranges: &[Range]) -> String {
    let lines = ranges.iter().map(|range| {
        let Range {
            inside,
            outside,
            count,
        } = range;
        format!("{inside} {outside} {count}\n")
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_a_process_has_stay_the_same() {
        let ranges = identical("         0          0 4294967295\n");
        assert_eq!(text(&ranges), "0 0 4294967295\n");
        let ranges = identical("0 1000 1\n1 100000 65536\n");
        assert_eq!(text(&ranges), "0 0 1\n1 1 65536\n");
        assert!(ranges[1].has(65536) && !ranges[1].has(65537) && !ranges[1].has(0));
    }
}
