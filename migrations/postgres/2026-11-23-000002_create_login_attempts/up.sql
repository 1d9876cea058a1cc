-- The keys are SHA-256 digests of e-mail addresses that anybody may have typed, so that no stranger's address is kept.
CREATE TABLE login_attempts (
    attempt_key VARCHAR(64) NOT NULL PRIMARY KEY,
    account_key VARCHAR(64) NOT NULL,
    failures BIGINT NOT NULL,
    pending BIGINT NOT NULL,
    last_at TIMESTAMP(6) NOT NULL,
    trusted_until TIMESTAMP(6)
);
CREATE INDEX login_attempts_account_key ON login_attempts (account_key);
