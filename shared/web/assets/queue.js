/**
 * A queue worked by keyboard: j and k walk, every other key presses what the page marks with it, ? explains.
 *
 * `<ul data-queue>` holds `<li data-queue-item>`; a button or link with `data-key="a"` is pressed by that key, the
 * one in the current item before one outside all items. On a page of a single item `data-queue` may be the page
 * itself; then j and k press the links that carry `data-key="j"` and `data-key="k"`.
 *
 * Single-key shortcuts can be switched off in the help (WCAG 2.1.4), which stays so in this browser.
 */

const OFF = 'licheng-keys-off';
const queue = document.querySelector('[data-queue]');

/** The items that can be seen. */
function items() {
  return [...queue.querySelectorAll('[data-queue-item]')].filter((item) => item.offsetParent !== null);
}

function current() {
  return document.activeElement?.closest('[data-queue-item]') ?? queue.querySelector('[data-queue-current]');
}

function go(item) {
  queue.querySelector('[data-queue-current]')?.removeAttribute('data-queue-current');
  item.setAttribute('data-queue-current', '');
  item.tabIndex = -1;
  item.focus({ preventScroll: true });
  const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
  item.scrollIntoView({ block: 'nearest', behavior: calm ? 'auto' : 'smooth' });
}

function walk(step) {
  const all = items();
  if (all.length === 0) return false;
  const here = all.indexOf(current());
  const next = here < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(Math.max(here + step, 0), all.length - 1);
  go(all[next]);
  return true;
}

function press(key) {
  const selector = `[data-key="${CSS.escape(key)}"]`;
  // never another item's: what has no such key here must not happen there
  const outside = [...document.querySelectorAll(selector)].find((each) => !each.closest('[data-queue-item]'));
  const target = current()?.querySelector(selector) ?? outside;
  if (!target || target.disabled) return false;
  if (target.matches('input[type=text], input[type=search], textarea, select')) target.focus();
  else target.click();
  return true;
}

/** What the keys do, read from the page. */
function explained() {
  const known = new Map();
  if (items().length > 0) known.set('j', '下一件').set('k', '上一件');
  for (const element of document.querySelectorAll('[data-key]')) {
    const { key, keyLabel } = element.dataset;
    if (!known.has(key)) known.set(key, keyLabel || element.getAttribute('aria-label') || element.textContent.trim());
  }
  return known.set('?', '這份說明');
}

function help() {
  const dialog = document.createElement('dialog');
  dialog.className = 'dialog';
  dialog.setAttribute('aria-labelledby', 'keys-title');
  const title = document.createElement('h2');
  title.id = 'keys-title';
  title.textContent = '鍵盤快速鍵';
  const list = document.createElement('dl');
  list.className = 'keys';
  for (const [key, label] of explained()) {
    const name = document.createElement('dt');
    name.append(Object.assign(document.createElement('kbd'), { textContent: key === 'Enter' ? '↵' : key }));
    list.append(name, Object.assign(document.createElement('dd'), { textContent: label }));
  }
  const off = Object.assign(document.createElement('input'), { type: 'checkbox', checked: !switchedOff() });
  off.addEventListener('change', () => localStorage.setItem(OFF, off.checked ? '' : 'yes'));
  const tick = document.createElement('label');
  tick.className = 'tick';
  tick.append(off, ' 使用單鍵快速鍵（? 隨時可用）');
  const close = Object.assign(document.createElement('button'), { className: 'button button--primary', textContent: '關閉' });
  close.addEventListener('click', () => dialog.close());
  const row = document.createElement('p');
  row.className = 'button-row';
  row.append(close);
  dialog.append(title, list, tick, row);
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

function switchedOff() {
  return localStorage.getItem(OFF) === 'yes';
}

function typing(target) {
  return target.isContentEditable || target.matches('input:not([type=checkbox], [type=radio]), textarea, select');
}

if (queue) {
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (typing(event.target) || document.querySelector('dialog[open]')) return;
    const { key } = event;
    if (key === '?') {
      event.preventDefault();
      help();
      return;
    }
    if (switchedOff() || key.length !== 1) return;
    const done = (key === 'j' && walk(1)) || (key === 'k' && walk(-1)) || press(key);
    if (done) event.preventDefault();
  });
  for (const button of document.querySelectorAll('[data-queue-help]')) button.addEventListener('click', help);
}
