/**
 * Ticking people class by class, and a look at a file before it travels. Without a script the boxes and the form
 * work all the same.
 *
 * `<fieldset data-people>` with a `<details>` for each class, whose summary holds `<span data-people-count>`.
 * `<input type="file" data-max-bytes="4194304">` in a plain form.
 */

for (const group of document.querySelectorAll('[data-people] details')) {
  const boxes = [...group.querySelectorAll('input[type="checkbox"]')];
  const count = group.querySelector('[data-people-count]');
  const all = Object.assign(document.createElement('button'), { type: 'button', className: 'button button--small' });
  group.querySelector('summary').after(all);

  const show = () => {
    const ticked = boxes.filter((box) => box.checked).length;
    count.textContent = `${boxes.length} 人` + (ticked > 0 ? `，已勾選 ${ticked} 人` : '');
    all.textContent = ticked === boxes.length ? '全班取消' : '全班勾選';
  };
  all.addEventListener('click', () => {
    const tick = boxes.some((box) => !box.checked);
    for (const box of boxes) box.checked = tick;
    show();
  });
  group.addEventListener('change', show);
  show();
}

for (const input of document.querySelectorAll('input[type="file"][data-max-bytes]')) {
  const most = Number(input.dataset.maxBytes);
  input.addEventListener('change', () => {
    const [file] = input.files;
    const tooLarge = file && file.size > most;
    input.setCustomValidity(tooLarge ? `檔案太大，最大 ${Math.floor(most / 1048576)} MB，請換一個檔案` : '');
    if (tooLarge) input.reportValidity();
  });
}
