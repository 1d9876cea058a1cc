-- The keys by which buyers' orders are known again.
CREATE TABLE IF NOT EXISTS idempotency_keys (
    payment_id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    user_id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    idempotency_key VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    created_at DATETIME(6) NOT NULL,
    PRIMARY KEY (payment_id),
    CONSTRAINT idempotency_keys_user_id_idempotency_key UNIQUE (user_id, idempotency_key),
    INDEX idempotency_keys_created_at (created_at)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
