//! What masked a part of a command line.

use serde::{Deserialize, Serialize};

/// A kind of rule by which a part of a command line was replaced by `***`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum MaskRule {
    /// The value of an option, variable or field whose name is that of a secret.
    Name,
    /// An option or argument that is secret to this program (`mysql -pSECRET`).
    Client,
    /// A password or token in a URL.
    Url,
    /// A token behind `Bearer` or `Basic`.
    Header,
    /// A key recognised by its beginning (`ghp_…`).
    Shape,
    /// A private key in PEM form.
    PrivateKey,
    /// What `--redact` asks for.
    Pattern,
    /// `--no-cmdline`: all arguments were left out.
    NoCmdline,
}

impl MaskRule {
    /// Every rule, in the order of [`MaskRule::to_bits`].
    pub const ALL: [Self; 8] = [
        Self::Name,
        Self::Client,
        Self::Url,
        Self::Header,
        Self::Shape,
        Self::PrivateKey,
        Self::Pattern,
        Self::NoCmdline,
    ];

    /// Its name in JSON, and its meaning.
    #[must_use]
    pub const fn explained(self) -> (&'static str, &'static str) {
        match self {
            Self::Name => (
                "name",
                "the name of an option, variable or field says that its value is a secret",
            ),
            Self::Client => (
                "client",
                "an option or argument of this program holds a secret",
            ),
            Self::Url => ("url", "a password, token or signature in a URL"),
            Self::Header => ("header", "a token behind `Bearer` or `Basic`"),
            Self::Shape => ("shape", "a key that is known by its beginning"),
            Self::PrivateKey => ("private_key", "a private key in PEM form"),
            Self::Pattern => ("pattern", "what `--redact` asks for"),
            Self::NoCmdline => ("no_cmdline", "all arguments, by `--no-cmdline`"),
        }
    }

    /// A set of rules as bits, for raw records.
    #[must_use]
    pub fn to_bits<'a>(rules: impl IntoIterator<Item = &'a Self>) -> u32 {
        let bit = |rule: &Self| Self::ALL.iter().position(|known| known == rule);
        rules
            .into_iter()
            .filter_map(bit)
            .fold(0, |bits, at| bits | (1 << at))
    }

    /// The rules in `bits`; bits of no rule are left out.
    #[must_use]
    pub fn from_bits(bits: u32) -> Vec<Self> {
        let is_set = |(at, _): &(usize, &Self)| bits & (1 << at) != 0;
        Self::ALL
            .iter()
            .enumerate()
            .filter(is_set)
            .map(|(_, rule)| *rule)
            .collect()
    }
}

/// First bit of a context record's `valid` that holds rules: user space sets them, the kernel none.
pub const MASK_RULES_SHIFT: u32 = 16;
