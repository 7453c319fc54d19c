// When an order is due, in few words, in the browser's own way of writing dates.

const time = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' });
const weekdayAndTime = new Intl.DateTimeFormat(undefined, {
  weekday: 'short',
  hour: 'numeric',
  minute: '2-digit',
});
const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
const dayAndYear = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });
const whole = new Intl.DateTimeFormat(undefined, {
  weekday: 'long',
  day: 'numeric',
  month: 'long',
  hour: 'numeric',
  minute: '2-digit',
});

const dayMs = 86_400_000;

/** Whole calendar days from `now` to `at`, by the clock on the wall: -1 is yesterday. */
export function daysUntil(at: Date, now: Date): number {
  const midnight = (date: Date): number =>
    Date.UTC(date.getFullYear(), date.getMonth(), date.getDate());
  return Math.round((midnight(at) - midnight(now)) / dayMs);
}

/** For a row: '14:30', 'Tue 14:30', '3 Nov', '3 Nov 2024'. */
export function shortDue(at: Date, now: Date): string {
  const days = daysUntil(at, now);
  if (days === 0 || days === 1) return time.format(at);
  if (days > 1 && days < 7) return weekdayAndTime.format(at);
  return at.getFullYear() === now.getFullYear() ? day.format(at) : dayAndYear.format(at);
}

/** For the order itself: 'Today, 14:30', 'Tuesday 3 November at 14:30'. */
export function longDue(at: Date, now: Date): string {
  const days = daysUntil(at, now);
  const name = { '-1': 'Yesterday', 0: 'Today', 1: 'Tomorrow' }[days];
  return name === undefined ? whole.format(at) : `${name}, ${time.format(at)}`;
}

/** When something was written: 'just now', '5 min ago', '9:12', '3 Nov'. */
export function ago(at: Date, now: Date): string {
  const minutes = Math.floor((now.getTime() - at.getTime()) / 60_000);
  if (minutes < 1) return 'just now';
  if (minutes < 60) return `${minutes} min ago`;
  return daysUntil(at, now) === 0 ? time.format(at) : day.format(at);
}

export function clockTime(at: Date): string {
  return time.format(at);
}
