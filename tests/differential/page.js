// Makes the attempts of one batch in the page, and tells what script saw of each. Also the whole script of frames and workers.
const RUN = `
const now = () => performance.timeOrigin + performance.now();
const after = (ms, what) => new Promise(done => setTimeout(() => done(what), ms));
const bodyOf = b => !b ? undefined : b.type === 'params' ? new URLSearchParams({a: b.text}) : b.type === 'buffer' ? new TextEncoder().encode(b.text)
  : b.type === 'form' ? (f => (f.append('a', b.text), f))(new FormData()) : b.type === 'blob' ? new Blob([b.text], b.mime ? {type: b.mime} : {}) : b.text;
function byFetch(a) {
  const init = {...a.init, body: bodyOf(a.body)};
  if (init.body === undefined) delete init.body;
  if (a.abort != null) { const c = new AbortController(); init.signal = c.signal; setTimeout(() => c.abort(), a.abort); }
  let asked = a.url;
  if (a.as_request) { asked = new Request(a.url, init); if (a.as_request === 'twice') asked = new Request(asked.clone()); else asked = asked.clone(); }
  return fetch(asked, a.as_request ? {} : init).then(async r => {
    const said = {ok: true, type: r.type, status: r.status, names: [...r.headers.keys()]};
    try { await r.text(); } catch (e) { said.body_error = String(e); }
    return said;
  }, e => ({ok: false, error: String(e)}));
}
function byXhr(a) {
  return new Promise(done => {
    try {
      const x = new XMLHttpRequest();
      x.open(a.init.method, a.url, !a.sync);
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
const loaded = (e, name = 'onload') => new Promise(done => { e[name] = () => done({ok: true}); e.onerror = () => done({ok: false, error: 'onerror'}); });
const unseen = (ms, e) => after(ms).then(() => (e && e.remove(), {ok: null}));
function made(tag, more, a) {
  const e = Object.assign(document.createElement(tag), more);
  if (a.crossorigin) e.crossOrigin = a.crossorigin;
  return e;
}
function byWorker(text, how) {
  const w = new Worker(URL.createObjectURL(new Blob([text], {type: 'text/javascript'})), how);
  return new Promise(done => { w.onmessage = m => done(m.data); w.onerror = e => done({ok: false, error: 'worker ' + e.message}); });
}
const KINDS = {
  preload: a => { const e = made('link', {rel: 'preload', as: a.as}, a), l = loaded(e); e.href = a.url; document.head.append(e); return Promise.race([l, after(3000, {ok: null})]); },
  modulepreload: a => { const e = made('link', {rel: 'modulepreload'}, a), l = loaded(e); e.href = a.url; document.head.append(e); return Promise.race([l, after(3000, {ok: null})]); },
  track: a => {
    const v = made('video', {}, a), t = document.createElement('track'), l = loaded(t);
    t.default = true; t.src = a.url; v.append(t); document.body.append(v); t.track.mode = 'hidden';
    return Promise.race([l, after(3000, {ok: null})]);
  },
  css_rule: a => { const e = document.createElement('div'); e.textContent = 'x'; e.style.cssText = 'width:9px;height:9px;position:fixed;top:0;left:0;' + a.rule.replace('URL', a.url); document.body.append(e); return unseen(700, e); },
  worklet: a => new OfflineAudioContext(1, 1, 8000).audioWorklet.addModule(a.url, a.option ? {credentials: a.option} : {}).then(() => ({ok: true}), e => ({ok: false, error: String(e)})),
  import_json: a => new Function('u', "return import(u, {with: {type: 'json'}})")(a.url).then(() => ({ok: true}), e => ({ok: false, error: String(e)})),
  worker: a => { const w = new Worker(a.url); w.onerror = () => 0; return unseen(700).then(s => (w.terminate(), s)); },
  import_scripts: a => byWorker(\`try { importScripts(\${JSON.stringify(a.url)}); postMessage({ok: true}); } catch (e) { postMessage({ok: false, error: String(e)}); }\`),
  worker_import: a => byWorker(\`import(\${JSON.stringify(a.url)}).then(() => postMessage({ok: true}), e => postMessage({ok: false, error: String(e)}));\`, {type: 'module'}),
  object: a => { const e = made('object', {data: a.url}, a); document.body.append(e); return unseen(700, e); },
  poster: a => { const e = made('video', {poster: a.url}, a); document.body.append(e); return unseen(500, e); },
  input_image: a => { const e = made('input', {type: 'image'}, a), l = loaded(e); e.src = a.url; document.body.append(e); return l; },
  svg_image: a => {
    const s = document.createElementNS('http://www.w3.org/2000/svg', 'svg'), e = document.createElementNS('http://www.w3.org/2000/svg', 'image');
    if (a.crossorigin) e.setAttribute('crossorigin', a.crossorigin);
    e.setAttribute('href', a.url); s.append(e); document.body.append(s); return unseen(700, s);
  },
  svg_use: a => { const d = document.createElement('div'); d.innerHTML = \`<svg><use href="\${a.url}#f"/></svg>\`; document.body.append(d); return unseen(700, d); },
  csp_report: a => { const e = made('iframe', {src: '/report?' + encodeURIComponent(a.url)}, a); document.body.append(e); return unseen(900, e); },
  ping: a => { const e = made('a', {href: '#p', ping: a.url}, a); document.body.append(e); e.click(); return unseen(500, e); },
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
function elsewhere(realm, a, frame) {
  return new Promise(done => {
    const take = m => done(JSON.parse(m.data));
    const answering = `${RUN}\nonmessage = async m => { const s = await attempt(JSON.parse(m.data)); m.ports[0].postMessage(JSON.stringify(s)); };`;
    if (realm === 'blank') {
      const f = document.createElement('iframe');
      document.body.append(f);
      f.contentWindow.eval(RUN.replace(/^(const|function|async function) /gm, m => m === 'const ' ? 'var ' : m));
      f.contentWindow.attempt(a).then(s => { done(s); setTimeout(() => f.remove(), 500); });
    } else if (['sandbox', 'sandbox_same', 'srcdoc', 'blob_frame', 'data_frame', 'other_page'].includes(realm)) {
      const f = document.createElement('iframe'), channel = new MessageChannel();
      const page = `<meta charset=utf-8><body><script>${answering}<\/script>`;
      if (realm.startsWith('sandbox')) f.sandbox = realm === 'sandbox' ? 'allow-scripts' : 'allow-scripts allow-same-origin';
      if (realm === 'blob_frame') f.src = URL.createObjectURL(new Blob([page], {type: 'text/html'}));
      else if (realm === 'data_frame') f.src = 'data:text/html,' + encodeURIComponent(page);
      else if (realm === 'other_page') f.src = frame + '/page?';
      else f.srcdoc = page;
      channel.port1.onmessage = m => { take(m); setTimeout(() => f.remove(), 500); };
      f.onload = () => f.contentWindow.postMessage(JSON.stringify(a), '*', [channel.port2]);
      document.body.append(f);
    } else {
      const text = `${RUN}\nonmessage = async m => postMessage(JSON.stringify(await attempt(JSON.parse(m.data))));`;
      const url = realm === 'data_worker' ? 'data:text/javascript,' + encodeURIComponent(text) : URL.createObjectURL(new Blob([text], {type: 'text/javascript'}));
      if (realm === 'shared_worker') {
        const shared = new SharedWorker(URL.createObjectURL(new Blob([`${RUN}\nonconnect = c => { c.ports[0].onmessage = async m => c.ports[0].postMessage(JSON.stringify(await attempt(JSON.parse(m.data)))); };`], {type: 'text/javascript'})));
        shared.port.onmessage = m => { take(m); setTimeout(() => shared.port.close(), 500); };
        shared.port.postMessage(JSON.stringify(a));
        return;
      }
      const w = new Worker(url, realm === 'module_worker' ? {type: 'module'} : {});
      w.onmessage = m => { take(m); setTimeout(() => w.terminate(), 500); };
      w.onerror = e => done({ok: false, error: 'worker ' + e.message, time: now(), end: now()});
      w.postMessage(JSON.stringify(a));
    }
  });
}
if (location.protocol.startsWith('http')) addEventListener('message', async m => { if (m.ports[0]) m.ports[0].postMessage(JSON.stringify(await attempt(JSON.parse(m.data)))); });
var said = '';
// aloud: the console is all that anyone sees of this page
async function start(text, at_once, aloud) {
  said = '';
  if (location.search.startsWith('?sw') && navigator.serviceWorker) {
    const there = new Promise(done => { navigator.serviceWorker.oncontrollerchange = done; });
    try { await navigator.serviceWorker.register('/sw.js', {scope: '/page?sw'}); await Promise.race([navigator.serviceWorker.controller || there, after(3000)]); } catch (e) { console.log('no worker ' + e); }
  }
  const cases = JSON.parse(text), results = {};
  const worker = async () => {
    for (let c; (c = cases.shift());) {
      results[c.id] = [];
      if (c.at_once) {
        if (aloud) console.log(`BEGIN ${c.id} 0`);
        results[c.id] = await Promise.all(c.attempts.map(attempt));
        await after(60);
        continue;
      }
      for (const [nth, a] of c.attempts.entries()) {
        if (aloud) console.log(`BEGIN ${c.id} ${nth}`);
        const run = c.realm === 'top' ? attempt(a) : elsewhere(c.realm, a, c.frame);
        results[c.id].push(await Promise.race([run, after(14000, {ok: false, timeout: true, error: 'timeout', time: now() - 14000, end: now()})]));
        if (aloud) await after(results[c.id].at(-1).ok ? 5 : 60);
      }
    }
  };
  await Promise.all(Array.from({length: at_once}, worker));
  said = JSON.stringify(results);
}
