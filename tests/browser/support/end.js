/** Lists the screenshots in one page to look through. */
import { readdir, writeFile } from 'node:fs/promises';

export default async function end() {
  const folder = `${process.env.BROWSER_OUTPUT}/screenshots`;
  const pictures = await readdir(folder, { recursive: true }).catch(() => []);
  const shown = pictures.filter((name) => name.endsWith('.png')).sort();
  const figures = shown.map((name) => `<figure><figcaption>${name}</figcaption><img src="${name}" alt="${name}"></figure>`);
  if (shown.length > 0) await writeFile(`${folder}/index.html`, `<!doctype html><title>Screenshots</title>${figures.join('\n')}\n`);
  console.log(`${shown.length} screenshots, listed in ${folder}/index.html`);
}
