// node tenth.js MISTAKE PORT: Express, Koa, Fastify, hapi, Nest or plain Node, each as its documentation shows it, with one mistake of CAUSES.md made on purpose.
const { family, own, port, hostname, A, B, METHODS } = require('./kit.js');
const items = [{ id: 1, name: 'Widget', price: 9.5 }];
const PROD = ['https://www.one.test', 'https://admin.one.test'];

function ex() {
  const express = require('express'), cors = require('cors');
  const app = express();
  const routes = () => {
    app.get('/health', (req, res) => res.send('ok'));
    app.get('/api/items', (req, res) => res.json(items));
    app.put('/api/items/:id', (req, res) => res.json({ ...req.body, id: req.params.id }));
    app.delete('/api/items/:id', (req, res) => res.sendStatus(204));
    app.post('/api/orders', (req, res) => res.status(201).json({ order: 1 }));
    app.get('/api/me', (req, res) => res.json({ name: 'Ada' }));
    app.post('/login', (req, res) => { res.cookie('session', '1'); res.json({ ok: true }); });
    app.get('/api/crash', () => { throw new Error('boom'); });
    app.get('/api/hang', () => process.exit(1));
  };
  const json = express.json();
  const token = (req, res, next) => req.get('authorization') ? next() : res.status(401).json({ error: 'Unauthorized' });
  const limit = require('express-rate-limit').rateLimit({ windowMs: 60000, limit: 3 });
  const say = fields => (req, res, next) => { for (const [name, value] of Object.entries(fields)) res.header(name, value); next(); };
  const use = (...all) => () => { app.use(...all); routes(); };
  const hand = { 'Access-Control-Allow-Origin': A, 'Access-Control-Allow-Methods': 'GET, POST, PUT, DELETE', 'Access-Control-Allow-Headers': 'Content-Type, Authorization' };
  const cases = {
    good: use(cors({ origin: A }), json),
    novary: use((req, res, next) => { const origin = req.get('origin'); if (origin) res.setHeader('Access-Control-Allow-Origin', origin); next(); }),
    auth: () => { app.get('/health', (req, res) => res.send('ok')); app.use(token, cors({ origin: A }), json); routes(); },
    apikey: use((req, res, next) => req.get('x-api-key') ? next() : res.status(403).json({ message: 'Forbidden' }), cors()),
    rate: use(limit, cors({ origin: A })),
    origin: use(cors({ origin: PROD }), json),
    fn: use(cors({ origin: (origin, callback) => !origin || PROD.includes(origin) ? callback(null, true) : callback(new Error('Not allowed by CORS')) }), json),
    fnfalse: use(cors({ origin: (origin, callback) => callback(null, PROD.includes(origin)) }), json),
    single: use(cors({ origin: 'https://www.one.test' }), json),
    methods: use(cors({ origin: A, methods: ['GET', 'POST'] }), json),
    headers: use(cors({ origin: A, allowedHeaders: ['Content-Type'] }), json),
    none: use(json),
    route: () => { app.get('/public', cors(), (req, res) => res.json({ public: true })); app.use(json); routes(); },
    nopreflight: () => { app.use(json); app.get('/api/items', cors(), (req, res) => res.json(items)); app.put('/api/items/:id', cors(), (req, res) => res.json({})); app.delete('/api/items/:id', cors(), (req, res) => res.sendStatus(204)); },
    after: () => { app.use(json); routes(); app.use(cors({ origin: A })); },
    body: use(express.json({ limit: '1kb' }), cors({ origin: A })),
    crash: () => { app.use((req, res, next) => req.path === '/api/crash' && req.method !== 'OPTIONS' ? next(new Error('no database')) : next()); app.use(cors({ origin: A })); routes(); },
    https: use((req, res, next) => req.get('x-forwarded-proto') === 'https' ? next() : res.redirect(301, `https://${req.hostname}${req.originalUrl}`), cors({ origin: A })),
    login: use((req, res, next) => /session=/.test(req.get('cookie') || '') || req.path === '/login' || req.path === '/health' ? next() : res.redirect('/login'), cors({ origin: A, credentials: true })),
    two: () => { app.use((req, res, next) => { res.setHeader('Access-Control-Allow-Origin', A); next(); }); app.use((req, res, next) => { res.append('Access-Control-Allow-Origin', A); next(); }); app.use(say({ 'Access-Control-Allow-Methods': 'GET, PUT', 'Access-Control-Allow-Headers': 'Content-Type' })); app.options('/*any', (req, res) => res.sendStatus(200)); routes(); },
    star: use(cors({ origin: '*', credentials: true }), json),
    creds: use(cors({ origin: A }), json),
    slash: use(cors({ origin: `${A}/` }), json),
    list: use(cors({ origin: [A, 'https://www.one.test'].join(',') }), json),
    quotes: use(cors({ origin: `"${A}"` }), json),
    wild: use(cors({ origin: 'http://*.one.test' }), json),
    drop: () => { app.use(cors({ origin: A })); app.get('/health', (req, res) => res.send('ok')); app.get('/api/items', req => req.socket.destroy()); app.put('/api/items/:id', req => req.socket.destroy()); },
    hand: () => { app.use(say(hand)); app.use((req, res, next) => req.method === 'OPTIONS' ? res.sendStatus(405) : next()); routes(); },
    handmethods: () => { app.use(say({ 'Access-Control-Allow-Origin': '*', 'Access-Control-Allow-Headers': 'Origin, X-Requested-With, Content-Type, Accept' })); app.use(json); routes(); },
    scheme: () => { app.use((req, res, next) => { res.header({ 'Access-Control-Allow-Origin': `${req.protocol}://app.one.test:18903`, 'Access-Control-Allow-Methods': 'GET, PUT', 'Access-Control-Allow-Headers': 'Content-Type' }); req.method === 'OPTIONS' ? res.sendStatus(204) : next(); }); routes(); },
    moved: () => { app.use((req, res, next) => req.path.endsWith('/') ? next() : res.redirect(301, `${req.protocol}://${req.get('host')}${req.path}/`)); app.use(cors({ origin: 'https://app.one.test:18903' })); routes(); },
    proxied: () => { app.use(cors({ origin: A })); app.use('/api', require('http-proxy-middleware').createProxyMiddleware({ target: 'http://127.0.0.1:9/' })); routes(); },
    helmetless: use(cors({ origin: /one\.test$/ }), json),
  };
  cases[own]();
  app.listen(port, hostname);
}

function ko() {
  const Koa = require('koa'), cors = require('@koa/cors'), { Router } = require('@koa/router');
  const app = new Koa(), router = new Router();
  app.silent = true;
  router.get('/health', ctx => { ctx.body = 'ok'; });
  router.get('/api/items', ctx => { ctx.body = items; });
  router.put('/api/items/:id', ctx => { ctx.body = {}; });
  router.delete('/api/items/:id', ctx => { ctx.status = 204; });
  router.post('/api/orders', ctx => { ctx.status = 201; ctx.body = {}; });
  router.get('/api/crash', () => { throw new Error('boom'); });
  const routed = () => app.use(router.routes()).use(router.allowedMethods());
  const cases = {
    auth() { app.use(async (ctx, next) => { if (ctx.path !== '/health' && !ctx.get('authorization')) ctx.throw(401, 'Authentication Error'); await next(); }); app.use(cors({ origin: A })); routed(); },
    origin() { app.use(cors({ origin: ctx => PROD.includes(ctx.get('Origin')) ? ctx.get('Origin') : PROD[0] })); routed(); },
    methods() { app.use(cors({ origin: A, allowMethods: ['GET', 'HEAD', 'POST'] })); routed(); },
    headers() { app.use(cors({ origin: A, allowHeaders: ['Content-Type'] })); routed(); },
    none() { routed(); },
    after() { routed(); app.use(cors()); },
    creds() { app.use(cors({ origin: A })); routed(); },
    star() { app.use(cors({ origin: '*', credentials: () => true })); app.use(async (ctx, next) => { await next(); ctx.set('Access-Control-Allow-Origin', '*'); ctx.set('Access-Control-Allow-Credentials', 'true'); }); routed(); },
    error() { app.use(async (ctx, next) => { try { await next(); } catch (e) { ctx.res.removeHeader('Access-Control-Allow-Origin'); ctx.status = 500; ctx.body = { error: 'Internal' }; } }); app.use(cors({ origin: A, keepHeadersOnError: false })); routed(); },
    slash() { app.use(cors({ origin: `${A}/` })); routed(); },
    https() { app.use(async (ctx, next) => { if (!ctx.secure) { ctx.status = 301; ctx.redirect(`https://${ctx.host}${ctx.url}`); return; } await next(); }); app.use(cors({ origin: A })); routed(); },
  };
  cases[own]();
  app.listen(port, hostname);
}

async function fa() {
  const app = require('fastify')();
  const cors = require('@fastify/cors');
  const routes = async (on = app) => {
    on.get('/api/items', async () => items);
    on.put('/api/items/:id', async () => ({}));
    on.delete('/api/items/:id', async (request, reply) => reply.code(204).send());
    on.post('/api/orders', async () => ({}));
    on.get('/api/crash', async () => { throw new Error('boom'); });
  };
  app.get('/health', async () => 'ok');
  const open = { origin: A, methods: METHODS };
  const cases = {
    async auth() { app.addHook('onRequest', async (request, reply) => { if (request.url !== '/health' && !request.headers.authorization) return reply.code(401).send({ error: 'Unauthorized' }); }); await app.register(cors, open); routes(); },
    async jwt() { await app.register(require('@fastify/jwt'), { secret: 'x' }); app.addHook('onRequest', async request => { if (request.url !== '/health') await request.jwtVerify(); }); await app.register(cors, open); routes(); },
    async rate() { await app.register(require('@fastify/rate-limit'), { max: 2, timeWindow: '1 minute', hook: 'onRequest' }); await app.register(cors, open); routes(); },
    async origin() { await app.register(cors, { ...open, origin: PROD }); routes(); },
    async fn() { await app.register(cors, { ...open, origin: (origin, cb) => new URL(origin || 'http://localhost').hostname === 'localhost' ? cb(null, true) : cb(new Error('Not allowed'), false) }); routes(); },
    async methods() { await app.register(cors, { origin: A }); routes(); },
    async headers() { await app.register(cors, { ...open, allowedHeaders: ['Content-Type'] }); routes(); },
    async none() { routes(); },
    async scope() { app.register(async inner => { await inner.register(cors, open); inner.get('/public', async () => 'p'); }); routes(); },
    async creds() { await app.register(cors, open); routes(); },
    async star() { await app.register(cors, { ...open, origin: '*', credentials: true }); routes(); },
    async slash() { await app.register(cors, { ...open, origin: `${A}/` }); routes(); },
    async raw() { await app.register(cors, open); app.setErrorHandler((error, request, reply) => { reply.hijack(); reply.raw.writeHead(500, { 'Content-Type': 'application/json' }); reply.raw.end('{"error":"Internal Server Error"}'); }); routes(); },
    async hand() { app.addHook('preHandler', async (request, reply) => { reply.header('Access-Control-Allow-Origin', A); }); routes(); },
  };
  await cases[own]();
  await app.listen({ port, host: hostname });
}

async function ha() {
  const Hapi = require('@hapi/hapi');
  const cors = { origin: [A], additionalHeaders: [] };
  const choices = { origin: { origin: PROD }, headers: { origin: [A], headers: ['Accept', 'Content-Type'] }, creds: cors, none: false, item: false, slash: { origin: [`${A}/`] } };
  const server = Hapi.server({ port, host: hostname, routes: { cors: own in choices ? choices[own] : cors } });
  if (own === 'auth') {
    server.auth.scheme('bearer', () => ({ authenticate: (request, h) => request.headers.authorization ? h.authenticated({ credentials: {} }) : h.response({ message: 'Missing authentication' }).code(401).takeover() }));
    server.ext('onRequest', (request, h) => request.path !== '/health' && !request.headers.authorization ? h.response({ message: 'Missing authentication' }).code(401).takeover() : h.continue);
  }
  if (own === 'https') server.ext('onRequest', (request, h) => h.redirect(`https://${request.info.host}${request.path}`).permanent().takeover());
  server.route([
    { method: 'GET', path: '/health', handler: () => 'ok' },
    { method: 'GET', path: '/api/items', handler: () => items, options: own === 'item' ? { cors: { origin: [A] } } : {} },
    { method: 'PUT', path: '/api/items/{id}', handler: () => ({}) },
    { method: 'DELETE', path: '/api/items/{id}', handler: () => ({}) },
    { method: 'POST', path: '/api/orders', handler: () => ({}) },
  ]);
  await server.start();
}

async function ne() {
  require('reflect-metadata');
  const { Controller, Get, Put, Delete, Post, Module } = require('@nestjs/common');
  const { NestFactory } = require('@nestjs/core');
  class Items { list() { return items; } put() { return {}; } remove() { return {}; } order() { return {}; } health() { return 'ok'; } crash() { throw new Error('boom'); } }
  for (const [decorator, name] of [[Get('api/items'), 'list'], [Put('api/items/:id'), 'put'], [Delete('api/items/:id'), 'remove'], [Post('api/orders'), 'order'], [Get('health'), 'health'], [Get('api/crash'), 'crash']]) decorator(Items.prototype, name, Object.getOwnPropertyDescriptor(Items.prototype, name));
  Controller()(Items);
  class Root {}
  Module({ controllers: [Items] })(Root);
  const app = await NestFactory.create(Root, { logger: false });
  const cases = {
    auth() { app.use((req, res, next) => req.path === '/health' || req.headers.authorization ? next() : res.status(401).json({ statusCode: 401, message: 'Unauthorized' })); app.enableCors({ origin: A }); },
    origin() { app.enableCors({ origin: PROD }); },
    methods() { app.enableCors({ origin: A, methods: 'GET,POST' }); },
    headers() { app.enableCors({ origin: A, allowedHeaders: 'Content-Type, Accept' }); },
    none() {},
    creds() { app.enableCors({ origin: A }); },
    star() { app.enableCors({ origin: '*', credentials: true }); },
    env() { app.enableCors({ origin: `${A};https://www.one.test` }); },
    rate() { app.use(require('express-rate-limit').rateLimit({ windowMs: 60000, limit: 2, message: { statusCode: 429, message: 'ThrottlerException: Too Many Requests' } })); app.enableCors({ origin: A }); },
    helmet() { app.enableCors({ origin: A }); app.use((req, res, next) => { if (req.path === '/api/crash') res.removeHeader('Access-Control-Allow-Origin'); next(); }); },
  };
  cases[own]();
  await app.listen(port, hostname);
}

function no() {
  const http = require('http');
  const json = (res, status, body) => { res.writeHead(status, { 'Content-Type': 'application/json' }); res.end(JSON.stringify(body)); };
  http.createServer((req, res) => {
    const path = req.url.split('?')[0], options = req.method === 'OPTIONS';
    if (path === '/health') return json(res, 200, { ok: true });
    if (own === 'auth' && !req.headers.authorization) return json(res, 401, { error: 'unauthorized' });
    if (own === 'none') return path.startsWith('/api/') ? json(res, 200, items) : json(res, 404, { error: 'not found' });
    if (own === 'strict' && !['GET', 'PUT'].includes(req.method)) return json(res, 405, { error: 'Method Not Allowed' });
    res.setHeader('Access-Control-Allow-Origin', own === 'host' ? 'app.one.test:18901' : own === 'empty' ? '' : own === 'undefined' ? String(process.env.CORS_ORIGIN_UNSET) : own === 'origins' ? `${A} ${B}` : A);
    if (own === 'star') { res.setHeader('Access-Control-Allow-Origin', '*'); res.setHeader('Access-Control-Allow-Credentials', 'true'); }
    if (options) {
      res.setHeader('Access-Control-Allow-Methods', own === 'methods' ? 'GET, POST, OPTIONS' : 'GET, POST, PUT, DELETE, OPTIONS');
      res.setHeader('Access-Control-Allow-Headers', own === 'headers' ? 'Origin, Accept' : 'Content-Type');
      res.writeHead(204);
      return res.end();
    }
    if (own === 'crash') { res.destroy(); return; }
    if (own === 'reset') res.removeHeader('Access-Control-Allow-Origin');
    if (own === 'notfound') { res.removeHeader('Access-Control-Allow-Origin'); return json(res, 404, { error: 'no such item' }); }
    json(res, 200, items);
  }).listen(port, hostname);
}

({ ex, ko, fa, ha, ne, no })[family]();
