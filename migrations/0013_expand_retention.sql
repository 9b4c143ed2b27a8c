-- The end of a file that was deleted: its bytes stay until the rule of retention lets them go, then a deletion mark hides
-- them in both copies, and only days later, if still nobody keeps them, are they gone.
set local role licheng_owner;

-- years after a student left (domain A-31)
alter table school.ruleset add column retention_years smallint not null default 5 check (retention_years >= 1);

-- when retention was over for a deleted file: the room keeps its content no longer
alter table portfolio.file add column retired_at timestamptz check (retired_at is null or removed_at is not null);

create or replace view portfolio.kept_object with (security_invoker = true) as
  select school_code, sha256, size from portfolio.file where sha256 is not null and retired_at is null;
create view portfolio.retired_object with (security_invoker = true) as
  select school_code, sha256, retired_at from portfolio.file where sha256 is not null and retired_at is not null;
grant select (retired_at) on portfolio.file to svc_worker;
grant select on portfolio.retired_object to svc_worker;

-- Contents that a room kept and nobody keeps any more, on their way out of storage.
create table app.erasure (
  school_code text collate "C" not null references school.school,
  sha256 bytea not null check (length(sha256) = 32),
  asked_at timestamptz not null,
  marked_at timestamptz,                     -- both copies bear a deletion mark; every byte is still there
  erased_at timestamptz check (erased_at is null or marked_at is not null),   -- nothing is left in either copy
  primary key (school_code, sha256)
);
select app.tenant_table('app.erasure');
select app.open_to_worker('app.erasure');
grant select, insert, update, delete on app.erasure to svc_worker;

reset role;
