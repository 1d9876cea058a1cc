-- What was ordered, at which price, and how paying for it goes. The product is kept as it was ordered.
CREATE TABLE payments (
    id TEXT NOT NULL,
    payment_code TEXT NOT NULL,
    user_id TEXT NOT NULL,
    seller_id TEXT NOT NULL,
    product_id TEXT NOT NULL,
    quantity INTEGER NOT NULL CHECK (quantity > 0),
    unit_price INTEGER NOT NULL,
    total_amount INTEGER NOT NULL,
    product_name TEXT NOT NULL,
    product_description TEXT NOT NULL,
    product_stock INTEGER NOT NULL,
    product_image_key TEXT,
    product_image_url TEXT,
    product_version INTEGER NOT NULL,
    product_created_at TEXT NOT NULL,
    product_updated_at TEXT NOT NULL,
    state TEXT NOT NULL,
    needs_attention INTEGER NOT NULL,
    closed TEXT,
    token TEXT,
    payment_url TEXT,
    expires_at TEXT NOT NULL,
    next_check_at TEXT,
    checks INTEGER NOT NULL,
    events INTEGER NOT NULL,
    version INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    opened_at TEXT,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT payments_payment_code UNIQUE (payment_code),
    CONSTRAINT payments_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE RESTRICT,
    CONSTRAINT payments_product_id_fkey FOREIGN KEY (product_id) REFERENCES products (id) ON DELETE RESTRICT
) STRICT;
CREATE INDEX payments_user_id ON payments (user_id, created_at, id);
CREATE INDEX payments_seller_id ON payments (seller_id, created_at, id);
CREATE INDEX payments_product_id ON payments (product_id);
CREATE INDEX payments_next_check_at ON payments (next_check_at) WHERE next_check_at IS NOT NULL;
CREATE INDEX payments_product_image_key ON payments (product_image_key) WHERE product_image_key IS NOT NULL;
CREATE INDEX payments_needs_attention ON payments (needs_attention) WHERE needs_attention;
