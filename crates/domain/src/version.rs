//! The version of an entity, by which concurrent changes are told apart.

/// How often a thing has been changed, counted from one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(i64);

impl Version {
    pub const FIRST: Self = Self(1);

    #[must_use]
    pub const fn restore(number: i64) -> Self {
        Self(number)
    }

    /// The number that is kept in storage.
    #[must_use]
    pub const fn number(self) -> i64 {
        self.0
    }

    /// That of the thing after one more change.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}
