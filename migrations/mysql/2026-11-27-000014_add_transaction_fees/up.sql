-- What a payer pays on top of a transaction's amount for the way of paying. It is not the shop's.
-- A column that is there already is left alone. MariaDB reads the words of its own, and MySQL, which has none, asks before.
SET @step = 'ALTER TABLE payment_transactions ADD COLUMN /*M! IF NOT EXISTS */ fee BIGINT NOT NULL DEFAULT 0';
SET @step = IF(/*!80000 EXISTS (SELECT 1 FROM information_schema.columns
    WHERE table_schema = DATABASE() AND table_name = 'payment_transactions' AND column_name = 'fee') OR */ FALSE, 'DO 0', @step);
PREPARE step FROM @step;
EXECUTE step;
DEALLOCATE PREPARE step;
