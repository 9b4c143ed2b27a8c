/** Ways in and out, and changing hats. */
import { BUREAU, PASSWORD } from '../support/city.js';
import { expect, logIn, test } from '../support/test.js';

test('the front page and the chooser show every way in', async ({ page, look }) => {
  await page.goto('/');
  await expect(page.getByRole('link', { name: '登入', exact: true })).toBeVisible();
  await look(page, 'front');
  await page.goto('/login');
  await expect(page.getByRole('link', { name: '使用單一登入' })).toBeVisible();
  await expect(page.getByRole('heading', { name: '單一身分驗證（LDAP）帳號' })).toBeVisible();
  await page.getByText('臨時帳號', { exact: true }).first().click();
  await expect(page.getByLabel('臨時帳號')).toBeVisible();
  await look(page, 'login');
});

test('a wrong password is told next to its field, and the name is kept', async ({ page, home, look }) => {
  await page.goto('/login');
  const form = page.locator('form[action="/login/ldap"]');
  await form.getByLabel('帳號').fill(home.student(290));
  await form.getByLabel('密碼').fill('not-the-password');
  await form.getByRole('button', { name: '登入' }).click();
  const password = page.locator('form[action="/login/ldap"]').getByLabel('密碼');
  await expect(password).toHaveAccessibleDescription(/帳號或密碼不正確/);
  await expect(page.locator('form[action="/login/ldap"]').getByLabel('帳號')).toHaveValue(home.student(290));
  await look(page, 'login-wrong-password');
});

test('who asked for a page before logging in gets to it afterwards', async ({ page, home }) => {
  await page.goto(home.path('outcomes'));
  await expect(page).toHaveURL(/\/login\?next=/);
  const form = page.locator('form[action="/login/ldap"]');
  await form.getByLabel('帳號').fill(home.student(291));
  await form.getByLabel('密碼').fill(PASSWORD);
  await form.getByRole('button', { name: '登入' }).click();
  await expect(page).toHaveURL(home.path('outcomes'));
});

test('single sign-on lets in, and logging out ends it there too', async ({ page, home, look }) => {
  await page.goto('/login');
  await page.getByRole('link', { name: '使用單一登入' }).click();
  await page.locator('#uid').fill(home.student(292));
  await page.locator('#password').fill(PASSWORD);
  await page.getByRole('button', { name: '登入' }).click();
  await expect(page.getByRole('button', { name: '登出' })).toBeVisible();
  expect(new URL(page.url()).origin).toBe(new URL(process.env.BASE_URL).origin);
  await page.getByRole('button', { name: '登出' }).click();
  const asks = page.getByText('要登出示範市單一登入嗎？');
  await expect(asks.or(page.getByText('您已經登出'))).toBeVisible();
  if (await asks.isVisible()) await page.getByRole('button', { name: '登出', exact: true }).click();
  await expect(page.getByRole('link', { name: '登入', exact: true })).toBeVisible();
  await look(page, 'logged-out');
  // the provider forgot as well: it asks again
  await page.goto('/login/sso');
  await expect(page.locator('#uid')).toBeVisible();
});

test('a person with two roles changes between them without logging in again', async ({ as, home, look }) => {
  const page = await as(home.teacher(9));
  const role = page.locator('.identity__role');
  const before = (await role.textContent()).trim();
  const other = before === '導師' ? '授課教師' : '導師';
  await page.getByText('切換身分').click();
  await look(page, 'hats');
  await page.getByRole('button', { name: new RegExp(other) }).click();
  await expect(role).toHaveText(other);
  await expect(page.getByText(new RegExp(`已切換為.*${other}`))).toBeVisible();
});

test('what was left open on another device is ended from here', async ({ as, home, look }) => {
  const here = await as(home.student(294));
  const there = await as(home.student(294));
  await here.getByRole('link', { name: '登入中的裝置' }).click();
  await expect(here.getByRole('heading', { name: '登入中的裝置' })).toBeVisible();
  await expect(here.getByText('這個裝置', { exact: true })).toBeVisible();
  await look(here, 'devices');
  const others = here.locator('.rows form button');
  while (await others.count() > 0) {
    const left = await others.count();
    await others.first().click();
    await expect(here.getByText('已登出 1 個裝置')).toBeVisible();
    await expect(others).toHaveCount(left - 1);
  }
  await there.reload();
  await expect(there).toHaveURL(/\/login/);
});

test('the demo names an account for each role', async ({ page, look }) => {
  await page.goto('/demo');
  await expect(page.getByText(BUREAU)).toBeVisible();
  await look(page, 'demo');
});

test('somebody else\'s page is not there for a student', async ({ as, home, look }) => {
  const page = await as(home.student(293));
  const foreign = await page.goto('/s/393401/home');
  expect([403, 404]).toContain(foreign.status());
  await look(page, 'problem-foreign-school');
  const staff = await page.goto(home.path('certification'));
  expect([403, 404]).toContain(staff.status());
  await look(page, 'problem-forbidden');
});

test('a logged-out page is not in the browser\'s memory', async ({ as, home, page }) => {
  const pupil = await as(home.student(294));
  const own = pupil.url();
  await pupil.getByRole('button', { name: '登出' }).click();
  await pupil.goto(own);
  await expect(pupil).toHaveURL(/\/login/);
  await logIn(page, home.student(294));
  await expect(page.locator('.identity__person')).toBeVisible();
});
