-- What a payer pays on top of a transaction's amount for the way of paying. It is not the shop's.
-- MariaDB reads what MySQL takes for a comment: MySQL has no such words for columns.
ALTER TABLE payment_transactions ADD COLUMN /*M! IF NOT EXISTS */ fee BIGINT NOT NULL DEFAULT 0;
