-- The attempts to pay, as the gateway has told of them when it was asked.
CREATE TABLE payment_transactions (
    payment_id VARCHAR(36) NOT NULL,
    transaction_id VARCHAR(255) NOT NULL,
    status VARCHAR(24) NOT NULL,
    payment_type VARCHAR(64) NOT NULL,
    amount BIGINT NOT NULL,
    refunded BIGINT NOT NULL,
    learnt_at TIMESTAMP(6) NOT NULL,
    PRIMARY KEY (payment_id, transaction_id),
    CONSTRAINT payment_transactions_payment_id_fkey FOREIGN KEY (payment_id) REFERENCES payments (id) ON DELETE RESTRICT
);
