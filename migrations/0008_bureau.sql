-- Progress across schools: counts only, recomputed by the worker; no pupil's row is reachable from here.
set local role licheng_owner;

create table bureau.school_progress (
  school_code text collate "C" not null references school.school,
  academic_year smallint not null,
  students integer not null,
  uploaded integer not null,                 -- outcomes
  certified integer not null,
  selecting_students integer not null,       -- students with at least one selection
  selected integer not null,
  submitted_rows integer not null,
  confirmed_students integer not null,
  select_opens_at timestamptz,
  select_closes_at timestamptz,
  overdue boolean not null,                  -- the selection closed and nothing was submitted
  updated_at timestamptz not null,
  primary key (school_code, academic_year)
) with (fillfactor = 50);
select app.tenant_table('bureau.school_progress');
select app.open_to_worker('bureau.school_progress');
create policy bureau on bureau.school_progress for select to svc_bureau using (true);
grant select, insert, update, delete on bureau.school_progress to svc_worker;
grant select on bureau.school_progress to svc_bureau;

reset role;   -- the migrator notes the version as itself
