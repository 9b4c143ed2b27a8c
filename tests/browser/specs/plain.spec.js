/** Without a script, and on the narrowest screens that still exist. */
import { BUREAU } from '../support/city.js';
import { pdf, saved } from '../support/files.js';
import { expect, logIn, test, wear } from '../support/test.js';

test.describe('without JavaScript', () => {
  test.use({ javaScriptEnabled: false });

  test('a student logs in, looks around and hands in a draft', async ({ page, home, look }, info) => {
    await logIn(page, home.student(28));
    await page.goto(home.path('home'));
    await expect(page.getByRole('heading', { name: '接下來要做的事' })).toBeVisible();
    await look(page, 'plain-home');
    await page.goto(home.path('outcomes'));
    await look(page, 'plain-outcomes');
    await page.getByRole('link', { name: /^新增成果/ }).first().click();
    await page.getByLabel('成果簡述').fill('沒有 JavaScript 也能交。');
    await page.getByRole('button', { name: '下一步：上傳檔案' }).click();
    await expect(page.locator('noscript p').first()).toBeVisible();
    await page.getByText('上傳不順利？改用一般方式').first().click();
    await page.getByLabel('選擇文件檔').setInputFiles(await saved(info, '一般方式.pdf', pdf('plain')));
    await page.getByRole('button', { name: '上傳', exact: true }).first().click();
    await expect(page.locator('dd', { hasText: '一般方式.pdf' })).toBeVisible();
    await look(page, 'plain-outcome');
    await page.getByRole('button', { name: '刪除草稿' }).click();
    await expect(page).toHaveURL(/\/outcomes/);
  });
});

test.describe('320 pixels wide', () => {
  test.use({ viewport: { width: 320, height: 640 } });

  test('no page scrolls sideways', async ({ page, as, home, look }) => {
    test.setTimeout(300_000);
    for (const path of ['/', '/login', '/demo', '/nowhere', '/receipts/check']) {
      await page.goto(path);
      await look(page, `narrow${path.replaceAll('/', '-')}`);
    }
    const rooms = [
      [home.student(3), ['home', 'outcomes', 'activities', 'selection', 'selection/review', 'messages', 'counselling', 'receipt']],
      [home.teacher(2), ['certification']],
      [home.counsellor, ['counselling-records', 'counselling-records/new']],
      [home.outcomeSubmitter, ['submission', 'receipts']],
    ];
    for (const [account, paths] of rooms) {
      const visitor = await as(account, { viewport: { width: 320, height: 640 } });
      if (account === home.teacher(2)) await wear(visitor, '授課教師');
      for (const path of paths) {
        await visitor.goto(home.path(path));
        await look(visitor, `narrow-${path.replaceAll('/', '-')}`);
      }
    }
    const bureau = await as(BUREAU, { viewport: { width: 320, height: 640 } });
    await bureau.goto('/bureau');
    await look(bureau, 'narrow-bureau');
  });
});
