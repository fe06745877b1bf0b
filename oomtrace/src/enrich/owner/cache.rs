//! A bounded memory of containers: when it is full, what was not asked for longest goes.

use std::collections::HashMap;

#[derive(Debug)]
pub(super) struct Cache<T> {
    entries: HashMap<String, Entry<T>>,
    capacity: usize,
    /// Counts uses.
    clock: u64,
}

#[derive(Debug)]
struct Entry<T> {
    /// `None`: known to exist, not yet readable.
    value: Option<T>,
    used: u64,
}

impl<T> Cache<T> {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            entries: HashMap::new(),
            capacity,
            clock: 0,
        }
    }

    /// Notes that something of this id exists.
    pub(super) fn expect(&mut self, id: &str) {
        if !self.entries.contains_key(id) {
            self.insert(id, None);
        }
    }

    /// The ids that nothing could be read of so far.
    pub(super) fn expected(&self) -> Vec<String> {
        self.entries
            .iter()
            .filter(|(_, entry)| entry.value.is_none())
            .map(|(id, _)| id.clone())
            .collect()
    }

    pub(super) fn put(&mut self, id: &str, value: T) {
        self.insert(id, Some(value));
    }

    pub(super) fn get(&mut self, id: &str) -> Option<&T> {
        self.clock += 1;
        let entry = self.entries.get_mut(id)?;
        entry.used = self.clock;
        entry.value.as_ref()
    }

    fn insert(&mut self, id: &str, value: Option<T>) {
        self.clock += 1;
        let used = self.clock;
        self.entries.insert(id.to_owned(), Entry { value, used });
        if self.entries.len() > self.capacity {
            // Only when full, and then once per new container: a search is cheap enough.
            let oldest = self
                .entries
                .iter()
                .min_by_key(|(_, entry)| entry.used)
                .map(|(id, _)| id.clone());
            if let Some(oldest) = oldest {
                self.entries.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_not_used_longest_goes() {
        let mut cache = Cache::new(2);
        cache.put("a", 1);
        cache.put("b", 2);
        assert_eq!(cache.get("a"), Some(&1));
        cache.put("c", 3);
        assert_eq!(cache.get("b"), None);
        assert_eq!(
            (cache.get("a").copied(), cache.get("c").copied()),
            (Some(1), Some(3))
        );
        assert_eq!(cache.entries.len(), 2);
    }

    #[test]
    fn what_is_expected_stays_so_until_it_is_put() {
        let mut cache = Cache::new(4);
        cache.expect("a");
        assert_eq!(cache.get("a"), None);
        assert_eq!(cache.expected(), ["a"]);
        cache.put("a", 1);
        cache.expect("a");
        assert_eq!(cache.get("a"), Some(&1));
        assert_eq!(cache.expected(), Vec::<String>::new());
    }
}
