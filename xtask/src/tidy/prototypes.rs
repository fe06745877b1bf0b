//! The kernel side's `// match-proto:` comments say what tracepoints hand over, and the facts of real
//! kernels bear them out.

use std::collections::BTreeSet;

use super::{Tree, Violation};

const COMMENT: &str = "// match-proto: ";
const PROGRAMS: &str = "oomtrace-ebpf/src/";
const HOSTS: &str = "oomtrace/src/kernel/plan/hosts/";

/// Comments that fit no kernel's prototype, and prototypes of kernels that no comment states.
pub fn check(tree: &Tree) -> Vec<Violation> {
    let seen: BTreeSet<String> = tree
        .files
        .iter()
        .filter(|file| file.path.starts_with(HOSTS))
        .flat_map(|file| file.text.lines())
        .filter_map(|line| line.strip_prefix("prototype "))
        .map(str::to_owned)
        .collect();
    let mut stated = BTreeSet::new();
    let mut violations = Vec::new();
    for file in tree.rust().filter(|file| file.path.starts_with(PROGRAMS)) {
        for (line, text) in file.text.lines().enumerate() {
            let Some(comment) = text.trim_start().strip_prefix(COMMENT) else {
                continue;
            };
            let prototype = as_fact(comment);
            if !seen.contains(&prototype) {
                let what = format!("no kernel in {HOSTS} has `{prototype}`");
                violations.push(Violation::new(file, line + 1, what));
            }
            stated.insert(prototype);
        }
    }
    for prototype in seen.difference(&stated) {
        let what = format!("no `{COMMENT}` comment states `{prototype}`");
        violations.push(Violation::of_path(PROGRAMS, what));
    }
    violations
}

/// `name = (void *, struct a *, int)` the way that a host's facts write it: the pointer to the
/// tracepoint's own data left out, then `struct:a integer:4`.
fn as_fact(comment: &str) -> String {
    let (name, arguments) = comment.split_once(" = ").unwrap_or((comment, ""));
    let arguments = arguments.trim_start_matches('(').trim_end_matches(')');
    let kinds = arguments
        .split(", ")
        .skip(1)
        .map(|argument| match argument {
            "int" | "uid_t" => "integer:4".to_owned(),
            "bool" => "integer:1".to_owned(),
            other => other
                .strip_prefix("struct ")
                .and_then(|pointer| pointer.strip_suffix(" *"))
                .map_or_else(|| other.to_owned(), |name| format!("struct:{name}")),
        });
    std::iter::once(name.to_owned())
        .chain(kinds)
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(comment: &str, facts: &str) -> usize {
        let source = format!("{COMMENT}{comment}\nfn f() {{}}");
        check(&Tree::of(&[
            ("oomtrace-ebpf/src/main.rs", &source),
            ("oomtrace/src/kernel/plan/hosts/a.txt", facts),
        ]))
        .len()
    }

    #[test]
    fn a_comment_must_fit_a_kernel_and_state_all() {
        let facts = "release x\nprototype mark struct:task_struct integer:4\n";
        assert_eq!(
            count("mark = (void *, struct task_struct *, uid_t)", facts),
            0
        );
        // Wrong, and the right one is then stated nowhere.
        assert_eq!(count("mark = (void *, int)", facts), 2);
        let both = "prototype mark integer:4\nprototype exit struct:task_struct integer:1\n";
        assert_eq!(count("mark = (void *, int)", both), 1);
    }
}
