/** A course counsellor records a group session; who took part reads it, and nobody else. */
import { expect, test } from '../support/test.js';

/** Students 0 and 1 sit in the first class; the first counsellor has it. */
const THERE = 1;
const NOT_THERE = 2;

test('a group session is recorded, and its students see their own', async ({ as, home, look }, info) => {
  const topic = `選課輔導 ${info.project.name} ${Date.now()}`;
  const counsellor = await as(home.counsellor);
  await counsellor.goto(home.path('counselling-records'));
  await look(counsellor, 'counselling-records');
  await counsellor.getByRole('link', { name: '新增紀錄' }).click();
  await counsellor.getByRole('button', { name: '儲存' }).click();
  await counsellor.getByLabel('日期').fill(await counsellor.locator('.site-footer time').textContent().then((now) => now.slice(0, 9)));
  await counsellor.getByLabel('地點').fill('輔導室');
  await counsellor.getByRole('radio', { name: /^團體諮詢/ }).check();
  const group = counsellor.locator('.people__class').first();
  await group.locator('summary').click();
  await group.getByRole('checkbox').nth(0).check();
  await group.getByRole('checkbox').nth(THERE).check();
  await expect(group.locator('[data-people-count]')).toContainText('已勾選 2 人');
  await counsellor.getByLabel('主題').fill(topic);
  await counsellor.getByLabel('內容').fill('說明課程地圖與多元選修，討論學習歷程檔案的準備。');
  await look(counsellor, 'counselling-form');
  await counsellor.getByRole('button', { name: '儲存' }).click();
  await expect(counsellor.getByRole('heading', { name: topic })).toBeVisible();
  await look(counsellor, 'counselling-record');
  await counsellor.goto(home.path('counselling-report'));
  await look(counsellor, 'counselling-report');

  const student = await as(home.student(THERE));
  await student.goto(home.path('counselling'));
  await look(student, 'counselling-mine');
  await student.getByRole('link', { name: topic }).click();
  await expect(student.getByText('說明課程地圖與多元選修')).toBeVisible();
  await look(student, 'counselling-read');
  const reading = student.url();

  const other = await as(home.student(NOT_THERE));
  await other.goto(home.path('counselling'));
  await expect(other.getByText(topic)).toHaveCount(0);
  expect((await other.goto(reading)).status()).toBe(404);
});
