-- Who has written last. SQLite has no replicas, so nothing is ever stored here; the databases have one schema.
CREATE TABLE write_marks (
    writer TEXT NOT NULL PRIMARY KEY,
    mark TEXT NOT NULL,
    marked_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX write_marks_marked_at ON write_marks (marked_at);
