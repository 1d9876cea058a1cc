-- A column that is gone already is left alone: MySQL has no IF EXISTS for columns.
SET @step = 'ALTER TABLE payments
    DROP COLUMN contradiction,
    DROP COLUMN contradicted_by,
    DROP COLUMN attention';
SET @step = IF(EXISTS (SELECT 1 FROM information_schema.columns
    WHERE table_schema = DATABASE() AND table_name = 'payments' AND column_name = 'attention'),
    @step, 'DO 0');
PREPARE step FROM @step;
EXECUTE step;
DEALLOCATE PREPARE step;
