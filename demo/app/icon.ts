// The app's line icons, on a grid of 24, in the colour of the text around them. Each is for the
// eye only: whoever shows one says in words what it means.

import type { Priority } from './order.js';

const namespace = 'http://www.w3.org/2000/svg';

const cloud = 'M7 18.5a4.5 4.5 0 0 1-.6-8.96 6 6 0 0 1 11.5 1.2A3.9 3.9 0 0 1 17.4 18.5';

const paths = {
  back: ['M14.5 5.5 8 12l6.5 6.5'],
  plus: ['M12 5v14', 'M5 12h14'],
  check: ['m5 12.5 4.5 4.5L19 7.5'],
  close: ['M6 6l12 12', 'M18 6 6 18'],
  search: ['M11 4.5a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13Z', 'm16 16 4 4'],
  edit: [
    'M4.5 19.5l.9-4L16 4.9a1.7 1.7 0 0 1 2.4 0l.7.7a1.7 1.7 0 0 1 0 2.4L8.5 18.6Z',
    'm14 7 3 3',
  ],
  trash: ['M4.5 7h15', 'M9.5 7V4.5h5V7', 'M6.5 7l.8 12.5h9.4L17.5 7', 'M10 11v5', 'M14 11v5'],
  pin: [
    'M12 20.5s6.5-5.3 6.5-10.5a6.5 6.5 0 0 0-13 0c0 5.2 6.5 10.5 6.5 10.5Z',
    'M12 7.7a2.3 2.3 0 1 1 0 4.6 2.3 2.3 0 0 1 0-4.6Z',
  ],
  clock: ['M12 3.5a8.5 8.5 0 1 1 0 17 8.5 8.5 0 0 1 0-17Z', 'M12 7.5V12l3 2'],
  person: [
    'M12 4.5a3.5 3.5 0 1 1 0 7 3.5 3.5 0 0 1 0-7Z',
    'M5 20c.5-3.6 3.2-5.5 7-5.5s6.5 1.9 7 5.5',
  ],
  building: ['M5.5 20.5v-16h9v16', 'M14.5 9.5h4v11', 'M3.5 20.5h17', 'M8.5 8h3m-3 4h3m-3 4h3'],
  cloud: [`${cloud}Z`, 'M12 16.3v-4.8', 'm9.6 13.6 2.4-2.4 2.4 2.4'],
  cloudOff: [`${cloud}Z`, 'M3.5 3.5l17 17'],
  cloudHeld: [`${cloud}Z`, 'M10.5 12v3.6', 'M13.5 12v3.6'],
  cloudSent: [`${cloud}Z`, 'm9.5 13.7 2 2 3.5-3.7'],
  cloudFailed: [`${cloud}Z`, 'M12 10.7v3', 'M12 16v.01'],
} satisfies Record<string, string[]>;

export type IconName = keyof typeof paths;

export function icon(name: IconName): SVGSVGElement {
  const svg = document.createElementNS(namespace, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  for (const d of paths[name]) {
    const path = document.createElementNS(namespace, 'path');
    path.setAttribute('d', d);
    svg.append(path);
  }
  return svg;
}

/** How much an order presses, as a signal's strength: three bars for 2, one for 4; a flag for 1. */
export function priorityIcon(priority: Priority): SVGSVGElement {
  const svg = document.createElementNS(namespace, 'svg');
  svg.setAttribute('viewBox', '0 0 16 16');
  svg.setAttribute('class', 'bars');
  svg.setAttribute('aria-hidden', 'true');
  if (priority === 1) {
    svg.append(shape('rect', { x: 1, y: 1, width: 14, height: 14, rx: 4 }));
    svg.append(shape('path', { d: 'M8 4.5v4M8 11.4v.01', class: 'sign' }));
    return svg;
  }
  for (const bar of [0, 1, 2]) {
    const height = 5 + bar * 4;
    const at = { x: 2 + bar * 4.5, y: 15 - height, width: 3, height, rx: 1 };
    svg.append(shape('rect', { ...at, class: bar <= 4 - priority ? 'on' : 'off' }));
  }
  return svg;
}

function shape(name: string, attributes: Record<string, string | number>): SVGElement {
  const element = document.createElementNS(namespace, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  return element;
}
