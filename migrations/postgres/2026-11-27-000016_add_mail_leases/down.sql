ALTER TABLE mails DROP COLUMN leased_until;
