-- A column that is gone already is left alone. MariaDB reads the words of its own, and MySQL, which has none, asks before.
SET @step = 'ALTER TABLE mails DROP COLUMN /*M! IF EXISTS */ leased_until';
SET @step = IF(/*!80000 NOT EXISTS (SELECT 1 FROM information_schema.columns
    WHERE table_schema = DATABASE() AND table_name = 'mails' AND column_name = 'leased_until') OR */ FALSE, 'DO 0', @step);
PREPARE step FROM @step;
EXECUTE step;
DEALLOCATE PREPARE step;
