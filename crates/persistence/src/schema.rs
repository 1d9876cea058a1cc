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

diesel::table! {
    /// What is offered, and what was.
    products (id) {
        /// A UUID in hyphenated lower-case form.
        id -> Text,
        /// The seller's account.
        user_id -> Text,
        /// What it is called.
        name -> Text,
        /// The name in lower case, by which lists are sorted and searched.
        name_key -> Text,
        /// What is told of it.
        description -> Text,
        /// What one piece costs, in minor units.
        price -> BigInt,
        /// How many pieces there are.
        stock -> Integer,
        /// The place of its image in our store.
        image_key -> Nullable<Text>,
        /// The address of its image elsewhere.
        image_url -> Nullable<Text>,
        /// How often it has been changed, counted from one.
        version -> BigInt,
        /// When it was first offered, in UTC.
        created_at -> Timestamp,
        /// When it was last changed, in UTC.
        updated_at -> Timestamp,
        /// When it was withdrawn, in UTC.
        deleted_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    /// Images that are to be removed from the store.
    image_notes (image_key) {
        /// The place in the store.
        image_key -> Text,
        /// From when on it is to be removed, in UTC.
        due_at -> Timestamp,
        /// How often that has been begun. From the first time on no product can have the image.
        attempts -> Integer,
    }
}
