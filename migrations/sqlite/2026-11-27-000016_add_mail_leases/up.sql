-- Until when a mail is with the server that sends it. While it is, `next_at` is the same, for servers of the release before.
ALTER TABLE mails ADD COLUMN leased_until TEXT;
