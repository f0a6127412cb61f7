//! The outer `ar` of a `.deb` (deb(5)), and the ways to break it.

/// A way in which a `.deb` is not one.
///
/// Members that are malformed inside (paths, links, devices, checksums) are made with
/// [`Entry`](crate::Entry); these are the faults of the outer `ar`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DebFault {
    /// The file ends after this many bytes.
    TruncatedAt(usize),
    /// `debian-binary` says this instead of `2.0\n`.
    FormatVersion(Vec<u8>),
    /// There is no `debian-binary`.
    NoFormatVersion,
    /// `data.tar` comes before `control.tar`.
    DataBeforeControl,
    /// There is no `control.tar`.
    NoControl,
    /// There is no `data.tar`.
    NoData,
    /// There are two `control.tar`, the same.
    DuplicateControl,
    /// There are two `data.tar`, the same.
    DuplicateData,
    /// Another member stands before `control.tar`.
    MemberBeforeControl(String, Vec<u8>),
    /// Another member stands between `control.tar` and `data.tar`.
    MemberBeforeData(String, Vec<u8>),
    /// Another member stands at the end.
    MemberAtEnd(String, Vec<u8>),
    /// These bytes follow the last member.
    TrailingGarbage(Vec<u8>),
    /// The file starts with this instead of `!<arch>\n`.
    Magic(Vec<u8>),
    /// The member whose name starts with the first has the second in its size field.
    SizeField(String, String),
    /// The member whose name starts so has a header that does not end as headers do.
    HeaderEnd(String),
    /// The member whose name starts with the first is called the second.
    Renamed(String, String),
    /// The compressed `data.tar` has this byte of it inverted; counted from the end if negative.
    CorruptData(isize),
    /// The compressed `control.tar` has this byte of it inverted; counted from the end if
    /// negative.
    CorruptControl(isize),
    /// The compressed `data.tar` ends this many bytes early, and the size of the member says so.
    ShortData(usize),
    /// These bytes follow the end of the compressed stream inside the `data.tar` member.
    DataTail(Vec<u8>),
}

/// One member of the outer `ar`.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    name: String,
    body: Vec<u8>,
    size: Option<String>,
    end: [u8; 2],
}

impl Member {
    pub(crate) fn new(name: &str, body: Vec<u8>) -> Self {
        Self {
            name: name.to_owned(),
            body,
            size: None,
            end: *b"`\n",
        }
    }

    /// Name, time, owner, group, mode, size: 60 bytes in all, then the body padded to two.
    pub(crate) fn write(&self, archive: &mut Vec<u8>, mtime: u64) {
        let size = self
            .size
            .clone()
            .unwrap_or_else(|| self.body.len().to_string());
        let header = format!("{:<16}{mtime:<12}0     0     100644  {size:<10}", self.name);
        archive.extend_from_slice(header.as_bytes());
        archive.extend_from_slice(&self.end);
        archive.extend_from_slice(&self.body);
        if self.body.len() % 2 == 1 {
            archive.push(b'\n');
        }
    }
}

/// Breaks `members` as `fault` says; what concerns the file as a whole is the caller's.
pub(crate) fn apply(fault: &DebFault, members: &mut Vec<Member>) {
    let at = |members: &[Member], prefix: &str| {
        members
            .iter()
            .position(|member| member.name.starts_with(prefix))
            .unwrap_or_else(|| panic!("no member of the package starts with `{prefix}`"))
    };
    match fault {
        DebFault::FormatVersion(text) => {
            let index = at(members, "debian-binary");
            members[index].body.clone_from(text);
        }
        DebFault::NoFormatVersion => members.retain(|member| member.name != "debian-binary"),
        DebFault::DataBeforeControl => {
            let (control, data) = (at(members, "control.tar"), at(members, "data.tar"));
            members.swap(control, data);
        }
        DebFault::NoControl => members.retain(|member| !member.name.starts_with("control.tar")),
        DebFault::NoData => members.retain(|member| !member.name.starts_with("data.tar")),
        DebFault::DuplicateControl => {
            let index = at(members, "control.tar");
            members.insert(index, members[index].clone());
        }
        DebFault::DuplicateData => {
            let index = at(members, "data.tar");
            members.insert(index, members[index].clone());
        }
        DebFault::MemberBeforeControl(name, body) => {
            members.insert(at(members, "control.tar"), Member::new(name, body.clone()));
        }
        DebFault::MemberBeforeData(name, body) => {
            members.insert(at(members, "data.tar"), Member::new(name, body.clone()));
        }
        DebFault::MemberAtEnd(name, body) => members.push(Member::new(name, body.clone())),
        DebFault::SizeField(prefix, text) => {
            let index = at(members, prefix);
            members[index].size = Some(text.clone());
        }
        DebFault::HeaderEnd(prefix) => {
            let index = at(members, prefix);
            members[index].end = *b"!\n";
        }
        DebFault::Renamed(prefix, name) => {
            let index = at(members, prefix);
            members[index].name.clone_from(name);
        }
        DebFault::CorruptData(offset) => {
            let index = at(members, "data.tar");
            corrupt(&mut members[index].body, *offset);
        }
        DebFault::CorruptControl(offset) => {
            let index = at(members, "control.tar");
            corrupt(&mut members[index].body, *offset);
        }
        DebFault::ShortData(missing) => {
            let index = at(members, "data.tar");
            let body = &mut members[index].body;
            body.truncate(body.len().saturating_sub(*missing));
        }
        DebFault::DataTail(bytes) => {
            let index = at(members, "data.tar");
            members[index].body.extend_from_slice(bytes);
        }
        DebFault::TruncatedAt(_) | DebFault::Magic(_) | DebFault::TrailingGarbage(_) => {}
    }
}

/// Inverts the byte at `offset`, from the end if that is negative.
pub(crate) fn corrupt(bytes: &mut [u8], offset: isize) {
    let at = if offset < 0 {
        bytes.len() - offset.unsigned_abs()
    } else {
        offset.unsigned_abs()
    };
    bytes[at] ^= 0xff;
}
