//! The account of the operating system that runs a command.

use std::fs;

/// The account of this process, and the one before `sudo`, for the audit log. A container often has only a number.
pub(super) fn name() -> String {
    let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let runs = process_owner().map(|id| account(&accounts, id));
    // Without /proc, the variable of the shell is used.
    let runs = runs.or_else(|| std::env::var("USER").ok()).unwrap_or_else(|| "somebody".to_owned());
    let name = match std::env::var("SUDO_USER") {
        Ok(before) if before != runs && !before.is_empty() => format!("{before} as {runs}"),
        _ => runs,
    };
    name.chars().filter(|character| !character.is_control()).take(40).collect()
}

#[cfg(unix)]
fn process_owner() -> Option<u32> {
    use std::os::unix::fs::MetadataExt;

    fs::metadata("/proc/self").ok().map(|process| process.uid())
}

#[cfg(not(unix))]
fn process_owner() -> Option<u32> {
    None
}

/// The name of an account in `/etc/passwd` (passwd(5)).
fn account(accounts: &str, id: u32) -> String {
    let named = accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        (fields.nth(1)?.parse() == Ok(id)).then(|| name.to_owned())
    });
    named.unwrap_or_else(|| format!("account {id}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_called_as_the_system_calls_it() {
        let accounts = "root:x:0:0:root:/root:/bin/bash\nbroken\n:x:7:7::/:\nada:x:1000:1000::/home/ada:/bin/sh\n";
        for (id, name) in [(0, "root"), (1000, "ada"), (7, "account 7"), (1001, "account 1001")] {
            assert_eq!(account(accounts, id), name);
        }
    }
}
