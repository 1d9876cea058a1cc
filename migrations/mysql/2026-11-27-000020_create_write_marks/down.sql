DROP TABLE IF EXISTS write_marks;
