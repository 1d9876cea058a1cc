CREATE TABLE products (
    id VARCHAR(36) COLLATE "C" NOT NULL PRIMARY KEY,
    user_id VARCHAR(36) NOT NULL,
    name VARCHAR(255) NOT NULL,
    name_key VARCHAR(255) COLLATE "C" NOT NULL,
    description TEXT NOT NULL,
    price BIGINT NOT NULL CHECK (price >= 0),
    stock INTEGER NOT NULL CHECK (stock >= 0),
    reserved BIGINT NOT NULL DEFAULT 0 CHECK (reserved >= 0),
    image_key VARCHAR(64),
    image_url VARCHAR(255),
    version BIGINT NOT NULL,
    created_at TIMESTAMP(6) NOT NULL,
    updated_at TIMESTAMP(6) NOT NULL,
    deleted_at TIMESTAMP(6),
    CONSTRAINT products_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE RESTRICT
);
-- An index for each order. What is withdrawn is in none of them, so that no page steps over it.
CREATE INDEX products_created_at ON products (created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX products_price ON products (price, id) WHERE deleted_at IS NULL;
CREATE INDEX products_name_key ON products (name_key, id) WHERE deleted_at IS NULL;
CREATE INDEX products_user_id ON products (user_id, created_at, id) WHERE deleted_at IS NULL;
