/** The teacher's desk: read, decide, publish, take back; all of it without a mouse where there is a keyboard. */
import { expect, test, wear } from '../support/test.js';

/** Teachers of other classes than the loop's. */
const READER = 2;
const JUDGE = 3;
const MANY = 4;

/** The waiting outcomes of this teacher, who may have logged in as a homeroom teacher. */
async function queue(page, home) {
  await wear(page, '授課教師');
  await page.goto(home.path('certification'));
  await expect(page.locator('[data-queue-item]').first()).toBeVisible();
}

test('the queue is walked by keyboard, and ? explains the keys', async ({ as, home, look }) => {
  const page = await as(home.teacher(READER));
  await queue(page, home);
  await look(page, 'queue');
  const items = page.locator('[data-queue-item]');
  await page.keyboard.press('j');
  await expect(items.nth(0)).toBeFocused();
  await page.keyboard.press('j');
  await expect(items.nth(1)).toBeFocused();
  await page.keyboard.press('k');
  await expect(items.nth(0)).toBeFocused();
  await page.keyboard.press('?');
  await expect(page.getByRole('dialog', { name: '鍵盤快速鍵' })).toBeVisible();
  await look(page, 'queue-keys');
  await page.keyboard.press('Escape');
  await page.keyboard.press('o');
  await expect(page.getByRole('heading', { name: '學生的檔案' })).toBeVisible();
});

test('a fail needs its reason; a pass by two keys; both can be taken back', async ({ as, home, look }) => {
  const page = await as(home.teacher(JUDGE));
  await queue(page, home);
  await page.getByRole('link', { name: '開啟', exact: true }).first().click();
  await expect(page.locator('.viewer').first()).toBeVisible();
  await expect(page.getByText('請先開啟學生的檔案')).toHaveCount(0);
  await look(page, 'certify');
  const one = page.url();
  await page.keyboard.press('r');
  await expect(page.getByRole('radio', { name: /^不通過/ })).toBeChecked();
  await page.keyboard.press('p');
  await expect(page.getByLabel('原因')).toHaveAttribute('aria-invalid', 'true');
  await look(page, 'certify-reason-missing');
  await page.getByLabel('原因').fill('檔案內容不是這門課的作品，請更換後再送出。');
  await page.getByRole('button', { name: '先決定，稍後發佈' }).click();
  await expect(page.getByRole('button', { name: '復原', exact: true })).toBeVisible();
  await look(page, 'certify-undo');
  await page.getByRole('button', { name: '復原', exact: true }).click();
  await page.goto(one);
  await page.keyboard.press('a');
  await expect(page.getByRole('radio', { name: /^通過/ })).toBeChecked();
  await page.keyboard.press('p');
  await expect(page.getByText(/已發佈/).first()).toBeVisible();
  await page.getByRole('button', { name: '復原', exact: true }).click();
  await expect(page.getByRole('button', { name: '復原', exact: true })).toHaveCount(0);
});

test('several at once, with a preview and the whole batch taken back', async ({ as, home, look }) => {
  const page = await as(home.teacher(MANY));
  await queue(page, home);
  const links = await page.getByRole('link', { name: '開啟', exact: true }).evaluateAll((all) => all.slice(0, 3).map((a) => a.href));
  for (const link of links) {
    await page.goto(link);
    await expect(page.locator('.viewer').first()).toBeVisible();
    await expect(page.locator('fieldset[disabled]')).toHaveCount(0);
  }
  await queue(page, home);
  await page.getByLabel('狀態', { exact: true }).selectOption('all');
  await page.getByRole('button', { name: '篩選' }).click();
  const boxes = page.locator('input[name=request]');
  await boxes.nth(0).check();
  await boxes.nth(1).check();
  await page.getByRole('button', { name: '一起認證勾選的成果…' }).click();
  await expect(page.getByRole('heading', { name: '一起認證的成果' })).toBeVisible();
  await page.getByRole('radio', { name: '全部通過' }).check();
  await look(page, 'batch-preview');
  await page.getByRole('button', { name: '一起認證' }).click();
  await expect(page.getByRole('heading', { name: '2 件有效' })).toBeVisible();
  await look(page, 'batch');
  await page.getByRole('button', { name: '整批復原' }).click();
  await expect(page.getByRole('heading', { name: '0 件有效' })).toBeVisible();
});
