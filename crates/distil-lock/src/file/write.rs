//! From a [`LockFile`] to its text, of which there is one.

use distil_debian::relation::Relations;

use super::format::{LeftOut, LockFile, PackageLock, PlatformLock};
use super::lines::Lines;
use super::part::WrittenReason;

/// What stands above all.
const HEAD: [&str; 2] = [
    "Written by `distil lock`: the exact packages of an image, on every platform.",
    "Do not edit it; `distil lock --update` changes it. docs/lock.md describes the format.",
];

impl LockFile {
    /// The text of the file. It ends with a line feed.
    pub fn to_text(&self) -> String {
        let mut lines = Lines::default();
        for line in HEAD {
            lines.comment(line);
        }
        lines.plain(0, "schema_version", self.schema_version);
        lines.string(0, "suite", &self.suite);
        lines.key(0, "formats");
        let formats = self.formats;
        lines.plain(1, "image", formats.image);
        lines.plain(1, "layer", formats.layer);
        lines.plain(1, "compression", formats.compression.as_str());
        lines.plain(1, "level", formats.level);
        lines.plain(1, "codec", formats.codec);
        self.write_definitions(&mut lines);
        self.write_archives(&mut lines);
        self.write_files(&mut lines);
        self.write_downloads(&mut lines);
        list(&mut lines, 0, "platforms", &self.platforms, |lines, one| {
            write_platform(one, lines);
        });
        lines.finish()
    }

    fn write_definitions(&self, lines: &mut Lines) {
        list(lines, 0, "definitions", &self.definitions, |lines, one| {
            lines.first(1, "name", &one.name);
            lines.plain(2, "origin", one.origin.as_str());
            if one.keys.is_empty() {
                lines.plain(2, "keys", "{}");
                return;
            }
            lines.key(2, "keys");
            for (key, digest) in &one.keys {
                lines.string(3, key, digest);
            }
        });
    }

    fn write_archives(&self, lines: &mut Lines) {
        list(lines, 0, "archives", &self.archives, |lines, one| {
            lines.first(1, "suite", &one.suite);
            if let Some(version) = &one.version {
                lines.string(2, "version", version);
            }
            lines.string(2, "date", one.date);
            lines.string(2, "release", one.release);
            list(lines, 2, "keys", &one.keys, |lines, key| {
                lines.digits(3, key)
            });
            if let Some(origin) = &one.origin {
                lines.string(2, "origin", origin);
            }
        });
    }

    fn write_files(&self, lines: &mut Lines) {
        if self.files.is_empty() {
            return;
        }
        list(lines, 0, "files", &self.files, |lines, one| {
            lines.first(1, "definition", &one.definition);
            lines.string(2, "from", &one.from);
            if let Some(path) = &one.path {
                lines.string(2, "path", path);
            }
            lines.plain(2, "size", one.size);
            lines.string(2, "digest", one.digest);
        });
    }

    fn write_downloads(&self, lines: &mut Lines) {
        if self.downloads.is_empty() {
            return;
        }
        list(lines, 0, "downloads", &self.downloads, |lines, one| {
            lines.first(1, "definition", &one.definition);
            lines.string(2, "url", &one.url);
            lines.string(2, "digest", one.digest);
        });
    }
}

fn list<T>(lines: &mut Lines, depth: usize, key: &str, all: &[T], write: impl Fn(&mut Lines, &T)) {
    if all.is_empty() {
        return lines.plain(depth, key, "[]");
    }
    lines.key(depth, key);
    for one in all {
        write(lines, one);
    }
}

fn write_platform(platform: &PlatformLock, lines: &mut Lines) {
    lines.first(1, "platform", &platform.platform);
    list(lines, 2, "variants", &platform.variants, |lines, one| {
        lines.entry(3, one.as_str());
    });
    if !platform.left_out.is_empty() {
        write_left_out("left_out", &platform.left_out, lines);
    }
    if let Some(left_out) = &platform.debug_left_out {
        write_left_out("debug_left_out", left_out, lines);
    }
    list(lines, 2, "packages", &platform.packages, |lines, one| {
        write_package(one, lines);
    });
}

fn write_left_out(key: &str, left_out: &[LeftOut], lines: &mut Lines) {
    list(lines, 2, key, left_out, |lines, one| {
        lines.first(3, "dependency", &one.dependency);
        lines.string(4, "without", &one.without);
    });
}

fn write_package(package: &PackageLock, lines: &mut Lines) {
    lines.first(3, "name", &package.name);
    lines.string(4, "version", &package.version);
    lines.string(4, "architecture", &package.architecture);
    lines.string(4, "source", &package.source);
    if let Some(version) = &package.source_version {
        lines.string(4, "source_version", version);
    }
    lines.string(4, "suite", &package.suite);
    lines.string(4, "path", &package.path);
    lines.plain(4, "size", package.size);
    lines.string(4, "digest", package.digest);
    if let Some(time) = package.last_seen {
        lines.string(4, "last_seen", time);
    }
    lines.plain(4, "installed_size", package.installed_size);
    if package.multi_arch != distil_debian::package::MultiArch::No {
        lines.string(4, "multi_arch", package.multi_arch.as_str());
    }
    let relations = |lines: &mut Lines, key: &str, relations: &Relations| {
        if !relations.is_empty() {
            lines.string(4, key, relations);
        }
    };
    relations(lines, "pre_depends", &package.pre_depends);
    relations(lines, "depends", &package.depends);
    if !package.provides.0.is_empty() {
        lines.string(4, "provides", &package.provides);
    }
    relations(lines, "conflicts", &package.conflicts);
    relations(lines, "breaks", &package.breaks);
    relations(lines, "replaces", &package.replaces);
    if let Some(layer) = &package.layer {
        lines.string(4, "layer", layer);
    }
    let reasons = |lines: &mut Lines, key: &str, reasons: &[WrittenReason]| {
        if !reasons.is_empty() {
            list(lines, 4, key, reasons, |lines, one| lines.entry(5, one));
        }
    };
    reasons(lines, "reasons", &package.reasons);
    reasons(lines, "dev", &package.dev);
}
