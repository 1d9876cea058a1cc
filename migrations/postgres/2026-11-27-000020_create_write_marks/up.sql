-- Who has written last: a replica that has a writer's mark has what the writer wrote before it. Servers mark themselves too, to
-- measure how far a replica lags.
CREATE TABLE write_marks (
    writer VARCHAR(64) NOT NULL PRIMARY KEY,
    mark VARCHAR(36) NOT NULL,
    marked_at TIMESTAMP(6) NOT NULL
);
CREATE INDEX write_marks_marked_at ON write_marks (marked_at);
