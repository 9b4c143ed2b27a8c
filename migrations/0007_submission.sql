-- Submission to the central database and the receipt that comes back.
set local role licheng_owner;

-- Roster layouts as versioned data (domain A-07): a fifth roster is rows, not code.
-- A source is where the builder finds the value; alternatives are separated by |, the first that is there counts.
create table submission.roster_template (
  roster_code smallint not null,             -- of the whole school; the batches of grade 3 use the same layout
  version smallint not null,
  from_year smallint not null default 108,   -- the highest version that holds for the year is used
  sheet_no smallint not null,                -- the place in the workbook, after the cover
  sheet text not null,
  holds smallint not null,                   -- the kind of its rows: of school.course_record, of portfolio.activity
  columns jsonb not null,                    -- ordered: [{"title", "source", "type", "max", "required", "values"}]
  primary key (roster_code, version, sheet_no)
);
select app.city_table('submission.roster_template');

-- Domain §5.6, §5.7: every sheet begins with the student; the own columns follow; the files come last.
with head (columns) as (values (jsonb '[
     {"title": "身分證號", "source": "student.national_id", "type": "national_id", "max": 10, "required": true},
     {"title": "出生日期", "source": "student.birth_date", "type": "date", "max": 7, "required": true}]')),
tail (name, columns) as (values
  ('none', jsonb '[]'),
  ('outcome', jsonb '[
     {"title": "文件檔連結", "source": "file.document", "type": "document", "max": 500},
     {"title": "影音檔連結", "source": "file.media", "type": "media", "max": 500},
     {"title": "成果簡述", "source": "item.summary", "type": "summary", "max": 100}]'),
  ('activity', jsonb '[
     {"title": "證明文件連結", "source": "file.document", "type": "document", "max": 500},
     {"title": "影音檔案連結", "source": "file.media", "type": "media", "max": 500},
     {"title": "外部影音連結", "source": "item.external_url", "type": "link", "max": 500}]')),
own (roster_code, sheet_no, sheet, holds, tail, columns) as (values
  (24, 1, '幹部經歷紀錄', 1, 'none', jsonb '[
     {"title": "單位名稱", "source": "cadre.unit_name", "type": "text", "max": 20, "required": true},
     {"title": "開始日期", "source": "cadre.started_on", "type": "start", "max": 7, "required": true},
     {"title": "結束日期", "source": "cadre.ended_on", "type": "end", "max": 7, "required": true},
     {"title": "擔任職務", "source": "cadre.title", "type": "text", "max": 20, "required": true},
     {"title": "幹部等級", "source": "cadre.level", "type": "code", "max": 1, "required": true, "values": ["1", "2", "3", "4", "5", "9"]}]'),
  (25, 1, '幹部經歷暨事蹟紀錄', 1, 'activity', jsonb '[
     {"title": "單位名稱", "source": "cadre.unit_name|fields.unit_name", "type": "text", "max": 20, "required": true},
     {"title": "開始日期", "source": "cadre.started_on|fields.started_on", "type": "start", "max": 7, "required": true},
     {"title": "結束日期", "source": "cadre.ended_on|fields.ended_on", "type": "end", "max": 7, "required": true},
     {"title": "擔任職務", "source": "cadre.title|fields.title", "type": "text", "max": 20, "required": true},
     {"title": "內容簡述", "source": "item.summary", "type": "summary", "max": 100},
     {"title": "幹部等級", "source": "cadre.level|fields.level", "type": "code", "max": 1, "required": true, "values": ["1", "2", "3", "4", "5", "9"]}]'),
  (25, 2, '競賽參與紀錄', 2, 'activity', jsonb '[
     {"title": "競賽名稱", "source": "fields.name", "type": "text", "max": 40, "required": true},
     {"title": "項目", "source": "fields.event", "type": "text", "max": 20},
     {"title": "競賽等級代碼", "source": "fields.level", "type": "code", "max": 1, "required": true, "values": ["1", "2", "3", "4"]},
     {"title": "獎項", "source": "fields.award", "type": "text", "max": 20},
     {"title": "結果公布日期", "source": "fields.announced_on", "type": "date", "max": 7, "required": true},
     {"title": "內容簡述", "source": "item.summary", "type": "summary", "max": 100},
     {"title": "團體參與代碼", "source": "fields.participation", "type": "code", "max": 1, "required": true, "values": ["1", "2"]}]'),
  (25, 3, '檢定證照紀錄', 3, 'activity', jsonb '[
     {"title": "證照代碼", "source": "fields.certificate_code", "type": "text", "max": 4, "required": true},
     {"title": "註1", "source": "fields.category", "type": "code", "max": 1, "required": true, "values": ["1", "2", "3", "4"]},
     {"title": "分數", "source": "fields.score", "type": "number", "max": 5},
     {"title": "分項結果", "source": "fields.sub_results", "type": "text", "max": 50},
     {"title": "取得證照日期", "source": "fields.obtained_on", "type": "date", "max": 7, "required": true},
     {"title": "證照字號", "source": "fields.number", "type": "text", "max": 20},
     {"title": "檢定組別", "source": "fields.group", "type": "text", "max": 20},
     {"title": "內容簡述", "source": "item.summary", "type": "summary", "max": 100}]'),
  (25, 4, '服務學習紀錄', 4, 'activity', jsonb '[
     {"title": "服務名稱", "source": "fields.name", "type": "text", "max": 20, "required": true},
     {"title": "服務單位", "source": "fields.unit", "type": "text", "max": 20, "required": true},
     {"title": "開始日期", "source": "fields.started_on", "type": "start", "max": 7, "required": true},
     {"title": "結束日期", "source": "fields.ended_on", "type": "end", "max": 7, "required": true},
     {"title": "時數", "source": "fields.hours", "type": "number", "max": 5, "required": true},
     {"title": "內容簡述", "source": "item.summary", "type": "summary", "max": 100}]'),
  (25, 5, '彈性學習時間紀錄', 5, 'activity', jsonb '[
     {"title": "彈性學習時間類別(種類)代碼", "source": "fields.kind", "type": "code", "max": 1, "required": true, "values": ["1", "2", "3", "4", "5"]},
     {"title": "內容(開設名稱)", "source": "fields.content", "type": "text", "max": 40, "required": true},
     {"title": "開設單位", "source": "fields.unit", "type": "text", "max": 20, "required": true},
     {"title": "開設學年度", "source": "fields.year", "type": "year", "max": 3, "required": true},
     {"title": "開設學期", "source": "fields.term", "type": "term", "max": 1, "required": true},
     {"title": "每週節數", "source": "fields.periods_per_week", "type": "number", "max": 5, "required": true},
     {"title": "開設週數", "source": "fields.weeks", "type": "weeks", "max": 2, "required": true},
     {"title": "內容簡述", "source": "item.summary", "type": "summary", "max": 100}]'),
  (25, 6, '團體活動時間紀錄', 6, 'activity', jsonb '[
     {"title": "團體活動時間類別代碼", "source": "fields.kind", "type": "code", "max": 1, "required": true, "values": ["1", "2", "3", "4", "5", "6"]},
     {"title": "辦理單位", "source": "fields.unit", "type": "text", "max": 20, "required": true},
     {"title": "團體活動內容名稱", "source": "fields.content", "type": "text", "max": 40, "required": true},
     {"title": "活動學年度", "source": "fields.year", "type": "year", "max": 3, "required": true},
     {"title": "活動學期", "source": "fields.term", "type": "term", "max": 1, "required": true},
     {"title": "節數(或時數)", "source": "fields.hours", "type": "number", "max": 5, "required": true},
     {"title": "內容簡述", "source": "item.summary", "type": "summary", "max": 100}]'),
  (25, 7, '職場學習紀錄', 7, 'activity', jsonb '[
     {"title": "職場學習類別代碼", "source": "fields.kind", "type": "code", "max": 1, "required": true, "values": ["1", "2", "3", "4"]},
     {"title": "單位", "source": "fields.unit", "type": "text", "max": 20, "required": true},
     {"title": "職稱", "source": "fields.title", "type": "text", "max": 20, "required": true},
     {"title": "開始日期", "source": "fields.started_on", "type": "start", "max": 7, "required": true},
     {"title": "結束日期", "source": "fields.ended_on", "type": "end", "max": 7, "required": true},
     {"title": "時數", "source": "fields.hours", "type": "number", "max": 5, "required": true},
     {"title": "內容簡述", "source": "item.summary", "type": "summary", "max": 100}]'),
  (25, 8, '作品成果紀錄', 8, 'activity', jsonb '[
     {"title": "名稱", "source": "fields.name", "type": "text", "max": 40, "required": true},
     {"title": "作品日期", "source": "fields.made_on", "type": "date", "max": 7, "required": true},
     {"title": "內容簡述", "source": "item.summary", "type": "summary", "max": 100}]'),
  (25, 9, '大學及技專校院先修課程紀錄', 9, 'activity', jsonb '[
     {"title": "計畫專案", "source": "fields.programme", "type": "text", "max": 40, "required": true},
     {"title": "開設單位", "source": "fields.unit", "type": "text", "max": 20, "required": true},
     {"title": "課程名稱", "source": "fields.course", "type": "text", "max": 40, "required": true},
     {"title": "開始日期", "source": "fields.started_on", "type": "start", "max": 7, "required": true},
     {"title": "結束日期", "source": "fields.ended_on", "type": "end", "max": 7, "required": true},
     {"title": "學分數", "source": "fields.credits", "type": "number", "max": 5},
     {"title": "總時數", "source": "fields.hours", "type": "number", "max": 5},
     {"title": "內容簡述", "source": "item.summary", "type": "summary", "max": 100}]'),
  (25, 10, '其他多元表現紀錄', 10, 'activity', jsonb '[
     {"title": "名稱", "source": "fields.name", "type": "text", "max": 20, "required": true},
     {"title": "主辦單位", "source": "fields.unit", "type": "text", "max": 20, "required": true},
     {"title": "開始日期", "source": "fields.started_on", "type": "start", "max": 7, "required": true},
     {"title": "結束日期", "source": "fields.ended_on", "type": "end", "max": 7, "required": true},
     {"title": "時數", "source": "fields.hours", "type": "number", "max": 5, "required": true},
     {"title": "內容簡述", "source": "item.summary", "type": "summary", "max": 100}]'),
  (26, 1, '學期課程學習成果', 1, 'outcome', jsonb '[
     {"title": "實際修課學期", "source": "course.term", "type": "term", "max": 1, "required": true},
     {"title": "課程代碼", "source": "course.course_code", "type": "course_code", "max": 23, "required": true},
     {"title": "科目名稱", "source": "course.subject_name", "type": "text", "max": 30, "required": true},
     {"title": "開課年級", "source": "course.grade", "type": "grade", "max": 1, "required": true},
     {"title": "修課學分", "source": "course.credits", "type": "number", "max": 4, "required": true}]'),
  (26, 2, '補修課程學習成果', 3, 'outcome', jsonb '[
     {"title": "應修課學年度", "source": "orig.year", "type": "year", "max": 3, "required": true},
     {"title": "應修課學期", "source": "orig.term", "type": "term", "max": 1, "required": true},
     {"title": "實際修課學期", "source": "course.term", "type": "term", "max": 1, "required": true},
     {"title": "課程代碼", "source": "course.course_code", "type": "course_code", "max": 23, "required": true},
     {"title": "科目名稱", "source": "course.subject_name", "type": "text", "max": 30, "required": true},
     {"title": "開課年級", "source": "course.grade", "type": "grade", "max": 1, "required": true},
     {"title": "修課學分", "source": "course.credits", "type": "number", "max": 4, "required": true},
     {"title": "補修方式", "source": "orig.makeup_mode|orig.mode", "type": "text", "max": 1}]'),
  (26, 3, '重修課程學習成果', 2, 'outcome', jsonb '[
     {"title": "原修課學年度", "source": "orig.year", "type": "year", "max": 3, "required": true},
     {"title": "原修課學期", "source": "orig.term", "type": "term", "max": 1, "required": true},
     {"title": "實際修課學期", "source": "course.term", "type": "term", "max": 1, "required": true},
     {"title": "原修課課程代碼", "source": "orig.course_code|course.course_code", "type": "course_code", "max": 23, "required": true},
     {"title": "原修課科目名稱", "source": "orig.subject_name|course.subject_name", "type": "text", "max": 30, "required": true},
     {"title": "原修課開課年級", "source": "orig.grade|course.grade", "type": "grade", "max": 1, "required": true},
     {"title": "原修課修課學分", "source": "orig.credits|course.credits", "type": "number", "max": 4, "required": true},
     {"title": "重修方式", "source": "orig.retake_mode|orig.mode", "type": "text", "max": 1}]'),
  (26, 4, '重讀課程學習成果', 4, 'outcome', jsonb '[
     {"title": "實際修課學期", "source": "course.term", "type": "term", "max": 1, "required": true},
     {"title": "課程代碼", "source": "course.course_code", "type": "course_code", "max": 23, "required": true},
     {"title": "科目名稱", "source": "course.subject_name", "type": "text", "max": 30, "required": true},
     {"title": "開課年級", "source": "course.grade", "type": "grade", "max": 1, "required": true},
     {"title": "修課學分", "source": "course.credits", "type": "number", "max": 4, "required": true}]'),
  (26, 5, '轉學轉科課程學習成果', 5, 'outcome', jsonb '[
     {"title": "原修課學校代碼", "source": "orig.school_code|course.school_code", "type": "school_code", "max": 6, "required": true},
     {"title": "原修課學年度", "source": "orig.year|course.year", "type": "year", "max": 3, "required": true},
     {"title": "原修課學期", "source": "orig.term|course.term", "type": "term", "max": 1, "required": true},
     {"title": "原修課課程代碼", "source": "orig.course_code|course.course_code", "type": "course_code", "max": 23, "required": true},
     {"title": "原修課科目名稱", "source": "orig.subject_name|course.subject_name", "type": "text", "max": 30, "required": true},
     {"title": "原修課開課年級", "source": "orig.grade|course.grade", "type": "grade", "max": 1, "required": true},
     {"title": "原修課修課學分", "source": "orig.credits|course.credits", "type": "number", "max": 4, "required": true}]'),
  (26, 6, '借讀課程學習成果', 6, 'outcome', jsonb '[
     {"title": "借讀學校代碼", "source": "orig.school_code|course.school_code", "type": "school_code", "max": 6, "required": true},
     {"title": "借讀修課學年度", "source": "orig.year|course.year", "type": "year", "max": 3, "required": true},
     {"title": "借讀修課學期", "source": "orig.term|course.term", "type": "term", "max": 1, "required": true},
     {"title": "借讀校課程代碼", "source": "orig.course_code|course.course_code", "type": "course_code", "max": 23, "required": true},
     {"title": "借讀校科目名稱", "source": "orig.subject_name|course.subject_name", "type": "text", "max": 30, "required": true},
     {"title": "借讀校開課年級", "source": "orig.grade|course.grade", "type": "grade", "max": 1, "required": true},
     {"title": "借讀校修課學分", "source": "orig.credits|course.credits", "type": "number", "max": 4, "required": true}]'),
  (28, 1, '學期課程學習成果', 1, 'outcome', jsonb '[
     {"title": "實際修課學期", "source": "course.term", "type": "term", "max": 1, "required": true},
     {"title": "課程代碼", "source": "course.course_code", "type": "course_code", "max": 23, "required": true},
     {"title": "科目名稱", "source": "course.subject_name", "type": "text", "max": 30, "required": true},
     {"title": "開課年級", "source": "course.grade", "type": "grade", "max": 1, "required": true},
     {"title": "修課節數", "source": "course.credits", "type": "number", "max": 4, "required": true}]'),
  (28, 2, '轉學轉科課程學習成果', 5, 'outcome', jsonb '[
     {"title": "原修課學校代碼", "source": "orig.school_code|course.school_code", "type": "school_code", "max": 6, "required": true},
     {"title": "原修課學年度", "source": "orig.year|course.year", "type": "year", "max": 3, "required": true},
     {"title": "原修課學期", "source": "orig.term|course.term", "type": "term", "max": 1, "required": true},
     {"title": "原修課課程代碼", "source": "orig.course_code|course.course_code", "type": "course_code", "max": 23, "required": true},
     {"title": "原修課科目名稱", "source": "orig.subject_name|course.subject_name", "type": "text", "max": 30, "required": true},
     {"title": "原修課開課年級", "source": "orig.grade|course.grade", "type": "grade", "max": 1, "required": true},
     {"title": "原修課修課節數", "source": "orig.credits|course.credits", "type": "number", "max": 4, "required": true}]'),
  (28, 3, '借讀課程學習成果', 6, 'outcome', jsonb '[
     {"title": "借讀學校代碼", "source": "orig.school_code|course.school_code", "type": "school_code", "max": 6, "required": true},
     {"title": "借讀修課學年度", "source": "orig.year|course.year", "type": "year", "max": 3, "required": true},
     {"title": "借讀修課學期", "source": "orig.term|course.term", "type": "term", "max": 1, "required": true},
     {"title": "借讀校課程代碼", "source": "orig.course_code|course.course_code", "type": "course_code", "max": 23, "required": true},
     {"title": "借讀校科目名稱", "source": "orig.subject_name|course.subject_name", "type": "text", "max": 30, "required": true},
     {"title": "借讀校開課年級", "source": "orig.grade|course.grade", "type": "grade", "max": 1, "required": true},
     {"title": "借讀校修課節數", "source": "orig.credits|course.credits", "type": "number", "max": 4, "required": true}]'))
insert into submission.roster_template (roster_code, version, sheet_no, sheet, holds, columns)
select own.roster_code, 1, own.sheet_no, own.sheet, own.holds, head.columns || own.columns || tail.columns
from own join tail on tail.name = own.tail cross join head;

create table submission.batch (
  school_code text collate "C" not null references school.school,
  id bigint generated by default as identity,
  academic_year smallint not null,
  term smallint not null,
  roster_code smallint not null,
  template_version smallint not null,
  attempt smallint not null,
  adapter text not null check (adapter in ('manual', 'api')),
  links_expire_at timestamptz not null,      -- of the file links in the workbook: after that the batch must be built anew
  row_count integer not null,
  workbook_sha256 bytea,
  workbook_size bigint,
  central_job_id text,
  state text not null check (state in ('building', 'built', 'notified', 'accepted', 'rejected', 'receipt_ready')),
  progress jsonb not null default '{}',
  errors jsonb not null default '[]',
  created_by bigint not null,
  created_at timestamptz not null,
  changed_at timestamptz not null,
  primary key (school_code, id),
  unique (school_code, academic_year, term, roster_code, attempt)
);
select app.tenant_table('submission.batch');

create table submission.roster_row (
  school_code text collate "C" not null,
  batch_id bigint not null,
  sheet_no smallint not null,
  row_no integer not null,
  student_id bigint not null,
  item text not null,                        -- outcome:12, activity:7
  cells_sealed bytea not null,               -- the row as sent: it holds a national id, so it is sealed
  row_hash bytea not null,
  document_sha256 bytea,
  media_sha256 bytea,
  accepted boolean,
  error text,
  primary key (school_code, batch_id, sheet_no, row_no),
  foreign key (school_code, batch_id) references submission.batch,
  foreign key (school_code, student_id) references school.student
);
select app.tenant_table('submission.roster_row');
create index roster_row_of_student on submission.roster_row (school_code, student_id);

create table submission.receipt_batch (
  school_code text collate "C" not null references school.school,
  id bigint generated by default as identity,
  academic_year smallint not null,
  import_serial integer not null,
  file_sha256 bytea not null,
  imported_by bigint,
  imported_at timestamptz not null,
  primary key (school_code, id),
  unique (school_code, academic_year, import_serial)
);
select app.tenant_table('submission.receipt_batch');

-- Which rosters a receipt speaks of: the newest part of each roster and term is what the central database holds.
create table submission.receipt_part (
  school_code text collate "C" not null,
  receipt_batch_id bigint not null,
  kind text not null check (kind in ('course_record', 'cadre', 'outcome', 'activity')),
  roster_code smallint not null,             -- 0 for course records, which the school's own system submits
  term smallint not null,
  batch_id bigint,                           -- what it was compared with; null: nothing of ours
  student_count integer not null,
  row_count integer not null,
  unknown_count integer not null,            -- students of the receipt whom the school does not have
  difference_count integer not null,
  superseded_at timestamptz,                 -- a newer receipt speaks of the same roster and term
  primary key (school_code, receipt_batch_id, roster_code, term),
  foreign key (school_code, receipt_batch_id) references submission.receipt_batch,
  foreign key (school_code, batch_id) references submission.batch
);
select app.tenant_table('submission.receipt_part');

-- What the central database says it received, per student and roster.
create table submission.receipt_row (
  school_code text collate "C" not null,
  receipt_batch_id bigint not null,
  roster_code smallint not null,
  term smallint not null,
  student_id bigint not null,
  kind text not null check (kind in ('course_record', 'cadre', 'outcome', 'activity')),
  rows_sealed bytea not null,                -- the rows and what differs from the roster as sent
  rows_hash bytea not null,                  -- equal hash: the confirmation survives a re-import
  row_count integer not null,
  difference_count integer not null,
  primary key (school_code, receipt_batch_id, roster_code, term, student_id),
  foreign key (school_code, receipt_batch_id, roster_code, term) references submission.receipt_part,
  foreign key (school_code, student_id) references school.student
);
select app.tenant_table('submission.receipt_row');
create index receipt_row_of_student on submission.receipt_row (school_code, student_id);

create table submission.receipt_confirmation (
  school_code text collate "C" not null,
  student_id bigint not null,
  academic_year smallint not null,
  kind text not null,
  rows_hash bytea not null,
  confirmed_at timestamptz not null,
  primary key (school_code, student_id, academic_year, kind),
  foreign key (school_code, student_id) references school.student
);
select app.tenant_table('submission.receipt_confirmation');

create table submission.receipt_error_code (
  school_code text collate "C" not null references school.school,
  code text not null,
  label text not null,
  primary key (school_code, code)
);
select app.tenant_table('submission.receipt_error_code');

create table submission.receipt_dispute (
  school_code text collate "C" not null,
  id bigint generated by default as identity,
  student_id bigint not null,
  academic_year smallint not null,
  kind text not null,
  sheet text not null,
  error_code text not null,
  body text not null,
  filed_at timestamptz not null,
  answer text,
  answered_by bigint,
  answered_at timestamptz,
  primary key (school_code, id),
  foreign key (school_code, student_id) references school.student
);
select app.tenant_table('submission.receipt_dispute');

grant select, insert, update, delete on all tables in schema submission to svc_submission;
revoke insert, update, delete on submission.roster_template from svc_submission;
revoke delete on submission.batch, submission.roster_row, submission.receipt_batch, submission.receipt_part, submission.receipt_row from svc_submission;
-- the student sees what of theirs was submitted (F-070, F-084), never the rows themselves
grant select (school_code, id, academic_year, term, roster_code, state, changed_at) on submission.batch to svc_portfolio;
grant select (school_code, batch_id, student_id, item, accepted) on submission.roster_row to svc_portfolio;
select app.open_to_worker('submission.batch');
select app.open_to_worker('submission.receipt_confirmation');
grant select (school_code, academic_year, term, roster_code, state, row_count, attempt) on submission.batch to svc_worker;
grant select (school_code, student_id, academic_year, kind) on submission.receipt_confirmation to svc_worker;
-- The student's cabinet shows how far an item has come, and what waits to be confirmed; never a roster's cells.
grant select (school_code, batch_id, student_id, item, accepted) on submission.roster_row to svc_portfolio;
grant select (school_code, id, academic_year, roster_code, state) on submission.batch to svc_portfolio;
grant select (school_code, id, academic_year) on submission.receipt_batch to svc_portfolio;
grant select (school_code, receipt_batch_id, roster_code, term, superseded_at) on submission.receipt_part to svc_portfolio;
grant select (school_code, receipt_batch_id, roster_code, term, student_id, kind) on submission.receipt_row to svc_portfolio;
grant select (school_code, student_id, academic_year, kind) on submission.receipt_confirmation, submission.receipt_dispute to svc_portfolio;

reset role;   -- the migrator notes the version as itself
