-- Which reports belong together, and why.
SELECT 1;
