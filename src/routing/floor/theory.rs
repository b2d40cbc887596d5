//! Erlang A: what a floor of one class must show, exactly.

/// The state of a floor in the long run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Steady {
    /// Probability of waiting.
    pub waits: f64,
    /// Mean wait of all, who give up included, s.
    pub wait_s: f64,
    /// Share that gives up.
    pub abandons: f64,
}

/// A state rarer than this, relative to the likeliest, is left out.
const RARE: f64 = 1e-15;
const MAX_STATES: usize = 1_000_000;

/// M/M/n+M (Palm 1957) from the balance equations of its birth-death chain: `per_s` calls a second, mean service and
/// mean patience in seconds, `agents` agents. Little's law gives the wait; who waits gives up at the rate 1 / patience.
#[must_use]
pub fn erlang_a(per_s: f64, service_s: f64, patience_s: f64, agents: usize) -> Steady {
    // Weights relative to the running one, so that nothing overflows.
    let (mut weight, mut all, mut waiting, mut line) = (1.0_f64, 1.0_f64, 0.0_f64, 0.0_f64);
    if agents == 0 {
        waiting = 1.0;
    }
    for state in 1..MAX_STATES {
        let served = state.min(agents) as f64 / service_s;
        let behind = state.saturating_sub(agents) as f64;
        weight *= per_s / (served + behind / patience_s);
        all += weight;
        line += behind * weight;
        if state >= agents {
            waiting += weight;
        }
        if all > 1e200 {
            for sum in [&mut weight, &mut all, &mut waiting, &mut line] {
                *sum *= 1e-200;
            }
        }
        if state > agents && weight < RARE * all {
            break;
        }
    }
    Steady {
        waits: waiting / all,
        wait_s: line / all / per_s,
        abandons: line / all / patience_s / per_s,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with 40 digits from the same equations by another program.
    #[test]
    fn published_figures() {
        let near = |found: f64, expected: f64| {
            assert!((found / expected - 1.0).abs() < 1e-8, "{found} {expected}");
        };
        for (per_s, service_s, patience_s, agents, waits, wait_s, abandons) in [
            (
                0.8,
                60.0,
                120.0,
                50,
                0.467774068554,
                3.70946989946,
                0.0309122491622,
            ),
            (
                1.0 / 18.0,
                180.0,
                300.0,
                14,
                0.145260114296,
                4.19512323672,
                0.0139837441224,
            ),
            (
                0.1,
                240.0,
                180.0,
                22,
                0.644342702996,
                24.2029420625,
                0.134460789236,
            ),
            (
                1000.0 / 300.0,
                300.0,
                120.0,
                1000,
                0.392607768001,
                1.85448115849,
                0.0154540096541,
            ),
        ] {
            let found = erlang_a(per_s, service_s, patience_s, agents);
            near(found.waits, waits);
            near(found.wait_s, wait_s);
            near(found.abandons, abandons);
        }
    }
}
