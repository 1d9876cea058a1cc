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
        /// How many pieces are reserved or sold.
        reserved -> BigInt,
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

diesel::table! {
    /// What was ordered, and how paying for it goes.
    payments (id) {
        /// A UUID in hyphenated lower-case form.
        id -> Text,
        /// What people call it; unique.
        payment_code -> Text,
        /// The buyer's account.
        user_id -> Text,
        /// The seller's account.
        seller_id -> Text,
        /// What was ordered.
        product_id -> Text,
        /// How many pieces.
        quantity -> Integer,
        /// What one piece costs, in minor units.
        unit_price -> BigInt,
        /// What they cost together, in minor units.
        total_amount -> BigInt,
        /// The product's name, as it was ordered.
        product_name -> Text,
        /// What was told of it then.
        product_description -> Text,
        /// How many pieces were left then.
        product_stock -> Integer,
        /// The place of its image in our store then; kept there for this.
        product_image_key -> Nullable<Text>,
        /// The address of its image elsewhere then.
        product_image_url -> Nullable<Text>,
        /// How often it had been changed.
        product_version -> BigInt,
        /// When it was first offered, in UTC.
        product_created_at -> Timestamp,
        /// When it had last been changed, in UTC.
        product_updated_at -> Timestamp,
        /// How the payment stands.
        state -> Text,
        /// Whether it waits for a person.
        needs_attention -> Bool,
        /// Why; none in rows from before that was kept.
        attention -> Nullable<Text>,
        /// The transaction that the gateway told of and that did not fit.
        contradicted_by -> Nullable<Text>,
        /// What it told, and why that did not fit.
        contradiction -> Nullable<Text>,
        /// As what it was closed here.
        closed -> Nullable<Text>,
        /// What the gateway's script opens the page by.
        token -> Nullable<Text>,
        /// The page's address.
        payment_url -> Nullable<Text>,
        /// Until when it can be paid, in UTC.
        expires_at -> Timestamp,
        /// When the gateway is asked about it next, in UTC.
        next_check_at -> Nullable<Timestamp>,
        /// How often that was done without an end in sight.
        checks -> Integer,
        /// How many events there are.
        events -> Integer,
        /// How often it has been changed, counted from one.
        version -> BigInt,
        /// When it was ordered, in UTC.
        created_at -> Timestamp,
        /// When the gateway had made its page, in UTC.
        opened_at -> Nullable<Timestamp>,
        /// When it was last changed, in UTC.
        updated_at -> Timestamp,
    }
}

diesel::table! {
    /// The attempts to pay.
    payment_transactions (payment_id, transaction_id) {
        /// The payment.
        payment_id -> Text,
        /// The gateway's name for it.
        transaction_id -> Text,
        /// How it stands.
        status -> Text,
        /// How it is paid, in the gateway's words.
        payment_type -> Text,
        /// What it is for, in minor units.
        amount -> BigInt,
        /// What the payer pays on top of that for the way of paying, in minor units.
        fee -> BigInt,
        /// How much was given back, in minor units.
        refunded -> BigInt,
        /// When that was learnt, in UTC.
        learnt_at -> Timestamp,
    }
}

diesel::table! {
    /// What has become of the pieces that were taken off the stock for payments.
    stock_reservations (payment_id) {
        /// The payment.
        payment_id -> Text,
        /// The product.
        product_id -> Text,
        /// How many pieces.
        quantity -> Integer,
        /// `held`, `sold` or `released`.
        state -> Text,
        /// Until when they are held unless somebody pays, in UTC.
        expires_at -> Timestamp,
        /// When that last changed, in UTC.
        updated_at -> Timestamp,
    }
}

diesel::table! {
    /// All that has happened to payments.
    payment_events (payment_id, number) {
        /// The payment.
        payment_id -> Text,
        /// Its number among the payment's, counted from one.
        number -> Integer,
        /// What happened.
        kind -> Text,
        /// The state before, where it changed.
        from_state -> Nullable<Text>,
        /// The state after.
        to_state -> Nullable<Text>,
        /// The amount of money, where it is about one, in minor units.
        amount -> Nullable<BigInt>,
        /// Why.
        cause -> Text,
        /// The notification that caused it.
        cause_id -> Nullable<Text>,
        /// When, in UTC.
        happened_at -> Timestamp,
    }
}

diesel::table! {
    /// The keys by which orders are known again.
    idempotency_keys (payment_id) {
        /// The payment.
        payment_id -> Text,
        /// Whose order it was; unique with the key.
        user_id -> Text,
        /// The key.
        idempotency_key -> Text,
        /// When it came, in UTC.
        created_at -> Timestamp,
    }
}

diesel::table! {
    /// What the gateway has sent.
    notifications (id) {
        /// A UUID in hyphenated lower-case form.
        id -> Text,
        /// What the gateway calls the payment.
        order_id -> Text,
        /// The gateway's name for the attempt to pay.
        transaction_id -> Nullable<Text>,
        /// How that stands, in the gateway's words.
        transaction_status -> Text,
        /// What makes it the same as another; unique.
        fingerprint -> Text,
        /// All of it, but for its signature.
        body -> Text,
        /// When it first came, in UTC.
        received_at -> Timestamp,
        /// How often it has come.
        times -> Integer,
        /// What came of it.
        verdict -> Nullable<Text>,
        /// When that was decided, in UTC.
        judged_at -> Nullable<Timestamp>,
        /// How often it was begun.
        attempts -> Integer,
        /// When it is begun next, in UTC.
        next_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    /// Mails about payments.
    mails (id) {
        /// A UUID in hyphenated lower-case form.
        id -> Text,
        /// The payment.
        payment_id -> Text,
        /// The number of the event that it tells of; unique with the payment and the audience.
        event -> Integer,
        /// The status that the payment had from then on.
        status -> Text,
        /// To whom.
        audience -> Text,
        /// `queued`, `sent` or `dead`.
        state -> Text,
        /// How often it was begun.
        attempts -> Integer,
        /// How often it is not known whether it was sent.
        uncertain -> Integer,
        /// When it is begun next, in UTC.
        next_at -> Timestamp,
        /// Why it could not be sent.
        last_error -> Nullable<Text>,
        /// When it was queued, in UTC.
        created_at -> Timestamp,
        /// When it was last settled, in UTC.
        updated_at -> Timestamp,
        /// Until when it is with the server that sends it, in UTC.
        leased_until -> Nullable<Timestamp>,
    }
}

diesel::table! {
    /// Who did what that somebody may have to answer for.
    audit_log (id) {
        /// A UUID in hyphenated lower-case form.
        id -> Text,
        /// When, in UTC.
        happened_at -> Timestamp,
        /// What was done.
        action -> Text,
        /// Who did it: an account, `operator`, `owner` or `stranger`.
        actor -> Text,
        /// Where they were.
        client -> Nullable<Text>,
        /// What it was done to.
        subject -> Text,
        /// What more there is to tell.
        details -> Text,
    }
}

diesel::table! {
    /// Work that one server at a time does.
    leases (name) {
        /// The work.
        name -> Text,
        /// Which server.
        holder -> Text,
        /// Until when, in UTC.
        ends_at -> Timestamp,
    }
}

diesel::allow_tables_to_appear_in_same_query!(payments, users);
