//! `distil cache`: what the store holds, and how it is kept small and whole.

use std::collections::BTreeMap;

use distil_build::{open_store, store_limit, threads};
use distil_run::{Pruned as PrunedRoots, Roots};
use distil_store::{Amount, Store};
use serde::Serialize;

use crate::cli;
use crate::error::CommandError;
use crate::printer::bytes;
use crate::table::{print, print_json, print_table, table};

pub(crate) fn run(arguments: &cli::Cache) -> Result<(), CommandError> {
    match &arguments.command {
        cli::CacheCommand::Info(info) => self::info(info),
        cli::CacheCommand::Prune(prune) => self::prune(prune),
        cli::CacheCommand::Verify(verify) => self::verify(verify),
    }
}

#[derive(Serialize)]
struct Counted {
    entries: u64,
    bytes: u64,
}

impl From<Amount> for Counted {
    fn from(amount: Amount) -> Self {
        Self {
            entries: amount.entries,
            bytes: amount.bytes,
        }
    }
}

#[derive(Serialize)]
struct Info {
    schema_version: u32,
    store: String,
    limit: u64,
    total: Counted,
    kinds: BTreeMap<String, Counted>,
}

fn info(arguments: &cli::CacheInfo) -> Result<(), CommandError> {
    let store = open_store(arguments.place.store.as_deref())?;
    let usage = store.usage().map_err(CommandError::failure)?;
    let mut kinds: BTreeMap<String, Counted> = BTreeMap::new();
    for (kind, amount) in &usage.kinds {
        kinds.insert(plural(kind), (*amount).into());
    }
    kinds.insert("downloads".to_owned(), usage.unnamed.into());
    kinds.insert("unfinished".to_owned(), usage.unfinished.into());
    let unpacked = match roots(&store)? {
        Some(roots) => roots.usage().map_err(CommandError::failure)?,
        None => Amount::default(),
    };
    kinds.insert(UNPACKED.to_owned(), unpacked.into());
    let mut total = usage.total();
    total.entries += unpacked.entries;
    total.bytes += unpacked.bytes;
    let info = Info {
        schema_version: 1,
        store: root(&store),
        limit: store_limit(arguments.place.limit.as_deref())?,
        total: total.into(),
        kinds,
    };
    if arguments.format == cli::Format::Json {
        return print_json(&info);
    }
    print(format_args!(
        "{}: {} of at most {}",
        info.store,
        bytes(info.total.bytes),
        bytes(info.limit)
    ))?;
    print("")?;
    let rows = info.kinds.iter().filter(|(_, amount)| amount.entries > 0);
    let rows = rows.map(|(kind, amount)| {
        vec![
            kind.clone(),
            amount.entries.to_string(),
            bytes(amount.bytes),
        ]
    });
    print_table(&table(&["KIND", "FILES", "SIZE"], rows.collect(), &[1, 2]))
}

/// What `distil run` has unpacked: directories, counted as one each.
const UNPACKED: &str = "unpacked images";

fn roots(store: &Store) -> Result<Option<Roots>, CommandError> {
    Roots::find(store).map_err(CommandError::failure)
}

/// What things of a kind are called.
fn plural(kind: &str) -> String {
    match kind {
        "index" => "indexes".to_owned(),
        "verified" => "verified releases".to_owned(),
        kind => format!("{kind}s"),
    }
}

#[derive(Serialize)]
struct Pruned {
    schema_version: u32,
    store: String,
    limit: u64,
    removed: Counted,
    in_use: Counted,
    left: Counted,
    unpacked_images: PrunedImages,
}

/// What came of the images that are unpacked.
#[derive(Serialize)]
struct PrunedImages {
    removed: Counted,
    in_use: Counted,
    left: Counted,
}

fn prune(arguments: &cli::CachePrune) -> Result<(), CommandError> {
    let store = open_store(arguments.place.store.as_deref())?;
    let limit = match arguments.all {
        true => 0,
        false => store_limit(arguments.place.limit.as_deref())?,
    };
    // What is unpacked can be had again of what it was made from, so it goes first.
    let packed = store.usage().map_err(CommandError::failure)?.total().bytes;
    let images = match roots(&store)? {
        Some(roots) => roots.prune(usize::MAX, limit.saturating_sub(packed)),
        None => Ok(PrunedRoots::default()),
    };
    let images = images.map_err(CommandError::failure)?;
    let pruned = store.prune(limit.saturating_sub(images.left.bytes));
    let pruned = pruned.map_err(CommandError::failure)?;
    if arguments.format == cli::Format::Json {
        return print_json(&Pruned {
            schema_version: 1,
            store: root(&store),
            limit,
            removed: pruned.removed.into(),
            in_use: pruned.in_use.into(),
            left: pruned.left.into(),
            unpacked_images: PrunedImages {
                removed: images.removed.into(),
                in_use: images.in_use.into(),
                left: images.left.into(),
            },
        });
    }
    print(format_args!(
        "removed {}, {} are left in {}",
        counted(pruned.removed),
        counted(pruned.left),
        root(&store)
    ))?;
    if images.removed.entries + images.in_use.entries > 0 {
        print(format_args!(
            "removed {}, {} are left",
            unpacked(images.removed),
            unpacked(images.left)
        ))?;
    }
    if images.in_use.entries > 0 {
        print(format_args!(
            "{} were kept, since containers use them",
            unpacked(images.in_use)
        ))?;
    }
    if pruned.in_use.entries > 0 {
        let stays = counted(pruned.in_use);
        print(format_args!(
            "{stays} were kept, since running builds may need them"
        ))?;
    }
    Ok(())
}

#[derive(Serialize)]
struct Verified {
    schema_version: u32,
    store: String,
    read: Counted,
    damaged: Vec<String>,
    dead_keys: u64,
}

fn verify(arguments: &cli::CacheVerify) -> Result<(), CommandError> {
    let store = open_store(arguments.place.store.as_deref())?;
    let checked = store.check(threads()).map_err(CommandError::failure)?;
    let damaged = checked.damaged.len();
    if arguments.format == cli::Format::Json {
        print_json(&Verified {
            schema_version: 1,
            store: root(&store),
            read: checked.read.into(),
            damaged: checked.damaged.iter().map(ToString::to_string).collect(),
            dead_keys: checked.dead_keys,
        })?;
    } else {
        print(format_args!(
            "read {} of {}",
            counted(checked.read),
            root(&store)
        ))?;
        for digest in &checked.damaged {
            print(format_args!("damaged, and removed: {digest}"))?;
        }
    }
    match damaged {
        0 => Ok(()),
        _ => Err(CommandError::said()),
    }
}

fn root(store: &Store) -> String {
    store.root().display().to_string()
}

fn unpacked(amount: Amount) -> String {
    let images = if amount.entries == 1 {
        "image"
    } else {
        "images"
    };
    format!(
        "{} unpacked {images} ({})",
        amount.entries,
        bytes(amount.bytes)
    )
}

fn counted(amount: Amount) -> String {
    let files = if amount.entries == 1 { "file" } else { "files" };
    format!("{} {files} ({})", amount.entries, bytes(amount.bytes))
}
