/**
 * The yearly loop in Chromium, at the width of a phone and of a desk.
 *
 * BASE_URL        where the demo city is served (`cargo demo` prints it; `cargo verify` sets it)
 * CHROMIUM        the browser's program, Debian's when not given
 * BROWSER_OUTPUT  where screenshots and traces go, `target/browser` when not given
 */
import { fileURLToPath } from 'node:url';
import { defineConfig } from '@playwright/test';

const target = process.env.CARGO_TARGET_DIR ?? fileURLToPath(new URL('../../target', import.meta.url));
process.env.BROWSER_OUTPUT ??= `${target}/browser`;

if (!process.env.BASE_URL) throw new Error('BASE_URL is not set: start `cargo demo` and give the address that it prints');

export default defineConfig({
  testDir: 'specs',
  outputDir: `${process.env.BROWSER_OUTPUT}/traces`,
  globalSetup: './support/begin.js',
  globalTeardown: './support/end.js',
  reporter: 'list',
  workers: 2,
  forbidOnly: Boolean(process.env.CI),
  timeout: 180_000,
  expect: { timeout: 30_000 },
  use: {
    baseURL: process.env.BASE_URL,
    locale: 'zh-TW',
    timezoneId: 'Asia/Taipei',
    actionTimeout: 30_000,
    trace: 'retain-on-failure',
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        '--lang=zh-TW',
      ],
    },
  },
  // Each width walks the loop in a school of its own, so that neither waits for the other.
  projects: [
    { name: 'phone', use: { viewport: { width: 390, height: 844 }, hasTouch: true }, metadata: { school: '343303' } },
    { name: 'desk', use: { viewport: { width: 1280, height: 900 } }, metadata: { school: '353302' } },
  ],
});
