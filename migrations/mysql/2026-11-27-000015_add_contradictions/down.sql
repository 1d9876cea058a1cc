-- A column that is gone already is left alone. MariaDB reads the words of its own, and MySQL, which has none, asks before.
SET @step = 'ALTER TABLE payments
    DROP COLUMN /*M! IF EXISTS */ contradiction,
    DROP COLUMN /*M! IF EXISTS */ contradicted_by,
    DROP COLUMN /*M! IF EXISTS */ attention';
SET @step = IF(/*!80000 NOT EXISTS (SELECT 1 FROM information_schema.columns
    WHERE table_schema = DATABASE() AND table_name = 'payments' AND column_name = 'attention') OR */ FALSE, 'DO 0', @step);
PREPARE step FROM @step;
EXECUTE step;
DEALLOCATE PREPARE step;
