//! Command lines of events that were written without the patterns that are asked for now.

use std::collections::BTreeSet;

use super::redactor::{Masked, Redactor};
use crate::model::{Event, MaskRule, Text, Victim};

impl Redactor {
    /// Masks what a finished event shows of command lines, if there are patterns: what is known to
    /// be secret is masked in it already.
    pub fn mask_event(&self, event: &mut Event) {
        if self.patterns.is_empty() && !self.program_only {
            return;
        }
        match event {
            Event::OomKill(kill) => {
                self.mask_victim(&mut kill.victim);
                if let Some(runtime) = &mut kill.runtime {
                    if self.program_only {
                        runtime.basis.clear();
                    }
                    for argument in &mut runtime.basis {
                        *argument = self
                            .masked(std::slice::from_ref(argument), false)
                            .0
                            .concat();
                    }
                }
            }
            Event::OomOutcome(outcome) => {
                if let Some(arguments) = &mut outcome.cmdline {
                    *arguments = self.masked(arguments, true).0;
                }
            }
            Event::OomNoVictim(_) | Event::Gap(_) | Event::UserspaceOomKill(_) => {}
        }
    }

    fn mask_victim(&self, victim: &mut Victim) {
        let cut = victim.cmdline_total_bytes.is_some();
        let Some(arguments) = &mut victim.cmdline else {
            victim.cmdline_hex = None;
            return;
        };
        let (masked, rules) = self.masked(arguments, cut);
        *arguments = masked;
        let known = victim.cmdline_masked_by.take().unwrap_or_default();
        let rules: Vec<MaskRule> = known
            .into_iter()
            .chain(rules)
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        victim.cmdline_masked_by = Some(rules).filter(|rules| !rules.is_empty());
        if self.program_only {
            victim.cmdline_total_bytes = None;
        }
        if let Some(hex) = &mut victim.cmdline_hex {
            let bytes = self.mask(&from_hex(hex), cut).argv;
            match Text::from_bytes(&bytes).hex {
                Some(masked) => *hex = masked,
                None => victim.cmdline_hex = None,
            }
        }
    }

    fn masked(&self, arguments: &[String], cut: bool) -> (Vec<String>, BTreeSet<MaskRule>) {
        let Masked { argv, rules } = self.mask(arguments.join("\0").as_bytes(), cut);
        let text = |argument: &[u8]| String::from_utf8_lossy(argument).into_owned();
        let masked = argv.split(|byte| *byte == 0).map(text);
        (masked.take(arguments.len()).collect(), rules)
    }
}

/// The bytes; those of them that are no hexadecimal digits are left out.
fn from_hex(hex: &str) -> Vec<u8> {
    hex.as_bytes()
        .chunks(2)
        .filter_map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixture::captured;
    use crate::model::hex;

    fn redactor() -> Redactor {
        Redactor::default().and(vec!["acme*".parse().unwrap()])
    }

    #[test]
    fn everything_that_shows_arguments_is_masked() {
        let mut kill = captured();
        let arguments = ["java", "-Dtenant=acme-7", "-Dpassword=***", "\u{fffd}acme"];
        kill.victim.cmdline = Some(arguments.map(str::to_owned).to_vec());
        kill.victim.cmdline_hex = Some(hex(b"java\0-Dtenant=acme-7\0-Dpassword=***\0\xffacme"));
        kill.runtime.as_mut().unwrap().basis = vec!["-Xmx1g".to_owned(), "acme".to_owned()];
        let before = Event::OomKill(Box::new(kill));
        let mut event = before.clone();
        redactor().mask_event(&mut event);
        let Event::OomKill(after) = &event else {
            unreachable!()
        };
        assert_eq!(
            after.victim.cmdline.as_deref().unwrap(),
            ["java", "-Dtenant=***", "-Dpassword=***", "\u{fffd}***"]
        );
        let bytes = hex(b"java\0-Dtenant=***\0-Dpassword=***\0\xff***");
        assert_eq!(after.victim.cmdline_hex.as_deref(), Some(&*bytes));
        assert_eq!(after.runtime.as_ref().unwrap().basis, ["-Xmx1g", "***"]);

        // Nothing asked for: nothing touched.
        let mut event = before.clone();
        Redactor::default().mask_event(&mut event);
        assert_eq!(event, before);
    }

    #[test]
    fn bytes_that_were_all_in_the_secret_go_with_it() {
        let mut kill = captured();
        kill.victim.cmdline = Some(vec!["x".to_owned(), "acme\u{fffd}".to_owned()]);
        kill.victim.cmdline_hex = Some(hex(b"x\0acme\xff"));
        let mut event = Event::OomKill(Box::new(kill));
        redactor().mask_event(&mut event);
        let Event::OomKill(after) = event else {
            unreachable!()
        };
        assert_eq!(after.victim.cmdline.unwrap(), ["x", "***"]);
        assert_eq!(after.victim.cmdline_hex, None);
    }
}
