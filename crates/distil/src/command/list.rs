//! `distil list`: the catalogue, with what of it others have stopped mending. Works offline.

use distil_build::now;
use distil_debian::distribution::Distribution;
use distil_debian::suite::Suite;
use distil_definition::recipe::{Source, Variant, suites};
use distil_definition::{Architecture, Catalogue, Phase, SuiteSupport, Support};
use serde::Serialize;

use crate::cli;
use crate::error::CommandError;
use crate::table::{print, print_json, print_table, table};

#[derive(Serialize)]
struct Document {
    schema_version: u32,
    images: Vec<Image>,
    suites: Vec<Release>,
}

/// The fields are told in docs/json.md.
#[derive(Serialize)]
struct Image {
    name: String,
    description: String,
    from: Option<String>,
    suites: Vec<&'static str>,
    variants: Vec<&'static str>,
    by_suite: Vec<OfSuite>,
}

/// An image as one suite has it.
#[derive(Serialize)]
struct OfSuite {
    suite: &'static str,
    runtime_version: Option<&'static str>,
    upstream_support_until: Option<&'static str>,
    past_upstream_support: bool,
    platforms: Vec<String>,
}

/// A release of a distribution.
#[derive(Serialize)]
struct Release {
    codename: &'static str,
    distribution: &'static str,
    version: &'static str,
    support: &'static str,
    security_support_until: Option<&'static str>,
    long_term_support_until: Option<&'static str>,
    missing_platforms: Vec<Missing>,
}

#[derive(Serialize)]
struct Missing {
    platform: String,
    why: &'static str,
}

pub(crate) fn run(arguments: &cli::List) -> Result<(), CommandError> {
    let document = document(&Support::day(now()?))?;
    match arguments.format {
        cli::Format::Json => print_json(&document),
        cli::Format::Table => print_tables(&document),
    }
}

fn document(today: &str) -> Result<Document, CommandError> {
    let mut images = Vec::new();
    for name in Catalogue.names() {
        let source = Source::find(name, None).map_err(CommandError::failure)?;
        let definition = source.definition.clone();
        let suites = suites(source).map_err(CommandError::failure)?;
        images.push(Image {
            by_suite: suites
                .iter()
                .map(|suite| of_suite(name, *suite, today))
                .collect(),
            name: definition.name,
            description: definition.description,
            from: definition.from,
            suites: suites.iter().map(|suite| suite.codename).collect(),
            variants: Variant::ALL.map(Variant::name).to_vec(),
        });
    }
    Ok(Document {
        schema_version: 1,
        images,
        suites: Suite::all().map(|suite| release(suite, today)).collect(),
    })
}

fn of_suite(image: &str, suite: Suite, today: &str) -> OfSuite {
    let runtime = Support::known().images.get(image);
    let runtime = runtime.and_then(|runtime| runtime.of(suite.codename));
    let until = runtime.and_then(|(_, until)| until);
    let platforms = Architecture::of_suite(suite).map(|one| one.platform().to_string());
    OfSuite {
        suite: suite.codename,
        runtime_version: runtime.map(|(version, _)| version),
        upstream_support_until: until,
        past_upstream_support: until.is_some_and(|until| until < today),
        platforms: platforms.collect(),
    }
}

fn release(suite: Suite, today: &str) -> Release {
    let support = Support::known().suites.get(suite.codename);
    let day = |day: fn(&'static SuiteSupport) -> &'static Option<String>| {
        support.and_then(|support| day(support).as_deref())
    };
    let missing = Architecture::all().filter_map(|one| {
        let why = suite.lacks(one.debian())?;
        let platform = one.platform().to_string();
        Some(Missing { platform, why })
    });
    Release {
        codename: suite.codename,
        distribution: suite.distribution.id,
        version: suite.version,
        support: match support.map(|support| support.phase(today)) {
            None | Some(Phase::Unreleased) => "unreleased",
            Some(Phase::Security) => "security",
            Some(Phase::LongTerm) => "long-term",
            Some(Phase::Ended) => "ended",
        },
        security_support_until: day(|support| &support.security),
        long_term_support_until: day(|support| &support.long_term),
        missing_platforms: missing.collect(),
    }
}

fn print_tables(document: &Document) -> Result<(), CommandError> {
    let rows = document.images.iter().map(|image| {
        let from = image.from.as_deref().unwrap_or("-");
        let row = [&image.name, from, &image.description];
        row.map(str::to_owned).to_vec()
    });
    print_table(&table(
        &["IMAGE", "FROM", "DESCRIPTION"],
        rows.collect(),
        &[],
    ))?;
    print("")?;
    let rows = document.images.iter().flat_map(|image| {
        image.by_suite.iter().filter_map(|one| {
            let support = match one.upstream_support_until {
                Some(day) if one.past_upstream_support => format!("ended {day}"),
                Some(day) => format!("until {day}"),
                None => "-".to_owned(),
            };
            let (name, suite) = (image.name.clone(), one.suite.to_owned());
            Some(vec![name, suite, one.runtime_version?.to_owned(), support])
        })
    });
    print_table(&table(
        &["IMAGE", "SUITE", "RUNTIME", "UPSTREAM SUPPORT"],
        rows.collect(),
        &[],
    ))?;
    print("")?;
    let rows = document.suites.iter().map(|suite| {
        let day = |day: Option<&str>| day.unwrap_or("-").to_owned();
        let support = match suite.support {
            "unreleased" => "not released yet; no security team".to_owned(),
            "security" => format!("security team, until {}", day(suite.security_support_until)),
            "long-term" => format!(
                "LTS team, until {}; security team's ended {}",
                day(suite.long_term_support_until),
                day(suite.security_support_until)
            ),
            _ => {
                let last = suite.long_term_support_until;
                format!("ended {}", day(last.or(suite.security_support_until)))
            }
        };
        let missing = suite.missing_platforms.iter();
        let missing = missing.map(|one| format!("{}: {}", one.platform, one.why));
        let mut missing: Vec<String> = missing.collect();
        if missing.is_empty() {
            missing.push("-".to_owned());
        }
        let name = Distribution::named(suite.distribution).map_or("", |one| one.name);
        let release = format!("{name} {}", suite.version);
        let codename = suite.codename.to_owned();
        vec![codename, release, support, missing.join("; ")]
    });
    print_table(&table(
        &["SUITE", "RELEASE", "SUPPORT", "LACKS"],
        rows.collect(),
        &[],
    ))?;
    let platforms = Architecture::all().map(|one| one.platform().to_string());
    let platforms = platforms
        .collect::<Vec<_>>()
        .join(" ")
        .replace("linux/", "");
    print(format_args!("\nplatforms of Linux: {platforms}"))?;
    print(format_args!(
        "variants: {}",
        Variant::ALL.map(Variant::name).join(" ")
    ))
}
