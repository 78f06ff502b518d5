// Elements from data. Strings become text nodes, never markup: every one of them may come from the wire.

/** An element: `h('a.link', {href: '#/live'}, 'Live')`. Children that are null or false are left out. */
export function h(name, properties, ...children) {
  const [tag, ...classes] = name.split('.');
  const element = document.createElement(tag);
  if (classes.length) element.className = classes.join(' ');
  for (const [key, value] of Object.entries(properties ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith('on')) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? '' : String(value));
  }
  element.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false)
    .map((child) => (child instanceof Node ? child : shown(String(child)))));
  return element;
}

/** The same in SVG. */
export function svg(tag, properties, ...children) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [key, value] of Object.entries(properties ?? {})) element.setAttribute(key, String(value));
  element.append(...children);
  return element;
}

/** Text in which nothing acts: control characters and those that turn the direction of writing become visible. */
export function shown(text) {
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

export const clock = (time) => (time ? time.slice(11, 19) : '');
export const clockMs = (time) => (time ? time.slice(11, 23) : '');
export const day = (time) => (time ? time.slice(0, 10) : '');

const numbers = new Intl.NumberFormat('en');
export const count = (n) => numbers.format(n ?? 0);
export const plural = (n, one, many) => `${count(n)} ${n === 1 ? one : many ?? `${one}s`}`;
export const percent = (part, whole) => (whole > 0 ? `${(100 * part / whole).toFixed(part === whole || part === 0 ? 0 : 1)}%` : '–');

/** Bytes for a person: 1.4 MB. */
export function bytes(n) {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let at = 0;
  while (n >= 1000 && at < units.length - 1) { n /= 1000; at += 1; }
  return `${at === 0 ? n : n.toFixed(1)} ${units[at]}`;
}

/** An id as words: missing_allow_origin → missing allow origin. */
export const words = (id) => (id ?? '').replaceAll('_', ' ');

/** How long ago, roughly. */
export function ago(time, now) {
  const s = Math.max(0, (Date.parse(now) - Date.parse(time)) / 1000);
  if (s < 90) return `${Math.round(s)} s ago`;
  if (s < 5400) return `${Math.round(s / 60)} min ago`;
  if (s < 129600) return `${Math.round(s / 3600)} h ago`;
  return `${Math.round(s / 86400)} days ago`;
}
