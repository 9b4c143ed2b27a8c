/** What students do in their cabinets, as the tests need it again and again. */
import { expect } from '@playwright/test';

/** Begins an outcome in this course, or the first of the term that takes one, and stands on its page. */
export async function begin(page, home, summary, course = '') {
  await page.goto(home.path('outcomes'));
  await page.getByRole('link', { name: new RegExp(`^新增成果.*${course}`) }).first().click();
  await page.getByLabel('成果簡述').fill(summary);
  await page.getByRole('button', { name: '下一步：上傳檔案' }).click();
  await expect(page.getByRole('heading', { name: '目前狀態' })).toBeVisible();
}

/** Deletes the draft whose page is open: what a test began, it takes away. */
export async function discard(page) {
  await page.waitForLoadState('load'); // what asks before it deletes has run
  await page.getByRole('button', { name: '刪除草稿' }).click();
  await page.getByRole('dialog').getByRole('button', { name: '刪除' }).click();
  await expect(page).toHaveURL(/\/outcomes(\?.*)?$/);
}
