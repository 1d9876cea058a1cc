-- Who did what that somebody may have to answer for. Rows are added and, when they are old, dropped, and none is changed.
CREATE TABLE audit_log (
    id VARCHAR(36) NOT NULL,
    happened_at TIMESTAMP(6) NOT NULL,
    action VARCHAR(32) NOT NULL,
    actor VARCHAR(36) NOT NULL,
    client VARCHAR(45),
    subject VARCHAR(64) NOT NULL,
    details VARCHAR(255) NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX audit_log_subject ON audit_log (subject, happened_at);
CREATE INDEX audit_log_happened_at ON audit_log (happened_at);
