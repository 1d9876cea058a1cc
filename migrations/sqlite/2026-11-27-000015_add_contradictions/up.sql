-- Why a payment waits for a person, and the latest that the gateway told of it and that did not fit.
ALTER TABLE payments ADD COLUMN attention TEXT;
ALTER TABLE payments ADD COLUMN contradicted_by TEXT;
ALTER TABLE payments ADD COLUMN contradiction TEXT;
