/**
 * Counts what is typed as the rules count it: Unicode characters of the trimmed NFC form (domain §4.2),
 * so a rare character outside the basic plane is one, and a line break is one.
 *
 * `<textarea id="summary" data-count-limit="100">` and `<p data-count-for="summary">`.
 * Nothing is cut off: who pastes too much sees by how much, and what the server says is what holds.
 */

function count(text) {
  return [...text.trim().normalize('NFC')].length;
}

for (const place of document.querySelectorAll('[data-count-for]')) {
  const field = document.getElementById(place.dataset.countFor);
  const limit = Number(field.dataset.countLimit);
  const ears = document.createElement('span');
  ears.className = 'visually-hidden';
  ears.setAttribute('role', 'status');
  place.after(ears);

  const show = () => {
    const typed = count(field.value);
    const over = typed - limit;
    place.textContent = over > 0 ? `${typed} / ${limit}，多了 ${over} 字` : `${typed} / ${limit}`;
    place.classList.toggle('field__count--over', over > 0);
    // Read aloud only where it matters, not at every key.
    ears.textContent = over > 0 ? `超過上限 ${over} 字` : limit - typed === 10 ? '還可以輸入 10 個字' : '';
  };
  field.addEventListener('input', show);
  show();
}
