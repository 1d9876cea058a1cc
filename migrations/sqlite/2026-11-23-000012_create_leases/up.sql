-- Work that one server at a time does, and which one has it until when.
CREATE TABLE leases (
    name TEXT NOT NULL,
    holder TEXT NOT NULL,
    ends_at TEXT NOT NULL,
    PRIMARY KEY (name)
) STRICT, WITHOUT ROWID;
