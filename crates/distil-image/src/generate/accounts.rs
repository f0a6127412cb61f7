//! `/etc/passwd` and `/etc/group` (passwd(5), group(5)), which base-passwd's script would make.

use std::fmt::Write;

use distil_tree::TreePath;

use crate::generation::{GenerateError, Generation};
use distil_definition::{Accounts, User};

pub(crate) fn generate(generation: &mut Generation<'_>) -> Result<(), GenerateError> {
    let accounts = generation.accounts;
    if accounts.users.is_empty() && accounts.groups.is_empty() {
        return Ok(());
    }
    let (passwd, group) = (passwd(accounts), self::group(accounts));
    generation.file("accounts", &TreePath::of("etc/passwd"), passwd.into_bytes())?;
    generation.file("accounts", &TreePath::of("etc/group"), group.into_bytes())
}

fn passwd(accounts: &Accounts) -> String {
    let mut text = String::new();
    for user in &accounts.users {
        text.push_str(&passwd_line(user));
    }
    text
}

/// The line of a user, who has no shell.
pub(crate) fn passwd_line(user: &User) -> String {
    let gid = user.gid.unwrap_or(user.uid);
    let comment = user.comment.as_deref().unwrap_or(&user.name);
    let home = user.home.as_deref().unwrap_or("/nonexistent");
    format!(
        "{}:x:{}:{gid}:{comment}:{home}:/sbin/nologin\n",
        user.name, user.uid
    )
}

fn group(accounts: &Accounts) -> String {
    let mut text = String::new();
    for group in &accounts.groups {
        let _ = writeln!(
            text,
            "{}:x:{}:{}",
            group.name,
            group.gid,
            group.members.join(",")
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use distil_definition::Catalogue;

    #[test]
    fn the_lines_that_scripts_of_users_compare() {
        let accounts = Catalogue.get("static").unwrap().accounts;
        assert_eq!(
            passwd(&accounts),
            "root:x:0:0:root:/root:/sbin/nologin\n\
             nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n\
             nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n"
        );
        assert_eq!(
            group(&accounts),
            "root:x:0:\nnobody:x:65534:\ntty:x:5:\nstaff:x:50:\nnonroot:x:65532:\n"
        );
    }
}
