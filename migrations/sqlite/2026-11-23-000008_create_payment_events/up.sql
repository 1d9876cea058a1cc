-- All that has happened to a payment and why. Rows are only ever added.
CREATE TABLE payment_events (
    payment_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    kind TEXT NOT NULL,
    from_state TEXT,
    to_state TEXT,
    amount INTEGER,
    cause TEXT NOT NULL,
    cause_id TEXT,
    happened_at TEXT NOT NULL,
    PRIMARY KEY (payment_id, number),
    CONSTRAINT payment_events_payment_id_fkey FOREIGN KEY (payment_id) REFERENCES payments (id) ON DELETE RESTRICT
) STRICT, WITHOUT ROWID;
