//! What a reload of the config replaces while others read it: whoever pins it keeps what they pinned.

use parking_lot::RwLock;
use std::sync::Arc;

/// A value that is replaced as a whole.
pub struct Current<T>(RwLock<Arc<T>>);

impl<T> Current<T> {
    /// Holds this value for now.
    pub fn new(value: T) -> Self {
        Self::of(Arc::new(value))
    }

    /// Holds a value that others hold too.
    pub fn of(value: Arc<T>) -> Self {
        Self(RwLock::new(value))
    }

    /// Pins the value of this moment.
    pub fn pin(&self) -> Arc<T> {
        Arc::clone(&self.0.read())
    }

    /// Replaces it. What is pinned stays as it is.
    pub fn replace(&self, value: Arc<T>) {
        *self.0.write() = value;
    }

    /// True if what was pinned has not been replaced since.
    pub fn is(&self, pinned: &Arc<T>) -> bool {
        Arc::ptr_eq(&self.0.read(), pinned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pinned_stays_and_is_known_to_be_old() {
        let current = Current::new(1);
        let pinned = current.pin();
        assert!(current.is(&pinned));
        current.replace(Arc::new(1));
        assert_eq!(*pinned, 1);
        assert!(!current.is(&pinned), "an equal value is another one");
        assert!(current.is(&current.pin()));
    }
}
