-- What the payment gateway has sent, as it came, and what came of it.
CREATE TABLE IF NOT EXISTS notifications (
    id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    order_id VARCHAR(255) NOT NULL,
    transaction_id VARCHAR(255) NULL,
    transaction_status VARCHAR(64) NOT NULL,
    fingerprint VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    body MEDIUMTEXT NOT NULL,
    received_at DATETIME(6) NOT NULL,
    times INTEGER NOT NULL,
    verdict VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NULL,
    judged_at DATETIME(6) NULL,
    attempts INTEGER NOT NULL,
    next_at DATETIME(6) NULL,
    PRIMARY KEY (id),
    CONSTRAINT notifications_fingerprint UNIQUE (fingerprint),
    INDEX notifications_order_id (order_id),
    INDEX notifications_next_at (next_at)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
