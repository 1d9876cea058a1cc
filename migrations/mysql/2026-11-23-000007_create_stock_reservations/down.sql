DROP TABLE IF EXISTS stock_reservations;
