-- Why a payment waits for a person, and the latest that the gateway told of it and that did not fit.
ALTER TABLE payments
    ADD COLUMN attention VARCHAR(16),
    ADD COLUMN contradicted_by VARCHAR(255),
    ADD COLUMN contradiction VARCHAR(500);
