// node seventh.js MISTAKE PORT: Express or plain Node with one mistake of CAUSES.md made on purpose.
const { family, own, port, hostname, A, B, METHODS, hasCookie } = require('./kit.js');

function shop() {
  const express = require('express'), cors = require('cors');
  const app = express();
  app.set('etag', false);
  const open = cors({ origin: [A, B], credentials: true });
  const ok = (req, res) => res.json([{ id: 1 }, { id: 2 }]);
  const routes = (on = app, paths = ['/items', '/other', '/me']) => { for (const p of paths) for (const m of METHODS) on[m.toLowerCase()](p, ok); };
  const cases = {
    chain() { const api = express.Router(); api.use((req, res, next) => req.get('authorization') ? next() : res.status(401).type('text').send('no token')); api.use(open); routes(api, ['/items']); app.use('/items', (req, res, next) => { req.url = '/items' + req.url.slice(1); api(req, res, next); }); app.use(open); routes(app, ['/other', '/me']); },
    subdomain() { app.use(cors({ origin: /\.app\.one\.test$/, credentials: true })); routes(); },
    named() { app.use(cors({ origin: (o, done) => done(null, B) })); routes(); },
    slashes() { app.use(cors({ origin: [A + '/', B + '/'] })); routes(); },
    late() { app.use((req, res, next) => { if (req.path === '/other') return res.status(504).json({ error: 'backend timed out' }); next(); }); app.use(open); routes(); },
    refuses() { for (const p of ['/items']) app.all(p, (req, res, next) => METHODS.includes(req.method) ? next() : res.status(405).json({ error: 'method not allowed' })); app.use(open); routes(); },
    twice() { app.use((req, res, next) => { res.append('Access-Control-Allow-Origin', req.headers.origin || '*'); next(); }); app.use((req, res, next) => { res.append('Access-Control-Allow-Origin', '*'); next(); }); routes(); },
    misspelt() { app.use((req, res, next) => { res.set({ 'Access-Control-Allow-Origin': A, 'Access-Control-Allow-Methods': METHODS.join(), 'Access-Control-Allow-Header': 'Content-Type, Authorization' }); req.method === 'OPTIONS' ? res.sendStatus(204) : next(); }); routes(); },
    spaces() { app.use((req, res, next) => { res.set({ 'Access-Control-Allow-Origin': A, 'Access-Control-Allow-Methods': 'GET POST PUT DELETE', 'Access-Control-Allow-Headers': 'content-type' }); req.method === 'OPTIONS' ? res.sendStatus(204) : next(); }); routes(); },
    busy() { let left = 3; app.use((req, res, next) => { if (--left < 0) { res.set('Retry-After', '30'); return res.status(429).json({ error: 'slow down' }); } next(); }); app.use(open); routes(); },
    moved() { app.use((req, res, next) => req.path === '/items' ? res.redirect(308, '/items/') : next()); app.use(open); routes(app, ['/other', '/me']); },
    hand() { app.use((req, res, next) => { if (req.headers.origin === B) res.set({ 'Access-Control-Allow-Origin': B, Vary: 'Origin' }); res.set('Access-Control-Allow-Credentials', 'true'); req.method === 'OPTIONS' ? res.set({ 'Access-Control-Allow-Methods': METHODS.join(), 'Access-Control-Allow-Headers': 'content-type' }).sendStatus(204) : next(); }); routes(); },
    own404() { app.get('/items', open, ok); app.options('/items', open); app.put('/items', open, ok); app.get('/me', open, ok); app.use((req, res) => res.status(404).type('html').send('<h1>Not here</h1>')); },
    true1() { app.use((req, res, next) => { res.set({ 'Access-Control-Allow-Origin': A, 'Access-Control-Allow-Credentials': '1', 'Access-Control-Allow-Methods': METHODS.join(), 'Access-Control-Allow-Headers': 'content-type' }); req.method === 'OPTIONS' ? res.sendStatus(200) : next(); }); routes(); },
    below() { routes(app, ['/items']); app.use(open); routes(app, ['/other', '/me']); },
  };
  cases[own]();
  app.listen(port, hostname);
}

function plain() {
  require('http').createServer((req, res) => {
    const options = req.method === 'OPTIONS';
    const at = req.url.split('?')[0];
    const say = (status, headers = {}, body = '{"ok":true}') => { res.writeHead(status, { 'Content-Type': 'application/json', ...headers }); res.end(options ? '' : body); };
    if (own === 'none') return say(options ? 404 : 200);
    if (own === 'errors') return options ? say(204, { 'Access-Control-Allow-Origin': A, 'Access-Control-Allow-Methods': 'PUT', 'Access-Control-Allow-Headers': 'content-type' }) : at === '/other' ? say(422) : say(200, { 'Access-Control-Allow-Origin': A });
    if (own === 'posts') return say(200, req.method === 'GET' ? { 'Access-Control-Allow-Origin': A } : {});
    if (own === 'closes') return at === '/other' ? req.socket.destroy() : say(200, { 'Access-Control-Allow-Origin': A });
  }).listen(port, hostname);
}

({ shop, plain })[family]();
