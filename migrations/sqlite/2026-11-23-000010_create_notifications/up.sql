-- What the payment gateway has sent, as it came, and what came of it.
CREATE TABLE notifications (
    id TEXT NOT NULL,
    order_id TEXT NOT NULL,
    transaction_id TEXT,
    transaction_status TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    body TEXT NOT NULL,
    received_at TEXT NOT NULL,
    times INTEGER NOT NULL,
    verdict TEXT,
    judged_at TEXT,
    attempts INTEGER NOT NULL,
    next_at TEXT,
    PRIMARY KEY (id),
    CONSTRAINT notifications_fingerprint UNIQUE (fingerprint)
) STRICT;
CREATE INDEX notifications_order_id ON notifications (order_id);
CREATE INDEX notifications_next_at ON notifications (next_at) WHERE next_at IS NOT NULL;
