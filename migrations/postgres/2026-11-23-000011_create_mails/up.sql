-- Mails about payments: queued with the change that they tell of.
CREATE TABLE mails (
    id VARCHAR(36) NOT NULL,
    payment_id VARCHAR(36) NOT NULL,
    event INTEGER NOT NULL,
    status VARCHAR(16) NOT NULL,
    audience VARCHAR(16) NOT NULL,
    state VARCHAR(16) NOT NULL,
    attempts INTEGER NOT NULL,
    uncertain INTEGER NOT NULL,
    next_at TIMESTAMP(6) NOT NULL,
    last_error TEXT,
    created_at TIMESTAMP(6) NOT NULL,
    updated_at TIMESTAMP(6) NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT mails_payment_id_event_audience UNIQUE (payment_id, event, audience),
    CONSTRAINT mails_payment_id_fkey FOREIGN KEY (payment_id) REFERENCES payments (id) ON DELETE RESTRICT
);
CREATE INDEX mails_state ON mails (state, next_at);
