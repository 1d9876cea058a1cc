-- The keys by which buyers' orders are known again.
CREATE TABLE idempotency_keys (
    payment_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    created_at TEXT NOT NULL,
    PRIMARY KEY (payment_id),
    CONSTRAINT idempotency_keys_user_id_idempotency_key UNIQUE (user_id, idempotency_key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_keys_created_at ON idempotency_keys (created_at);
