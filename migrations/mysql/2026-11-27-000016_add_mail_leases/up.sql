-- Until when a mail is with the server that sends it. While it is, `next_at` is the same, for servers of the release before.
-- MariaDB reads what MySQL takes for a comment: MySQL has no such words for columns.
ALTER TABLE mails ADD COLUMN /*M! IF NOT EXISTS */ leased_until DATETIME(6) NULL;
