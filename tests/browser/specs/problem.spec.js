/** Error pages say what to do next, and are pages like any other. */
import { expect, test } from '../support/test.js';

test('an address that leads nowhere is a page with ways out', async ({ page, look }) => {
  const answer = await page.goto('/nowhere');
  expect(answer.status()).toBe(404);
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
  await expect(page.locator('.problem .button').first()).toBeVisible();
  await look(page, 'problem-not-found');
});

test('the style guide shows every piece', async ({ page, look }) => {
  await page.goto('/styleguide');
  await look(page, 'styleguide');
});
