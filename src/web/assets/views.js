// The views. Each draws itself from what is known and what the daemon answers; `update` changes a view that stays open.

import { ago, bytes, clock, clockMs, count, day, h, percent, plural, svg, words } from './dom.js';

const link = (t) => `#/t/${encodeURIComponent(t.id)}?time=${encodeURIComponent(t.time)}`;
const short = (origin) => (origin ?? '').replace(/^https?:\/\//, '');

/** What an id means, from the catalogue; the id itself in words where it has none. */
function title(known, kind, id) {
  return known.words[kind]?.[id]?.title ?? words(id);
}

function badge(text, kind) {
  return h(`span.badge.${kind}`, {}, text);
}

function severity(id) {
  return badge(id, `sev-${id}`);
}

function number(label, value, kind, note) {
  return h(`div.number${kind ? `.${kind}` : ''}`, {}, h('span.value', {}, value), h('span.label', {}, label),
    note ? h('span.note', {}, note) : null);
}

function empty(...text) {
  return h('p.empty', {}, ...text);
}

/** A table that becomes cards on a narrow screen: each cell knows its column's name. */
function table(caption, columns, rows, kind = '') {
  return h(`div.scroll`, {}, h(`table${kind ? `.${kind}` : ''}`, {},
    h('caption', {}, caption),
    h('thead', {}, h('tr', {}, columns.map((column) => h(`th${column.right ? '.right' : ''}`, { scope: 'col' }, column.name)))),
    h('tbody', {}, rows.map((cells) => h('tr', {}, cells.map((cell, at) =>
      h(`td${columns[at].right ? '.right' : ''}${columns[at].kind ? `.${columns[at].kind}` : ''}`, { 'data-label': columns[at].name }, cell === '' ? null : h('div', {}, cell))))))));
}

/** A bar of parts; each part has a name, a number and a kind. The same is told in words beside it. */
function bar(label, parts) {
  const whole = parts.reduce((sum, part) => sum + part.n, 0);
  const seen = parts.filter((part) => part.n > 0);
  if (seen.length === 0) return empty('None yet.');
  const width = (n) => (whole > 0 ? (600 * n) / whole : 0);
  let x = 0;
  const shapes = seen.map((part) => {
    const shape = svg('rect', { x, y: 0, width: Math.max(1.5, width(part.n)), height: 14, class: `part ${part.kind}` });
    shape.append(svg('title', {}, `${part.name}: ${count(part.n)}`));
    x += width(part.n);
    return shape;
  });
  return h('div.bar', {},
    svg('svg', { viewBox: '0 0 600 14', preserveAspectRatio: 'none', role: 'img', 'aria-label': label }, ...shapes),
    h('ul.legend', {}, seen.map((part) => h('li', {}, h(`span.key.${part.kind}`, {}), `${part.name} `,
      h('b', {}, count(part.n)), ` ${percent(part.n, whole)}`))));
}

// --- live ------------------------------------------------------------------------------------------------------------

/** Repeats of one refusal are one line: the same request from the same page, refused for the same reason. */
function folded(rejections, filter) {
  const lines = new Map();
  const wanted = filter.toLowerCase();
  for (const t of rejections) {
    const path = (t.path ?? '').split('?')[0];
    const text = [t.method, t.target_origin, path, t.origin, t.reason, t.phase, t.cause].join(' ');
    if (wanted && !text.toLowerCase().includes(wanted)) continue;
    const line = lines.get(text);
    if (line) line.times += 1;
    else lines.set(text, { t, times: 1 });
  }
  return [...lines.values()];
}

function chart(history) {
  const steps = history.slice(1).map((point, at) => Math.max(0, point.blocked - history[at].blocked));
  const most = Math.max(1, ...steps);
  const bars = steps.map((n, at) => svg('rect', {
    x: 300 - (steps.length - at) * 2, y: 36 - Math.max(n > 0 ? 2 : 0, (34 * n) / most), width: 1.6,
    height: Math.max(n > 0 ? 2 : 0, (34 * n) / most), class: 'part bad',
  }));
  const label = `Refusals in each two seconds of the last five minutes; the most is ${most}`;
  return svg('svg', { viewBox: '0 0 300 37', class: 'spark', role: 'img', 'aria-label': label, preserveAspectRatio: 'none' },
    svg('line', { x1: 0, x2: 300, y1: 36.5, y2: 36.5, class: 'axis' }), ...bars);
}

function summary(known) {
  const state = known.state;
  if (!state) return h('div.numbers', { id: 'numbers' });
  const v = state.verdicts;
  const decided = (v.allowed ?? 0) + (v.blocked ?? 0);
  const open = Object.values(state.findings).reduce((sum, n) => sum + n, 0);
  const grave = (state.findings.high ?? 0) + (state.findings.critical ?? 0);
  return h('div.numbers', { id: 'numbers' },
    number('refused', count(v.blocked), v.blocked ? 'bad' : '', `${percent(v.blocked, decided)} of ${count(decided)} decided`),
    number('took effect all the same', count(state.after_effect), state.after_effect ? 'bad' : ''),
    number('allowed', count(v.allowed), 'good'),
    number('undecided', count(v.undecided), '', 'the wire cannot tell'),
    number('findings, last hour', count(open), grave ? 'bad' : '', grave ? `${count(grave)} high or critical` : null),
    h('div.number.wide', {}, chart(known.history), h('span.label', {}, 'refusals, last five minutes')));
}

/** One line that says whether "nothing refused" can be believed. */
function diagnosis(state) {
  const c = state?.counters;
  if (!c) return null;
  if (c.packets === 0) return ['bad', 'No packet yet. Is this the interface that carries the traffic, and does the filter let it pass?'];
  if (c.tcp_bytes > 10000 && c.tls_bytes > 0.95 * c.tcp_bytes) {
    return ['bad', `${percent(c.tls_bytes, c.tcp_bytes)} of the TCP bytes are TLS, which cannot be judged. Tap behind the TLS terminator, or name the browsers' key log (--keylog).`];
  }
  if (c.requests + c.responses === 0) return ['bad', `${count(c.packets)} packets and no HTTP message among them.`];
  if (c.connections > 10 && c.one_sided * 2 > c.connections) {
    return ['bad', 'Of most connections only one direction is seen: requests cannot be paired with answers.'];
  }
  const lost = state.interfaces.reduce((sum, i) => sum + i.lost_kernel + i.lost_interface, 0);
  if (lost > c.packets / 100) return ['warn', `${percent(lost, lost + c.packets)} of the packets were lost before they could be read.`];
  return null;
}

function note(known) {
  const told = diagnosis(known.state);
  return h('div', { id: 'note' }, told ? h(`p.note-line.${told[0]}`, {}, told[1], ' ', h('a', { href: '#/coverage' }, 'Coverage')) : null);
}

const live = {
  title: 'Live',
  filter: '',
  draw({ known }) {
    const search = h('input', {
      type: 'search', id: 'filter', placeholder: 'filter: target, path, reason …', 'aria-label': 'Filter the live list', value: live.filter,
      oninput: (event) => { live.filter = event.target.value; live.list(known, document.getElementById('main'), true); },
    });
    const hold = h('button', { type: 'button', id: 'hold', 'aria-pressed': String(known.held), onclick: () => live.hold({ known, main: document.getElementById('main') }) },
      known.held ? 'Go on' : 'Hold');
    return h('div', {}, h('h1.hidden', {}, 'Live'), summary(known), note(known),
      h('div.bar-line', {}, h('h2', {}, 'Refusals as they come'), h('div.row', {}, search, hold)),
      h('div', { id: 'list' }, live.rows(known)));
  },
  rows(known) {
    const lines = folded(known.rejections, live.filter).slice(0, 150);
    if (lines.length === 0) {
      return live.filter ? empty('Nothing matches.')
        : empty('No refusal since this page is open or, before that, among the last ones. ', diagnosis(known.state) ? 'But see the note above.' : 'Requests that browsers allow are counted above.');
    }
    const cells = lines.map(({ t, times }) => [
      h('time', { datetime: t.time, title: t.time }, clock(t.time)),
      h('a.open', { href: link(t) }, h('span.method', {}, t.method), ' ', h('span.host', {}, short(t.target_origin)), h('span.path', {}, t.path)),
      h('span.host', {}, short(t.origin) || 'no origin'),
      [h('span.reason', { title: title(known, 'reasons', t.reason) }, words(t.reason)), ' ', badge(t.phase ?? '', 'phase'), t.blocked_after_effect ? [' ', badge('took effect', 'bad')] : null],
      t.cause && t.cause !== 'unknown' ? words(t.cause) : h('span.dim', {}, '–'),
      times > 1 ? `×${count(times)}` : '',
    ]);
    return [known.missed > 0 ? h('p.note-line.warn', {}, `${plural(known.missed, 'refusal')} passed too fast for this page; they are counted and, with a database, recorded.`) : null,
      table('Latest refusals, repeats folded', [
        { name: 'time' }, { name: 'request', kind: 'grow' }, { name: 'page', kind: 'origin' }, { name: 'reason' }, { name: 'likely mistake' }, { name: 'times', right: true },
      ], cells, 'list')];
  },
  list(known, main, force) {
    const list = main.querySelector('#list');
    if (!list || (known.held && !force)) return;
    const focused = document.activeElement?.getAttribute?.('href');
    list.replaceChildren(...[live.rows(known)].flat().filter(Boolean));
    // The list is drawn anew; who was on a row stays on it.
    if (focused && !main.contains(document.activeElement)) {
      [...list.querySelectorAll('a.open')].find((a) => a.getAttribute('href') === focused)?.focus({ preventScroll: true });
    }
  },
  drawn: '',
  update({ known, main }) {
    main.querySelector('#numbers')?.replaceWith(summary(known));
    const told = JSON.stringify(diagnosis(known.state));
    if (told !== live.drawn) {
      live.drawn = told;
      main.querySelector('#note')?.replaceWith(note(known));
    }
    const newest = `${known.rejections.length} ${known.rejections[0]?.id} ${known.missed}`;
    if (newest === live.newest && main.querySelector('#list')?.childElementCount) return;
    live.newest = newest;
    live.list(known, main, false);
  },
  hold({ known, main }) {
    known.held = !known.held;
    const button = main.querySelector('#hold');
    if (button) {
      button.textContent = known.held ? 'Go on' : 'Hold';
      button.setAttribute('aria-pressed', String(known.held));
    }
    live.list(known, main, false);
  },
};

// --- causes ----------------------------------------------------------------------------------------------------------

function hours(query, base) {
  return h('div.row.hours', { role: 'group', 'aria-label': 'Time range' }, [[1, 'hour'], [24, 'day'], [168, 'week'], [720, '30 days']].map(([n, name]) =>
    h('a', { href: `${base}?${new URLSearchParams({ ...query, hours: n })}`, 'aria-current': Number(query.hours ?? 24) === n ? 'true' : null }, name)));
}

function recentOnly(answer) {
  return answer.recent_only ? h('p.note-line', {}, 'No database (--db): only what is in memory is shown.') : null;
}

const causes = {
  title: 'Causes',
  async draw({ known, query, ask }) {
    const answer = await ask('/api/causes', { hours: query.hours ?? 24 });
    const head = [h('div.bar-line', {}, h('h1', {}, 'Causes'), hours(query, '#/causes')), recentOnly(answer)];
    if (answer.groups.length === 0) return h('div', {}, head, empty('Nothing was refused in this time.'), note(known));
    const rows = answer.groups.map((g) => [
      h('b', {}, count(g.count)),
      h('a.open', { href: `#/rejections?${new URLSearchParams({ target: g.target_origin, reason: g.reason, cause: g.cause, hours: query.hours ?? 24 })}` },
        h('span.reason', {}, words(g.reason)), ' ', badge(g.phase, 'phase')),
      [h('span.method', {}, g.method), ' ', h('span.host', {}, short(g.target_origin))],
      g.cause === 'unknown' ? h('span.dim', {}, 'unknown') : h('span', { title: title(known, 'causes', g.cause) }, words(g.cause)),
      g.origins === 1 ? h('span.host', {}, short(g.origin)) : plural(g.origins, 'page origin'),
      count(g.clients),
      g.after_effect > 0 ? badge(`${count(g.after_effect)} took effect`, 'bad') : '',
      h('time', { datetime: g.last_seen, title: `${g.first_seen} to ${g.last_seen}` }, ago(g.last_seen, known.state?.now ?? g.last_seen)),
    ]);
    return h('div', {}, head, table('Refusals by reason, target and likely mistake; the largest first', [
      { name: 'refused', right: true }, { name: 'reason', kind: 'grow' }, { name: 'target', kind: 'target' }, { name: 'likely mistake' }, { name: 'page', kind: 'origin' },
      { name: 'clients', right: true }, { name: 'effect' }, { name: 'last' },
    ], rows, 'list'));
  },
};

const rejections = {
  title: 'Refusals',
  tab: 'causes',
  async draw({ query, ask }) {
    const rowsOf = (rows) => rows.map((t) => [
      h('time', { datetime: t.time, title: t.time }, `${day(t.time)} ${clockMs(t.time)}`),
      h('a.open', { href: link(t) }, h('span.method', {}, t.method), ' ', h('span.host', {}, short(t.target_origin)), h('span.path', {}, t.path)),
      h('span.host', {}, short(t.origin) || 'no origin'),
      t.forwarded_for ?? (t.client ?? '').replace(/:\d+$/, ''),
      [t.preflight_status ?? '–', ' / ', t.actual_status ?? '–'],
      t.blocked_after_effect ? badge('took effect', 'bad') : '',
      h('span.detail', {}, t.detail),
    ]);
    const columns = [{ name: 'time' }, { name: 'request' }, { name: 'page', kind: 'origin' }, { name: 'client' }, { name: 'preflight / actual' }, { name: 'effect' }, { name: 'detail', kind: 'grow' }];
    const answer = await ask('/api/rejections', { ...query, limit: 100 });
    const holder = h('div', {}, answer.rows.length ? table('The latest first', columns, rowsOf(answer.rows), 'list') : empty('Nothing of this kind in this time.'));
    let last = answer.rows.at(-1);
    const more = h('button', {
      type: 'button',
      onclick: async () => {
        const next = await ask('/api/rejections', { ...query, limit: 100, before_time: last.time, before_id: last.id });
        if (next.rows.length) holder.append(table('Earlier ones', columns, rowsOf(next.rows), 'list'));
        last = next.rows.at(-1) ?? last;
        if (next.rows.length < 100) more.remove();
      },
    }, 'Earlier ones');
    const what = [query.reason && words(query.reason), query.cause && query.cause !== 'unknown' && words(query.cause), query.target && short(query.target)].filter(Boolean);
    return h('div', {}, h('p', {}, h('a', { href: `#/causes?hours=${query.hours ?? 24}` }, '← Causes')), h('h1', {}, what.length ? what.join(' · ') : 'Refusals'),
      recentOnly(answer), holder, answer.rows.length === 100 && !answer.recent_only ? h('p', {}, more) : null);
  },
};

// --- targets ---------------------------------------------------------------------------------------------------------

const targets = {
  title: 'Targets',
  async draw({ known, query, ask }) {
    const answer = await ask('/api/targets', { hours: query.hours ?? 24 });
    const seen = answer.targets.filter((t) => t.allowed + t.blocked + t.undecided > 0);
    const head = [h('div.bar-line', {}, h('h1', {}, 'Targets'), hours(query, '#/targets')), recentOnly(answer)];
    if (seen.length === 0) return h('div', {}, head, empty('No cross-origin request in this time.'), note(known));
    const rows = seen.map((t) => {
      const whole = t.allowed + t.blocked + t.undecided;
      return [
        h('a.open', { href: `#/rejections?${new URLSearchParams({ target: t.target_origin, hours: query.hours ?? 24 })}` }, t.target_origin),
        count(whole),
        h('span', {}, share(t, whole)),
        h(t.blocked ? 'b.bad-text' : 'span', {}, count(t.blocked)),
        percent(t.blocked, t.allowed + t.blocked),
        count(t.undecided),
        count(t.preflights),
        count(t.origins),
        count(t.endpoints),
      ];
    });
    return h('div', {}, head, table('Who is asked across origins, and how it ends', [
      { name: 'target', kind: 'grow' }, { name: 'attempts', right: true }, { name: 'share' }, { name: 'refused', right: true }, { name: 'of decided', right: true },
      { name: 'undecided', right: true }, { name: 'preflights', right: true }, { name: 'page origins', right: true }, { name: 'endpoints', right: true },
    ], rows, 'list'));
  },
};

function share(t, whole) {
  const part = (n, x, kind) => svg('rect', { x: (100 * x) / whole, y: 0, width: (100 * n) / whole, height: 10, class: `part ${kind}` });
  return svg('svg', { viewBox: '0 0 100 10', class: 'share', role: 'img', preserveAspectRatio: 'none', 'aria-label': `${percent(t.blocked, whole)} refused, ${percent(t.undecided, whole)} undecided` },
    part(t.blocked, 0, 'bad'), part(t.undecided, t.blocked, 'warn'), part(t.allowed, t.blocked + t.undecided, 'good'));
}

// --- findings --------------------------------------------------------------------------------------------------------

const rank = ['critical', 'high', 'medium', 'low', 'info'];

const findings = {
  title: 'Findings',
  async draw({ known, query, ask }) {
    const answer = await ask('/api/findings', { hours: query.hours ?? 24 });
    const rows = [...answer.findings].sort((a, b) => rank.indexOf(a.severity) - rank.indexOf(b.severity) || (a.last_seen < b.last_seen ? 1 : -1));
    const head = [h('div.bar-line', {}, h('h1', {}, 'Findings'), hours(query, '#/findings')), recentOnly(answer)];
    if (rows.length === 0) return h('div', {}, head, empty('No rule has found anything in this time.'));
    return h('div', {}, head, table('What rules found in the traffic: weak configuration, and suspicious behaviour', [
      { name: 'severity' }, { name: 'finding', kind: 'grow' }, { name: 'subject' }, { name: 'times', right: true }, { name: 'confidence' }, { name: 'last' },
    ], rows.map((f) => [
      severity(f.severity),
      h('a.open', { href: `#/f/${encodeURIComponent(f.id)}` }, title(known, 'rules', f.rule), h('span.sub', {}, f.rule)),
      h('span.subject', {}, f.subject),
      count(f.count),
      f.confidence,
      h('time', { datetime: f.last_seen, title: `${f.first_seen} to ${f.last_seen}` }, ago(f.last_seen, known.state?.now ?? f.last_seen)),
    ]), 'list'));
  },
};

const finding = {
  title: 'Finding',
  tab: 'findings',
  async draw({ known, rest, ask }) {
    const f = await ask(`/api/findings/${encodeURIComponent(rest[0])}`);
    const rule = known.words.rules[f.rule] ?? {};
    const times = new Map(f.evidence_times ?? []);
    return h('article', {}, h('p', {}, h('a', { href: '#/findings' }, '← Findings')),
      h('h1', {}, rule.title ?? words(f.rule)),
      h('p.tags', {}, severity(f.severity), ' ', badge(f.confidence, 'phase'), ' ', h('code', {}, f.rule), ' ', h('code', {}, f.id)),
      h('dl.facts', {}, h('dt', {}, 'about'), h('dd', {}, f.subject), h('dt', {}, 'seen'), h('dd', {}, `${plural(f.count, 'time')}, from ${f.first_seen} to ${f.last_seen}`),
        f.detail ? [h('dt', {}, 'what was seen'), h('dd', {}, f.detail)] : null,
        rule.condition ? [h('dt', {}, 'the rule'), h('dd', {}, rule.condition)] : null,
        rule.why ? [h('dt', {}, 'what can come of it'), h('dd', {}, rule.why)] : null,
        rule.counter ? [h('dt', {}, 'what speaks against it'), h('dd', {}, rule.counter)] : null,
        h('dt', {}, 'mend'), h('dd.fix', {}, f.fix || rule.fix || '')),
      h('h2', {}, 'What it rests on'),
      f.evidence.length ? h('ul.evidence', {}, f.evidence.map((id) => h('li', {}, h('a.open', { href: `#/t/${encodeURIComponent(id)}${times.has(id) ? `?time=${encodeURIComponent(times.get(id))}` : ''}` }, id, times.has(id) ? ` at ${times.get(id)}` : ''))))
        : empty('No transaction was kept for it.'));
  },
};

// --- one transaction -------------------------------------------------------------------------------------------------

/** Fields that decide, or are asked for. */
const decides = /^(origin|vary|cookie|authorization|access-control-.*|sec-fetch-.*|location|cross-origin-.*)$/i;

function head(fields, missing) {
  if (!fields) return empty(missing);
  return h('ul.fields', {}, fields.map(([name, value, withheld]) => h(`li${decides.test(name) ? '.decides' : ''}`, {},
    h('span.name', {}, name), ': ', withheld ? h('span.dim', {}, value === '' ? 'present, value not kept' : `${value} (value not kept)`) : h('span.value', {}, value))));
}

function legView(name, leg, t, missing) {
  if (!leg) return h('section.leg', {}, h('h2', {}, name), empty(missing));
  const us = leg.duration_us;
  const took = us === null || us === undefined ? '' : us < 1000 ? ` after ${us} µs` : ` after ${(us / 1000).toFixed(1)} ms`;
  return h('section.leg', {},
    h('h2', {}, name, ' ', badge(leg.verdict.replace('_', ' '), leg.verdict)),
    leg.requested_method ? h('p.dim', {}, `Asks for ${leg.requested_method}`, leg.requested_headers?.length ? ` with ${leg.requested_headers.join(', ')}` : '',
      leg.because?.length ? `. Needed by: ${leg.because.join(', ')}.` : '.') : null,
    h('div.sides', {},
      h('div.side', {}, h('h3', {}, 'Browser sent'), h('p.line', {}, `${leg.method} ${t.path}`), head(leg.request, 'not captured')),
      h('div.side', {}, h('h3', {}, 'Server answered'), h('p.line', {}, leg.status ? `${leg.status}${took}` : 'no answer'), head(leg.response, leg.status ? 'its headers were not kept' : 'nothing came back'))));
}

/** The browser's own words for it, as its console shows them. */
function browserSays(reason, browser) {
  const family = (browser ?? '').split(' ')[0];
  const says = reason?.[family];
  if (!says?.console) return null;
  return h('p.dim', {}, `${family[0].toUpperCase()}${family.slice(1)} says: `, h('span.detail', {}, says.console));
}

const transaction = {
  title: 'Transaction',
  tab: 'live',
  async draw({ known, rest, query, ask }) {
    const t = await ask(`/api/transactions/${encodeURIComponent(rest[0])}`, { time: query.time });
    const e = t.evidence ?? {};
    const reason = known.words.reasons?.[t.reason];
    const cause = known.words.causes?.[t.cause];
    const states = { cached: 'Answered from the browser’s preflight cache.', not_needed: 'Not needed: a simple request.', missing: 'Needed, and not seen on the wire.' };
    const told = { blocked: 'The browser refused', allowed: 'The browser allowed', undecided: 'Undecided', not_cors: 'Not a matter of CORS' }[t.verdict];
    return h('article', {}, h('p', {}, h('a', { href: '#/live', onclick: (event) => { if (history.length > 1) { event.preventDefault(); history.back(); } } }, '← back')),
      h('h1.request', {}, h('span.method', {}, t.method), ' ', h('span.host', {}, t.target_origin), h('span.path', {}, t.path)),
      h(`section.verdict.${t.verdict}`, {},
        h('p.said', {}, h('b', {}, told), t.phase ? ` at the ${t.phase}` : '', t.reason ? [': ', h('b', {}, reason?.title ?? words(t.reason))] : null,
          ' ', badge(t.confidence, 'phase')),
        t.detail ? h('p.detail', {}, t.detail) : null,
        reason?.meaning ? h('p', {}, reason.meaning) : null,
        t.blocked_after_effect ? h('p.bad-text', {}, 'The server carried the request out before the browser refused its answer: a repeated try does it twice.') : null,
        t.effect === 'possible' ? h('p.bad-text', {}, 'The server may have carried the request out.') : null,
        t.cause && t.cause !== 'unknown' ? h('p', {}, h('b', {}, 'Likely mistake: '), cause?.title ?? words(t.cause), e.cause_confidence ? ` (${e.cause_confidence})` : '', cause?.wrong ? `. ${cause.wrong}` : '') : null,
        e.fix ? h('div.fix', {}, h('b', {}, 'Mend: '), h('span.prewrap', {}, e.fix)) : null,
        browserSays(reason, t.browser),
        e.reasons?.length > 1 ? h('p.dim', {}, `It would also fail by: ${e.reasons.slice(1).map(words).join(', ')}.`) : null),
      h('dl.facts.across', {}, [['time', t.time], ['page', t.origin ?? 'no origin'], ['client', t.forwarded_for ? `${t.forwarded_for} by way of ${t.client}` : t.client], ['server', t.server],
        ['browser', t.browser], ['site', words(t.site)], ['mode', words(t.mode)], ['credentials', t.credentials], ['id', t.id]].map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value)))),
      legView('Preflight', e.preflight, t, states[t.preflight_state] ?? 'Not on the wire.'),
      legView('Actual request', e.actual, t, t.phase === 'preflight' ? 'Never sent: the browser stopped at the preflight.' : 'Not seen on the wire.'),
      e.hops?.length ? h('section.leg', {}, h('h2', {}, 'Redirects'), table('Each step', [{ name: 'time' }, { name: 'to', kind: 'grow' }, { name: 'status' }, { name: 'Origin sent' }, { name: 'verdict' }],
        e.hops.map((hop) => [clockMs(hop.time), hop.target_origin, hop.status ?? '–', hop.origin_sent ?? '–', badge(words(hop.verdict), hop.verdict)]))) : null);
  },
};

// --- checklists ------------------------------------------------------------------------------------------------------

const states = { pass: ['pass', 'good'], fail: ['fail', 'bad'], not_seen: ['not seen', 'phase'] };

const checklists = {
  title: 'Checklists',
  async draw({ known, query, ask }) {
    const [lists, found] = await Promise.all([ask('/api/checklists'), ask('/api/findings', { hours: 24 })]);
    const head = [h('h1', {}, 'Checklists'), h('p.dim', {}, 'Judged from the traffic of this run: a line fails by what rules found, passes with enough answers and nothing wrong among them, and is not seen otherwise.')];
    if (lists.targets.length === 0) return h('div', {}, head, empty('No cross-origin answer was seen yet.'), note(known));
    const chosen = lists.targets.find((t) => t.target_origin === query.target) ?? lists.targets[0];
    const fails = (t) => t.items.filter((item) => item.state === 'fail').length;
    const choose = h('select', {
      id: 'target', onchange: (event) => { location.hash = `#/checklists?${new URLSearchParams({ target: event.target.value })}`; },
    }, lists.targets.map((t) => h('option', { value: t.target_origin, selected: t === chosen }, `${t.target_origin} (${fails(t)} of ${t.items.length} fail)`)));
    const of = (rule) => found.findings.find((f) => f.rule === rule && f.subject.includes(short(chosen.target_origin)));
    const line = (item) => h('li', {}, badge(...states[item.state]), h('span', {}, item.title,
      item.note ? h('span.sub', {}, item.note) : null,
      item.rules.length ? h('span.sub', {}, item.rules.map((rule, at) => [at ? ', ' : '', of(rule) ? h('a.open', { href: `#/f/${encodeURIComponent(of(rule).id)}` }, title(known, 'rules', rule)) : title(known, 'rules', rule)])) : null,
      item.state === 'pass' ? h('span.sub', {}, plural(item.relevant, 'answer')) : null));
    const section = (list, name) => h('section.side.card', {}, h('h2', {}, name), h('ul.check', {}, chosen.items.filter((item) => item.list === list).map(line)));
    return h('div', {}, head, h('p.row', {}, h('label', { for: 'target' }, 'Target'), choose),
      h('div.sides', {}, section('developer', 'Developers'), section('infrastructure', 'Infrastructure')));
  },
};

// --- coverage --------------------------------------------------------------------------------------------------------

function coverageContent(known) {
  const state = known.state;
  if (!state) return empty('Nothing is known yet.');
  const c = state.counters;
  const lost = (i) => i.lost_kernel + i.lost_interface;
  const told = diagnosis(state);
  const list = (object) => Object.entries(object ?? {}).filter(([, n]) => n > 0);
  const kinds = { http1: 'good', tls: 'warn', http2: 'good', ssh: 'dim-part', not_http: 'dim-part', empty: 'dim-part' };
  const fact = (name, value, note) => h('div', {}, h('dt', {}, name), h('dd', {}, value, note ? h('span.sub', {}, note) : null));
  const verdicts = state.verdicts;
  return h('div', { id: 'coverage' }, h('h1', {}, 'Coverage'), h('p.dim', {}, 'How much of the traffic the verdicts cover, and what could not be seen.'),
    told ? h(`p.note-line.${told[0]}`, {}, told[1]) : null,
    h('h2', {}, 'Interfaces'),
    table('Each interface', [{ name: 'interface' }, { name: 'state', kind: 'grow' }, { name: 'packets', right: true }, { name: 'bytes', right: true }, { name: 'lost', right: true }, { name: 'behind', right: true }, { name: 'last packet' }],
      state.interfaces.map((i) => [h('b', {}, i.name), i.trouble ? h('span.bad-text', {}, i.trouble) : `open, ${i.link}`, count(i.packets), bytes(i.bytes),
        h(lost(i) ? 'b.bad-text' : 'span', {}, `${count(lost(i))} (${percent(lost(i), lost(i) + i.packets)})`), `${i.lag_s.toFixed(2)} s`, i.last_packet ? ago(i.last_packet, state.now) : 'none'])),
    h('h2', {}, 'Connections by what they carried'),
    bar('Connections by what they carried', list(c.carried).map(([name, n]) => ({ name: words(name), n, kind: kinds[name] ?? 'dim-part' }))),
    h('h2', {}, 'Attempts by what the browser decided'),
    bar('Attempts by verdict', [['allowed', 'good'], ['blocked', 'bad'], ['undecided', 'warn'], ['not_cors', 'dim-part']].map(([name, kind]) => ({ name: words(name), n: verdicts[name] ?? 0, kind }))),
    h('div.sides', {},
      h('section.side.card', {}, h('h2', {}, 'Read'), h('dl.facts.pairs', {},
        fact('HTTP messages', count(c.requests + c.responses), `${count(c.requests)} requests, ${count(c.responses)} answers`),
        fact('TCP payload', bytes(c.tcp_bytes), `${percent(c.tls_bytes, c.tcp_bytes)} of it TLS`),
        fact('connections', count(c.connections), `${count(c.streams_now)} followed now`),
        fact('joined midway', count(c.midstream)), fact('one direction only', count(c.one_sided)),
        fact('seen again', bytes(c.retransmitted_bytes), `${plural(c.duplicate_segments, 'segment')} captured twice`))),
      h('section.side.card', {}, h('h2', {}, 'Not read'), h('dl.facts.pairs', {},
        fact('gaps', count(list(c.gaps).reduce((s, [, n]) => s + n, 0)), bytes(c.gap_bytes)),
        fact('cut by the snap length', count(c.truncated)),
        list(c.ignored).map(([name, n]) => fact(`packets: ${words(name)}`, count(n))),
        list(c.http_errors).map(([name, n]) => fact(`messages: ${words(name)}`, count(n))),
        list(c.evictions).map(([name, n]) => fact(`connections forgotten: ${words(name)}`, count(n))),
        list(c.forgotten).map(([name, n]) => fact(`state given up: ${words(name)}`, count(n))))),
      h('section.side.card', {}, h('h2', {}, 'Kept'), state.store ? h('dl.facts.pairs', {},
        fact('database', state.store.trouble ? h('span.bad-text', {}, state.store.trouble) : 'takes writes'), fact('waiting', count(state.store.queued)),
        Object.entries(state.store.recorded).map(([name, n]) => fact(words(name), count(n))),
        list(state.store.lost).map(([name, n]) => fact(`lost: ${words(name)}`, h('b.bad-text', {}, count(n))))) : empty('No database: start with --db FILE to keep evidence.'))));
}

const coverage = {
  title: 'Coverage',
  draw({ known }) { return coverageContent(known); },
  update({ known, main }) { main.querySelector('#coverage')?.replaceWith(coverageContent(known)); },
};

export const views = { live, causes, rejections, targets, findings, f: finding, t: transaction, checklists, coverage };
