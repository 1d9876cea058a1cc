ALTER TABLE payment_transactions DROP COLUMN /*M! IF EXISTS */ fee;
