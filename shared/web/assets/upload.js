/**
 * Upload of one file straight to storage: drag and drop, picker or camera; checked before it is sent; progress,
 * retry, resume after a lost connection or a reload; then the receipt.
 *
 * Drawn by the macro `ui::upload(slot)` from a `web::UploadSlot`. The page names three endpoints; `{file}` in them
 * stands for the id that `create` answered. All answers are JSON, errors are RFC 9457 (`Accept: application/json`).
 *
 * 1. `POST data-create`   `{"name": "報告.pdf", "size": 3145728, …data-fields}`
 *    → 201 `{"file_id": 7, "part_size": 5242880, "parts": [{"number": 1, "size": 3145728, "url": "https://…"}]}`
 *    → 422 problem: `detail` is shown (too big, wrong type, quota, window closed); 429: tried again after Retry-After
 * 2. `PUT url` for each part, body the slice, no headers of ours; any 2xx. 403: the URL is too old, see 3.
 * 3. `GET data-resume`    → 200 `{"part_size": 5242880, "parts": [those still missing, with fresh URLs]}`
 *    (no parts: all are there, go on with 4); 404 or 410: that upload is over, begin anew
 * 4. `POST data-finalise` without body, idempotent: asked again after a lost answer it answers the same
 *    → 200 `{"file_id": 7, "receipt_url": "/s/…"}` ("saved": both copies written)
 *    → 422 problem: refused for what `detail` says (not a PDF, virus, truncated); the file is gone, choose another
 *    → 503: tried again
 *
 * When saved, a hidden input `[data-upload-file]` of the slot gets the id, and the slot fires `upload:saved`
 * with `detail.file_id`, `detail.receipt_url`; with `data-then` the browser goes there.
 *
 * What is unfinished is kept in localStorage for a day: id and size, no names, for school computers are shared.
 */

const MEMORY = 'licheng-upload:';
const DAY = 24 * 60 * 60 * 1000;
const MB = 1024 * 1024;
const PATIENCE = 8; // failures in a row before the person is asked
const LONGEST_SIDE = 2400; // pixels of a camera picture: legible on a page, small enough for the limits

/** A message meant for the person. `again`: the same may work later. */
class Refusal extends Error {
  constructor(message, { again = false, after = 0, status = 0 } = {}) {
    super(message);
    Object.assign(this, { again, after, status });
  }
}

class Slot {
  constructor(root) {
    this.root = root;
    this.part = (name) => root.querySelector(`[data-upload-${name}]`);
    this.max = Number(root.dataset.maxBytes);
    this.extensions = root.dataset.extensions.split(',');
    this.busy = false;
    for (const input of root.querySelectorAll('input[type=file]')) {
      input.addEventListener('change', () => this.chosen(input));
    }
    const zone = this.part('zone');
    for (const name of ['dragenter', 'dragover']) zone.addEventListener(name, (event) => this.hover(event, true));
    for (const name of ['dragleave', 'drop']) zone.addEventListener(name, (event) => this.hover(event, false));
    zone.addEventListener('drop', (event) => this.drop(event));
    this.part('again').addEventListener('click', () => this.file && this.send(this.file));
    this.remind();
    // On a slow line a person may have chosen before this script came.
    for (const input of root.querySelectorAll('input[type=file]')) this.chosen(input);
  }

  chosen(input) {
    const [file] = input.files;
    if (!file) return;
    this.take(file, input.hasAttribute('capture'));
    input.value = ''; // the same file may be chosen again
  }

  hover(event, over) {
    event.preventDefault();
    this.part('zone').classList.toggle('upload__zone--over', over);
  }

  drop(event) {
    const files = [...event.dataTransfer.files];
    if (files.length > 1) this.say('bad', '一次只能放一個檔案。');
    else if (files.length === 1) this.take(files[0], false);
  }

  /** Checks what was chosen, before a byte is sent. */
  async take(file, fromCamera) {
    if (this.busy) return;
    const chosen = fromCamera ? await smaller(file) : file;
    const wrong = this.wrong(chosen);
    if (wrong) this.say('bad', wrong);
    else this.send(chosen);
  }

  wrong(file) {
    const extension = file.name.includes('.') ? file.name.split('.').pop().toLowerCase() : '';
    if (!this.extensions.includes(extension)) {
      const allowed = this.extensions.join('、').toUpperCase();
      return `「${file.name}」不是可以上傳的格式。這裡可以上傳：${allowed}。`;
    }
    if (file.size === 0) return `「${file.name}」是空的檔案。`;
    if (file.size > this.max) return `「${file.name}」有 ${inMb(file.size)}，超過上限 ${inMb(this.max)}。`;
    return null;
  }

  async send(file) {
    if (this.busy) return;
    this.file = file;
    this.busy = true;
    this.root.classList.add('upload--busy');
    window.addEventListener('beforeunload', keepPage);
    try {
      await this.run(file);
    } catch (error) {
      if (!(error instanceof Refusal)) console.error(error);
      const again = !(error instanceof Refusal) || error.again;
      this.say('bad', error instanceof Refusal ? error.message : '上傳沒有完成。');
      this.part('again').hidden = !again;
      if (!again) forget(this.key(file));
    } finally {
      this.busy = false;
      this.root.classList.remove('upload--busy');
      this.part('progress').hidden = true;
      window.removeEventListener('beforeunload', keepPage);
    }
  }

  async run(file) {
    this.part('again').hidden = true;
    this.part('done').hidden = true;
    this.say('note', `準備上傳「${file.name}」…`);
    let plan = (await this.resumed(file)) ?? (await this.created(file));
    remember(this.key(file), { file: plan.file_id, size: file.size });
    await this.sendParts(file, plan);
    this.progress(file.size, file.size);
    this.say('note', '檔案已送達，正在檢查內容、掃毒並寫入備份，請稍候…');
    const saved = await this.patiently(() => ask('POST', this.url('finalise', plan.file_id)));
    forget(this.key(file));
    this.saved(file, saved);
  }

  /** The plan for what is missing of an earlier try of the same file. */
  async resumed(file) {
    const earlier = recall(this.key(file));
    if (!earlier) return null;
    try {
      const plan = await this.patiently(() => ask('GET', this.url('resume', earlier.file)));
      return { ...plan, file_id: earlier.file };
    } catch (error) {
      if (error.status === 404 || error.status === 410) return null;
      throw error;
    }
  }

  created(file) {
    const fields = JSON.parse(this.root.dataset.fields || '{}');
    const body = { ...fields, name: file.name.normalize('NFC'), size: file.size };
    return this.patiently(() => ask('POST', this.root.dataset.create, body));
  }

  async sendParts(file, plan) {
    let missing = plan.parts;
    let failures = 0;
    while (missing.length > 0) {
      const [part] = missing;
      const from = (part.number - 1) * plan.part_size;
      const unsent = missing.reduce((sum, other) => sum + other.size, 0);
      const already = file.size - unsent;
      try {
        await put(part.url, file.slice(from, from + part.size), (sent) => this.progress(already + sent, file.size));
        missing = missing.slice(1);
        failures = 0;
      } catch (error) {
        failures += 1;
        if (failures > PATIENCE) throw new Refusal('連線一直中斷，已經傳好的部分都還在。', { again: true });
        await this.pause(failures, 0);
        const fresh = await this.patiently(() => ask('GET', this.url('resume', plan.file_id)));
        missing = fresh.parts;
      }
    }
  }

  /** Asks our own server until it answers; what it refuses is not asked again. */
  async patiently(question) {
    for (let failures = 1; ; failures += 1) {
      try {
        return await question();
      } catch (error) {
        if (!(error instanceof Refusal) || !error.again || failures > PATIENCE) throw error;
        await this.pause(failures, error.after);
      }
    }
  }

  async pause(failures, seconds) {
    if (navigator.onLine === false) {
      this.say('wait', '網路中斷了。恢復連線後會自動接續上傳，請不要關閉這個頁面。');
      await new Promise((resolve) => window.addEventListener('online', resolve, { once: true }));
    } else {
      const wait = seconds || Math.min(2 ** (failures - 1), 30) * (0.75 + Math.random() / 2);
      this.say('wait', '連線不穩，稍後自動接續上傳…');
      await new Promise((resolve) => setTimeout(resolve, wait * 1000));
    }
    this.say('note', '接續上傳…');
  }

  saved(file, answer) {
    const receipt = this.part('receipt');
    receipt.hidden = !answer.receipt_url;
    if (answer.receipt_url) receipt.href = answer.receipt_url;
    this.part('done').hidden = false;
    this.say('good', `「${file.name}」已儲存（${inMb(file.size)}），並寫入備份。`);
    const input = this.part('file');
    if (input) input.value = answer.file_id;
    const more = { bubbles: true, detail: answer };
    this.root.dispatchEvent(new CustomEvent('upload:saved', more));
    if (this.root.dataset.then) go(this.root.dataset.then);
  }

  progress(sent, size) {
    const bar = this.part('progress');
    const percent = Math.floor((sent / size) * 100);
    bar.hidden = false;
    bar.value = percent;
    // Ears get every tenth, eyes get each.
    this.part('percent').textContent = `${percent}%`;
    const tenth = Math.floor(percent / 10);
    if (sent < size && tenth !== this.tenth) this.say('note', `上傳中，已完成 ${tenth * 10}%`);
    this.tenth = tenth;
  }

  say(tone, text) {
    const status = this.part('status');
    status.className = `upload__status upload__status--${tone}`;
    status.textContent = text;
    if (tone === 'bad') this.part('percent').textContent = '';
  }

  url(name, file) {
    return this.root.dataset[name].replace('{file}', encodeURIComponent(file));
  }

  /** One file of one slot: name and date are in it, but cannot be read from it. */
  key(file) {
    return `${MEMORY}${this.root.dataset.item}:${fingerprint(`${file.name}\n${file.size}\n${file.lastModified}`)}`;
  }

  /** Tells of an upload that a reload or a flat battery cut off. */
  remind() {
    const prefix = `${MEMORY}${this.root.dataset.item}:`;
    for (const key of Object.keys(localStorage).filter((name) => name.startsWith(MEMORY))) {
      const earlier = recall(key);
      if (earlier && key.startsWith(prefix)) {
        this.say('wait', `上次有一個 ${inMb(earlier.size)} 的檔案沒有傳完。再選一次同一個檔案，就會從中斷的地方接續。`);
      }
    }
  }
}

/** One question to our own server. */
async function ask(method, url, body) {
  let response;
  try {
    response = await fetch(url, {
      method,
      headers: { accept: 'application/json', ...(body && { 'content-type': 'application/json' }) },
      body: body && JSON.stringify(body),
    });
  } catch {
    throw new Refusal('連不上伺服器。已經傳好的部分都還在。', { again: true });
  }
  if (response.ok) return response.json();
  const problem = await response.json().catch(() => ({}));
  const again = response.status === 429 || response.status >= 500;
  const after = Number(response.headers.get('retry-after')) || 0;
  const { status } = response;
  if (status === 401) throw new Refusal('登入的時間已過。請在另一個分頁重新登入，再回來按「繼續上傳」。', { again: true, status });
  throw new Refusal(problem.detail || '上傳沒有完成。', { again, after, status });
}

/** Sends one part; fetch tells nothing of its progress, so XMLHttpRequest. */
function put(url, blob, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('PUT', url);
    request.upload.addEventListener('progress', (event) => onProgress(event.loaded));
    request.addEventListener('load', () => {
      if (request.status >= 200 && request.status < 300) resolve();
      else reject(new Error(`storage answered ${request.status}`));
    });
    for (const name of ['error', 'timeout', 'abort']) {
      request.addEventListener(name, () => reject(new Error(`the part was not sent: ${name}`)));
    }
    // A line that swallows packets reports no error for minutes: no progress for 30 seconds is one.
    let watch = setTimeout(() => request.abort(), 30000);
    request.upload.addEventListener('progress', () => {
      clearTimeout(watch);
      watch = setTimeout(() => request.abort(), 30000);
    });
    const cut = () => request.abort();
    window.addEventListener('offline', cut);
    request.addEventListener('loadend', () => {
      clearTimeout(watch);
      window.removeEventListener('offline', cut);
    });
    request.send(blob);
  });
}

/** A camera's picture, drawn anew: within the limits, and without the place it was taken at. */
async function smaller(file) {
  try {
    const picture = await createImageBitmap(file);
    const scale = Math.min(1, LONGEST_SIDE / Math.max(picture.width, picture.height));
    const canvas = document.createElement('canvas');
    canvas.width = Math.round(picture.width * scale);
    canvas.height = Math.round(picture.height * scale);
    canvas.getContext('2d').drawImage(picture, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, 'image/jpeg', 0.85));
    const name = `${file.name.replace(/\.[^.]*$/, '')}.jpg`;
    return new File([blob], name, { type: 'image/jpeg', lastModified: file.lastModified });
  } catch {
    return file; // not a picture this browser can draw: the checks decide
  }
}

function inMb(bytes) {
  if (bytes < MB / 10) return `${Math.max(1, Math.round(bytes / 1024))} KB`;
  return `${Math.round((bytes / MB) * 10) / 10} MB`;
}

/** FNV-1a, 64 bits: tells files apart, no more. */
function fingerprint(text) {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(text)) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  }
  return hash.toString(36);
}

function remember(key, { file, size }) {
  try {
    localStorage.setItem(key, JSON.stringify({ file, size, at: Date.now() }));
  } catch {
    // Storage full or forbidden: the upload works, only a reload begins anew.
  }
}

function recall(key) {
  try {
    const memory = JSON.parse(localStorage.getItem(key));
    if (memory && Date.now() - memory.at < DAY) return memory;
    localStorage.removeItem(key);
  } catch {
    // As if there had been none.
  }
  return null;
}

function forget(key) {
  localStorage.removeItem(key);
}

/** Goes to a page, also to the very one that is open: to a fragment of it the browser would only scroll. */
function go(url) {
  const there = new URL(url, window.location.href);
  const isHere = there.pathname === window.location.pathname && there.search === window.location.search;
  if (!isHere) {
    window.location.assign(there);
    return;
  }
  window.history.replaceState(null, '', there);
  window.location.reload();
}

function keepPage(event) {
  event.preventDefault();
}

for (const root of document.querySelectorAll('[data-upload]')) new Slot(root);
