ALTER TABLE mails DROP COLUMN /*M! IF EXISTS */ leased_until;
