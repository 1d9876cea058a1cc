//! The columns that the bare script names, as Diesel sees them; the product keeps its own to itself.

diesel::table! {
    users (id) {
        id -> Text,
        name -> Text,
        email -> Text,
        email_key -> Text,
        role -> Text,
        password_hash -> Text,
        created_at -> Timestamp,
    }
}

diesel::table! {
    products (id) {
        id -> Text,
        user_id -> Text,
        name -> Text,
        name_key -> Text,
        description -> Text,
        price -> BigInt,
        stock -> Integer,
        image_key -> Nullable<Text>,
        image_url -> Nullable<Text>,
        reserved -> BigInt,
        version -> BigInt,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        deleted_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    payments (id) {
        id -> Text,
        payment_code -> Text,
        user_id -> Text,
        seller_id -> Text,
        product_id -> Text,
        quantity -> Integer,
        unit_price -> BigInt,
        total_amount -> BigInt,
        product_name -> Text,
        product_description -> Text,
        product_stock -> Integer,
        product_image_key -> Nullable<Text>,
        product_image_url -> Nullable<Text>,
        product_version -> BigInt,
        product_created_at -> Timestamp,
        product_updated_at -> Timestamp,
        state -> Text,
        needs_attention -> Bool,
        closed -> Nullable<Text>,
        token -> Nullable<Text>,
        payment_url -> Nullable<Text>,
        expires_at -> Timestamp,
        next_check_at -> Nullable<Timestamp>,
        checks -> Integer,
        events -> Integer,
        version -> BigInt,
        created_at -> Timestamp,
        opened_at -> Nullable<Timestamp>,
        updated_at -> Timestamp,
    }
}

diesel::table! {
    payment_transactions (payment_id, transaction_id) {
        payment_id -> Text,
        transaction_id -> Text,
        status -> Text,
        payment_type -> Text,
        amount -> BigInt,
        refunded -> BigInt,
        learnt_at -> Timestamp,
    }
}

diesel::table! {
    stock_reservations (payment_id) {
        payment_id -> Text,
        product_id -> Text,
        quantity -> Integer,
        state -> Text,
        expires_at -> Timestamp,
        updated_at -> Timestamp,
    }
}

diesel::table! {
    payment_events (payment_id, number) {
        payment_id -> Text,
        number -> Integer,
        kind -> Text,
        from_state -> Nullable<Text>,
        to_state -> Nullable<Text>,
        amount -> Nullable<BigInt>,
        cause -> Text,
        cause_id -> Nullable<Text>,
        happened_at -> Timestamp,
    }
}

diesel::table! {
    idempotency_keys (payment_id) {
        payment_id -> Text,
        user_id -> Text,
        idempotency_key -> Text,
        created_at -> Timestamp,
    }
}

diesel::table! {
    mails (id) {
        id -> Text,
        payment_id -> Text,
        event -> Integer,
        status -> Text,
        audience -> Text,
        state -> Text,
        attempts -> Integer,
        uncertain -> Integer,
        next_at -> Timestamp,
        last_error -> Nullable<Text>,
        created_at -> Timestamp,
        updated_at -> Timestamp,
    }
}
