-- Until when a mail is with the server that sends it. While it is, `next_at` is the same, for servers of the release before.
-- A column that is there already is left alone. MariaDB reads the words of its own, and MySQL, which has none, asks before.
SET @step = 'ALTER TABLE mails ADD COLUMN /*M! IF NOT EXISTS */ leased_until DATETIME(6) NULL';
SET @step = IF(/*!80000 EXISTS (SELECT 1 FROM information_schema.columns
    WHERE table_schema = DATABASE() AND table_name = 'mails' AND column_name = 'leased_until') OR */ FALSE, 'DO 0', @step);
PREPARE step FROM @step;
EXECUTE step;
DEALLOCATE PREPARE step;
