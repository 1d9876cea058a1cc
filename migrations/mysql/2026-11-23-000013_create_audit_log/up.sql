-- Who did what that somebody may have to answer for. Rows are added and, when they are old, dropped, and none is changed.
CREATE TABLE IF NOT EXISTS audit_log (
    id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    happened_at DATETIME(6) NOT NULL,
    action VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    actor VARCHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    client VARCHAR(45) CHARACTER SET ascii COLLATE ascii_bin NULL,
    subject VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    details VARCHAR(255) NOT NULL,
    PRIMARY KEY (id),
    INDEX audit_log_subject (subject, happened_at),
    INDEX audit_log_happened_at (happened_at)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
