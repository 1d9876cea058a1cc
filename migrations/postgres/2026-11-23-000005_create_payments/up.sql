-- What was ordered, at which price, and how paying for it goes. The product is kept as it was ordered.
CREATE TABLE payments (
    id VARCHAR(36) COLLATE "C" NOT NULL,
    payment_code VARCHAR(17) NOT NULL,
    user_id VARCHAR(36) NOT NULL,
    seller_id VARCHAR(36) NOT NULL,
    product_id VARCHAR(36) NOT NULL,
    quantity INTEGER NOT NULL CHECK (quantity > 0),
    unit_price BIGINT NOT NULL,
    total_amount BIGINT NOT NULL,
    product_name VARCHAR(255) NOT NULL,
    product_description TEXT NOT NULL,
    product_stock INTEGER NOT NULL,
    product_image_key VARCHAR(64),
    product_image_url VARCHAR(255),
    product_version BIGINT NOT NULL,
    product_created_at TIMESTAMP(6) NOT NULL,
    product_updated_at TIMESTAMP(6) NOT NULL,
    state VARCHAR(16) NOT NULL,
    needs_attention BOOLEAN NOT NULL,
    closed VARCHAR(16),
    token VARCHAR(255),
    payment_url VARCHAR(2048),
    expires_at TIMESTAMP(6) NOT NULL,
    next_check_at TIMESTAMP(6),
    checks INTEGER NOT NULL,
    events INTEGER NOT NULL,
    version BIGINT NOT NULL,
    created_at TIMESTAMP(6) NOT NULL,
    opened_at TIMESTAMP(6),
    updated_at TIMESTAMP(6) NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT payments_payment_code UNIQUE (payment_code),
    CONSTRAINT payments_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE RESTRICT,
    CONSTRAINT payments_product_id_fkey FOREIGN KEY (product_id) REFERENCES products (id) ON DELETE RESTRICT
);
CREATE INDEX payments_user_id ON payments (user_id, created_at, id);
CREATE INDEX payments_seller_id ON payments (seller_id, created_at, id);
CREATE INDEX payments_product_id ON payments (product_id);
CREATE INDEX payments_next_check_at ON payments (next_check_at) WHERE next_check_at IS NOT NULL;
CREATE INDEX payments_product_image_key ON payments (product_image_key) WHERE product_image_key IS NOT NULL;
CREATE INDEX payments_needs_attention ON payments (needs_attention) WHERE needs_attention;
