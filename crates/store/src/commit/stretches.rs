//! Arithmetic of stretches of seq, both ends included. A set of messages is a
//! list of stretches that rise and do not touch.

/// Messages from the first to the second number, both included.
pub(super) type Span = (i64, i64);

/// All messages of the spans, which may come in any order and overlap.
pub(super) fn union(mut spans: Vec<Span>) -> Vec<Span> {
    spans.retain(|(from, to)| from <= to);
    spans.sort_unstable();
    let mut merged: Vec<Span> = Vec::with_capacity(spans.len());
    for (from, to) in spans {
        match merged.last_mut() {
            Some(last) if from <= last.1.saturating_add(1) => last.1 = last.1.max(to),
            _ => merged.push((from, to)),
        }
    }
    merged
}

/// The messages that are in both sets.
pub(super) fn intersection(left: &[Span], right: &[Span]) -> Vec<Span> {
    let (mut l, mut r) = (0, 0);
    let mut both = Vec::new();
    while l < left.len() && r < right.len() {
        let (from, to) = (left[l].0.max(right[r].0), left[l].1.min(right[r].1));
        if from <= to {
            both.push((from, to));
        }
        if left[l].1 < right[r].1 {
            l += 1;
        } else {
            r += 1;
        }
    }
    both
}

/// The messages of the first set that are not in the second.
pub(super) fn difference(set: &[Span], without: &[Span]) -> Vec<Span> {
    let mut left = Vec::new();
    let mut taken = 0;
    for &(mut from, to) in set {
        while taken < without.len() && without[taken].1 < from {
            taken += 1;
        }
        for &(gap_from, gap_to) in &without[taken..] {
            if gap_from > to {
                break;
            }
            if gap_from > from {
                left.push((from, gap_from - 1));
            }
            from = gap_to + 1;
        }
        if from <= to {
            left.push((from, to));
        }
    }
    left
}

/// Up to where everything is marked without a gap, when it was up to `upto` and
/// `marked` is marked too.
pub(super) fn watermark(upto: i64, marked: &[Span]) -> i64 {
    let mut reached = upto;
    for &(from, to) in marked {
        if from > reached + 1 {
            break;
        }
        reached = reached.max(to);
    }
    reached
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn spans() -> impl Strategy<Value = Vec<Span>> {
        prop::collection::vec((0_i64..60, 0_i64..8), 0..12).prop_map(|all| {
            all.into_iter()
                .map(|(from, more)| (from, from + more))
                .collect()
        })
    }

    fn numbers(spans: &[Span]) -> BTreeSet<i64> {
        spans.iter().flat_map(|(from, to)| *from..=*to).collect()
    }

    fn check_form(spans: &[Span]) {
        assert!(spans.iter().all(|(from, to)| from <= to), "{spans:?}");
        assert!(spans.windows(2).all(|two| two[0].1 < two[1].0), "{spans:?}");
    }

    proptest! {
        #[test]
        fn they_are_the_operations_of_sets(left in spans(), right in spans()) {
            let (a, b) = (numbers(&left), numbers(&right));
            let (left, right) = (union(left), union(right));
            check_form(&left);
            prop_assert_eq!(numbers(&left), a.clone());

            let both = intersection(&left, &right);
            check_form(&both);
            prop_assert_eq!(numbers(&both), &a & &b);

            let rest = difference(&left, &right);
            check_form(&rest);
            prop_assert_eq!(numbers(&rest), &a - &b);
        }

        #[test]
        fn the_watermark_stands_before_the_first_gap(upto in 0_i64..20, marked in spans()) {
            let marked = union(marked);
            let all = numbers(&marked);
            let reached = watermark(upto, &marked);
            prop_assert!((upto + 1..=reached).all(|seq| all.contains(&seq)));
            prop_assert!(!all.contains(&(reached + 1)));
        }
    }

    #[test]
    fn touching_spans_become_one() {
        assert_eq!(
            union(vec![(3, 4), (1, 2), (6, 6), (9, 8)]),
            [(1, 4), (6, 6)]
        );
    }
}
