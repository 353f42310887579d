-- What follows from reports: clocks, preservation, referrals, outcomes.
SELECT 1;
