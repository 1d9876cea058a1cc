-- What the payment gateway has sent, as it came, and what came of it.
CREATE TABLE notifications (
    id VARCHAR(36) NOT NULL,
    order_id VARCHAR(255) NOT NULL,
    transaction_id VARCHAR(255),
    transaction_status VARCHAR(64) NOT NULL,
    fingerprint VARCHAR(64) NOT NULL,
    body TEXT NOT NULL,
    received_at TIMESTAMP(6) NOT NULL,
    times INTEGER NOT NULL,
    verdict VARCHAR(16),
    judged_at TIMESTAMP(6),
    attempts INTEGER NOT NULL,
    next_at TIMESTAMP(6),
    PRIMARY KEY (id),
    CONSTRAINT notifications_fingerprint UNIQUE (fingerprint)
);
CREATE INDEX notifications_order_id ON notifications (order_id);
CREATE INDEX notifications_next_at ON notifications (next_at) WHERE next_at IS NOT NULL;
