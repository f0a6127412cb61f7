//! For each rule an image that has the fault, and one that has not.

#[path = "../common/mod.rs"]
mod common;

mod arguments;
mod certificates;
mod dependencies;
mod environment;
mod hints;
mod java;
mod layers;
mod libraries;
mod limits;
mod node;
mod platforms;
mod python;
mod start;
mod surface;
mod users;

use common::Image;
use distil_fixture::ElfBuilder;

fn libc() -> Vec<u8> {
    ElfBuilder::shared("libc.so.6")
        .defines("GLIBC_2.17")
        .defines("GLIBC_2.36")
        .build()
}

const LIB: &str = "usr/lib/x86_64-linux-gnu";

/// An image with a C library and a program that is started.
fn base() -> Image {
    let loader = ElfBuilder::shared("ld-linux-x86-64.so.2").build();
    Image::default()
        .program("usr/lib64/ld-linux-x86-64.so.2", loader)
        .link("lib64", "usr/lib64")
        .link("lib", "usr/lib")
        .file(&format!("{LIB}/libc.so.6"), libc())
        .program(
            "app/run",
            ElfBuilder::executable()
                .requires("libc.so.6", "GLIBC_2.17")
                .build(),
        )
        .folder("tmp", 0o1777)
        .entrypoint(&["/app/run"])
        .user("65532")
}

fn elf() -> Vec<u8> {
    ElfBuilder::executable().needed("libc.so.6").build()
}

fn node() -> Image {
    base()
        .program("usr/bin/node", elf())
        .entrypoint(&["/usr/bin/node"])
        .workdir("/app")
}

fn python() -> Image {
    base()
        .program(
            "usr/bin/python3.13",
            ElfBuilder::executable().needed("libc.so.6").build(),
        )
        .link("usr/bin/python3", "python3.13")
        .file("usr/lib/python3.13/os.py", "")
        .entrypoint(&["/usr/bin/python3"])
}
