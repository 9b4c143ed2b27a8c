/** The bureau sees how far every school is, and nobody's name. */
import { BUREAU } from '../support/city.js';
import { expect, test } from '../support/test.js';

test('every school with its numbers, as a picture and as a table', async ({ as, look }) => {
  const page = await as(BUREAU);
  await page.goto('/bureau');
  const rows = page.locator('table tbody tr');
  await expect(rows).toHaveCount(6);
  await expect(page.getByRole('img', { name: /中山女子高中/ })).toBeVisible();
  await look(page, 'bureau');
  await page.getByRole('link', { name: /上傳/ }).first().click();
  await expect(page.locator('th[aria-sort]')).toHaveCount(1);
  const download = page.waitForEvent('download');
  await page.getByRole('link', { name: '下載 CSV' }).click();
  expect((await download).suggestedFilename()).toMatch(/\.csv$/);
});

test('the health of the promise, in numbers', async ({ as, look }) => {
  const page = await as(BUREAU);
  await page.goto('/bureau/health');
  // the worker measures within a minute of its start
  await expect(async () => {
    await page.reload();
    await expect(page.getByRole('heading', { name: '量測項目' })).toBeVisible({ timeout: 1_000 });
  }).toPass({ timeout: 120_000 });
  await expect(page.getByText('最近一次還原驗證')).toBeVisible();
  await look(page, 'bureau-health');
});

test('coming deadlines by hour, a proposal to move them, and outages', async ({ as, look }) => {
  const page = await as(BUREAU);
  await page.goto('/bureau/deadlines');
  await expect(page.locator('.heat tbody tr')).toHaveCount(14);
  await expect(page.locator('section').last().locator('tbody tr')).not.toHaveCount(0);
  await look(page, 'bureau-deadlines');
  await page.locator('.heat__cell a').first().click();
  await expect(page.locator('.heat__cell a[aria-current]')).toHaveCount(1);
  await page.getByRole('link', { name: '向這個時段的學校建議改期' }).click();
  await page.getByRole('button', { name: '送出建議' }).click();
  await expect(page.locator('#closes-error')).toBeVisible();
  await look(page, 'bureau-proposal');
  await page.locator('input[name=closes]').fill(later(await page.locator('label.tick').first().innerText()));
  await page.getByLabel('原因').fill('與其他學校錯開，避免系統壅塞');
  await page.getByRole('button', { name: '送出建議' }).click();
  await expect(page.getByText('與其他學校錯開').first()).toBeVisible();
  await look(page, 'bureau-proposals');
  await page.goto('/bureau/outages');
  const yesterday = Date.now() - 86_400_000;
  await page.locator('input[name=starts]').fill(minute(yesterday));
  await page.locator('input[name=ends]').fill(minute(yesterday + 60_000));
  await page.getByLabel('原因').fill('演練');
  await page.getByRole('button', { name: '登錄停機' }).click();
  await expect(page.locator('.table tbody tr').first()).toBeVisible();
  await look(page, 'bureau-outages');
});

/** The day after the ROC date that a text names, as a date-time field wants it. */
function later(text) {
  const [, year, month, day] = /(\d{3})\/(\d{2})\/(\d{2})/.exec(text).map(Number);
  return minute(Date.UTC(year + 1911, month - 1, day + 1, 4));
}

/** A moment as a date-time field wants it. */
function minute(moment) {
  return new Date(moment).toISOString().slice(0, 16);
}
