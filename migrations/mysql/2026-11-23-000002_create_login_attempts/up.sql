-- The keys are SHA-256 digests of e-mail addresses that anybody may have typed, so that no stranger's address is kept.
CREATE TABLE IF NOT EXISTS login_attempts (
    attempt_key CHAR(64) NOT NULL PRIMARY KEY,
    account_key CHAR(64) NOT NULL,
    failures BIGINT NOT NULL,
    pending BIGINT NOT NULL,
    last_at DATETIME(6) NOT NULL,
    trusted_until DATETIME(6) NULL,
    INDEX login_attempts_account_key (account_key)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET ascii COLLATE ascii_bin;
