// A mail sink: takes every message over SMTP, keeps it in a folder, and shows it on a page.
// Own program on smtp-server and mailparser (both kept up by Nodemailer's author) because maildev,
// the usual choice, is unmaintained in the one version that installs.
import { readFileSync, readdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { simpleParser } from 'mailparser';
import { SMTPServer } from 'smtp-server';

const [smtpPort, pagePort, folder] = process.argv.slice(2);
const KEPT = 2000;
/** Newest last: { id, from, to, subject, date, text, html }. */
const messages = [];

async function take(id, raw) {
  const mail = await simpleParser(raw, { skipImageLinks: true });
  messages.push({
    id,
    from: mail.from?.text ?? '',
    to: [mail.to].flat().filter(Boolean).map((to) => to.text).join(', '),
    subject: mail.subject ?? '',
    date: (mail.date ?? new Date()).toISOString(),
    text: mail.text ?? '',
    html: mail.html || '',
  });
  while (messages.length > KEPT) unlinkSync(join(folder, `${messages.shift().id}.eml`));
}

for (const name of readdirSync(folder).filter((name) => name.endsWith('.eml')).sort()) {
  await take(name.slice(0, -4), readFileSync(join(folder, name)));
}

let last = 0;
const smtp = new SMTPServer({
  disabledCommands: ['AUTH', 'STARTTLS'],
  size: 20 * 1024 * 1024,
  onData(stream, _session, done) {
    const chunks = [];
    stream.on('data', (chunk) => chunks.push(chunk));
    stream.on('end', () => {
      const raw = Buffer.concat(chunks);
      last = Math.max(last + 1, Date.now());
      writeFileSync(join(folder, `${last}.eml`), raw);
      // the sender hears "kept" only when the message can be read on the page
      take(String(last), raw).then(() => done(), done);
    });
  },
});
smtp.on('error', (error) => console.error(error.message));
smtp.listen(smtpPort, '127.0.0.1');

const escape = (text) => String(text).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
const time = (date) => new Date(date).toLocaleString('zh-TW', { timeZone: 'Asia/Taipei', hour12: false });

const page = (title, body) => `<!doctype html>
<html lang="zh-Hant-TW"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)}｜示範信箱</title><style>
  :root { color-scheme: light dark; font-family: system-ui, "Noto Sans CJK TC", sans-serif; line-height: 1.6 }
  body { max-width: 60rem; margin: 1rem auto; padding: 0 1rem }
  table { border-collapse: collapse; width: 100% } th, td { text-align: start; padding: .4rem; border-bottom: 1px solid }
  pre { white-space: pre-wrap; font: inherit; overflow-wrap: anywhere }
</style></head><body><main><h1>${escape(title)}</h1>${body}</main></body></html>`;

const list = () => page('收到的信', messages.length === 0 ? '<p>還沒有信。</p>' : `
<table><thead><tr><th scope="col">時間</th><th scope="col">收件人</th><th scope="col">主旨</th></tr></thead><tbody>
${messages.toReversed().map((mail) => `<tr><td>${time(mail.date)}</td><td>${escape(mail.to)}</td>
<td><a href="/messages/${mail.id}">${escape(mail.subject) || '（無主旨）'}</a></td></tr>`).join('\n')}
</tbody></table>`);

const show = (mail) => page(mail.subject || '（無主旨）', `
<p><a href="/">← 所有的信</a></p>
<dl><dt>寄件人</dt><dd>${escape(mail.from)}</dd><dt>收件人</dt><dd>${escape(mail.to)}</dd><dt>時間</dt><dd>${time(mail.date)}</dd></dl>
<pre>${linked(mail.text)}</pre>`);

/** Text with its addresses clickable. */
const linked = (text) => escape(text).replace(/https?:\/\/(?:[^\s<>&]|&#38;)+/g, (url) => `<a href="${url}">${url}</a>`);

function answer(request) {
  const { pathname, searchParams } = new URL(request.url, 'http://mail');
  if (pathname === '/api/messages' && request.method === 'DELETE') {
    for (const mail of messages.splice(0)) unlinkSync(join(folder, `${mail.id}.eml`));
    return [204, 'application/json', ''];
  }
  if (pathname === '/api/messages') {
    const to = searchParams.get('to');
    return [200, 'application/json', JSON.stringify(messages.filter((mail) => !to || mail.to.includes(to)))];
  }
  if (pathname === '/') return [200, 'text/html', list()];
  const mail = messages.find((mail) => pathname === `/messages/${mail.id}`);
  return mail ? [200, 'text/html', show(mail)] : [404, 'text/html', page('沒有這封信', '')];
}

createServer((request, response) => {
  const [status, type, body] = answer(request);
  response.writeHead(status, {
    'content-type': `${type}; charset=utf-8`,
    'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
  });
  response.end(body);
}).listen(pagePort, '127.0.0.1');
