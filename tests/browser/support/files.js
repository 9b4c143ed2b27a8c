/** Real files to upload, made in code; written to disk, so that a second choice of one is the same file. */
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';

const KB = 1024;

/** A one-page PDF that no other test has (files are kept by content), at least `size` bytes long. */
export function pdf(title, size = 0) {
  const content = `BT /F1 20 Tf 60 770 Td (${title}) Tj 0 -30 Td /F1 11 Tf (${randomBytes(8).toString('hex')}) Tj ET`;
  const ballast = randomBytes(Math.max(0, Math.ceil((size - 2 * KB) / 2))).toString('hex');
  const objects = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    '<< /Type /Pages /Kids [4 0 R] /Count 1 >>',
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
    '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >> /Contents 5 0 R >>',
    stream(content),
    stream(ballast),
  ];
  let text = '%PDF-1.4\n';
  let table = `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n`;
  for (const [index, object] of objects.entries()) {
    table += `${String(text.length).padStart(10, '0')} 00000 n \n`;
    text += `${index + 1} 0 obj\n${object}\nendobj\n`;
  }
  const trailer = `trailer\n<< /Size ${objects.length + 1} /Root 1 0 R >>\nstartxref\n${text.length}\n%%EOF\n`;
  return Buffer.from(text + table + trailer, 'latin1');
}

function stream(content) {
  return `<< /Length ${content.length} >>\nstream\n${content}\nendstream`;
}

/** Two seconds of silence: MPEG-1 layer III, 128 kbit/s at 44.1 kHz, 417 bytes a frame. */
export function mp3() {
  const frame = Buffer.alloc(417);
  Buffer.from([0xff, 0xfb, 0x90, 0xc0]).copy(frame);
  return Buffer.concat(Array(77).fill(frame));
}

/** A picture as the browser itself draws and encodes it. */
export async function jpeg(page) {
  const base64 = await page.evaluate(async () => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 640, height: 480 });
    const pen = canvas.getContext('2d');
    for (let n = 0; n < 40; n += 1) {
      pen.fillStyle = `hsl(${Math.random() * 360} 60% 60%)`;
      pen.fillRect(Math.random() * 600, Math.random() * 440, 90, 90);
    }
    return canvas.toDataURL('image/jpeg').split(',')[1];
  });
  return Buffer.from(base64, 'base64');
}

/** A program, as it begins. */
export function program() {
  return Buffer.concat([Buffer.from('MZ\x90\x00\x03\x00\x00\x00', 'latin1'), Buffer.alloc(4 * KB)]);
}

/** Writes a file into the test's own folder and says where. */
export async function saved(info, name, bytes) {
  const path = info.outputPath(name);
  await writeFile(path, bytes);
  return path;
}
