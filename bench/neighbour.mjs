// Draws docs/neighbour.svg out of what build/release/neighbour simulates, and prints the figures of
// docs/good-neighbour.md.

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { root } from '../tools/toolchain.mjs';

const outage = 3600; // Seconds.
const shown = 80; // Minutes.
const bin = 10; // Seconds: of so many the busiest is drawn.
const from = 1e2; // Requests a second, on a logarithmic axis.
const to = 1e7;

const left = 104;
const right = 930;
const top = 116;
const bottom = 452;

const printed = execFileSync(join(root, 'build/release/neighbour'), {
  encoding: 'utf8',
  maxBuffer: 1 << 24,
});
const patterns = new Map(
  printed
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
    .map(pattern => [pattern.pattern, { ...pattern, ...figures(pattern.perSecond) }]),
);

for (const { pattern, during, peak, allAfterMs, halfAfterMs } of patterns.values()) {
  const columns = [
    pattern.padEnd(28),
    `${count(during)} in the hour`.padStart(24),
    `peak after it ${count(peak)}/s`.padStart(26),
    `half delivered after ${time(halfAfterMs)}`.padStart(30),
    `all after ${time(allAfterMs)}`.padStart(20),
  ];
  console.log(columns.join(' '));
}
writeFileSync(join(root, 'docs/neighbour.svg'), draw());
console.log('drawn: docs/neighbour.svg');

// What arrived while the server was down, the busiest second after it, and when that was.
function figures(perSecond) {
  const after = perSecond.slice(outage);
  const peak = Math.max(...after);
  const during = perSecond.slice(0, outage).reduce((sum, requests) => sum + requests, 0);
  return { during, peak, peakAt: outage + after.indexOf(peak) };
}

function draw() {
  const naive = patterns.get('naive');
  const plain = patterns.get('Holdfast');
  const asked = patterns.get('Holdfast, Retry-After: 600');
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 960 520" role="img"
  aria-labelledby="title about" font-family="system-ui, 'Liberation Sans', Arial, sans-serif">
<title id="title">The load of a server after an outage</title>
<desc id="about">Naive clients: ${count(naive.peak)} requests in the busiest second after it.
Holdfast: ${count(plain.peak)}. Holdfast with Retry-After: ${count(asked.peak)}.</desc>
<style>
  svg { --page: #ffffff; --ink: #1f2937; --faint: #6b7280; --grid: #e5e7eb; --down: #f3f4f6;
    --naive: #d9480f; --plain: #1d4ed8; --asked: #0f766e; }
  @media (prefers-color-scheme: dark) {
    svg { --page: #0d1117; --ink: #e6edf3; --faint: #9198a1; --grid: #262c36; --down: #161b22;
      --naive: #ff922b; --plain: #6ea8fe; --asked: #2dd4bf; }
  }
  text { fill: var(--ink); font-size: 14px; }
  .title { font-size: 20px; font-weight: 600; }
  .faint { fill: var(--faint); font-size: 13px; }
  .grid { stroke: var(--grid); fill: none; }
  .line { fill: none; stroke-width: 2; stroke-linejoin: round; }
  .halo { paint-order: stroke; stroke: var(--page); stroke-width: 5px; stroke-linejoin: round; }
</style>
<rect width="960" height="520" fill="var(--page)"/>
<text class="title" x="24" y="38">After an hour’s outage a million clients come back over
${minutes(plain.allAfterMs)}, not in one second</text>
${legend(24, 'naive', 'naive: all it has, every minute')}
${legend(290, 'plain', 'Holdfast')}
${legend(410, 'asked', 'Holdfast, and the server sends Retry-After: 600')}
<rect x="${left}" y="${top}" width="${x(outage) - left}" height="${bottom - top}"
  fill="var(--down)"/>
${grid()}
${spikes(naive.perSecond, 0, outage, 0.4)}
${spikes(naive.perSecond, outage, shown * 60, 1)}
${line(asked.perSecond, 'asked')}
${line(plain.perSecond, 'plain')}
<line x1="${x(outage)}" x2="${x(outage)}" y1="${top}" y2="${bottom}" stroke="var(--faint)"
  stroke-dasharray="4 3"/>
<text class="faint" x="${x(outage) - 8}" y="${top - 8}" text-anchor="end">the server answers
503</text>
<text class="faint" x="${x(outage) + 8}" y="${top - 8}">it is well again</text>
${dot(naive, 'naive')}
${dot(plain, 'plain')}
${label(naive.peak, 'naive', x(naive.peakAt) + 14, y(naive.peak) + 5)}
${label(plain.peak, 'plain', x(plain.peakAt) + 14, y(plain.peak) - 6)}
${label(asked.peak, 'asked', x(outage + 570), y(asked.peak) - 8)}
<text class="faint" x="${(left + right) / 2}" y="${bottom + 48}" text-anchor="middle">minutes since
the server went down</text>
<text class="faint" transform="translate(22 ${(top + bottom) / 2}) rotate(-90)"
  text-anchor="middle">requests a second, logarithmic</text>
</svg>
`;
}

function legend(at, colour, text) {
  return `<rect x="${at}" y="62" width="18" height="4" rx="2" fill="var(--${colour})"/>
<text x="${at + 26}" y="69">${text}</text>`;
}

function grid() {
  const marks = [];
  for (let load = from; load <= to; load *= 10) {
    marks.push(`<line class="grid" x1="${left}" x2="${right}" y1="${y(load)}" y2="${y(load)}"/>
<text class="faint" x="${left - 10}" y="${y(load) + 4}" text-anchor="end">${count(load)}</text>`);
  }
  for (let minute = 0; minute <= shown; minute += 10) {
    const at = x(minute * 60);
    marks.push(`<line class="grid" x1="${at}" x2="${at}" y1="${bottom}" y2="${bottom + 6}"/>
<text class="faint" x="${at}" y="${bottom + 22}" text-anchor="middle">${minute}</text>`);
  }
  return marks.join('\n');
}

// One upright a second in which anything arrived.
function spikes(perSecond, begin, end, opacity) {
  const path = perSecond
    .slice(begin, end)
    .map((load, index) => (load > from ? `M${x(begin + index + 0.5)} ${bottom}V${y(load)}` : ''))
    .join('');
  return `<path class="line" d="${path}" stroke="var(--naive)" opacity="${opacity}"/>`;
}

// With gaps where less arrived than the axis shows.
function line(perSecond, colour) {
  let path = '';
  let isDrawing = false;
  for (let second = 0; second < shown * 60; second += bin) {
    const load = Math.max(...perSecond.slice(second, second + bin));
    const isShown = load > from;
    if (isShown && !isDrawing) path += `M${x(second)} ${bottom}`;
    if (isShown || isDrawing) path += `L${x(second + (isShown ? bin / 2 : 0))} ${y(load)}`;
    isDrawing = isShown;
  }
  return `<path class="line" d="${path}" stroke="var(--${colour})"/>`;
}

function dot({ peak, peakAt }, colour) {
  return `<circle cx="${x(peakAt)}" cy="${y(peak)}" r="4" fill="var(--${colour})"/>`;
}

function label(load, colour, at, baseline) {
  return `<text class="halo" x="${at}" y="${baseline}" style="fill: var(--${colour})">
${count(load)} a second</text>`;
}

function x(second) {
  return round(left + ((right - left) * second) / (shown * 60));
}

function y(load) {
  const part = Math.log(Math.max(load, from) / from) / Math.log(to / from);
  return round(bottom - (bottom - top) * part);
}

function round(number) {
  return Math.round(number * 10) / 10;
}

function count(number) {
  return number.toLocaleString('en');
}

function time(ms) {
  return ms < 60_000 ? `${(ms / 1000).toFixed(1)} s` : `${(ms / 60_000).toFixed(1)} min`;
}

function minutes(ms) {
  const words = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'];
  const whole = Math.round(ms / 60_000);
  return `${words[whole] ?? whole} minutes`;
}
