//! What a socket is told depends on what it has spoken and opened
//! (contracts/README.md, "who is speaking?"): its view of a room, which the hub
//! knows as a facet.

use tertulia_hub::Facet;

/// What a socket has spoken so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Spoken {
    /// Nothing that only one of the two has: it is undecided.
    #[default]
    Nothing,
    /// REDUP, and never UPRed.
    Redup,
    /// UPRed, whatever else.
    Upred,
}

impl Spoken {
    /// After something that only one of the two says.
    pub(super) fn after(self, dialect: Dialect) -> Self {
        match (self, dialect) {
            (Self::Upred, _) | (_, Dialect::Upred) => Self::Upred,
            (_, Dialect::Redup) => Self::Redup,
        }
    }
}

/// The two systems behind the one namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Upred,
    Redup,
}

/// How a socket stands to a room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct View {
    /// What the socket has spoken.
    pub(super) spoken: Spoken,
    /// Whether it has opened the room.
    pub(super) open: bool,
}

impl View {
    /// How many there are.
    pub(super) const COUNT: Facet = 6;

    /// By what the hub knows it. A socket that has said nothing is at 0.
    pub(super) fn facet(self) -> Facet {
        let spoken = match self.spoken {
            Spoken::Nothing => 0,
            Spoken::Redup => 1,
            Spoken::Upred => 2,
        };
        spoken * 2 + Facet::from(self.open)
    }

    /// The view that the hub knows by this.
    pub(super) fn of(facet: Facet) -> Self {
        Self {
            spoken: match facet / 2 {
                0 => Spoken::Nothing,
                1 => Spoken::Redup,
                _ => Spoken::Upred,
            },
            open: facet % 2 == 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_facet_is_one_view() {
        for facet in 0..View::COUNT {
            assert_eq!(View::of(facet).facet(), facet);
        }
        assert_eq!(View::default().facet(), 0);
    }

    #[test]
    fn who_has_spoken_upred_stays_so() {
        let after = |said: &[Dialect]| {
            said.iter()
                .fold(Spoken::Nothing, |spoken, dialect| spoken.after(*dialect))
        };
        assert_eq!(after(&[Dialect::Redup]), Spoken::Redup);
        assert_eq!(after(&[Dialect::Redup, Dialect::Upred]), Spoken::Upred);
        assert_eq!(after(&[Dialect::Upred, Dialect::Redup]), Spoken::Upred);
    }
}
