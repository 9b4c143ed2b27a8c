/** The upload: told early, sent straight to storage, resumed after whatever happens to the line. */
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { begin, discard } from '../support/cabinet.js';
import { jpeg, mp3, pdf, program, saved } from '../support/files.js';
import { expect, test } from '../support/test.js';

const MB = 1024 * 1024;

function slot(page, label) {
  return page.locator('[data-upload]').filter({ hasText: label });
}

/** Whether this is a part on its way to storage. */
function isPart(request) {
  return request.method() === 'PUT' && new URL(request.url()).origin !== new URL(process.env.BASE_URL).origin;
}

async function drop(zone, path, type) {
  const bytes = await readFile(path);
  const data = await zone.evaluateHandle(
    (_, { base64, name, type }) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], name, { type }));
      return transfer;
    },
    { base64: bytes.toString('base64'), name: basename(path), type },
  );
  await zone.dispatchEvent('dragenter', { dataTransfer: data });
  await zone.dispatchEvent('drop', { dataTransfer: data });
}

test('what cannot be right is told before a byte is sent', async ({ as, home, look }, info) => {
  const page = await as(home.student(8));
  await begin(page, home, '說明動機、過程與反思。');
  const sent = [];
  page.on('request', (request) => request.method() !== 'GET' && sent.push(request.url()));
  const document = slot(page, '文件檔');
  const status = document.locator('[data-upload-status]');
  await document.locator('input[type=file]').first().setInputFiles(await saved(info, '太大.pdf', pdf('big', 5 * MB)));
  await expect(status).toContainText('超過上限');
  await look(page, 'upload-too-big');
  await document.locator('input[type=file]').first().setInputFiles(await saved(info, '遊戲.exe', program()));
  await expect(status).toContainText('不是可以上傳的格式');
  expect(sent).toEqual([]);
  await discard(page);
});

test('the content decides, not the name', async ({ as, home, look, complaints }, info) => {
  const page = await as(home.student(8));
  await begin(page, home, '改了副檔名的程式。');
  const document = slot(page, '文件檔');
  await document.locator('input[type=file]').first().setInputFiles(await saved(info, '報告.pdf', program()));
  await expect(document.locator('.upload__status--bad')).toBeVisible();
  await look(page, 'upload-refused');
  await discard(page);
  complaints.length = 0; // the refusal is an answer of 422 to a script
});

test('picker and drop, progress, preview and receipt', async ({ as, home, look }, info) => {
  const page = await as(home.student(12));
  await begin(page, home, '以回收零件製作小車，量測不同角度的發電量。');
  await look(page, 'outcome-draft');
  await slot(page, '文件檔').locator('input[type=file]').first().setInputFiles(await saved(info, '太陽能車.jpg', await jpeg(page)));
  await expect(page.locator('.viewer img')).toBeVisible();
  await expect(page.locator('dd', { hasText: '太陽能車.jpg' })).toBeVisible();
  await page.waitForLoadState('load'); // what takes a drop has run
  await drop(slot(page, '影音檔').locator('[data-upload-zone]'), await saved(info, '口頭報告.mp3', mp3()), 'audio/mpeg');
  await expect(page.locator('.viewer audio')).toBeVisible();
  const seconds = () => page.locator('.viewer audio').evaluate((audio) => audio.duration);
  await expect.poll(seconds).toBeGreaterThan(1);
  await expect.poll(() => page.locator('.viewer img').evaluate((image) => image.naturalWidth)).toBe(640);
  await look(page, 'outcome-with-files');
  await page.getByRole('link', { name: /上傳收據/ }).first().click();
  await expect(page.getByRole('heading', { name: '收據內容' })).toBeVisible();
  await look(page, 'receipt');
  const receipt = await page.locator('pre').textContent();
  await page.getByRole('link', { name: '查驗頁' }).click();
  await page.getByLabel('收據的文字').fill(receipt);
  await page.getByRole('button', { name: '查驗' }).click();
  await expect(page.getByText('這張收據是真的。')).toBeVisible();
  await look(page, 'receipt-checked');
  await page.goBack();
  await page.goBack();
  await page.getByRole('link', { name: '回到這一件' }).click();
  await discard(page);
});

test('a line cut in the middle is taken up again', async ({ as, home, complaints }, info) => {
  const page = await as(home.student(16));
  await begin(page, home, '連線中斷之後接續。');
  let cuts = 0;
  let seen;
  const told = new Promise((resolve) => (seen = resolve));
  await page.route(
    () => true,
    async (route) => {
      if (!isPart(route.request())) return route.fallback();
      if (cuts < 2) {
        cuts += 1;
        return route.abort('connectionreset');
      }
      await told; // the line is back only when the page has said that it goes on by itself
      return route.fallback();
    },
  );
  await slot(page, '文件檔').locator('input[type=file]').first().setInputFiles(await saved(info, '斷線.pdf', pdf('cut', 3 * MB)));
  await expect(slot(page, '文件檔').locator('[data-upload-status]')).toContainText('接續上傳');
  seen();
  await expect(page.locator('.viewer iframe')).toBeVisible({ timeout: 20_000 });
  expect(cuts).toBe(2);
  await discard(page);
  complaints.length = 0; // the cut lines, on the browser's console
});

test('a reload in the middle begins where it stopped', async ({ as, home, look, complaints }, info) => {
  const page = await as(home.student(20));
  await begin(page, home, '重新整理之後接續。');
  const created = [];
  page.on('request', (request) => request.url().endsWith('/files') && request.method() === 'POST' && created.push(request.url()));
  page.on('dialog', (dialog) => dialog.accept()); // "leave the page?"
  let lost = true;
  await page.route(
    () => true,
    (route) => (isPart(route.request()) && lost ? undefined : route.fallback()), // swallowed, as by a dead line
  );
  const path = await saved(info, '重新整理.pdf', pdf('reload', 2 * MB));
  await slot(page, '文件檔').locator('input[type=file]').first().setInputFiles(path);
  await expect.poll(() => page.evaluate(() => Object.keys(localStorage).length)).toBe(1);
  lost = false;
  await page.reload();
  await expect(slot(page, '文件檔').locator('[data-upload-status]')).toContainText('沒有傳完');
  await look(page, 'upload-to-resume');
  await slot(page, '文件檔').locator('input[type=file]').first().setInputFiles(path);
  await expect(page.locator('.viewer iframe')).toBeVisible({ timeout: 20_000 });
  expect(created).toHaveLength(1);
  await discard(page);
  complaints.length = 0;
});
