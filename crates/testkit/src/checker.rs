//! Checks what senders saw against what a room holds (`reliability.md` G1 to
//! G6): every acknowledged message is there once and in its place, nothing is
//! there that nobody sent, and the numbers have no hole.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

/// One send, as its sender saw it. A retry is a send of its own with the same
/// `client_id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Send {
    /// The sender's own id of the message; unique over all senders of a test.
    pub client_id: String,
    /// When it went out.
    pub sent_at: Instant,
    /// What came of it.
    pub outcome: Outcome,
}

/// What a sender learned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The server confirmed it, with this id and seq.
    Acked {
        /// The message's id.
        id: String,
        /// Its place in the room.
        seq: u64,
        /// When the confirmation came.
        at: Instant,
    },
    /// The server refused it.
    Refused,
    /// No answer came.
    Unanswered,
}

/// One message, as the room's history has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The message's id.
    pub id: String,
    /// Its place in the room.
    pub seq: u64,
    /// The sender's own id of it.
    pub client_id: String,
}

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    /// It was acknowledged, or told to a reader, and is not there (G2).
    Lost {
        /// Which.
        client_id: String,
    },
    /// It is there more than once, or an id or a seq is (G6).
    Doubled {
        /// Which.
        what: String,
    },
    /// It is there under another id or seq than was acknowledged, or a retry
    /// got another answer (G6).
    Changed {
        /// Which.
        client_id: String,
    },
    /// It stands before one that was acknowledged before it was sent (G5), or
    /// the history is not in rising seq (G4).
    Reordered {
        /// Which.
        client_id: String,
    },
    /// It is there, and nobody sent it, or it was refused (G3).
    Phantom {
        /// Which.
        client_id: String,
    },
    /// No message has this seq, and later ones exist (G4).
    Hole {
        /// The seq.
        seq: u64,
    },
}

/// Compares what senders saw with the whole history of the room.
#[must_use]
pub fn check(sends: &[Send], history: &[Stored]) -> Vec<Violation> {
    let mut violations = Vec::new();
    doubled(history, &mut violations);
    places(history, &mut violations);
    phantoms(sends, history, &mut violations);
    acknowledged(sends, history, &mut violations);
    real_time_order(sends, &mut violations);
    violations
}

/// Compares what one connection was told, in this order, with the whole history
/// of the room: in rising seq, nothing twice, nothing that is not there (G2,
/// G4, G7).
#[must_use]
pub fn check_reader(told: &[Stored], history: &[Stored]) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut last = 0;
    for message in told {
        let client_id = message.client_id.clone();
        if message.seq <= last {
            violations.push(Violation::Reordered {
                client_id: client_id.clone(),
            });
        }
        last = last.max(message.seq);
        match history.iter().find(|stored| stored.id == message.id) {
            None => violations.push(Violation::Lost { client_id }),
            Some(stored) if stored != message => violations.push(Violation::Changed { client_id }),
            Some(_) => {}
        }
    }
    violations
}

fn doubled(history: &[Stored], violations: &mut Vec<Violation>) {
    let mut seen = HashSet::new();
    for message in history {
        let names = [
            format!("client_id {}", message.client_id),
            format!("id {}", message.id),
            format!("seq {}", message.seq),
        ];
        for what in names {
            if !seen.insert(what.clone()) {
                violations.push(Violation::Doubled { what });
            }
        }
    }
}

/// 1, 2, 3 …, in this order.
fn places(history: &[Stored], violations: &mut Vec<Violation>) {
    let mut next = 1;
    for message in history {
        if message.seq < next {
            violations.push(Violation::Reordered {
                client_id: message.client_id.clone(),
            });
            continue;
        }
        violations.extend((next..message.seq).map(|seq| Violation::Hole { seq }));
        next = message.seq + 1;
    }
}

fn phantoms(sends: &[Send], history: &[Stored], violations: &mut Vec<Violation>) {
    let mut possible = HashSet::new();
    for send in sends {
        if send.outcome != Outcome::Refused {
            possible.insert(send.client_id.as_str());
        }
    }
    for message in history {
        if !possible.contains(message.client_id.as_str()) {
            violations.push(Violation::Phantom {
                client_id: message.client_id.clone(),
            });
        }
    }
}

fn acknowledged(sends: &[Send], history: &[Stored], violations: &mut Vec<Violation>) {
    let stored: HashMap<_, _> = history
        .iter()
        .map(|message| (message.client_id.as_str(), message))
        .collect();
    for send in sends {
        let Outcome::Acked { id, seq, .. } = &send.outcome else {
            continue;
        };
        let client_id = send.client_id.clone();
        match stored.get(client_id.as_str()) {
            None => violations.push(Violation::Lost { client_id }),
            Some(found) if found.id != *id || found.seq != *seq => {
                violations.push(Violation::Changed { client_id });
            }
            Some(_) => {}
        }
    }
}

/// A message's first acknowledgement binds it; what was first sent after that
/// must have a higher seq.
fn real_time_order(sends: &[Send], violations: &mut Vec<Violation>) {
    struct Span {
        seq: Option<u64>,
        first_sent: Instant,
        first_acked: Instant,
    }
    let mut spans: HashMap<&str, Span> = HashMap::new();
    for send in sends {
        let span = spans.entry(&send.client_id).or_insert(Span {
            seq: None,
            first_sent: send.sent_at,
            first_acked: send.sent_at,
        });
        span.first_sent = span.first_sent.min(send.sent_at);
        if let Outcome::Acked { seq, at, .. } = &send.outcome {
            span.first_acked = span.seq.map_or(*at, |_| span.first_acked.min(*at));
            span.seq = Some(*seq);
        }
    }
    // By acknowledgement, with the highest seq acknowledged so far: whatever is
    // sent later must lie above it.
    let mut acked: Vec<_> = spans
        .values()
        .filter_map(|span| Some((span.first_acked, span.seq?)))
        .collect();
    acked.sort_unstable();
    let mut highest = 0;
    for (_, seq) in &mut acked {
        highest = highest.max(*seq);
        *seq = highest;
    }
    for (client_id, span) in &spans {
        let before = acked.partition_point(|(at, _)| *at < span.first_sent);
        let highest_before = before.checked_sub(1).map_or(0, |last| acked[last].1);
        if span.seq.is_some_and(|seq| seq < highest_before) {
            violations.push(Violation::Reordered {
                client_id: (*client_id).to_owned(),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// A test's own time: so many milliseconds after its start.
    struct Times(Instant);

    impl Times {
        fn send(&self, client_id: &str, sent: u64, outcome: Option<(u64, u64)>) -> Send {
            let at = |millis| self.0 + Duration::from_millis(millis);
            let outcome = match outcome {
                Some((seq, acked)) => Outcome::Acked {
                    id: format!("m{seq}"),
                    seq,
                    at: at(acked),
                },
                None => Outcome::Unanswered,
            };
            Send {
                client_id: client_id.to_owned(),
                sent_at: at(sent),
                outcome,
            }
        }

        /// Three senders: a and b one after the other, c beside them, d without
        /// an answer.
        fn sends(&self) -> Vec<Send> {
            vec![
                self.send("a", 0, Some((1, 10))),
                self.send("b", 20, Some((3, 30))),
                self.send("c", 5, Some((2, 40))),
                self.send("d", 35, None),
            ]
        }
    }

    fn times() -> Times {
        Times(Instant::now())
    }

    fn history(client_ids: &[&str]) -> Vec<Stored> {
        (1..)
            .zip(client_ids)
            .map(|(seq, client_id)| Stored {
                id: format!("m{seq}"),
                seq,
                client_id: (*client_id).to_owned(),
            })
            .collect()
    }

    #[test]
    fn what_is_right_passes() {
        let sends = times().sends();
        assert_eq!(check(&sends, &history(&["a", "c", "b"])), []);
        let unanswered = check(&sends, &history(&["a", "c", "b", "d"]));
        assert_eq!(unanswered, [], "unanswered may be stored or not");
        assert_eq!(check(&[], &[]), []);
    }

    #[test]
    fn a_retry_with_the_first_answer_passes() {
        let times = times();
        let mut sends = times.sends();
        sends.push(times.send("a", 50, Some((1, 60))));
        sends.push(times.send("d", 50, Some((4, 60))));
        assert_eq!(check(&sends, &history(&["a", "c", "b", "d"])), []);
    }

    #[test]
    fn a_lost_message_is_caught() {
        let violations = check(&times().sends(), &history(&["a", "c"]));
        let client_id = "b".to_owned();
        assert_eq!(violations, [Violation::Lost { client_id }]);
    }

    #[test]
    fn a_doubled_message_is_caught() {
        let violations = check(&times().sends(), &history(&["a", "c", "b", "b"]));
        let what = "client_id b".to_owned();
        assert!(
            violations.contains(&Violation::Doubled { what }),
            "{violations:?}"
        );
    }

    #[test]
    fn a_doubled_seq_is_caught() {
        let mut history = history(&["a", "c", "b", "d"]);
        history[3].seq = 3;
        let what = "seq 3".to_owned();
        let violations = check(&times().sends(), &history);
        assert!(
            violations.contains(&Violation::Doubled { what }),
            "{violations:?}"
        );
    }

    #[test]
    fn a_phantom_is_caught() {
        let client_id = "ghost".to_owned();
        let violations = check(&times().sends(), &history(&["a", "c", "b", "ghost"]));
        assert_eq!(violations, [Violation::Phantom { client_id }]);
    }

    #[test]
    fn a_refused_message_that_appears_is_a_phantom() {
        let mut sends = times().sends();
        sends[3].outcome = Outcome::Refused;
        let client_id = "d".to_owned();
        let violations = check(&sends, &history(&["a", "c", "b", "d"]));
        assert_eq!(violations, [Violation::Phantom { client_id }]);
    }

    #[test]
    fn messages_that_changed_places_are_caught() {
        let times = times();
        let sends = [
            times.send("a", 0, Some((2, 10))),
            times.send("b", 20, Some((1, 30))),
        ];
        let client_id = "b".to_owned();
        let violations = check(&sends, &history(&["b", "a"]));
        assert_eq!(violations, [Violation::Reordered { client_id }]);
    }

    #[test]
    fn messages_at_the_same_time_may_stand_either_way() {
        let times = times();
        let sends = [
            times.send("a", 0, Some((2, 30))),
            times.send("b", 20, Some((1, 25))),
        ];
        assert_eq!(check(&sends, &history(&["b", "a"])), []);
    }

    #[test]
    fn a_history_that_does_not_rise_is_caught() {
        let mut history = history(&["a", "c", "b"]);
        history.swap(0, 1);
        let client_id = "a".to_owned();
        let violations = check(&times().sends(), &history);
        assert!(
            violations.contains(&Violation::Reordered { client_id }),
            "{violations:?}"
        );
    }

    #[test]
    fn a_hole_is_caught() {
        let mut history = history(&["a", "c", "b", "d"]);
        history[3].seq = 6;
        let violations = check(&times().sends(), &history);
        assert_eq!(
            violations,
            [Violation::Hole { seq: 4 }, Violation::Hole { seq: 5 }]
        );
    }

    #[test]
    fn a_reader_may_be_told_a_part_in_order() {
        let history = history(&["a", "c", "b", "d"]);
        assert_eq!(check_reader(&history[1..3], &history), []);
    }

    #[test]
    fn a_reader_told_of_what_is_lost_twice_or_late_is_caught() {
        let history = history(&["a", "c", "b", "d"]);
        let of = |client_id: &str| client_id.to_owned();
        let told = [history[3].clone()];
        let lost = Violation::Lost { client_id: of("d") };
        assert_eq!(check_reader(&told, &history[..3]), [lost]);
        let told = [history[0].clone(), history[0].clone()];
        let twice = Violation::Reordered { client_id: of("a") };
        assert_eq!(check_reader(&told, &history), [twice]);
        let told = [history[1].clone(), history[0].clone()];
        let late = Violation::Reordered { client_id: of("a") };
        assert_eq!(check_reader(&told, &history), [late]);
    }

    #[test]
    fn another_answer_than_the_stored_message_is_caught() {
        let times = times();
        let mut sends = times.sends();
        sends.push(times.send("a", 50, Some((4, 60))));
        let violations = check(&sends, &history(&["a", "c", "b", "d"]));
        let client_id = "a".to_owned();
        assert!(
            violations.contains(&Violation::Changed { client_id }),
            "{violations:?}"
        );
    }
}
