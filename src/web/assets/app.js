// Which view is shown, the keys, and what is common to all views.

import { ask, listen, setToken } from './feed.js';
import { count, h } from './dom.js';
import { views } from './views.js';

const main = document.getElementById('main');
const tabs = [...document.querySelectorAll('#tabs a')];

/** What is known now; views read it. */
const known = {
  state: null,
  rejections: [],
  findings: new Map(),
  missed: 0,
  held: false,
  history: [],
  words: { rules: {}, reasons: {}, causes: {} },
};

/** Refusals and findings kept in the page. */
const KEPT_MAX = 500;
/** Points of the little chart: one every two seconds. */
const HISTORY_MAX = 150;

let view = null;
let shownFor = 0;

/** The view that the address names: `#/causes`, `#/t/ID?time=…`. */
function route() {
  const [path, query] = location.hash.replace(/^#\/?/, '').split('?');
  const [name, ...rest] = path.split('/').map(decodeURIComponent);
  return { name: views[name] ? name : 'live', rest, query: Object.fromEntries(new URLSearchParams(query ?? '')) };
}

async function show() {
  const { name, rest, query } = route();
  const turn = (shownFor += 1);
  for (const tab of tabs) {
    const own = tab.getAttribute('href') === `#/${views[name].tab ?? name}`;
    if (own) tab.setAttribute('aria-current', 'page');
    else tab.removeAttribute('aria-current');
  }
  view = views[name];
  document.title = `${view.title} · corstap`;
  main.setAttribute('aria-busy', 'true');
  try {
    const content = await view.draw({ known, rest, query, ask });
    // A slower view must not replace a later one.
    if (turn === shownFor) main.replaceChildren(content);
  } catch (error) {
    if (turn === shownFor) main.replaceChildren(...failed(error));
  }
  if (turn === shownFor) main.removeAttribute('aria-busy');
}

function failed(error) {
  if (error.status === 401) return [signIn()];
  return [h('h1', {}, 'No answer'), h('p.empty', {}, error.message),
    h('p', {}, h('button', { type: 'button', onclick: show }, 'Try again'))];
}

/** Asks for the token that `--listen-token-file` demands. */
function signIn() {
  const input = h('input', { type: 'password', id: 'token', autocomplete: 'current-password', required: true, autofocus: true });
  return h('form.signin', {
    onsubmit: (event) => {
      event.preventDefault();
      setToken(input.value.trim());
      begin();
    },
  }, h('h1', {}, 'Token'), h('label', { for: 'token' }, 'The token in the file of --listen-token-file. It is kept for this tab only.'),
  h('div.row', {}, input, h('button', {}, 'Open')));
}

function setStatus(kind, text) {
  const status = document.getElementById('status');
  status.dataset.kind = kind;
  const said = status.querySelector('.said');
  if (said.textContent !== text) said.textContent = text;
}

function onState(state) {
  known.state = state;
  known.history.push({ blocked: state.verdicts.blocked ?? 0, allowed: state.verdicts.allowed ?? 0 });
  if (known.history.length > HISTORY_MAX) known.history.shift();
  document.getElementById('version').textContent = `corstap ${state.version}`;
  const trouble = document.getElementById('trouble');
  trouble.hidden = !state.trouble;
  if (state.trouble && trouble.textContent !== state.trouble) trouble.textContent = state.trouble;
  const names = state.interfaces.map((i) => i.name).join(', ');
  setStatus(state.trouble ? 'bad' : 'good', state.trouble ? 'trouble' : `live on ${names || 'nothing'}`);
}

function on(event, data) {
  if (event === 'begin') {
    known.rejections = [];
    known.missed = 0;
  } else if (event === 'rejection') {
    known.rejections.unshift(data);
    if (known.rejections.length > KEPT_MAX) known.rejections.pop();
  } else if (event === 'finding') {
    known.findings.delete(data.id);
    known.findings.set(data.id, data);
    if (known.findings.size > KEPT_MAX) known.findings.delete(known.findings.keys().next().value);
  } else if (event === 'missed') {
    known.missed += data.count;
  } else if (event === 'state') {
    onState(data);
  } else if (event === 'lost') {
    setStatus('bad', 'no connection');
    if (data.status === 401) main.replaceChildren(signIn());
  }
  if (view?.update) queue();
}

let queued = false;
/** Draws what has changed, at most once a frame. */
function queue() {
  if (queued) return;
  queued = true;
  requestAnimationFrame(() => {
    queued = false;
    view?.update?.({ known, main });
  });
}

const order = tabs.map((tab) => tab.getAttribute('href'));

function moveRow(step) {
  const rows = [...main.querySelectorAll('a.open')];
  if (rows.length === 0) return;
  const at = rows.indexOf(document.activeElement);
  const next = rows[Math.min(rows.length - 1, Math.max(0, at < 0 ? (step > 0 ? 0 : rows.length - 1) : at + step))];
  next.focus();
  next.scrollIntoView({ block: 'nearest' });
}

const dialog = document.getElementById('keys');

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || dialog.open) return;
  if (event.target.closest('input, select, textarea')) {
    if (event.key === 'Escape') event.target.blur();
    return;
  }
  const does = {
    j: () => moveRow(1),
    k: () => moveRow(-1),
    p: () => view?.hold?.({ known, main }),
    '/': () => main.querySelector('input[type=search]')?.focus(),
    '?': () => dialog.showModal(),
    Backspace: () => history.back(),
  }[event.key];
  if (does) {
    event.preventDefault();
    does();
  } else if (/^[1-6]$/.test(event.key)) {
    event.preventDefault();
    location.hash = order[Number(event.key) - 1].slice(1);
  }
});
document.getElementById('help').addEventListener('click', () => dialog.showModal());
window.addEventListener('hashchange', () => {
  show().then(() => {
    main.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  });
});

async function begin() {
  try {
    known.words = { ...known.words, ...await ask('/api/words') };
    onState(await ask('/api/state'));
  } catch (error) {
    setStatus('bad', 'no connection');
    main.replaceChildren(...failed(error));
    if (error.status === 401 || error.status === 403) return;
  }
  await show();
  listen(on);
}

begin();
// For the tests, and for whoever opens the console: how much is kept.
globalThis.corstap = { kept: () => `${count(known.rejections.length)} refusals, ${count(known.findings.size)} findings` };
