-- Pictures among accepted uploads.
SELECT 1;
