//! How long things take, counted without a lock: what is on the way to a 200 waits for nobody, and the library's own histogram
//! has a mutex.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

/// Durations by upper bounds in seconds, which grow. A duration counts under the first bound that it does not exceed.
#[derive(Clone, Debug)]
pub struct Durations(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    bounds: &'static [f64],
    /// One more than there are bounds: the last is of what exceeds them all.
    each: Box<[AtomicU64]>,
    /// In microseconds: half a million years in sum.
    sum_us: AtomicU64,
}

impl Durations {
    /// With these bounds, nothing counted.
    pub(super) fn within(bounds: &'static [f64]) -> Self {
        let each = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self(Arc::new(Counts { bounds, each, sum_us: AtomicU64::new(0) }))
    }

    /// Something took so long. Two atomic additions.
    pub fn observe(&self, took: Duration) {
        let Counts { bounds, each, sum_us } = &*self.0;
        let seconds = took.as_secs_f64();
        let at = bounds.iter().position(|bound| seconds <= *bound).unwrap_or(bounds.len());
        if let Some(count) = each.get(at) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        sum_us.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

impl EncodeMetric for Durations {
    /// What is counted meanwhile is in this look or in the next: the number of all is the sum of the parts.
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
        let Counts { bounds, each, sum_us } = &*self.0;
        let bounds = bounds.iter().copied().chain([f64::INFINITY]);
        let buckets: Vec<(f64, u64)> =
            bounds.zip(each.iter()).map(|(bound, count)| (bound, count.load(Ordering::Relaxed))).collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        let sum = Duration::from_micros(sum_us.load(Ordering::Relaxed)).as_secs_f64();
        encoder.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;
    use prometheus_client::registry::Registry;

    use super::*;

    #[test]
    fn a_duration_counts_under_the_first_bound_that_it_does_not_exceed() {
        let durations = Durations::within(&[0.1, 1.0, 10.0]);
        let mut registry = Registry::default();
        registry.register("took", "how long", durations.clone());
        for ms in [100, 101, 1_000, 60_000] {
            durations.observe(Duration::from_millis(ms));
        }
        let mut text = String::new();
        encode(&mut text, &registry).expect("text");
        let expected = "\
# HELP took how long.
# TYPE took histogram
took_sum 61.201
took_count 4
took_bucket{le=\"0.1\"} 1
took_bucket{le=\"1.0\"} 3
took_bucket{le=\"10.0\"} 3
took_bucket{le=\"+Inf\"} 4
# EOF
";
        assert_eq!(text, expected);
    }
}
