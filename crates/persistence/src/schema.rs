//! The columns as Diesel sees them, the same on all databases. The tests of each port check them against the migrations.
//!
//! Ids are UUIDs in hyphenated lower-case form, times are UTC, and money is in minor units.

diesel::table! {
    users (id) {
        id -> Text,
        name -> Text,
        /// As typed.
        email -> Text,
        /// The same for all spellings of one address; unique.
        email_key -> Text,
        role -> Text,
        /// In bcrypt's own format.
        password_hash -> Text,
        created_at -> Timestamp,
    }
}

diesel::table! {
    /// Counters of the log-in throttle.
    login_attempts (attempt_key) {
        /// The digest of an account's e-mail key, or of that and a client's address.
        attempt_key -> Text,
        /// The digest of the account's e-mail key.
        account_key -> Text,
        /// Since the last success.
        failures -> BigInt,
        /// Attempts that are being checked.
        pending -> BigInt,
        /// When the last attempt was admitted or ended.
        last_at -> Timestamp,
        /// Until when the client's address has a counter of its own.
        trusted_until -> Nullable<Timestamp>,
    }
}

diesel::table! {
    /// Products, also withdrawn ones.
    products (id) {
        id -> Text,
        /// The seller.
        user_id -> Text,
        name -> Text,
        /// The name in lower case, by which lists are sorted and searched.
        name_key -> Text,
        description -> Text,
        price -> BigInt,
        stock -> Integer,
        /// The image in the shop's store.
        image_key -> Nullable<Text>,
        /// An image elsewhere.
        image_url -> Nullable<Text>,
        /// How many pieces are reserved or sold.
        reserved -> BigInt,
        /// Counted from one.
        version -> BigInt,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        /// When the product was withdrawn.
        deleted_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    /// Images that are to be removed from the store.
    image_notes (image_key) {
        image_key -> Text,
        /// When the image is to be removed, or may be claimed again.
        due_at -> Timestamp,
        /// How often a worker has claimed the removal. After the first claim no product can get the image.
        attempts -> Integer,
    }
}

diesel::table! {
    /// Payments. The columns `product_…` are as they were when it was ordered.
    payments (id) {
        id -> Text,
        /// The name for people; unique.
        payment_code -> Text,
        /// The buyer.
        user_id -> Text,
        /// The seller.
        seller_id -> Text,
        product_id -> Text,
        quantity -> Integer,
        unit_price -> BigInt,
        total_amount -> BigInt,
        product_name -> Text,
        product_description -> Text,
        product_stock -> Integer,
        /// The store keeps the image for the payment.
        product_image_key -> Nullable<Text>,
        product_image_url -> Nullable<Text>,
        product_version -> BigInt,
        product_created_at -> Timestamp,
        product_updated_at -> Timestamp,
        state -> Text,
        /// Whether the payment waits for an operator.
        needs_attention -> Bool,
        /// Why; `NULL` in rows of older releases.
        attention -> Nullable<Text>,
        /// The transaction whose report contradicts the payment.
        contradicted_by -> Nullable<Text>,
        /// What was reported, and why that contradicts the payment.
        contradiction -> Nullable<Text>,
        /// The state in which the shop itself closed the payment.
        closed -> Nullable<Text>,
        /// Opens the page in the gateway's script.
        token -> Nullable<Text>,
        payment_url -> Nullable<Text>,
        /// Until when it can be paid.
        expires_at -> Timestamp,
        /// When the gateway is asked next.
        next_check_at -> Nullable<Timestamp>,
        /// How often the gateway was asked without a final answer.
        checks -> Integer,
        /// How many events the payment has.
        events -> Integer,
        /// Counted from one.
        version -> BigInt,
        created_at -> Timestamp,
        /// When the gateway had made the page.
        opened_at -> Nullable<Timestamp>,
        updated_at -> Timestamp,
    }
}

diesel::table! {
    /// Transactions at the gateway: attempts to pay.
    payment_transactions (payment_id, transaction_id) {
        payment_id -> Text,
        /// The gateway's id.
        transaction_id -> Text,
        status -> Text,
        /// In the gateway's words.
        payment_type -> Text,
        amount -> BigInt,
        /// What the payer pays for the way of paying, beside the amount.
        fee -> BigInt,
        refunded -> BigInt,
        learnt_at -> Timestamp,
    }
}

diesel::table! {
    /// Pieces that were taken off the stock for payments.
    stock_reservations (payment_id) {
        payment_id -> Text,
        product_id -> Text,
        quantity -> Integer,
        /// `held`, `sold` or `released`.
        state -> Text,
        /// Until when the pieces are held unless the payment is paid.
        expires_at -> Timestamp,
        updated_at -> Timestamp,
    }
}

diesel::table! {
    /// What happened to payments.
    payment_events (payment_id, number) {
        payment_id -> Text,
        /// Counted from one within a payment.
        number -> Integer,
        kind -> Text,
        from_state -> Nullable<Text>,
        to_state -> Nullable<Text>,
        /// Where the event is about money.
        amount -> Nullable<BigInt>,
        cause -> Text,
        /// The notification that caused the event.
        cause_id -> Nullable<Text>,
        happened_at -> Timestamp,
    }
}

diesel::table! {
    /// The keys by which repeated orders are recognized.
    idempotency_keys (payment_id) {
        payment_id -> Text,
        /// The buyer; unique with the key.
        user_id -> Text,
        idempotency_key -> Text,
        created_at -> Timestamp,
    }
}

diesel::table! {
    /// Notifications of the gateway.
    notifications (id) {
        id -> Text,
        /// The payment, in the gateway's words.
        order_id -> Text,
        /// The gateway's id of the attempt to pay.
        transaction_id -> Nullable<Text>,
        /// In the gateway's words.
        transaction_status -> Text,
        /// Equal for repeated notifications; unique.
        fingerprint -> Text,
        /// The whole notification without its signature.
        body -> Text,
        received_at -> Timestamp,
        /// How often the notification was received.
        times -> Integer,
        /// The outcome.
        verdict -> Nullable<Text>,
        judged_at -> Nullable<Timestamp>,
        /// How often a worker has claimed the row.
        attempts -> Integer,
        /// When a worker may claim the row.
        next_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    /// The outbox.
    mails (id) {
        id -> Text,
        payment_id -> Text,
        /// The number of the event that the mail is about; unique with payment and audience.
        event -> Integer,
        /// The payment's status after the event.
        status -> Text,
        audience -> Text,
        /// `queued`, `sent` or `dead`.
        state -> Text,
        /// How often a worker has claimed the row.
        attempts -> Integer,
        /// How many attempts may have sent the mail.
        uncertain -> Integer,
        /// When a worker may claim the row.
        next_at -> Timestamp,
        last_error -> Nullable<Text>,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        /// Until when the mail belongs to the server that sends it.
        leased_until -> Nullable<Timestamp>,
    }
}

diesel::table! {
    audit_log (id) {
        id -> Text,
        happened_at -> Timestamp,
        action -> Text,
        /// An account, `operator`, `owner` or `stranger`.
        actor -> Text,
        client -> Nullable<Text>,
        subject -> Text,
        details -> Text,
    }
}

diesel::table! {
    /// Work that one server at a time does.
    leases (name) {
        name -> Text,
        /// The server.
        holder -> Text,
        ends_at -> Timestamp,
    }
}

diesel::table! {
    /// Who has written last, for reads from a replica.
    write_marks (writer) {
        /// A digest that tells the writer: a user, a client's address or a server.
        writer -> Text,
        /// Another text for each write.
        mark -> Text,
        marked_at -> Timestamp,
    }
}

diesel::allow_tables_to_appear_in_same_query!(payments, users);
