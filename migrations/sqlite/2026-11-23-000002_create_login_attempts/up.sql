-- The keys are SHA-256 digests of e-mail addresses that anybody may have typed, so that no stranger's address is kept.
CREATE TABLE login_attempts (
    attempt_key TEXT NOT NULL PRIMARY KEY,
    account_key TEXT NOT NULL,
    failures INTEGER NOT NULL,
    pending INTEGER NOT NULL,
    last_at TEXT NOT NULL,
    trusted_until TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX login_attempts_account_key ON login_attempts (account_key);
