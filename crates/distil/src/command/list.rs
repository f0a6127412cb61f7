//! `distil list`: the catalogue.

use distil_image::definition::Catalogue;
use distil_image::recipe::{Source, Variant, suites};
use serde::Serialize;

use crate::cli;
use crate::error::CommandError;
use crate::table::{print_json, print_table, table};

#[derive(Serialize)]
struct Document {
    schema_version: u32,
    images: Vec<Image>,
}

#[derive(Serialize)]
struct Image {
    name: String,
    description: String,
    from: Option<String>,
    suites: Vec<&'static str>,
    variants: Vec<&'static str>,
}

pub(crate) fn run(arguments: &cli::List) -> Result<(), CommandError> {
    let mut images = Vec::new();
    for name in Catalogue.names() {
        let source = Source::find(name, None).map_err(CommandError::failure)?;
        let definition = source.definition.clone();
        let suites = suites(source).map_err(CommandError::failure)?;
        images.push(Image {
            name: definition.name,
            description: definition.description,
            from: definition.from,
            suites: suites.iter().map(|suite| suite.codename).collect(),
            variants: Variant::ALL.map(Variant::name).to_vec(),
        });
    }
    match arguments.format {
        cli::Format::Json => print_json(&Document {
            schema_version: 1,
            images,
        }),
        cli::Format::Table => {
            let row = |image: &Image| {
                let from = image.from.clone().unwrap_or_else(|| "-".to_owned());
                vec![
                    image.name.clone(),
                    from,
                    image.suites.join(" "),
                    image.description.clone(),
                ]
            };
            let rows = images.iter().map(row).collect();
            print_table(&table(
                &["IMAGE", "FROM", "SUITES", "DESCRIPTION"],
                rows,
                &[],
            ))
        }
    }
}
