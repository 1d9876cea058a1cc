-- Who has written last: a replica that has a writer's mark has what the writer wrote before it. Servers mark themselves too, to
-- measure how far a replica lags.
CREATE TABLE IF NOT EXISTS write_marks (
    writer VARCHAR(64) NOT NULL PRIMARY KEY,
    mark VARCHAR(36) NOT NULL,
    marked_at DATETIME(6) NOT NULL,
    INDEX write_marks_marked_at (marked_at)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET ascii COLLATE ascii_bin;
