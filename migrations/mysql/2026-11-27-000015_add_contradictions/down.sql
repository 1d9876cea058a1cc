ALTER TABLE payments
    DROP COLUMN /*M! IF EXISTS */ contradiction,
    DROP COLUMN /*M! IF EXISTS */ contradicted_by,
    DROP COLUMN /*M! IF EXISTS */ attention;
