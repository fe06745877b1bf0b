//! Which kills are shown.

use super::glob::Glob;
use super::options::FilterArgs;
use crate::model::{OomKill, Owner};

/// Conditions on a kill. Each list holds alternatives; all lists that are not empty must agree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Patterns for the victim's cgroup, one above it, or the one whose limit was hit.
    pub cgroup: Vec<Glob>,
    /// Patterns for the container's name, or beginnings of its id.
    pub container: Vec<Glob>,
    /// Patterns for the pod: `name`, `namespace/name`, or its uid.
    pub pod: Vec<Glob>,
    /// Patterns for the systemd unit, with or without its kind: `nginx.service` or `nginx`.
    pub unit: Vec<Glob>,
    /// Patterns for the victim's name.
    pub comm: Vec<Glob>,
}

impl Filter {
    /// Whether every kill passes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl From<FilterArgs> for Filter {
    fn from(args: FilterArgs) -> Self {
        Self {
            cgroup: args.cgroup,
            container: args.container,
            pod: args.pod,
            unit: args.unit,
            comm: args.comm,
        }
    }
}

/// Shortest beginning of a container id that is taken for one.
const ID_PREFIX_MIN: usize = 4;

/// Whether `kill` is to be shown.
///
/// A fact that could not be had (it is absent and `missing` names it) fits every condition: a kill
/// is rather shown once too often than hidden because its name was not readable.
#[must_use]
pub fn matches(kill: &OomKill, filter: &Filter) -> bool {
    let victim = &kill.victim;
    let limit = kill
        .limit
        .as_ref()
        .and_then(|limit| limit.cgroup_path.as_deref());
    let cgroup = |glob: &Glob| {
        victim
            .cgroup_path
            .as_deref()
            .is_some_and(|path| matches_path(glob, path))
            || limit.is_some_and(|path| matches_path(glob, path))
    };
    let owner = kill.owner.as_ref();
    let container = |glob: &Glob| owner.is_some_and(|owner| matches_container(glob, owner));
    let pod = |glob: &Glob| owner.is_some_and(|owner| matches_pod(glob, owner));
    let unit = |glob: &Glob| owner.is_some_and(|owner| matches_unit(glob, owner));
    let comm = |glob: &Glob| {
        victim
            .comm
            .as_deref()
            .is_some_and(|comm| glob.matches(comm))
    };

    let unknown = |fields: &[&str]| {
        fields
            .iter()
            .any(|field| kill.missing.iter().any(|missing| missing.field == *field))
    };
    let passes = |globs: &[Glob], fits: &dyn Fn(&Glob) -> bool, unknown: bool| {
        globs.is_empty() || unknown || globs.iter().any(fits)
    };
    passes(
        &filter.cgroup,
        &cgroup,
        victim.cgroup_path.is_none() && unknown(&["victim.cgroup_path"]),
    ) && passes(
        &filter.container,
        &container,
        owner.is_none_or(|owner| owner.container_name.is_none())
            && unknown(&["owner", "owner.container_name"]),
    ) && passes(
        &filter.pod,
        &pod,
        owner.is_none_or(|owner| owner.pod_name.is_none()) && unknown(&["owner", "owner.pod_name"]),
    ) && passes(
        &filter.unit,
        &unit,
        owner.is_none_or(|owner| owner.unit.is_none()) && unknown(&["owner", "owner.unit"]),
    ) && passes(
        &filter.comm,
        &comm,
        victim.comm.is_none() && unknown(&["victim", "victim.comm"]),
    )
}

/// Whether the pattern fits `path` or one of the cgroups above it.
fn matches_path(glob: &Glob, path: &str) -> bool {
    let mut path = path;
    loop {
        if glob.matches(path) {
            return true;
        }
        match path.rsplit_once('/') {
            Some((parent, _)) if !parent.is_empty() => path = parent,
            _ => return false,
        }
    }
}

fn matches_container(glob: &Glob, owner: &Owner) -> bool {
    let by_name = owner
        .container_name
        .as_deref()
        .is_some_and(|name| glob.matches(name));
    let by_id = owner.container_id.as_deref().is_some_and(|id| {
        let prefix = glob.as_str();
        glob.matches(id) || (prefix.len() >= ID_PREFIX_MIN && id.starts_with(prefix))
    });
    by_name || by_id
}

fn matches_pod(glob: &Glob, owner: &Owner) -> bool {
    let by_name = owner.pod_name.as_deref().is_some_and(|name| {
        glob.matches(name)
            || owner
                .namespace
                .as_deref()
                .is_some_and(|namespace| glob.matches(&format!("{namespace}/{name}")))
    });
    by_name
        || owner
            .pod_uid
            .as_deref()
            .is_some_and(|uid| glob.matches(uid))
}

fn matches_unit(glob: &Glob, owner: &Owner) -> bool {
    owner.unit.as_deref().is_some_and(|unit| {
        let name = unit.rsplit_once('.').map_or(unit, |(name, _)| name);
        glob.matches(unit) || glob.matches(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Missing;
    use crate::model::fixture;

    fn globs(patterns: &[&str]) -> Vec<Glob> {
        patterns.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn with(change: impl FnOnce(&mut Filter)) -> Filter {
        let mut filter = Filter::default();
        change(&mut filter);
        filter
    }

    #[test]
    fn no_condition_shows_everything() {
        assert!(Filter::default().is_empty());
        assert!(matches(&fixture::founding(), &Filter::default()));
        assert!(matches(&fixture::hostile(), &Filter::default()));
    }

    #[test]
    fn by_name_of_the_victim() {
        let kill = fixture::founding();
        for (patterns, expected) in [
            (&["java"][..], true),
            (&["j?v*"], true),
            (&["python", "java"], true),
            (&["python"], false),
            (&["jav"], false),
        ] {
            let filter = with(|filter| filter.comm = globs(patterns));
            assert_eq!(matches(&kill, &filter), expected, "{patterns:?}");
        }
    }

    #[test]
    fn by_cgroup_or_one_above_it() {
        let mut kill = fixture::founding();
        kill.victim.cgroup_path = Some("/kubepods/burstable/pod1/c1".to_owned());
        kill.limit.as_mut().unwrap().cgroup_path = Some("/kubepods/burstable/pod1".to_owned());
        for (pattern, expected) in [
            ("/kubepods", true),
            ("/kubepods/burstable/pod1/c1", true),
            ("*/pod1", true),
            ("/kubepods/*/pod?", true),
            ("/kubepod", false),
            ("/kubepods/guaranteed*", false),
            ("c1", false),
        ] {
            let filter = with(|filter| filter.cgroup = globs(&[pattern]));
            assert_eq!(matches(&kill, &filter), expected, "{pattern}");
        }
    }

    #[test]
    fn by_container_name_or_id() {
        let kill = fixture::founding();
        for (pattern, expected) in [
            ("web", true),
            ("w*", true),
            ("8e24aabbccdd", true),
            ("8e24", true),
            ("8e2", false),
            ("api", false),
        ] {
            let filter = with(|filter| filter.container = globs(&[pattern]));
            assert_eq!(matches(&kill, &filter), expected, "{pattern}");
        }
    }

    #[test]
    fn by_pod() {
        let mut kill = fixture::founding();
        let owner = kill.owner.as_mut().unwrap();
        owner.namespace = Some("prod".to_owned());
        owner.pod_name = Some("web-0".to_owned());
        owner.pod_uid = Some("5f1c9a2e-7b1d".to_owned());
        for (pattern, expected) in [
            ("web-0", true),
            ("prod/web-*", true),
            ("dev/web-*", false),
            ("5f1c9a2e-7b1d", true),
            ("web", false),
        ] {
            let filter = with(|filter| filter.pod = globs(&[pattern]));
            assert_eq!(matches(&kill, &filter), expected, "{pattern}");
        }
    }

    #[test]
    fn by_unit_with_or_without_its_kind() {
        let mut kill = fixture::founding();
        for (unit, pattern, expected) in [
            (Some("nginx.service"), "nginx.service", true),
            (Some("nginx.service"), "nginx", true),
            (Some("nginx.service"), "ngin*", true),
            (Some("nginx.service"), "nginx.scope", false),
            (None, "nginx", false),
        ] {
            kill.owner.as_mut().unwrap().unit = unit.map(str::to_owned);
            let filter = with(|filter| filter.unit = globs(&[pattern]));
            assert_eq!(matches(&kill, &filter), expected, "{unit:?} {pattern}");
        }
    }

    #[test]
    fn conditions_add_up() {
        let kill = fixture::founding();
        let both = |comm| {
            with(|filter| {
                filter.comm = globs(&[comm]);
                filter.container = globs(&["web"]);
            })
        };
        assert!(matches(&kill, &both("java")));
        assert!(!matches(&kill, &both("python")));
    }

    #[test]
    fn filters_keep_what_could_not_be_read() {
        let filter = with(|filter| filter.container = globs(&["web"]));
        let mut kill = fixture::founding();
        kill.owner = None;
        assert!(!matches(&kill, &filter), "a process of no container");
        kill.missing.push(Missing {
            field: "owner.container_name".to_owned(),
            reason: crate::model::Reason::Unreadable,
            why: None,
        });
        assert!(matches(&kill, &filter), "a container of unknown name");
    }
}
