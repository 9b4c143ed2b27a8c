/** The year of one student and of their school, from the first draft to the confirmed receipt (issue 2 §3). */
import { begin } from '../support/cabinet.js';
import { BUREAU, academicYear } from '../support/city.js';
import { pdf, saved } from '../support/files.js';
import { expect, test, wear } from '../support/test.js';

/** The first student of the first class, and who teaches that class its first course. */
const STUDENT = 0;
const TEACHER = 1;
const COURSE = '國語文';

test('a year: upload, certify, select, submit, confirm', async ({ as, home, look }, info) => {
  test.setTimeout(600_000);
  const summary = `老街的聲音地圖 ${Date.now()}`;
  const student = await as(home.student(STUDENT));

  await test.step('the student uploads an outcome and sends it', async () => {
    await begin(student, home, summary, COURSE);
    const document = student.locator('[data-upload]').filter({ hasText: '文件檔' });
    await document.locator('input[type=file]').first().setInputFiles(await saved(info, '聲音地圖.pdf', pdf('Sounds of an old street')));
    await expect(student.locator('.viewer iframe')).toBeVisible();
    await student.waitForLoadState('load'); // what asks before it sends has run
    await student.getByRole('button', { name: '送出認證' }).click();
    await student.getByRole('dialog').getByRole('button', { name: '送出認證' }).click();
    await expect(student.locator('.badge', { hasText: '待認證' }).first()).toBeVisible();
    await look(student, 'outcome-sent');
  });
  const outcome = student.url().split('?')[0];

  await test.step('the teacher opens, passes and publishes it', async () => {
    const teacher = await as(home.teacher(TEACHER));
    await wear(teacher, '授課教師');
    await teacher.goto(home.path('certification'));
    const rows = teacher.locator('[data-queue-item]');
    await expect(rows.first()).toBeVisible();
    const name = await student.locator('.identity__person').evaluate((person) => person.firstChild.textContent.trim());
    await rows.filter({ hasText: name }).filter({ hasText: COURSE }).getByRole('link', { name: '開啟', exact: true }).click();
    await expect(teacher.getByText(summary)).toBeVisible();
    await expect(teacher.locator('.viewer iframe')).toBeVisible();
    await teacher.waitForLoadState('load'); // what listens to the keys has run
    await teacher.keyboard.press('a');
    await teacher.keyboard.press('p');
    await expect(teacher.getByText(/已發佈/).first()).toBeVisible();
  });

  await test.step('the student is told', async () => {
    await expect
      .poll(async () => {
        await student.goto(home.path('messages'));
        return student.getByText(new RegExp(`${COURSE}.*通過`)).count();
      }, { timeout: 60_000 })
      .toBeGreaterThan(0);
    await look(student, 'message-certified');
    await student.goto(outcome);
    await expect(student.locator('.badge', { hasText: '通過' }).first()).toBeVisible();
    await look(student, 'outcome-certified');
  });

  await test.step('the student selects it', async () => {
    await student.goto(home.path('selection'));
    await look(student, 'selection');
    const before = Number((await student.getByRole('img', { name: /^課程學習成果：/ }).getAttribute('aria-label')).match(/：(\d+) \//)[1]);
    const item = student.locator('.tick').filter({ hasText: summary });
    await item.getByRole('checkbox').check();
    await student.getByRole('button', { name: /^下一步/ }).click();
    await expect(student.getByRole('heading', { name: '這樣對嗎？', level: 1 })).toBeVisible();
    await expect(student.locator('.row').filter({ hasText: summary }).getByText('新選的')).toBeVisible();
    await look(student, 'selection-review');
    await student.getByRole('button', { name: '對，就這樣' }).click();
    await student.goto(home.path('home'));
    await expect(student.getByRole('img', { name: `已勾選課程學習成果：${before + 1} / 6` }).first()).toBeVisible();
  });

  await test.step('the office closes the selection', async () => {
    const admin = await as(home.admin);
    await closeSelection(admin, home, look);
  });

  const officer = await as(home.outcomeSubmitter);
  await test.step('the officer checks and submits to the central database', async () => {
    await officer.goto(home.path('submission'));
    await look(officer, 'submission');
    await officer.locator('#precheck').locator('..').getByRole('link').first().click();
    await look(officer, 'precheck');
    await expect(officer.getByText('必須先處理的問題')).toHaveCount(0);
    await officer.goto(home.path('submission'));
    await officer.getByRole('radio', { name: /^介接傳送/ }).check();
    await officer.getByRole('button', { name: '建立名冊' }).click();
    await expect(officer.getByRole('heading', { name: '目前狀態' })).toBeVisible();
    const hand = officer.getByRole('button', { name: '提交到中央資料庫' });
    await expect(hand).toBeVisible({ timeout: 45_000 });
    await look(officer, 'batch-built');
    await hand.click();
    const underWay = officer.getByText(/中央資料庫取得的檔案|已通知|已接受/).first();
    await expect(underWay).toBeVisible();
    // the page draws itself anew with each step: further news is held back while it is looked at
    let release;
    const looked = new Promise((resolve) => (release = resolve));
    await officer.route(/\/status$/, (route) => looked.then(() => route.continue()));
    await officer.waitForTimeout(5_000); // what had been asked before is answered
    await expect(underWay).toBeVisible();
    await look(officer, 'batch-under-way');
    release();
    await expect(officer.getByRole('button', { name: '取回收訖明細' })).toBeVisible({ timeout: 90_000 });
    await look(officer, 'batch-accepted');
  });

  await test.step('the receipt is fetched', async () => {
    await officer.getByRole('button', { name: '取回收訖明細' }).click();
    await expect
      .poll(async () => {
        await officer.goto(home.path('receipts'));
        return officer.getByText('目前的', { exact: true }).count();
      }, { timeout: 30_000 })
      .toBeGreaterThan(0);
    await look(officer, 'receipts');
    await officer.getByRole('link', { name: /^第 \d+ 次/ }).first().click();
    await expect(officer.getByText('比對過的名冊都和提交的內容相同。')).toBeVisible();
    await look(officer, 'receipt-import');
  });

  await test.step('the student confirms it', async () => {
    await student.goto(home.path('receipt'));
    await expect(student.getByText(summary).first()).toBeVisible();
    await look(student, 'receipt-mine');
    await student.getByRole('button', { name: '課程學習成果資料正確無誤' }).click();
    await expect(student.getByText(/已確認/).first()).toBeVisible();
    await look(student, 'receipt-confirmed');
  });

  await test.step('the bureau sees it within a minute', async () => {
    const bureau = await as(BUREAU);
    const row = bureau.locator('tbody tr').filter({ hasText: home.code });
    await expect
      .poll(async () => {
        await bureau.goto('/bureau');
        return row.getByText('已提交').count();
      }, { timeout: 120_000 })
      .toBe(1);
  });
});

/** Ends this year's selection now, as the office would on its last day. */
async function closeSelection(admin, home, look) {
  await admin.goto(home.path(`office/windows?year=${academicYear()}`));
  const ending = admin.getByRole('button', { name: /^現在結束.*課程學習成果勾選/ });
  await expect(ending).toBeVisible();
  await look(admin, 'windows');
  await ending.click();
  await admin.getByRole('dialog').getByRole('button', { name: '結束' }).click();
  await expect(ending).toHaveCount(0);
}
