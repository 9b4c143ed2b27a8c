/** The office imports a roster: looked at first, applied at once, taken back by one click. */
import { academicYear } from '../support/city.js';
import { saved } from '../support/files.js';
import { expect, test } from '../support/test.js';

test('a roster is checked, applied and taken back', async ({ as, home, look }, info) => {
  const year = academicYear();
  const number = (nth) => home.student(nth).slice(-7);
  const [from, to] = [`${year + 1912}0220`, `${year + 1912}0620`];
  const csv = [
    '學號,單位名稱,開始日期,結束日期,擔任職務名稱,幹部等級代碼',
    `${number(40)},圖書館,${from},${to},閱讀推廣志工隊長,1`,
    `${number(41)},圖書館,${from},${to},閱讀推廣志工隊員,2`,
    `9999999,圖書館,${from},${to},不存在的學生,2`,
    `${number(42)},圖書館,${from},不是日期,日期寫錯的人,2`,
  ].join('\r\n');
  const page = await as(home.admin);
  await page.goto(home.path('office'));
  await look(page, 'office');
  await page.goto(home.path('office/imports'));
  await look(page, 'imports');
  await page.getByLabel('檔案').setInputFiles(await saved(info, '校內幹部經歷.csv', `\uFEFF${csv}\r\n`));
  await page.getByLabel('學年度').fill(String(year));
  await page.getByLabel('學期').selectOption('2');
  await page.getByRole('button', { name: '上傳並檢查' }).click();
  await expect(page.getByRole('heading', { name: /檢查結果/ })).toBeVisible();
  const findings = page.getByRole('region', { name: '錯誤與提醒' });
  await expect(findings.getByText('9999999').first()).toBeVisible();
  await expect(findings.getByText('不是日期').first()).toBeVisible();
  await look(page, 'import-checked');
  const download = page.waitForEvent('download');
  await page.getByRole('link', { name: '下載成 Excel 檔' }).click();
  expect((await download).suggestedFilename()).toMatch(/\.xlsx$/);
  await page.getByRole('button', { name: '套用' }).click();
  await expect(page.getByRole('button', { name: '還原這次匯入' })).toBeVisible();
  await look(page, 'import-applied');
  await page.getByRole('button', { name: '還原這次匯入' }).click();
  await page.getByRole('dialog').getByRole('button', { name: '還原' }).click();
  await expect(page.getByText(/還原，資料回到匯入前的樣子/)).toBeVisible();
  await look(page, 'import-reverted');
});

test('a file that is no roster is told so next to the field', async ({ as, home, look }, info) => {
  const page = await as(home.admin);
  await page.goto(home.path('office/imports'));
  await page.getByLabel('檔案').setInputFiles(await saved(info, '筆記.csv', '這是筆記,不是名冊\r\n甲,乙\r\n'));
  await page.getByRole('button', { name: '上傳並檢查' }).click();
  await expect(page.getByLabel('檔案')).toHaveAttribute('aria-invalid', 'true');
  await look(page, 'import-refused');
});

test('the office\'s other pages', async ({ as, home, look }) => {
  const page = await as(home.admin);
  for (const name of ['windows', 'settings', 'certifiers', 'counsellors']) {
    await page.goto(home.path(`office/${name}`));
    await look(page, `office-${name}`);
  }
});
