//! Java: what a jar needs beside it, which classes it has, and the parts of a Spring Boot application,
//! as its own tool takes one apart.

mod class_path;
mod error;
mod index;
mod jar;
mod manifest;
mod spring_boot;

pub use class_path::ClassPathEntry;
pub use error::JarError;
pub use index::{class_path_index, layers_index};
pub use jar::{Classes, Coordinates, Jar, MAX_JAR};
pub use manifest::Manifest;
pub use spring_boot::{Library, SpringBoot, SpringBootLayer};
