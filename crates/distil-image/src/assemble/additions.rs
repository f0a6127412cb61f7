//! What a definition adds by itself: folders, files and links.

use distil_tree::{Kind, Metadata, Origin, TreePath};

use super::{AssembleError, Assembling};
use crate::owners::Owners;
use distil_definition::recipe::{Addition, LayerRecipe, NewFile, Position};

impl Assembling<'_> {
    /// Adds the folders, files and links of a layer's definition.
    pub(super) fn add_definitions_own(
        &mut self,
        number: usize,
        layer: &LayerRecipe,
    ) -> Result<(), AssembleError> {
        let owners = Owners::new(&self.accounts);
        for folder in &layer.directories {
            let there = self.tree.follow(&folder.path).map(|(_, entry)| entry);
            let there = there.filter(|entry| entry.is_directory());
            let as_it_is = there.map_or(Metadata::root(0o755, 0), |entry| entry.meta);
            let meta = self.meta(layer, "directories", folder, &owners, as_it_is)?;
            self.add_folder(number, layer, folder, meta)?;
        }
        for file in &layer.files {
            let path = &file.addition.path;
            if file.replace {
                self.replace_file(number, layer, file, &owners)?;
                continue;
            }
            self.refuse_taken(layer, "files", path, &file.addition.position)?;
            let new = Metadata::root(0o644, 0);
            let meta = self.meta(layer, "files", &file.addition, &owners, new)?;
            let kind = Kind::file(file.bytes.clone());
            self.insert(path, kind, meta, origin(layer), number)?;
        }
        for link in &layer.links {
            let path = &link.path;
            self.refuse_taken(layer, "links", path, &link.position)?;
            let meta = Metadata::root(0o777, self.made());
            self.insert(
                path,
                Kind::symlink(&link.target),
                meta,
                origin(layer),
                number,
            )?;
        }
        Ok(())
    }

    /// Puts a file in the place of one that a package or another definition has put there. The
    /// package still lists the path, so its sums are made anew in this layer.
    fn replace_file(
        &mut self,
        number: usize,
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
        let place = self.tree.place(path).unwrap_or_else(|_| path.clone());
        let there = self.tree.get(&place);
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
        let meta = self.meta(layer, "files", &file.addition, owners, there.meta)?;
        if let Some(there) = self.tree.get_mut(&place) {
            there.kind = Kind::file(file.bytes.clone());
            (there.meta, there.origin, there.layer) = (meta, origin(layer), number);
        }
        Ok(())
    }

    /// A folder that is there already gets what the definition names of owner and mode.
    fn add_folder(
        &mut self,
        number: usize,
        layer: &LayerRecipe,
        folder: &Addition,
        meta: Metadata,
    ) -> Result<(), AssembleError> {
        let there = self.tree.resolve(&folder.path).ok();
        if let Some(place) = there
            && let Some(entry) = self.tree.get_mut(&place)
        {
            if !entry.is_directory() {
                return self.refuse_taken(layer, "directories", &place, &folder.position);
            }
            (entry.meta, entry.origin, entry.layer) = (meta, origin(layer), number);
            return Ok(());
        }
        self.insert(&folder.path, Kind::Directory, meta, origin(layer), number)
            .map(drop)
    }

    fn refuse_taken(
        &self,
        layer: &LayerRecipe,
        key: &'static str,
        path: &TreePath,
        position: &Position,
    ) -> Result<(), AssembleError> {
        let place = self.tree.place(path).unwrap_or_else(|_| path.clone());
        match self.tree.get(&place) {
            None => Ok(()),
            Some(there) => Err(AssembleError::Taken {
                definition: layer.definition.clone(),
                key,
                path: path.clone(),
                owner: there.origin.clone(),
                position: position.clone(),
            }),
        }
    }

    /// Owner and mode, once it is known which accounts there are.
    fn meta(
        &self,
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
            mtime: self.made(),
        })
    }
}

fn origin(layer: &LayerRecipe) -> Origin {
    Origin::Definition(layer.definition.as_str().into())
}
