-- What has become of the pieces that were taken off the stock for a payment. Nothing else moves stock for payments.
CREATE TABLE stock_reservations (
    payment_id VARCHAR(36) NOT NULL,
    product_id VARCHAR(36) NOT NULL,
    quantity INTEGER NOT NULL CHECK (quantity > 0),
    state VARCHAR(16) NOT NULL,
    expires_at TIMESTAMP(6) NOT NULL,
    updated_at TIMESTAMP(6) NOT NULL,
    PRIMARY KEY (payment_id)
);
CREATE INDEX stock_reservations_product_id ON stock_reservations (product_id);
