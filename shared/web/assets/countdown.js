/**
 * Counts down to deadlines on the server's clock, for the clocks of phones and school computers are wrong.
 *
 * `<time datetime="2026-11-22T06:00:00Z" data-countdown>115/11/22 14:00</time>` gets a sentence behind it.
 * The page says the server's time in `<meta name="server-time">`, in milliseconds.
 */

const MINUTE = 60 * 1000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const server = Number(document.querySelector('meta[name=server-time]').content);
const ahead = server - Date.now();

function words(left) {
  if (left <= 0) return '已截止';
  const days = Math.floor(left / DAY);
  const hours = Math.floor((left % DAY) / HOUR);
  const minutes = Math.floor((left % HOUR) / MINUTE);
  const seconds = Math.floor((left % MINUTE) / 1000);
  if (days > 0) return `還有 ${days} 天 ${hours} 小時`;
  if (hours > 0) return `還有 ${hours} 小時 ${minutes} 分`;
  return `還有 ${minutes} 分 ${String(seconds).padStart(2, '0')} 秒`;
}

const deadlines = [...document.querySelectorAll('[data-countdown]')].map((time) => {
  const place = document.createElement('span');
  place.className = 'deadline__left';
  time.after(' ', place);
  return { time, place, at: Date.parse(time.dateTime) };
});

function tick() {
  const now = Date.now() + ahead;
  for (const { time, place, at } of deadlines) {
    const left = at - now;
    place.textContent = words(left);
    place.classList.toggle('deadline__left--soon', left > 0 && left < 3 * DAY);
    place.classList.toggle('deadline__left--over', left <= 0);
    time.classList.toggle('deadline--over', left <= 0);
  }
}

if (deadlines.length > 0) {
  tick();
  setInterval(tick, 1000);
}
