-- The attempts to pay, as the gateway has told of them when it was asked.
CREATE TABLE IF NOT EXISTS payment_transactions (
    payment_id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    transaction_id VARCHAR(255) NOT NULL,
    status VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    payment_type VARCHAR(64) NOT NULL,
    amount BIGINT NOT NULL,
    refunded BIGINT NOT NULL,
    learnt_at DATETIME(6) NOT NULL,
    PRIMARY KEY (payment_id, transaction_id),
    CONSTRAINT payment_transactions_payment_id_fkey FOREIGN KEY (payment_id) REFERENCES payments (id) ON DELETE RESTRICT
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
