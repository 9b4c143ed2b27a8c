/** What a student finds at home, and the other half of the cabinet: activities. */
import { saved, pdf } from '../support/files.js';
import { expect, test } from '../support/test.js';

test('the first screen says what is due, until when, and what is done', async ({ as, home, look }) => {
  const page = await as(home.student(3));
  await page.goto(home.path('home'));
  await expect(page.getByRole('heading', { name: '接下來要做的事' })).toBeVisible();
  await expect(page.locator('.deadline__left').first()).toHaveText(/還有/);
  await expect(page.getByRole('img', { name: /已勾選課程學習成果：\d \/ 6/ }).first()).toBeVisible();
  await expect(page.getByRole('img', { name: /已勾選多元表現：\d+ \/ 10/ }).first()).toBeVisible();
  await expect(page.locator('.meter__text')).toHaveText(/ \/ 200 MB/);
  await look(page, 'home');
  await page.goto(home.path('outcomes'));
  await look(page, 'outcomes');
  await page.goto(home.path('messages'));
  await look(page, 'messages');
});

test('the post that the school recorded is supplemented, not deleted', async ({ as, home, look }) => {
  const page = await as(home.student(1)); // a class's second seat: 副班長, not supplemented by the seed
  await page.goto(home.path('activities'));
  await look(page, 'activities');
  await page.getByRole('link', { name: /^補充/ }).click();
  await expect(page.getByText('由學校登錄，不能修改')).toBeVisible();
  await look(page, 'activity-cadre');
});

test('a competition with its certificate, from form to list and away again', async ({ as, home, look }, info) => {
  const page = await as(home.student(24));
  const name = `機關王競賽 ${Date.now()}`;
  await page.goto(home.path('activities'));
  await page.getByRole('link', { name: '競賽', exact: false }).last().click();
  await expect(page.getByLabel('內容簡述')).toBeVisible();
  await page.locator('form.card').evaluate((form) => (form.noValidate = true));
  await page.getByRole('button', { name: '儲存' }).click();
  await expect(page.getByText('還沒有儲存')).toBeVisible();
  await look(page, 'activity-form-errors');
  for (const select of await page.locator('form.card select').all()) await select.selectOption({ index: 1 });
  for (const field of await page.locator('form.card input:visible').all()) {
    const type = await field.getAttribute('type');
    const label = await field.evaluate((input) => input.labels[0].textContent);
    if (type === 'date') await field.fill('2026-10-10');
    else if (type === 'text') await field.fill(label.includes('日期') ? '115/10/10' : name);
  }
  await page.getByLabel('內容簡述').fill('負責機構設計與組裝。');
  await page.getByRole('button', { name: '儲存' }).click();
  await expect(page.getByRole('heading', { name: '證明文件與影音' })).toBeVisible();
  await page.locator('[data-upload] input[type=file]').first().setInputFiles(await saved(info, '獎狀.pdf', pdf('award')));
  await expect(page.locator('.viewer')).toBeVisible();
  await look(page, 'activity');
  await page.getByRole('button', { name: '刪除', exact: true }).click();
  await page.getByRole('dialog').getByRole('button', { name: '刪除' }).click();
  await expect(page).toHaveURL(/\/activities/);
  await expect(page.getByText(name)).toHaveCount(0);
});
