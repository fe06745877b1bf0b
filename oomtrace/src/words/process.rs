//! Processes.

use crate::model::{Trigger, Victim};

/// `java (pid 10831)`, with what is known of it.
#[must_use]
pub fn process(comm: Option<&str>, pid: Option<u32>) -> String {
    match (comm.filter(|comm| !comm.is_empty()), pid) {
        (Some(comm), Some(pid)) => format!("{comm} (pid {pid})"),
        (Some(comm), None) => comm.to_owned(),
        (None, Some(pid)) => format!("process {pid}"),
        (None, None) => "a process".to_owned(),
    }
}

/// The victim, by name and pid.
#[must_use]
pub fn victim(victim: &Victim) -> String {
    process(victim.comm.as_deref(), victim.pid)
}

/// The victim's name alone, for the second time it is spoken of.
#[must_use]
pub fn victim_again(victim: &Victim) -> &str {
    match victim.comm.as_deref() {
        Some(comm) if !comm.is_empty() => comm,
        _ => "the victim",
    }
}

/// The trigger, by name and pid.
#[must_use]
pub fn trigger(trigger: &Trigger) -> String {
    process(trigger.comm.as_deref(), trigger.pid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes() {
        assert_eq!(process(Some("java"), Some(7)), "java (pid 7)");
        assert_eq!(process(Some("java"), None), "java");
        assert_eq!(process(Some(""), Some(7)), "process 7");
        assert_eq!(process(None, None), "a process");
    }
}
