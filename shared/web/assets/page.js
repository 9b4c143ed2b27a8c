/**
 * What every page gains from a script, and does without: menus that close, forms sent once, a question before
 * what cannot be undone.
 *
 * `<form data-confirm="要刪除「…」嗎？" data-confirm-yes="刪除">` (or the same on the pressed button) asks first.
 */

for (const menu of document.querySelectorAll('details.menu')) {
  document.addEventListener('click', (event) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
  menu.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || !menu.open) return;
    menu.open = false;
    menu.querySelector('summary').focus();
  });
}

document.addEventListener('submit', (event) => {
  const { target: form, submitter } = event;
  const asks = submitter?.dataset.confirm ? submitter : form;
  if (asks.dataset.confirm && form.dataset.confirmed === undefined) {
    event.preventDefault();
    question(asks.dataset, () => {
      form.dataset.confirmed = '';
      form.requestSubmit(submitter);
      delete form.dataset.confirmed;
    });
    return;
  }
  if (form.dataset.sent !== undefined && form.method === 'post') {
    event.preventDefault();
    return;
  }
  form.dataset.sent = '';
  form.classList.add('is-sending');
  // A download leaves the page standing: it may be asked for again.
  setTimeout(() => settle(form), 5000);
});

// Back from the next page, out of the browser's memory.
window.addEventListener('pageshow', () => document.querySelectorAll('form.is-sending').forEach(settle));

function settle(form) {
  delete form.dataset.sent;
  form.classList.remove('is-sending');
}

function question({ confirm, confirmYes }, yes) {
  const dialog = document.createElement('dialog');
  dialog.className = 'dialog';
  dialog.setAttribute('aria-labelledby', 'question');
  const text = Object.assign(document.createElement('p'), { id: 'question', className: 'dialog__text', textContent: confirm });
  const no = Object.assign(document.createElement('button'), { className: 'button', textContent: '取消' });
  const go = Object.assign(document.createElement('button'), {
    className: 'button button--primary',
    textContent: confirmYes || '確定',
  });
  no.addEventListener('click', () => dialog.close());
  go.addEventListener('click', () => {
    dialog.close();
    yes();
  });
  const row = document.createElement('p');
  row.className = 'button-row';
  row.append(go, no);
  dialog.append(text, row);
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  no.focus();
}
