-- What the load of a deadline showed (tests/load, `deadline`).
set local role licheng_owner;

-- The files of an item were looked for among all of its school's: the unique indexes hold saved files, or coming ones,
-- and the pages ask for both, and the teacher for those replaced since as well.
create index file_by_outcome on portfolio.file (school_code, outcome_id) where outcome_id is not null;
create index file_by_activity on portfolio.file (school_code, activity_id) where activity_id is not null;

reset role;   -- the migrator notes the version as itself

-- A teacher's queue and a student's pages ask the same few statements, each for one school and one person: a plan made
-- for the parameters in hand is no better than the one that all share, and making it took the queue as long as executing
-- it (1.2 ms each time). Roles are the cluster's, so the administrator who migrates changes them.
alter role svc_certification set plan_cache_mode = force_generic_plan;
alter role svc_portfolio set plan_cache_mode = force_generic_plan;
