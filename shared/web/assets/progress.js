/**
 * Follows something that the server does in the background, and loads the page anew when it has come further.
 *
 * `<section data-progress="/…/status" data-progress-state="building">` with, where they apply, `[data-progress-label]`,
 * `[data-progress-text]` and a `progress` inside. The endpoint answers {state, label, done, total, moving}.
 * Without this module a person loads the page anew by hand and sees the same.
 */

const OFTEN = 2000;
const SELDOM = 10000;

for (const place of document.querySelectorAll('[data-progress]')) follow(place);

async function follow(place) {
  const began = place.dataset.progressState;
  const bar = place.querySelector('progress');
  for (;;) {
    const answer = await ask(place.dataset.progress);
    if (answer) {
      const grew = answer.total > 0 && !bar;
      if (answer.state !== began || grew || !answer.moving) {
        location.reload();
        return;
      }
      show(place, bar, answer);
    }
    await new Promise((done) => setTimeout(done, answer && !document.hidden ? OFTEN : SELDOM));
  }
}

async function ask(url) {
  try {
    const response = await fetch(url, { headers: { accept: 'application/json' } });
    return response.ok ? await response.json() : null;
  } catch {
    return null; // the connection comes back, or the person leaves
  }
}

function show(place, bar, answer) {
  const label = place.querySelector('[data-progress-label]');
  if (label && label.textContent !== answer.label) label.textContent = answer.label;
  if (!bar) return;
  bar.max = answer.total;
  bar.value = answer.done;
  const text = place.querySelector('[data-progress-text]');
  if (text) text.textContent = `${answer.done} / ${answer.total}`;
}
