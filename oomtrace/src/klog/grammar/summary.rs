//! The lines that name cgroups and the chosen process: `oom-kill:…` and `Task in … killed …`.

use super::text::{
    COMM_BYTES_MAX, cgroup_path, comm, id, is_below, kernel_word, split, split_last, unsigned,
    victim_pid,
};

/// `oom-kill:constraint=…,task=…,pid=…,uid=…`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::klog) struct Summary {
    pub(in crate::klog) constraint: Option<String>,
    pub(in crate::klog) nodemask: Option<String>,
    pub(in crate::klog) cpuset: Option<String>,
    pub(in crate::klog) mems_allowed: Option<String>,
    pub(in crate::klog) global: Option<bool>,
    pub(in crate::klog) oom_memcg: Option<Vec<u8>>,
    pub(in crate::klog) task_memcg: Option<Vec<u8>>,
    pub(in crate::klog) comm: Option<Vec<u8>>,
    pub(in crate::klog) pid: Option<u32>,
    pub(in crate::klog) uid: Option<u32>,
}

/// How many fields are there, for finding out whether a broken line goes on.
pub(in crate::klog) fn fields(text: &[u8]) -> usize {
    summary(text).map_or(0, |found| {
        1 + [
            found.constraint.is_some(),
            found.nodemask.is_some(),
            found.cpuset.is_some(),
            found.mems_allowed.is_some(),
            found.global.is_some(),
            found.task_memcg.is_some(),
            found.pid.is_some(),
            found.uid.is_some(),
        ]
        .into_iter()
        .filter(|is| *is)
        .count()
    })
}

/// Parses the line. Names and paths hold commas and what looks like fields: the end is taken off
/// from the right, and the last thing that a cut line shows is not believed.
pub(in crate::klog) fn summary(text: &[u8]) -> Option<Summary> {
    let rest = text.strip_prefix(b"oom-kill:")?;
    let Some((front, named)) = tail(rest) else {
        return Some(before_task(rest, false));
    };
    let mut found = before_task(front, true);
    let mut name = named.comm;
    // A name may hold `,task=`, and so may a path; then the paths must fit to each other.
    let end = front.len() + TASK.len() + name.len();
    let mut others = memchr::memmem::find_iter(front, TASK)
        .filter(|at| end - at - TASK.len() <= COMM_BYTES_MAX)
        .peekable();
    if others.peek().is_some() {
        let mut fits = u32::from(found.fits());
        for at in others {
            let other = before_task(front.get(..at).unwrap_or_default(), true);
            if other.fits() {
                fits += 1;
                name = rest.get(at + TASK.len()..end)?.to_vec();
                found = other;
            }
        }
        if fits != 1 {
            found.task_memcg = None;
        }
    }
    found.comm = Some(name);
    found.pid = Some(named.pid);
    found.uid = named.uid;
    Some(found)
}

const TASK: &[u8] = b",task=";

/// The text before `,task=`.
fn before_task(front: &[u8], whole: bool) -> Summary {
    let mut found = Summary::default();
    let scope = [b",oom_memcg=" as &[u8], b",global_oom"]
        .into_iter()
        .filter_map(|mark| memchr::memmem::find(front, mark))
        .min();
    let (head, paths) = match scope.and_then(|at| front.split_at_checked(at)) {
        Some((head, paths)) => (head, Some(paths)),
        None => (front, None),
    };
    let head_whole = paths.is_some() || whole;
    head_fields(head, head_whole, &mut found);
    if let Some(paths) = paths {
        scope_fields(paths, whole, &mut found);
    }
    found
}

impl Summary {
    /// The victim's cgroup is at or below the one whose limit was hit.
    fn fits(&self) -> bool {
        self.task_memcg
            .as_ref()
            .zip(self.oom_memcg.as_ref())
            .is_some_and(|(task, limit)| is_below(task, limit))
    }
}

/// The chosen process, as the end of the line names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::klog) struct Named {
    pub(in crate::klog) comm: Vec<u8>,
    pub(in crate::klog) pid: u32,
    pub(in crate::klog) uid: Option<u32>,
}

/// `,task=T,pid=N,uid=U` at the end of a line: what precedes it, and the three.
pub(in crate::klog) fn tail(text: &[u8]) -> Option<(&[u8], Named)> {
    let (front, uid) = split_last(text, b",uid=")?;
    let (front, pid) = split_last(front, b",pid=")?;
    let (front, name) = split_last(front, TASK)?;
    if name.len() > COMM_BYTES_MAX {
        return None;
    }
    let named = Named {
        comm: comm(name)?,
        pid: victim_pid(unsigned(pid)?)?,
        uid: id(uid.trim_ascii()),
    };
    Some((front, named))
}

fn head_fields(head: &[u8], whole: bool, found: &mut Summary) {
    let mut rest = head;
    let next: [&[u8]; 4] = [b"constraint=", b"nodemask=", b"cpuset=", b"mems_allowed="];
    for (index, key) in next.iter().enumerate() {
        let Some(after) = rest.strip_prefix(*key) else {
            continue;
        };
        // The value ends where one of the later fields begins.
        let end = next
            .iter()
            .skip(index + 1)
            .filter_map(|later| memchr::memmem::find(after, &[b",", *later].concat()))
            .min();
        let (value, remaining, ended) = match end.and_then(|at| after.split_at_checked(at)) {
            Some((value, remaining)) => (
                value,
                remaining.strip_prefix(b",").unwrap_or(remaining),
                true,
            ),
            None => (after, b"" as &[u8], whole),
        };
        rest = remaining;
        let value = kernel_word(value, 255).filter(|_| ended);
        match *key {
            b"constraint=" => found.constraint = value,
            b"nodemask=" => found.nodemask = value,
            b"cpuset=" => found.cpuset = value,
            _ => found.mems_allowed = value,
        }
    }
}

fn scope_fields(paths: &[u8], whole: bool, found: &mut Summary) {
    const TASK_MEMCG: &[u8] = b",task_memcg=";
    if let Some(rest) = paths.strip_prefix(b",global_oom") {
        let task = rest.strip_prefix(TASK_MEMCG);
        if task.is_some() || rest.is_empty() {
            found.global = Some(true);
        }
        found.task_memcg = task.and_then(cgroup_path).filter(|_| whole);
        return;
    }
    let Some(both) = paths.strip_prefix(b",oom_memcg=") else {
        return;
    };
    found.global = Some(false);
    // The victim's path is whole where the next fields follow, though these are not.
    let (both, whole) = match split_last(both, TASK) {
        Some((both, rest)) if !whole && super::text::contains(rest, b",pid=") => (both, true),
        _ => (both, whole),
    };
    // A path may hold `,task_memcg=` too. The victim is below the cgroup whose limit was hit, so
    // the right place to part them is one that keeps to that.
    let parted = memchr::memmem::find_iter(both, TASK_MEMCG)
        .filter_map(|at| Some((both.get(..at)?, both.get(at + TASK_MEMCG.len()..)?)))
        .find(|(limit, task)| is_below(task, limit));
    let (limit, task) = match parted.or_else(|| split(both, TASK_MEMCG)) {
        Some((limit, task)) => (cgroup_path(limit), cgroup_path(task)),
        None => (None, None),
    };
    found.oom_memcg = limit;
    found.task_memcg = task.filter(|_| whole);
}

/// `Task in A killed as a result of limit of B`: the victim's cgroup and the limit's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::klog) struct TaskIn {
    pub(in crate::klog) task_memcg: Option<Vec<u8>>,
    pub(in crate::klog) oom_memcg: Option<Vec<u8>>,
}

/// Parses the line. The limit's path is at its end, where lines are cut; it is believed only
/// where the victim's is at or below it.
pub(in crate::klog) fn task_in(text: &[u8]) -> Option<TaskIn> {
    const LIMIT: &[u8] = b" killed as a result of limit of ";
    let rest = text.strip_prefix(b"Task in ")?;
    let parted = memchr::memmem::find_iter(rest, LIMIT)
        .filter_map(|at| Some((rest.get(..at)?, rest.get(at + LIMIT.len()..)?)))
        .find(|(task, limit)| is_below(task, limit));
    if let Some((task, limit)) = parted {
        return Some(TaskIn {
            task_memcg: cgroup_path(task),
            oom_memcg: cgroup_path(limit),
        });
    }
    let (task, _) = split(rest, LIMIT)?;
    Some(TaskIn {
        task_memcg: cgroup_path(task),
        oom_memcg: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_full_of_fields_changes_nothing() {
        let found = summary(
            b"oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=c,mems_allowed=0-1,oom_memcg=/p,task_memcg=/p/a b,pid=1,task=x,pid=1,uid=0,pid=77,uid=9",
        )
        .unwrap();
        assert_eq!(found.pid, Some(77));
        assert_eq!(found.uid, Some(9));
        assert_eq!(found.comm.as_deref(), Some(b"x,pid=1,uid=0" as &[u8]));
        assert_eq!(found.task_memcg.as_deref(), Some(b"/p/a b,pid=1" as &[u8]));
        assert_eq!(found.oom_memcg.as_deref(), Some(b"/p" as &[u8]));
        assert_eq!(found.mems_allowed.as_deref(), Some("0-1"));
    }

    #[test]
    fn a_name_that_looks_like_a_field_moves_no_path() {
        let read = |paths: &str, name: &str| {
            let line = format!("oom-kill:constraint=C,{paths},task={name},pid=7,uid=9");
            let found = summary(line.as_bytes()).unwrap();
            let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
            (found.comm.map(text), found.task_memcg.map(text))
        };
        let some = |text: &str| Some(text.to_owned());
        let in_limit = "oom_memcg=/p,task_memcg=/p";
        for name in ["hog", ",task=", "a,task=b", ",task=,task=", "/,task="] {
            assert_eq!(read(in_limit, name), (some(name), some("/p")), "{name}");
        }
        // The path's own.
        let found = read("oom_memcg=/p,task=q,task_memcg=/p,task=q", "hog");
        assert_eq!(found, (some("hog"), some("/p,task=q")));
        // Nothing tells where the path ends.
        for paths in ["oom_memcg=/p,task_memcg=/p/q", "global_oom,task_memcg=/p"] {
            assert_eq!(read(paths, "a,task=b").1, None);
            assert!(read(paths, "hog").1.is_some());
        }
    }

    #[test]
    fn the_last_thing_of_a_cut_line_is_not_believed() {
        let found = summary(b"oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=c,mems_allowed=0,oom_memcg=/0,task_memcg=/in").unwrap();
        assert_eq!(found.oom_memcg.as_deref(), Some(b"/0" as &[u8]));
        assert_eq!(found.task_memcg, None);
        let found = summary(b"oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,task_memcg=/a,task=b,pid=10...").unwrap();
        assert_eq!(
            (found.global, found.pid, found.uid),
            (Some(true), None, None)
        );
        let found =
            summary(b"oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_al")
                .unwrap();
        assert_eq!(found.nodemask.as_deref(), Some("(null)"));
        assert_eq!((found.cpuset, found.global), (None, None));
    }

    #[test]
    fn fields_that_a_kernel_has_not() {
        let found = summary(b"oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),global_oom,task_memcg=/,task=polkitd,pid=268,uid=998").unwrap();
        assert_eq!(found.nodemask.as_deref(), Some("(null)"));
        assert_eq!((found.cpuset, found.mems_allowed), (None, None));
        assert_eq!(found.task_memcg.as_deref(), Some(b"/" as &[u8]));
    }

    #[test]
    fn a_cut_limit_is_no_limit() {
        let whole = task_in(b"Task in /a/b killed as a result of limit of /a").unwrap();
        assert_eq!(whole.oom_memcg.as_deref(), Some(b"/a" as &[u8]));
        for cut in ["/docker/0e", "/docker/", ""] {
            let line = format!("Task in /docker/0ead killed as a result of limit of {cut}");
            let found = task_in(line.as_bytes()).unwrap();
            assert_eq!(found.task_memcg.as_deref(), Some(b"/docker/0ead" as &[u8]));
            assert_eq!(found.oom_memcg, None, "{cut}");
        }
    }
}
