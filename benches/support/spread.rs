//! Several values of one figure: what is printed is the median, with the least and the greatest.

use std::fmt;

/// Values of one figure, one a round.
#[derive(Clone, Default)]
pub struct Spread(Vec<f64>);

impl Spread {
    pub fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        sorted
    }

    pub fn median(&self) -> f64 {
        let sorted = self.sorted();
        match sorted.len() {
            0 => f64::NAN,
            n if n % 2 == 1 => sorted[n / 2],
            n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
        }
    }

    /// Pair by pair.
    pub fn over(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(one, other)| one / other).collect())
    }
}

impl FromIterator<f64> for Spread {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sorted = self.sorted();
        let (Some(least), Some(most)) = (sorted.first(), sorted.last()) else { return f.write_str("-") };
        let digits = match self.median().abs() {
            m if m >= 100.0 => 0,
            m if m >= 10.0 => 1,
            _ => 2,
        };
        write!(f, "{:.digits$} [{least:.digits$}–{most:.digits$}] n={}", self.median(), sorted.len())
    }
}

/// A quantile of latencies in microseconds, in milliseconds. Sorts them.
pub fn quantile_ms(latencies_us: &mut [u32], quantile: f64) -> f64 {
    latencies_us.sort_unstable();
    let at = ((latencies_us.len() as f64) * quantile) as usize;
    latencies_us.get(at.min(latencies_us.len().saturating_sub(1))).map_or(f64::NAN, |us| f64::from(*us) / 1e3)
}
