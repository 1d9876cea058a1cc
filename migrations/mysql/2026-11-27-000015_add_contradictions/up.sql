-- Why a payment waits for a person, and the latest that the gateway told of it and that did not fit.
-- A column that is there already is left alone: MySQL has no IF NOT EXISTS for columns.
SET @step = 'ALTER TABLE payments
    ADD COLUMN attention VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NULL,
    ADD COLUMN contradicted_by VARCHAR(255) NULL,
    ADD COLUMN contradiction VARCHAR(500) NULL';
SET @step = IF(EXISTS (SELECT 1 FROM information_schema.columns
    WHERE table_schema = DATABASE() AND table_name = 'payments' AND column_name = 'attention'),
    'DO 0', @step);
PREPARE step FROM @step;
EXECUTE step;
DEALLOCATE PREPARE step;
