DROP TABLE IF EXISTS payment_transactions;
