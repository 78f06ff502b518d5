// node ninth.js MISTAKE PORT: Express, Fastify, Koa or Hono with one more mistake of CAUSES.md made on purpose.
const { family, own, port, hostname, A, B, METHODS } = require('./kit.js');
const PATHS = ['/items', '/other', '/me'];
const list = [{ id: 1 }];

function nine() {
  const express = require('express'), cors = require('cors');
  const app = express();
  const open = cors({ origin: [A, B], credentials: true });
  const routes = (on = app, paths = PATHS) => { for (const p of paths) for (const m of METHODS) on[m.toLowerCase()](p, (req, res) => res.json(list)); };
  const cases = {
    prefix() { const api = express.Router(); routes(api); app.use('/api', open, api); app.use(api); },
    spaced() { app.use(cors({ origin: 'https://app.one.test:18901, http://app.one.test:18901'.split(',') })); routes(); },
    session() { app.use(cors({ origin: true })); routes(); },
    doubles() { app.use((req, res, next) => { res.set('Access-Control-Allow-Origin', req.get('origin')); next(); }); const http = require('http'); const inner = express(); inner.use(open); routes(inner); const behind = inner.listen(0, hostname); app.use((req, res) => { req.pipe(http.request({ host: hostname, port: behind.address().port, path: req.url, method: req.method, headers: req.headers }, back => { res.statusCode = back.statusCode; for (let i = 0; i < back.rawHeaders.length; i += 2) res.appendHeader(back.rawHeaders[i], back.rawHeaders[i + 1]); back.pipe(res); })); }); },
    canonical() { app.use((req, res, next) => req.hostname.startsWith('www.') ? next() : res.redirect(301, `http://www.${req.get('host')}${req.originalUrl}`)); app.use(open); routes(); },
    cached() { app.use(open); app.set('etag', false); routes(app, ['/me']); app.get('/items', (req, res) => res.json(list)); app.put('/items', (req, res) => { res.removeHeader('Access-Control-Allow-Origin'); res.json(list); }); },
    tenant() { app.use((req, res, next) => req.path === '/items' && !req.get('authorization') ? res.status(401).set('WWW-Authenticate', 'Bearer').end() : next()); app.use(open); routes(); },
    upper() { app.use(cors({ origin: [A], methods: ['GET', 'POST'], allowedHeaders: 'Content-Type' })); routes(); },
  };
  cases[own]();
  app.listen(port, hostname);
}

async function fast9() {
  const app = require('fastify')();
  const cors = require('@fastify/cors');
  const routes = (paths = PATHS) => { for (const url of paths) app.route({ method: METHODS, url, handler: async () => list }); };
  const open = { origin: [A, B], methods: METHODS, credentials: true };
  const cases = {
    regexp: async () => { await app.register(cors, { ...open, origin: /\.test$/ }); routes(); },
    bearer: async () => { await app.register(require('@fastify/bearer-auth'), { keys: ['x'] }); await app.register(cors, open); routes(); },
    names: async () => { await app.register(cors, { ...open, allowedHeaders: ['accept'] }); routes(); },
    one: async () => { await app.register(cors, { ...open, origin: B }); routes(); },
  };
  await cases[own]();
  await app.listen({ port, host: hostname });
}

function koa9() {
  const Koa = require('koa'), cors = require('@koa/cors'), { Router } = require('@koa/router');
  const app = new Koa(), router = new Router();
  app.silent = true;
  for (const p of PATHS) router.register(p, METHODS, ctx => { ctx.body = list; });
  if (own === 'after') { app.use(router.routes()); app.use(cors()); }
  if (own === 'list') { app.use(cors({ origin: ctx => [B].includes(ctx.get('origin')) ? ctx.get('origin') : '' })); app.use(router.routes()).use(router.allowedMethods()); }
  if (own === 'verbs') { app.use(cors({ allowMethods: 'GET,POST' })); app.use(router.routes()); }
  app.listen(port, hostname);
}

({ nine, fast9, koa9 })[family]();
