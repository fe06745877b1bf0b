//! Facts as text, one a line: for bug reports, and for the plan's tests, which read it back.

use std::fmt;

use oomtrace_common::field::{ABSENT, FIELDS};

use super::Facts;
use super::hooks;
use crate::btf::{PROTOTYPES, Param};

impl fmt::Display for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "release {}", self.release)?;
        writeln!(f, "page_size_bytes {}", self.page_size.0)?;
        if let Some(cpus) = self.cpus {
            writeln!(f, "possible_cpus {}", cpus.possible)?;
            writeln!(f, "cpu_numbers {}", cpus.numbers)?;
        }
        write!(f, "capabilities")?;
        for (name, held) in [
            ("bpf", self.capabilities.bpf),
            ("perfmon", self.capabilities.perfmon),
            ("sys_admin", self.capabilities.sys_admin),
        ] {
            if held {
                write!(f, " {name}")?;
            }
        }
        writeln!(f)?;
        match self.lockdown {
            Some(level) => writeln!(f, "lockdown {level}")?,
            None => writeln!(f, "lockdown unknown")?,
        }
        match self.cgroup_version {
            Some(version) => writeln!(f, "cgroup_version {version}")?,
            None => writeln!(f, "cgroup_version disabled")?,
        }
        if let Err(unavailable) = &self.gfp_flags {
            writeln!(f, "gfp_flags_unknown {}", unavailable.why)?;
        }
        let kprobes = match self.kprobes {
            Some(true) => "yes",
            Some(false) => "no",
            None => "unknown",
        };
        writeln!(f, "kprobes {kprobes}")?;
        if let Some((start, end)) = self.kill_text {
            // Where it lies is nobody's business: the text may go to strangers.
            writeln!(f, "kill_text_bytes {}", end.saturating_sub(start))?;
        }
        match &self.mark_victim_record {
            Some(Ok(offsets)) => {
                write!(f, "mark_victim_record")?;
                for offset in offsets {
                    if *offset == ABSENT {
                        write!(f, " -")?;
                    } else {
                        write!(f, " {offset}")?;
                    }
                }
                writeln!(f)?;
            }
            Some(Err(unavailable)) => {
                writeln!(f, "mark_victim_record_unknown {}", unavailable.why)?;
            }
            None => {}
        }
        self.btf(f)
    }
}

impl Facts {
    fn btf(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let btf = match &self.btf {
            Ok(btf) => btf,
            Err(why) => return writeln!(f, "btf_unknown {why}"),
        };
        for name in PROTOTYPES {
            let Some(params) = btf.prototype(name) else {
                continue;
            };
            write!(f, "prototype {name}")?;
            for param in params {
                match param {
                    Param::StructPointer(name) => write!(f, " struct:{name}")?,
                    Param::Pointer => write!(f, " pointer")?,
                    Param::Integer(bytes) => write!(f, " integer:{bytes}")?,
                    Param::Other => write!(f, " other")?,
                }
            }
            writeln!(f)?;
        }
        for name in hooks::functions(|_| true) {
            if let Some(id) = btf.function(name) {
                writeln!(f, "function {name} {id}")?;
            }
        }
        for spec in FIELDS {
            if let (Some(number), Some(path)) = (btf.number(spec.field), btf.path_index(spec.field))
            {
                writeln!(f, "field {:?} {number} {path}", spec.field)?;
            }
        }
        for (field, why) in btf.problems() {
            writeln!(f, "absent {field:?} {why}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod read {
    //! The way back.

    use oomtrace_common::switch::tracepoint_layout;

    use super::*;
    use crate::btf::Resolved;
    use crate::kernel::{Capabilities, Cpus, Lockdown, Namespaces, Unavailable};
    use crate::model::PageSize;

    /// Where `__oom_kill_process` lies, for lack of anything better.
    const KILL_TEXT: u64 = 0xffff_ffff_8100_0000;

    /// The facts of a listing.
    ///
    /// Panics at what it does not know, and at a field that was not asked for when it was made.
    pub(in crate::kernel) fn facts(text: &str) -> Facts {
        let value = |key: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(key)?.strip_prefix(' '))
        };
        let number = |key: &str| value(key).unwrap_or_else(|| panic!("no {key}"));
        let held = number_words(value("capabilities").unwrap_or_default());
        let record = value("mark_victim_record").map(|line| {
            let mut offsets = [ABSENT; tracepoint_layout::COUNT];
            let words = number_words(line);
            assert_eq!(words.len(), offsets.len(), "{line}");
            for (offset, word) in offsets.iter_mut().zip(words) {
                if word != "-" {
                    *offset = word.parse().expect(word);
                }
            }
            Ok(offsets)
        });
        let unread = value("mark_victim_record_unknown").map(|why| Err(unavailable(why)));
        Facts {
            release: number("release").to_owned(),
            page_size: PageSize(number("page_size_bytes").parse().unwrap()),
            cpus: value("possible_cpus").map(|possible| Cpus {
                possible: possible.parse().unwrap(),
                numbers: number("cpu_numbers").parse().unwrap(),
            }),
            capabilities: Capabilities {
                bpf: held.contains(&"bpf"),
                perfmon: held.contains(&"perfmon"),
                sys_admin: held.contains(&"sys_admin"),
            },
            lockdown: Lockdown::named(number("lockdown")),
            btf: value("btf_unknown").map_or_else(|| Ok(resolved(text)), |why| Err(why.to_owned())),
            mark_victim_record: record.or(unread),
            kill_text: value("kill_text_bytes").map(|bytes| {
                let bytes: u64 = bytes.parse().unwrap();
                (KILL_TEXT, KILL_TEXT + bytes)
            }),
            kprobes: match number("kprobes") {
                "yes" => Some(true),
                "no" => Some(false),
                "unknown" => None,
                other => panic!("kprobes {other}"),
            },
            cgroup_version: match number("cgroup_version") {
                "disabled" => None,
                version => Some(version.parse().unwrap()),
            },
            gfp_flags: match value("gfp_flags_unknown") {
                Some(why) => Err(unavailable(why)),
                None => Ok(Vec::new()),
            },
            namespaces: Namespaces::default(),
        }
    }

    fn unavailable(why: &str) -> Unavailable {
        Unavailable {
            why: why.to_owned(),
            remedy: None,
        }
    }

    fn number_words(line: &str) -> Vec<&str> {
        line.split_ascii_whitespace().collect()
    }

    fn resolved(text: &str) -> Resolved {
        let lines = |key: &'static str| {
            text.lines()
                .filter_map(move |line| line.strip_prefix(key)?.strip_prefix(' '))
        };
        let mut fields = Vec::new();
        let mut problems = Vec::new();
        for spec in FIELDS {
            let name = format!("{:?}", spec.field);
            let rest = |line: &'_ str| {
                let rest = line.strip_prefix(name.as_str())?.strip_prefix(' ')?;
                Some(rest.to_owned())
            };
            if let Some(line) = lines("field").find_map(rest) {
                let (number, path) = line.split_once(' ').expect("number and path");
                fields.push((number.parse().unwrap(), path.parse().unwrap()));
            } else {
                let why = lines("absent").find_map(rest).unwrap_or_else(|| {
                    panic!("{name} was not asked for: cargo xtask vm-test --facts")
                });
                fields.push((ABSENT, 0));
                problems.push((spec.field, why));
            }
        }
        let named = |all: &[&'static str], name: &str| {
            let found = all.iter().find(|known| **known == name);
            *found.unwrap_or_else(|| panic!("{name} is asked for no more"))
        };
        let prototypes = lines("prototype").map(|line| {
            let mut words = line.split_ascii_whitespace();
            let name = named(PROTOTYPES, words.next().expect("a name"));
            (name, words.map(param).collect())
        });
        let functions = lines("function").map(|line| {
            let (name, id) = line.split_once(' ').expect("name and number");
            (
                named(&hooks::functions(|_| true), name),
                id.parse().unwrap(),
            )
        });
        Resolved::recorded(fields, problems, prototypes.collect(), functions.collect())
    }

    fn param(word: &str) -> Param {
        match word.split_once(':') {
            Some(("struct", name)) => Param::StructPointer(name.to_owned()),
            Some(("integer", bytes)) => Param::Integer(bytes.parse().unwrap()),
            _ if word == "pointer" => Param::Pointer,
            _ if word == "other" => Param::Other,
            _ => panic!("no parameter: {word}"),
        }
    }

    #[test]
    fn what_is_told_is_read_back() {
        let facts = Facts::read().unwrap();
        let text = facts.to_string();
        let back = super::read::facts(&text);
        assert_eq!(back.to_string(), text);
        let (back, facts) = (back.btf.unwrap(), facts.btf.unwrap());
        assert_eq!(back.numbers(), facts.numbers());
        assert_eq!(back.problems(), facts.problems());
    }
}
