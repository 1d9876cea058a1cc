-- The attempts to pay, as the gateway has told of them when it was asked.
CREATE TABLE payment_transactions (
    payment_id TEXT NOT NULL,
    transaction_id TEXT NOT NULL,
    status TEXT NOT NULL,
    payment_type TEXT NOT NULL,
    amount INTEGER NOT NULL,
    refunded INTEGER NOT NULL,
    learnt_at TEXT NOT NULL,
    PRIMARY KEY (payment_id, transaction_id),
    CONSTRAINT payment_transactions_payment_id_fkey FOREIGN KEY (payment_id) REFERENCES payments (id) ON DELETE RESTRICT
) STRICT, WITHOUT ROWID;
