-- Work that one server at a time does, and which one has it until when.
CREATE TABLE leases (
    name VARCHAR(32) NOT NULL,
    holder VARCHAR(64) NOT NULL,
    ends_at TIMESTAMP(6) NOT NULL,
    PRIMARY KEY (name)
);
