//! What a definition adds by itself: directories, files and links.

use distil_tree::{Kind, Metadata, Origin};

use super::builder::TreeBuilder;
use super::error::AssembleError;
use super::taken::refuse_taken;
use crate::owners::Owners;
use crate::whiteout::is_whiteout;
use distil_definition::recipe::{Addition, LayerRecipe, NewFile};

/// Adds the directories, files and links of a layer's definition.
pub(super) fn add(
    builder: &mut TreeBuilder,
    layer: &LayerRecipe,
    owners: &Owners,
) -> Result<(), AssembleError> {
    let made = builder.own();
    refuse_whiteouts(layer)?;
    for folder in &layer.directories {
        let there = builder.tree.follow(&folder.path).map(|(_, entry)| entry);
        let there = there.filter(|entry| entry.is_directory());
        let as_it_is = there.map_or(Metadata::root(0o755, 0), |entry| entry.meta);
        let meta = metadata(layer, "directories", folder, owners, as_it_is)?;
        let mtime = made;
        add_directory(builder, layer, folder, Metadata { mtime, ..meta })?;
    }
    for file in &layer.files {
        let path = &file.addition.path;
        if file.replace {
            replace_file(builder, layer, file, owners)?;
            continue;
        }
        let position = &file.addition.position;
        refuse_taken(&builder.tree, &layer.definition, "files", path, position)?;
        let new = Metadata::root(0o644, made);
        let meta = metadata(layer, "files", &file.addition, owners, new)?;
        let kind = Kind::file(file.bytes.clone());
        builder.insert(path, kind, meta, origin(layer))?;
    }
    for link in &layer.links {
        let (path, position) = (&link.path, &link.position);
        refuse_taken(&builder.tree, &layer.definition, "links", path, position)?;
        let meta = Metadata::root(0o777, made);
        let kind = Kind::symlink(&link.target);
        builder.insert(&link.path, kind, meta, origin(layer))?;
    }
    Ok(())
}

/// Puts a file in the place of one that a package or another definition has put there. The
/// package still lists the path, so its sums are made anew in this layer.
fn replace_file(
    builder: &mut TreeBuilder,
    layer: &LayerRecipe,
    file: &NewFile,
    owners: &Owners,
) -> Result<(), AssembleError> {
    let path = &file.addition.path;
    let refused = |problem: String| AssembleError::Replace {
        definition: layer.definition.clone(),
        path: path.clone(),
        problem,
        position: file.addition.position.clone(),
    };
    let place = builder.tree.place(path).unwrap_or_else(|_| path.clone());
    let there = builder.tree.get(&place);
    let there = there.ok_or_else(|| refused("nothing is there; leave `replace` out".into()))?;
    let is_generated = matches!(there.origin, Origin::Generated(_));
    let what = match &there.kind {
        Kind::File(_) if !is_generated => None,
        Kind::File(_) => Some("what is there is made from the packages and definitions"),
        Kind::Directory => Some("what is there is a directory"),
        Kind::Symlink(_) => {
            Some("what is there is a symbolic link; name the file that it leads to")
        }
    };
    if let Some(what) = what {
        return Err(refused(what.to_owned()));
    }
    let as_it_is = Metadata {
        mtime: builder.own(),
        ..there.meta
    };
    let meta = metadata(layer, "files", &file.addition, owners, as_it_is)?;
    let number = builder.layer;
    if let Some(there) = builder.tree.get_mut(&place) {
        there.kind = Kind::file(file.bytes.clone());
        (there.meta, there.origin, there.layer) = (meta, origin(layer), number);
    }
    Ok(())
}

/// Refuses names that would delete a file of a layer instead of adding one.
fn refuse_whiteouts(layer: &LayerRecipe) -> Result<(), AssembleError> {
    let directories = layer.directories.iter();
    let directories = directories.map(|one| ("directories", &one.path, &one.position));
    let files = layer.files.iter().map(|file| &file.addition);
    let files = files.map(|one| ("files", &one.path, &one.position));
    let links = layer.links.iter();
    let links = links.map(|one| ("links", &one.path, &one.position));
    let mut all = directories.chain(files).chain(links);
    match all.find(|(_, path, _)| is_whiteout(path)) {
        Some((key, path, position)) => Err(AssembleError::Whiteout {
            origin: format!("`{key}` of definition `{}`", layer.definition),
            path: path.clone(),
            position: position.clone(),
        }),
        None => Ok(()),
    }
}

/// Adds a directory. One that is there already gets what the definition names of owner and mode.
fn add_directory(
    builder: &mut TreeBuilder,
    layer: &LayerRecipe,
    directory: &Addition,
    meta: Metadata,
) -> Result<(), AssembleError> {
    let number = builder.layer;
    if let Ok(place) = builder.tree.resolve(&directory.path)
        && let Some(entry) = builder.tree.get_mut(&place)
    {
        if !entry.is_directory() {
            let position = &directory.position;
            let definition = &layer.definition;
            return refuse_taken(&builder.tree, definition, "directories", &place, position);
        }
        (entry.meta, entry.origin, entry.layer) = (meta, origin(layer), number);
        return Ok(());
    }
    builder
        .insert(&directory.path, Kind::Directory, meta, origin(layer))
        .map(drop)
}

/// Owner and mode, once it is known which accounts there are; what the definition does not name
/// is as in `otherwise`.
fn metadata(
    layer: &LayerRecipe,
    key: &'static str,
    addition: &Addition,
    owners: &Owners,
    otherwise: Metadata,
) -> Result<Metadata, AssembleError> {
    let (uid, gid) = match &addition.owner {
        None => (otherwise.uid, otherwise.gid),
        Some(owner) => owners.parse(owner).map_err(|error| AssembleError::Owner {
            definition: layer.definition.clone(),
            key,
            problem: error.to_string(),
            position: addition.owner_position.clone(),
        })?,
    };
    Ok(Metadata {
        mode: addition.mode.unwrap_or(otherwise.mode),
        uid,
        gid,
        mtime: otherwise.mtime,
    })
}

fn origin(layer: &LayerRecipe) -> Origin {
    Origin::Definition(layer.definition.as_str().into())
}
