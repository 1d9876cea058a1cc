ALTER TABLE payment_transactions DROP COLUMN fee;
