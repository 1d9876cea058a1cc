-- An index for each order. What is withdrawn stays in them, and deleted_at comes last: several indexes that begin with it
-- look alike to MariaDB, which then reads a list from its beginning instead of from the cursor on.
CREATE TABLE IF NOT EXISTS products (
    id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    user_id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    name VARCHAR(255) NOT NULL,
    name_key VARCHAR(255) NOT NULL,
    description TEXT NOT NULL,
    price BIGINT NOT NULL CHECK (price >= 0),
    stock INTEGER NOT NULL CHECK (stock >= 0),
    reserved BIGINT NOT NULL DEFAULT 0 CHECK (reserved >= 0),
    image_key VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
    image_url VARCHAR(255) NULL,
    version BIGINT NOT NULL,
    created_at DATETIME(6) NOT NULL,
    updated_at DATETIME(6) NOT NULL,
    deleted_at DATETIME(6) NULL,
    INDEX products_created_at (created_at, id, deleted_at),
    INDEX products_price (price, id, deleted_at),
    INDEX products_name_key (name_key, id, deleted_at),
    INDEX products_user_id (user_id, created_at, id, deleted_at),
    CONSTRAINT products_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE RESTRICT
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
