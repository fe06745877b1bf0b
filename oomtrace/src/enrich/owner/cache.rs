//! A bounded memory of containers: those that exist, and some of those that are gone, for a kill
//! may be told of after its container has been removed.

use std::collections::HashMap;

#[derive(Debug)]
pub(super) struct Cache<T> {
    entries: HashMap<String, Entry<T>>,
    capacity: usize,
    /// How many may be gone.
    gone_max: usize,
    gone: usize,
    /// Counts uses.
    clock: u64,
}

#[derive(Debug)]
struct Entry<T> {
    value: T,
    used: u64,
    gone: bool,
}

impl<T> Cache<T> {
    pub(super) fn new(capacity: usize, gone_max: usize) -> Self {
        Self {
            entries: HashMap::new(),
            capacity,
            gone_max,
            gone: 0,
            clock: 0,
        }
    }

    pub(super) fn put(&mut self, id: &str, value: T) {
        self.clock += 1;
        let entry = Entry {
            value,
            used: self.clock,
            gone: false,
        };
        let before = self.entries.insert(id.to_owned(), entry);
        self.gone -= usize::from(before.is_some_and(|before| before.gone));
        if self.entries.len() > self.capacity {
            self.forget(|_| true);
        }
    }

    pub(super) fn get(&mut self, id: &str) -> Option<&T> {
        self.clock += 1;
        let entry = self.entries.get_mut(id)?;
        entry.used = self.clock;
        Some(&entry.value)
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &T> {
        self.entries.values().map(|entry| &entry.value)
    }

    /// It is no more; what is known of it is kept for a while.
    pub(super) fn is_gone(&mut self, id: &str) {
        let Some(entry) = self.entries.get_mut(id).filter(|entry| !entry.gone) else {
            return;
        };
        self.clock += 1;
        entry.gone = true;
        entry.used = self.clock;
        self.gone += 1;
        if self.gone > self.gone_max {
            self.forget(|entry| entry.gone);
        }
    }

    /// Forgets the one of these that was not asked for longest. Only when full, and then once per
    /// container: a search is cheap enough.
    fn forget(&mut self, which: impl Fn(&Entry<T>) -> bool) {
        let oldest = self
            .entries
            .iter()
            .filter(|(_, entry)| which(entry))
            .min_by_key(|(_, entry)| entry.used)
            .map(|(id, _)| id.clone());
        if let Some(entry) = oldest.and_then(|oldest| self.entries.remove(&oldest)) {
            self.gone -= usize::from(entry.gone);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_not_used_longest_goes() {
        let mut cache = Cache::new(2, 2);
        cache.put("a", 1);
        cache.put("b", 2);
        assert_eq!(cache.get("a"), Some(&1));
        cache.put("c", 3);
        assert_eq!(cache.get("b"), None);
        assert_eq!(
            (cache.get("a").copied(), cache.get("c").copied()),
            (Some(1), Some(3))
        );
        assert_eq!(cache.values().count(), 2);
    }

    #[test]
    fn only_the_last_gone_containers_are_kept() {
        let mut cache = Cache::new(9, 2);
        for id in ["a", "b", "c", "d"] {
            cache.put(id, id);
        }
        for id in ["a", "b", "b", "unknown"] {
            cache.is_gone(id);
        }
        assert_eq!(cache.get("a"), Some(&"a"), "asked for just now");
        cache.is_gone("c");
        assert_eq!(cache.get("b"), None);
        // One that comes again is not gone.
        cache.put("a", "again");
        cache.is_gone("d");
        assert_eq!(cache.values().count(), 3);
        assert_eq!(cache.get("a"), Some(&"again"));
        assert_eq!(cache.gone, 2);
    }
}
