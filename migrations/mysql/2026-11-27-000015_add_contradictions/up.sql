-- Why a payment waits for a person, and the latest that the gateway told of it and that did not fit.
-- A column that is there already is left alone. MariaDB reads the words of its own, and MySQL, which has none, asks before.
SET @step = 'ALTER TABLE payments
    ADD COLUMN /*M! IF NOT EXISTS */ attention VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NULL,
    ADD COLUMN /*M! IF NOT EXISTS */ contradicted_by VARCHAR(255) NULL,
    ADD COLUMN /*M! IF NOT EXISTS */ contradiction VARCHAR(500) NULL';
SET @step = IF(/*!80000 EXISTS (SELECT 1 FROM information_schema.columns
    WHERE table_schema = DATABASE() AND table_name = 'payments' AND column_name = 'attention') OR */ FALSE, 'DO 0', @step);
PREPARE step FROM @step;
EXECUTE step;
DEALLOCATE PREPARE step;
