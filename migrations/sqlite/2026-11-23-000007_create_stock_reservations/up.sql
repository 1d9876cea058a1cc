-- What has become of the pieces that were taken off the stock for a payment. Nothing else moves stock for payments.
CREATE TABLE stock_reservations (
    payment_id TEXT NOT NULL,
    product_id TEXT NOT NULL,
    quantity INTEGER NOT NULL CHECK (quantity > 0),
    state TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (payment_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX stock_reservations_product_id ON stock_reservations (product_id);
