// Makes the attempts of one batch in the page, and tells what script saw of each. Also the whole script of frames and workers.
const RUN = `
const now = () => performance.timeOrigin + performance.now();
const after = (ms, what) => new Promise(done => setTimeout(() => done(what), ms));
const bodyOf = b => !b ? undefined : b.type === 'params' ? new URLSearchParams({a: b.text}) : b.type === 'buffer' ? new TextEncoder().encode(b.text)
  : b.type === 'form' ? (f => (f.append('a', b.text), f))(new FormData()) : b.type === 'blob' ? new Blob([b.text], b.mime ? {type: b.mime} : {}) : b.text;
function byFetch(a) {
  const init = {...a.init, body: bodyOf(a.body)};
  if (init.body === undefined) delete init.body;
  return fetch(a.url, init).then(async r => {
    const said = {ok: true, type: r.type, status: r.status, names: [...r.headers.keys()]};
    try { await r.text(); } catch (e) { said.body_error = String(e); }
    return said;
  }, e => ({ok: false, error: String(e)}));
}
function byXhr(a) {
  return new Promise(done => {
    try {
      const x = new XMLHttpRequest();
      x.open(a.init.method, a.url);
      x.withCredentials = a.init.credentials === 'include';
      for (const [k, v] of a.init.headers || []) x.setRequestHeader(k, v);
      if (a.upload) x.upload.onprogress = () => {};
      x.onload = () => done({ok: true, status: x.status, names: x.getAllResponseHeaders().split('\\r\\n').filter(l => l).map(l => l.split(':')[0].toLowerCase())});
      x.onerror = () => done({ok: false, error: 'onerror'});
      x.send(bodyOf(a.body) ?? null);
    } catch (e) { done({ok: false, error: 'threw ' + e}); }
  });
}
function byElement(a) {
  return new Promise(done => {
    const tag = {css: 'link', module: 'script'}[a.kind] || a.kind, e = document.createElement(tag);
    if (a.crossorigin !== null) e.crossOrigin = a.crossorigin;
    if (a.kind === 'module') e.type = 'module';
    if (a.kind === 'css') e.rel = 'stylesheet';
    if (a.integrity) e.integrity = a.integrity;
    e[{video: 'onloadedmetadata', audio: 'onloadedmetadata'}[a.kind] || 'onload'] = () => done({ok: true});
    e.onerror = () => done({ok: false, error: 'onerror'});
    if (a.kind === 'css') e.href = a.url; else e.src = a.url;
    document.body.append(e);
  });
}
const KINDS = {
  fetch: byFetch, xhr: byXhr,
  import: a => import(a.url).then(() => ({ok: true}), e => ({ok: false, error: String(e)})),
  font: a => new FontFace('f' + Math.random().toString(36).slice(2), 'url(' + a.url + ')').load().then(() => ({ok: true}), e => ({ok: false, error: String(e)})),
  es: a => new Promise(done => {
    const s = new EventSource(a.url, {withCredentials: a.init.credentials === 'include'});
    s.onopen = () => { s.close(); done({ok: true}); };
    s.onerror = () => { s.close(); done({ok: false, error: 'onerror'}); };
  }),
  ws: a => new Promise(done => { const w = new WebSocket(a.url.replace(/^http/, 'ws')); w.onopen = () => { w.close(); done({ok: true}); }; w.onerror = () => done({ok: false, error: 'onerror'}); }),
  beacon: async a => { const ok = navigator.sendBeacon(a.url, bodyOf(a.body)); await after(600); return {ok}; },
  iframe: async a => { const f = document.createElement('iframe'); f.src = a.url; const l = new Promise(d => f.onload = d); document.body.append(f); await Promise.race([l, after(1500)]); f.remove(); return {ok: true}; },
  form_iframe: async a => {
    const f = document.createElement('iframe'), form = document.createElement('form'); f.name = 'f' + Math.random(); document.body.append(f, form);
    form.target = f.name; form.action = a.url; form.method = a.init.method; form.enctype = a.mime;
    const i = document.createElement('input'); i.name = 'a'; i.value = 'b'; form.append(i); form.submit(); await after(500); f.remove(); form.remove(); return {ok: true};
  },
};
async function attempt(a) {
  if (a.delay) await after(a.delay);
  const time = now();
  let said;
  try { said = await Promise.race([(KINDS[a.kind] || byElement)(a), after(9000, {ok: false, error: 'timeout', timeout: true})]); }
  catch (e) { said = {ok: false, error: 'threw ' + e}; }
  return {...said, time, end: now()};
}`;
eval?.(RUN.replace(/^(const|function|async function) /gm, m => m === 'const ' ? 'var ' : m));
function elsewhere(realm, a) {
  return new Promise(done => {
    const take = m => done(JSON.parse(m.data));
    if (realm === 'sandbox') {
      const f = document.createElement('iframe'), channel = new MessageChannel();
      f.sandbox = 'allow-scripts';
      f.srcdoc = `<body><script>${RUN}\nonmessage = async m => { const s = await attempt(JSON.parse(m.data)); m.ports[0].postMessage(JSON.stringify(s)); };<\/script>`;
      channel.port1.onmessage = m => { take(m); setTimeout(() => f.remove(), 500); };
      f.onload = () => f.contentWindow.postMessage(JSON.stringify(a), '*', [channel.port2]);
      document.body.append(f);
    } else {
      const text = `${RUN}\nonmessage = async m => postMessage(JSON.stringify(await attempt(JSON.parse(m.data))));`;
      const url = realm === 'data_worker' ? 'data:text/javascript,' + encodeURIComponent(text) : URL.createObjectURL(new Blob([text], {type: 'text/javascript'}));
      const w = new Worker(url);
      w.onmessage = m => { take(m); setTimeout(() => w.terminate(), 500); };
      w.onerror = e => done({ok: false, error: 'worker ' + e.message, time: now(), end: now()});
      w.postMessage(JSON.stringify(a));
    }
  });
}
var said = '';
async function start(text, at_once) {
  said = '';
  const cases = JSON.parse(text), results = {};
  const worker = async () => {
    for (let c; (c = cases.shift());) {
      results[c.id] = [];
      for (const a of c.attempts) {
        const run = c.realm === 'top' ? attempt(a) : elsewhere(c.realm, a);
        results[c.id].push(await Promise.race([run, after(14000, {ok: false, timeout: true, error: 'timeout', time: now() - 14000, end: now()})]));
      }
    }
  };
  await Promise.all(Array.from({length: at_once}, worker));
  said = JSON.stringify(results);
}
