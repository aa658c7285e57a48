//! What one reader has heard, and what of it was wrong.

use std::fmt;
use std::iter::Sum;
use std::ops::Add;

use memchr::memmem;

/// Which message it is. A text that is sent says so at its front.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Words {
    /// The number of its room.
    pub(crate) room: usize,
    /// Its sender's place in the room.
    pub(crate) sender: usize,
    /// Which of its sender's, from 1.
    pub(crate) number: u64,
}

impl Words {
    /// The text: 100 bytes.
    pub(crate) fn text(self) -> String {
        let Self {
            room,
            sender,
            number,
        } = self;
        format!("{:.<100}", format!("#{room}:{sender}:{number}#"))
    }

    /// From a frame, in which the text is a string of JSON.
    fn of(payload: &[u8]) -> Option<Self> {
        let start = memmem::find(payload, b"\"#")? + 2;
        let end = start + memchr::memchr(b'#', payload.get(start..)?)?;
        let mut parts = std::str::from_utf8(&payload[start..end]).ok()?.split(':');
        Some(Self {
            room: parts.next()?.parse().ok()?,
            sender: parts.next()?.parse().ok()?,
            number: parts.next()?.parse().ok().filter(|number| *number > 0)?,
        })
    }
}

/// Deliveries that were not as they must be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Faults {
    /// Said, and not heard.
    pub(crate) lost: u64,
    /// Heard again, or heard where nobody had said it.
    pub(crate) doubled: u64,
    /// Heard after what its sender said later; not known of frames that do not
    /// say whose they are.
    pub(crate) disordered: Option<u64>,
}

impl Faults {
    /// All of them.
    pub(crate) fn count(self) -> u64 {
        self.lost + self.doubled + self.disordered.unwrap_or(0)
    }
}

impl Add for Faults {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            lost: self.lost + other.lost,
            doubled: self.doubled + other.doubled,
            disordered: match (self.disordered, other.disordered) {
                (None, None) => None,
                (one, two) => Some(one.unwrap_or(0) + two.unwrap_or(0)),
            },
        }
    }
}

impl Sum for Faults {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Add::add)
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/", self.lost, self.doubled)?;
        match self.disordered {
            Some(count) => write!(f, "{count}"),
            None => f.write_str("–"),
        }
    }
}

/// What one reader has heard in its room.
#[derive(Debug)]
pub(crate) struct Tally {
    room: usize,
    senders: Vec<Sender>,
    doubled: u64,
    disordered: u64,
}

/// What was heard of one sender.
#[derive(Clone, Debug, Default)]
struct Sender {
    /// The highest number.
    last: u64,
    /// Numbers below it that were passed over.
    missing: Vec<u64>,
}

impl Tally {
    /// Of a reader in this room, in which so many write.
    pub(crate) fn new(room: usize, senders: usize) -> Self {
        Self {
            room,
            senders: vec![Sender::default(); senders],
            doubled: 0,
            disordered: 0,
        }
    }

    /// Counts a frame; its words, if it is a message heard for the first time.
    /// `said` tells how many a sender has said.
    pub(crate) fn hear(
        &mut self,
        payload: &[u8],
        said: impl FnOnce(usize) -> usize,
    ) -> Option<Words> {
        let words = Words::of(payload)?;
        let sender = self.senders.get_mut(words.sender);
        let sender = sender.filter(|_| words.room == self.room);
        let Some(sender) = sender.filter(|_| words.number <= said(words.sender) as u64) else {
            self.doubled += 1;
            return None;
        };
        if words.number > sender.last {
            sender.missing.extend(sender.last + 1..words.number);
            sender.last = words.number;
        } else if let Some(at) = sender.missing.iter().position(|it| *it == words.number) {
            sender.missing.swap_remove(at);
            self.disordered += 1;
        } else {
            self.doubled += 1;
            return None;
        }
        Some(words)
    }

    /// What was wrong when each sender has said so many.
    pub(crate) fn faults(&self, said: impl Fn(usize) -> usize) -> Faults {
        let lost = self.senders.iter().enumerate().map(|(place, sender)| {
            let heard = sender.last - sender.missing.len() as u64;
            said(place) as u64 - heard
        });
        Faults {
            lost: lost.sum(),
            doubled: self.doubled,
            disordered: Some(self.disordered),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: usize = 4;

    fn frame(room: usize, sender: usize, number: u64) -> Vec<u8> {
        let words = Words {
            room,
            sender,
            number,
        };
        let text = words.text();
        format!(r#"42["receive_message",{{"message":"{text}"}}]"#).into_bytes()
    }

    /// What a reader in room 3, in which two write, finds wrong when it hears
    /// these, given by sender and number; each has said four.
    fn found(heard: &[(usize, u64)]) -> (u64, u64, u64) {
        let frames = heard.iter().map(|(sender, number)| (3, *sender, *number));
        of_frames(&frames.collect::<Vec<_>>())
    }

    fn of_frames(frames: &[(usize, usize, u64)]) -> (u64, u64, u64) {
        let mut tally = Tally::new(3, 2);
        for (room, sender, number) in frames {
            tally.hear(&frame(*room, *sender, *number), |_| SAID);
        }
        let faults = tally.faults(|_| SAID);
        let disordered = faults.disordered.expect("these frames say whose they are");
        (faults.lost, faults.doubled, disordered)
    }

    const WHOLE: [(usize, u64); 8] = [
        (0, 1),
        (1, 1),
        (0, 2),
        (0, 3),
        (1, 2),
        (1, 3),
        (1, 4),
        (0, 4),
    ];

    #[test]
    fn words_say_which_message_it_is() {
        let words = Words {
            room: 12,
            sender: 1,
            number: 34_567,
        };
        assert_eq!(words.text().len(), 100);
        assert_eq!(Words::of(&frame(12, 1, 34_567)), Some(words));
        for other in [
            r##"{"message":"#1:2"}"##,
            r##"{"message":"1:2:3#"}"##,
            r##"{"message":"#1:2:0#"}"##,
            r##"{"message":"#1:-2:3#"}"##,
            "",
        ] {
            assert_eq!(Words::of(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn what_comes_once_and_in_its_senders_order_is_right() {
        assert_eq!(found(&WHOLE), (0, 0, 0));
    }

    #[test]
    fn what_does_not_come_is_lost_wherever_it_stood() {
        for (at, gone) in WHOLE.iter().enumerate() {
            let mut heard = WHOLE.to_vec();
            heard.remove(at);
            assert_eq!(found(&heard), (1, 0, 0), "without {gone:?}");
        }
        assert_eq!(found(&[]), (8, 0, 0));
    }

    #[test]
    fn what_comes_again_is_doubled() {
        for again in WHOLE {
            let mut heard = WHOLE.to_vec();
            heard.push(again);
            assert_eq!(found(&heard), (0, 1, 0), "{again:?}");
        }
    }

    #[test]
    fn what_comes_after_its_senders_later_word_is_disordered() {
        let mut heard = WHOLE;
        heard.swap(2, 3);
        assert_eq!(found(&heard), (0, 0, 1), "2 after 3");
        heard = WHOLE;
        heard.swap(0, 7);
        assert_eq!(found(&heard), (0, 0, 3), "1 to 3 after 4");
        heard = WHOLE;
        heard.swap(0, 1);
        assert_eq!(found(&heard), (0, 0, 0), "of two senders");
    }

    #[test]
    fn what_nobody_said_here_makes_good_for_nothing_that_is_lost() {
        for stranger in [(2, 0, 2), (3, 2, 2), (3, 0, 5)] {
            let mut frames: Vec<_> = WHOLE.iter().map(|(s, n)| (3, *s, *n)).collect();
            frames[2] = stranger;
            assert_eq!(of_frames(&frames), (1, 1, 0), "{stranger:?}");
        }
    }

    #[test]
    fn one_readers_faults_make_good_for_no_other_ones() {
        let lost = Faults {
            lost: 2,
            doubled: 0,
            disordered: Some(0),
        };
        let doubled = Faults {
            lost: 0,
            doubled: 2,
            disordered: Some(1),
        };
        let both: Faults = [lost, doubled].into_iter().sum();
        assert_eq!(both.to_string(), "2/2/1");
        assert_eq!(both.count(), 5);
        assert_eq!(Faults::default().to_string(), "0/0/–");
    }
}
