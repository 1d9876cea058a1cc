-- Who did what that somebody may have to answer for. Rows are added and, when they are old, dropped, and none is changed.
CREATE TABLE audit_log (
    id TEXT NOT NULL,
    happened_at TEXT NOT NULL,
    action TEXT NOT NULL,
    actor TEXT NOT NULL,
    client TEXT,
    subject TEXT NOT NULL,
    details TEXT NOT NULL,
    PRIMARY KEY (id)
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_log_subject ON audit_log (subject, happened_at);
CREATE INDEX audit_log_happened_at ON audit_log (happened_at);
