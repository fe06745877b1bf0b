//! Options of single programs whose value is a secret though their name does not say so.

/// Where an option's value stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In the same argument, right behind the option (`mysql -pSECRET`); the option alone takes
    /// no value.
    Attached,
    /// In the same argument or, where nothing follows, in the next.
    Either,
}

/// Which part of the value is the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it.
    Whole,
    /// What follows the first colon (`user:password`).
    AfterColon,
}

/// An option that hides a secret.
#[derive(Clone, Copy, Debug)]
pub(super) struct SecretOption {
    programs: &'static [&'static str],
    /// A word that must have been seen before (`docker login`).
    subcommand: Option<&'static str>,
    pub(super) option: &'static str,
    pub(super) place: Place,
    pub(super) part: Part,
}

const fn option(
    programs: &'static [&'static str],
    option: &'static str,
    place: Place,
    part: Part,
) -> SecretOption {
    SecretOption {
        programs,
        subcommand: None,
        option,
        place,
        part,
    }
}

const MYSQL: &[&str] = &[
    "mysql",
    "mysqladmin",
    "mysqlbinlog",
    "mysqlcheck",
    "mysqldump",
    "mysqlimport",
    "mysqlsh",
    "mysqlshow",
    "mysqlslap",
    "mysqlpump",
    "mariadb",
    "mariadb-admin",
    "mariadb-backup",
    "mariadb-check",
    "mariadb-dump",
    "mariadb-import",
];
const MONGO: &[&str] = &[
    "mongo",
    "mongosh",
    "mongodump",
    "mongorestore",
    "mongoexport",
    "mongoimport",
];
const LDAP: &[&str] = &[
    "ldapsearch",
    "ldapmodify",
    "ldapadd",
    "ldapdelete",
    "ldapwhoami",
    "ldappasswd",
];

const OPTIONS: &[SecretOption] = &[
    option(MYSQL, "-p", Place::Attached, Part::Whole),
    option(MONGO, "-p", Place::Either, Part::Whole),
    option(&["sshpass"], "-p", Place::Either, Part::Whole),
    option(
        &["redis-cli", "valkey-cli"],
        "-a",
        Place::Either,
        Part::Whole,
    ),
    option(LDAP, "-w", Place::Either, Part::Whole),
    option(&["curl"], "-u", Place::Either, Part::AfterColon),
    option(&["curl"], "--user", Place::Either, Part::AfterColon),
    option(&["curl"], "-U", Place::Either, Part::AfterColon),
    option(&["curl"], "--proxy-user", Place::Either, Part::AfterColon),
    option(&["ab"], "-A", Place::Either, Part::AfterColon),
    option(&["http", "https"], "-a", Place::Either, Part::AfterColon),
    option(
        &["http", "https"],
        "--auth",
        Place::Either,
        Part::AfterColon,
    ),
    option(
        &["7z", "7za", "rar", "unrar"],
        "-p",
        Place::Attached,
        Part::Whole,
    ),
    option(&["zip", "unzip"], "-P", Place::Either, Part::Whole),
    option(
        &["mosquitto_pub", "mosquitto_sub"],
        "-P",
        Place::Either,
        Part::Whole,
    ),
    SecretOption {
        programs: &["docker", "podman", "buildah", "skopeo", "helm", "nerdctl"],
        subcommand: Some("login"),
        option: "-p",
        place: Place::Either,
        part: Part::Whole,
    },
];

/// The program that the words walked over belong to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Program {
    options: [Option<&'static SecretOption>; 4],
    seen_subcommand: bool,
}

impl Program {
    /// Takes note of a word: the name of a known program starts that program, also behind
    /// wrappers (`sudo`, `env`, `sh -c`).
    pub(super) fn see(&mut self, word: &[u8]) {
        let name = word.rsplit(|&byte| byte == b'/').next().unwrap_or(word);
        let mut options = [None; 4];
        let known = OPTIONS
            .iter()
            .filter(|option| option.programs.iter().any(|known| known.as_bytes() == name));
        for (slot, option) in options.iter_mut().zip(known) {
            *slot = Some(option);
        }
        if options.iter().any(Option::is_some) {
            *self = Self {
                options,
                seen_subcommand: false,
            };
        } else if self
            .known()
            .any(|option| option.subcommand.is_some_and(|sub| sub.as_bytes() == name))
        {
            self.seen_subcommand = true;
        }
    }

    /// The option of this program that `word` is or begins with, and the value's offset in the
    /// word where it is attached.
    pub(super) fn option(&self, word: &[u8]) -> Option<(&'static SecretOption, Option<usize>)> {
        self.known()
            .filter(|option| option.subcommand.is_none() || self.seen_subcommand)
            .find_map(|option| {
                let rest = word.strip_prefix(option.option.as_bytes())?;
                let attached = word.len() - rest.len();
                match (rest.first(), option.option.starts_with("--")) {
                    (None, _) => Some((option, None)),
                    (Some(b'='), _) => Some((option, Some(attached + 1))),
                    (Some(_), false) => Some((option, Some(attached))),
                    // `--username` is another option than `--user`.
                    (Some(_), true) => None,
                }
            })
    }

    fn known(&self) -> impl Iterator<Item = &'static SecretOption> + '_ {
        self.options.iter().flatten().copied()
    }
}
