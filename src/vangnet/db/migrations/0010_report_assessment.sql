-- What people answered about files, and what they saw.
SELECT 1;
