-- A column that is gone already is left alone: MySQL has no IF EXISTS for columns.
SET @step = 'ALTER TABLE payment_transactions DROP COLUMN fee';
SET @step = IF(EXISTS (SELECT 1 FROM information_schema.columns
    WHERE table_schema = DATABASE() AND table_name = 'payment_transactions' AND column_name = 'fee'),
    @step, 'DO 0');
PREPARE step FROM @step;
EXECUTE step;
DEALLOCATE PREPARE step;
