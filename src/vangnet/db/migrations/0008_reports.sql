-- Reports: what came in, what each is about, in which order it is worked on.
SELECT 1;
