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
    value: T,
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

    pub(super) fn put(&mut self, id: &str, value: T) {
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

    pub(super) fn get(&mut self, id: &str) -> Option<&T> {
        self.clock += 1;
        let entry = self.entries.get_mut(id)?;
        entry.used = self.clock;
        Some(&entry.value)
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
}
