/**
 * `test` with the house's demands built in: no page may log an error or break its content security
 * policy, and every page that a test looks at passes axe, fits its width and leaves a picture.
 */
import { mkdir } from 'node:fs/promises';
import AxeBuilder from '@axe-core/playwright';
import { test as base, expect } from '@playwright/test';
import { PASSWORD, school } from './city.js';

export { expect };

/** WCAG 2.1 A and AA: what Taiwan's badge asks for. */
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'];

export const test = base.extend({
  /** The school of this width. */
  home: async ({}, use, info) => {
    await use(school(info.project.metadata.school));
  },

  /** What pages complained about. */
  complaints: async ({}, use) => {
    const complaints = [];
    await use(complaints);
    expect(complaints, 'errors on the console').toEqual([]);
  },

  /** Nobody in particular, with a browser window of their own. */
  page: async ({ page, complaints }, use) => {
    listen(page, complaints);
    await use(page);
  },

  /** Lets a person of the city log in through the login page, in a browser of their own. */
  as: async ({ browser, complaints }, use) => {
    const open = [];
    await use(async (account, options = {}) => {
      const context = await browser.newContext(options);
      open.push(context);
      const page = await context.newPage();
      listen(page, complaints);
      await logIn(page, account);
      return page;
    });
    for (const context of open) await context.close();
  },

  /** Looks at the page as it stands: axe, width, picture. */
  look: async ({ javaScriptEnabled }, use, info) => {
    await use(async (page, name) => {
      await picture(page, name, info);
      // axe is a script; the same page was its when the scripts ran
      if (javaScriptEnabled !== false) await barriers(page, name);
      await width(page, name);
    });
  },
});

function listen(page, complaints) {
  page.on('pageerror', (error) => complaints.push(`${page.url()}: ${error.message}`));
  page.on('console', (message) => {
    if (!page.url().startsWith(process.env.BASE_URL)) return; // the single sign-on's own pages
    // A page that is itself the answer to something wrong, as a form redrawn with 422, is no complaint.
    const isThePage = message.location().url === page.url() && message.text().startsWith('Failed to load resource');
    if (message.type() === 'error' && !isThePage) complaints.push(`${page.url()}: ${message.text()}`);
  });
}

/** Through the directory, as a person does it. */
export async function logIn(page, account, password = PASSWORD) {
  await page.goto('/login');
  const form = page.locator('form[action="/login/ldap"]');
  await form.getByLabel('帳號').fill(account);
  await form.getByLabel('密碼').fill(password);
  await form.getByRole('button', { name: '登入' }).click();
  await expect(page.getByRole('button', { name: '登出' })).toBeVisible();
}

/** Puts on another hat, unless it is on. */
export async function wear(page, role) {
  const worn = page.locator('.identity__role');
  if ((await worn.textContent()).trim() === role) return;
  await page.getByText('切換身分').click();
  await page.getByRole('button', { name: new RegExp(role) }).click();
  await expect(worn).toHaveText(role);
}

async function picture(page, name, info) {
  await page.waitForLoadState('load');
  await page.evaluate(() => document.fonts.ready.then(() => undefined));
  const folder = `${process.env.BROWSER_OUTPUT}/screenshots/${name}`;
  await mkdir(folder, { recursive: true });
  const path = `${folder}/${info.project.name}-${page.viewportSize().width}.png`;
  await page.screenshot({ path, fullPage: true, animations: 'disabled' });
}

async function barriers(page, name) {
  const { violations } = await new AxeBuilder({ page }).withTags(RULES).analyze();
  const found = violations.map(({ id, help, nodes }) => `${id}: ${help}\n  ${nodes.map(({ html }) => html).join('\n  ')}`);
  expect.soft(found, `axe on ${name} (${page.url()})`).toEqual([]);
}

async function width(page, name) {
  const needed = await page.evaluate(() => document.documentElement.scrollWidth);
  const message = `${name} is wider than the window (${page.url()})`;
  expect.soft(needed, message).toBeLessThanOrEqual(page.viewportSize().width);
}
