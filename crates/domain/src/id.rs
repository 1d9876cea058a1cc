//! Identifiers: one type per kind of entity, so that the compiler tells them apart.

#[doc(hidden)]
pub use uuid;

/// Declares an id type: a UUID that is written as 36 characters.
#[macro_export]
macro_rules! uuid_id {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name($crate::id::uuid::Uuid);

        impl $name {
            /// A new UUID version 7, greater than all that this process generated before.
            #[must_use]
            pub fn generate() -> Self {
                Self($crate::id::uuid::Uuid::now_v7())
            }

            /// The identifier as a number.
            #[must_use]
            pub const fn as_uuid(self) -> $crate::id::uuid::Uuid {
                self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::id::uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $crate::id::uuid::Uuid::try_parse(text).map(Self)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }
    };
}

pub use uuid_id;
