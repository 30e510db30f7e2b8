//! Randomness as a parameter. Nothing else asks the system for it (a lint forbids it).

use std::cell::RefCell;
use std::sync::Mutex;

use zeroize::Zeroize;

/// What is no longer than this is a nonce or the id of a request, never a key, and comes from a stock.
const FROM_STOCK_MAX_BYTES: usize = 24;
/// As many nonces as one call to the system brings.
const STOCK_BYTES: usize = 64 * FROM_STOCK_MAX_BYTES;

/// Fills buffers with unpredictable bytes.
pub trait Random: Send + Sync {
    /// Fills the whole buffer.
    ///
    /// # Errors
    /// The system has no randomness to give: nothing may be sealed then.
    fn fill(&self, buffer: &mut [u8]) -> Result<(), NoRandomness>;
}

/// The system's source of randomness failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no randomness")]
pub struct NoRandomness;

/// The operating system's generator. Keys come straight from it; nonces and ids come from a stock that each thread gets
/// from it in advance, since a system call for each is dear on the path of a webhook. Of a stock every byte is given
/// once, and wiped.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), NoRandomness> {
        if buffer.len() > FROM_STOCK_MAX_BYTES {
            return ask_the_system(buffer);
        }
        STOCK.with_borrow_mut(|stock| stock.give(buffer))
    }
}

fn ask_the_system(buffer: &mut [u8]) -> Result<(), NoRandomness> {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the system for randomness")]
    getrandom::fill(buffer).map_err(|_| NoRandomness)
}

thread_local! {
    static STOCK: RefCell<Stock> = const { RefCell::new(Stock { bytes: [0; STOCK_BYTES], left: 0 }) };
}

/// Bytes from the system that nobody has had; of `bytes` the first `left`.
struct Stock {
    bytes: [u8; STOCK_BYTES],
    left: usize,
}

impl Stock {
    fn give(&mut self, buffer: &mut [u8]) -> Result<(), NoRandomness> {
        if self.left < buffer.len() {
            // A failure must leave nothing behind that could be taken for random.
            self.left = 0;
            ask_the_system(&mut self.bytes)?;
            self.left = STOCK_BYTES;
        }
        let from = self.left.saturating_sub(buffer.len());
        if let Some(given) = self.bytes.get_mut(from..self.left) {
            buffer.copy_from_slice(given);
            given.zeroize();
        }
        self.left = from;
        Ok(())
    }
}

/// A repeatable stream (SplitMix64) for simulations and tests. Never for keys that must hold.
pub struct SeededRandom(Mutex<u64>);

impl SeededRandom {
    /// Starts the stream at `seed`.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }
}

impl Random for SeededRandom {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), NoRandomness> {
        let mut state = self.0.lock().map_err(|_| NoRandomness)?;
        for chunk in buffer.chunks_mut(8) {
            *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut z = *state;
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            chunk.copy_from_slice(&(z ^ (z >> 31)).to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_nonce_is_given_twice_on_any_thread() {
        let draw = || {
            let mut nonces = Vec::new();
            for at in 0..1_000_usize {
                let mut nonce = [0; FROM_STOCK_MAX_BYTES];
                // Of other lengths between, so that the stock does not end evenly.
                SystemRandom.fill(&mut [0; 17][..at % 17]).expect("randomness");
                SystemRandom.fill(&mut nonce).expect("randomness");
                nonces.push(nonce);
            }
            nonces
        };
        let threads: Vec<_> = (0..4)
            .map(|at| std::thread::Builder::new().name(format!("draw-{at}")).spawn(draw).expect("a thread"))
            .collect();
        let drawn: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect();
        let different: HashSet<_> = drawn.iter().collect();
        assert_eq!(different.len(), drawn.len());
        assert!(!different.contains(&[0; FROM_STOCK_MAX_BYTES]), "wiped bytes are not given");
    }

    #[test]
    fn long_buffers_are_filled_too() {
        let (mut one, mut other) = ([0; 32], [0; 32]);
        SystemRandom.fill(&mut one).expect("randomness");
        SystemRandom.fill(&mut other).expect("randomness");
        assert_ne!(one, other);
    }
}
