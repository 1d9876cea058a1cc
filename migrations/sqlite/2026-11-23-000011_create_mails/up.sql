-- Mails about payments: queued with the change that they tell of.
CREATE TABLE mails (
    id TEXT NOT NULL,
    payment_id TEXT NOT NULL,
    event INTEGER NOT NULL,
    status TEXT NOT NULL,
    audience TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    uncertain INTEGER NOT NULL,
    next_at TEXT NOT NULL,
    last_error TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT mails_payment_id_event_audience UNIQUE (payment_id, event, audience),
    CONSTRAINT mails_payment_id_fkey FOREIGN KEY (payment_id) REFERENCES payments (id) ON DELETE RESTRICT
) STRICT, WITHOUT ROWID;
CREATE INDEX mails_state ON mails (state, next_at);
