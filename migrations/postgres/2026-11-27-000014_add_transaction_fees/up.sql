-- What a payer pays on top of a transaction's amount for the way of paying. It is not the shop's.
ALTER TABLE payment_transactions ADD COLUMN fee BIGINT NOT NULL DEFAULT 0;
