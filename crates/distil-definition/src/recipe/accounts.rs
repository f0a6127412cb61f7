//! The accounts of a definition: users and groups in the lines of passwd(5) and group(5).

use super::error::RecipeError;
use super::layer::LayerRecipe;
use super::part::Part;
use super::values::Lowering;
use crate::format::Accounts;

impl Lowering<'_> {
    /// Adds the definition's accounts to those of the definitions that it stands on.
    pub(super) fn merge_accounts(&self, accounts: &mut Accounts) -> Result<(), RecipeError> {
        let own = &self.definition.accounts;
        let (users, groups) = (
            Part::of("accounts").key("users"),
            Part::of("accounts").key("groups"),
        );
        for (index, user) in own.users.iter().enumerate() {
            let part = users.index(index);
            if accounts.users.iter().any(|one| one.name == user.name) {
                return Err(self.taken(&part.key("name"), &user.name, user.uid));
            }
            if accounts.users.iter().any(|one| one.uid == user.uid) {
                return Err(self.taken(&part.key("uid"), &user.name, user.uid));
            }
            self.check_name(&part.key("name"), &user.name)?;
            self.check_number(&part.key("uid"), user.uid)?;
            for (key, text) in [("home", &user.home), ("comment", &user.comment)] {
                if let Some(text) = text.as_ref().filter(|text| breaks_line(text)) {
                    let text = text.escape_debug();
                    let problem = format!("`{text}` has a colon or a line feed in it");
                    return Err(self.error(&part.key(key), problem));
                }
            }
            accounts.users.push(user.clone());
        }
        for (index, group) in own.groups.iter().enumerate() {
            let part = groups.index(index);
            if accounts.groups.iter().any(|one| one.name == group.name) {
                return Err(self.taken(&part.key("name"), &group.name, group.gid));
            }
            if accounts.groups.iter().any(|one| one.gid == group.gid) {
                return Err(self.taken(&part.key("gid"), &group.name, group.gid));
            }
            self.check_name(&part.key("name"), &group.name)?;
            self.check_number(&part.key("gid"), group.gid)?;
            for (index, member) in group.members.iter().enumerate() {
                self.check_name(&part.key("members").index(index), member)?;
            }
            accounts.groups.push(group.clone());
        }
        Ok(())
    }

    /// Adds the accounts of base-passwd that the definition uses: as the owner of something, or as
    /// the user that its program runs as. A program that is told a name looks it up.
    pub(super) fn add_named_accounts(&self, layer: &LayerRecipe, accounts: &mut Accounts) {
        let files = layer.files.iter().map(|file| &file.addition);
        let owners = layer.directories.iter().chain(files);
        let owners = owners.filter_map(|addition| addition.owner.as_ref());
        let overlays = self.overlays.iter().map(|(_, overlay)| &overlay.config);
        let configs = [&self.definition.config].into_iter().chain(overlays);
        let users = configs.filter_map(|config| config.user.as_ref());
        for owner in owners.chain(users) {
            accounts.add_base_owner(owner);
        }
    }

    fn taken(&self, part: &Part, name: &str, number: u32) -> RecipeError {
        let name = name.escape_debug();
        let problem = format!("`{name}` or the number {number} is there already");
        self.error(part, problem)
    }

    /// Names as useradd(8) takes them.
    fn check_name(&self, part: &Part, name: &str) -> Result<(), RecipeError> {
        let first = |c: char| c.is_ascii_alphabetic() || c == '_';
        let others = |c: char| c.is_ascii_alphanumeric() || "_-.$".contains(c);
        if !name.starts_with(first) || !name.chars().all(others) || name.len() > 32 {
            let problem = format!(
                "`{}` is not a name of a user or group: letters, digits, `_`, `-` and `.`, at most 32",
                name.escape_debug()
            );
            return Err(self.error(part, problem));
        }
        Ok(())
    }

    /// The number that chown(2) takes for "leave it as it is" is not an account's.
    fn check_number(&self, part: &Part, number: u32) -> Result<(), RecipeError> {
        if number == u32::MAX {
            let problem = format!("{number} stands for no number at all");
            return Err(self.error(part, problem));
        }
        Ok(())
    }
}

fn breaks_line(text: &str) -> bool {
    text.contains([':', '\n', '\r', '\0'])
}
