// Draws the PNGs that the manifest names from icon.svg: `node demo/app/icons/draw.mjs`. They are
// committed, for a build has no browser.

import { readFile, writeFile } from 'node:fs/promises';
import { chromium } from 'playwright-core';

const here = new URL('.', import.meta.url);
const svg = await readFile(new URL('icon.svg', here), 'utf8');
// A launcher cuts a maskable icon to its own shape: the ground reaches the edges, and the sign
// stays within the circle of 80 % that is always shown.
const maskable = svg
  .replace(' rx="112"', '')
  .replace('<g id="sign"', '<g id="sign" transform="translate(38.4 38.4) scale(0.85)"');

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu'],
});
try {
  const page = await browser.newPage();
  for (const [name, drawing, size] of [
    ['icon-192.png', svg, 192],
    ['icon-512.png', svg, 512],
    ['icon-maskable-512.png', maskable, 512],
  ]) {
    await page.setViewportSize({ width: size, height: size });
    const image = `data:image/svg+xml;base64,${Buffer.from(drawing).toString('base64')}`;
    await page.setContent(`<body style="margin:0"><img src="${image}" width="${size}">`);
    await page.locator('img').evaluate((element) => element.decode());
    await writeFile(new URL(name, here), await page.screenshot({ omitBackground: true }));
  }
} finally {
  await browser.close();
}
