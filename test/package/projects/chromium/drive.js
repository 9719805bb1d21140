// Serves a folder, opens it in Chromium and talks with the shell on the page. Prints what the page's console shows; saves a picture of it.
// Arguments: the folder, Chromium, the picture's file.
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { chromium } from 'playwright-core';

const [folder, executablePath, picture] = process.argv.slice(2);
const types = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' };

const server = createServer(async ({ url }, response) => {
  const { pathname } = new URL(url, 'http://localhost');
  const file = pathname === '/' ? '/index.html' : pathname;
  try {
    const content = await readFile(join(folder, file));
    response.setHeader('content-type', types[extname(file)] ?? 'application/octet-stream');
    response.end(content);
  } catch {
    response.writeHead(404).end();
  }
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');

const browser = await chromium.launch({
  executablePath,
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
});
try {
  const page = await browser.newPage({ viewport: { width: 1000, height: 640 } });
  page.on('pageerror', error => console.error(error));
  page.on('console', message => console.error(message.text()));
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  const rows = page.locator('.xterm-rows');
  // The page draws lines of the console as elements, with spaces that do not break.
  const text = async () => (await rows.locator('> div').allTextContents()).join('\n').replaceAll('\u00a0', ' ');
  const waitFor = async pattern => {
    for (;;) {
      const seen = await text();
      if (pattern.test(seen)) return seen;
      await page.waitForTimeout(100);
    }
  };
  await waitFor(/~ ?# *$/m);
  await page.keyboard.type('echo "<$((6 * 7))>" on $(uname -m); uname -s\n');
  console.log(await waitFor(/<42>[\s\S]*Linux[\s\S]*# *$/m));
  await page.screenshot({ path: picture });
} finally {
  await browser.close();
  server.close();
}
