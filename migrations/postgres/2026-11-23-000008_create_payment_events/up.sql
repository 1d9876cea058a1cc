-- All that has happened to a payment and why. Rows are only ever added.
CREATE TABLE payment_events (
    payment_id VARCHAR(36) NOT NULL,
    number INTEGER NOT NULL,
    kind VARCHAR(16) NOT NULL,
    from_state VARCHAR(16),
    to_state VARCHAR(16),
    amount BIGINT,
    cause VARCHAR(16) NOT NULL,
    cause_id VARCHAR(36),
    happened_at TIMESTAMP(6) NOT NULL,
    PRIMARY KEY (payment_id, number),
    CONSTRAINT payment_events_payment_id_fkey FOREIGN KEY (payment_id) REFERENCES payments (id) ON DELETE RESTRICT
);
