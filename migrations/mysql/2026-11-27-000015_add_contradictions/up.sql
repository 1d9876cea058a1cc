-- Why a payment waits for a person, and the latest that the gateway told of it and that did not fit.
-- MariaDB reads what MySQL takes for a comment: MySQL has no such words for columns.
ALTER TABLE payments
    ADD COLUMN /*M! IF NOT EXISTS */ attention VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NULL,
    ADD COLUMN /*M! IF NOT EXISTS */ contradicted_by VARCHAR(255) NULL,
    ADD COLUMN /*M! IF NOT EXISTS */ contradiction VARCHAR(500) NULL;
