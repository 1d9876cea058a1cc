-- A column that is gone already is left alone: MySQL has no IF EXISTS for columns.
SET @step = 'ALTER TABLE mails DROP COLUMN leased_until';
SET @step = IF(EXISTS (SELECT 1 FROM information_schema.columns
    WHERE table_schema = DATABASE() AND table_name = 'mails' AND column_name = 'leased_until'),
    @step, 'DO 0');
PREPARE step FROM @step;
EXECUTE step;
DEALLOCATE PREPARE step;
