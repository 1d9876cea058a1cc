//! The columns as Diesel sees them, the same on all databases. The tests of each port check them against the
//! migrations.

diesel::table! {
    /// Accounts.
    users (id) {
        /// A UUID in hyphenated lower-case form.
        id -> Text,
        /// What the owner is called.
        name -> Text,
        /// The e-mail address as typed.
        email -> Text,
        /// The e-mail address as one identity; unique.
        email_key -> Text,
        /// The role's name.
        role -> Text,
        /// The password's hash, in bcrypt's own format.
        password_hash -> Text,
        /// When the account was opened, in UTC.
        created_at -> Timestamp,
    }
}

diesel::table! {
    /// Counters of the log-in throttle.
    login_attempts (attempt_key) {
        /// The digest of an account's e-mail key, or of it and a client's address.
        attempt_key -> Text,
        /// The digest of the account's e-mail key.
        account_key -> Text,
        /// Failures since the last success.
        failures -> BigInt,
        /// Attempts that are being checked.
        pending -> BigInt,
        /// When the last attempt was admitted or ended, in UTC.
        last_at -> Timestamp,
        /// Until when the client's address has a counter of its own, in UTC.
        trusted_until -> Nullable<Timestamp>,
    }
}
