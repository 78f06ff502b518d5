// node eleventh.js MISTAKE PORT: Express, Fastify, Koa, Hono or plain Node, as a todo list's API is mostly written, with one mistake of CAUSES.md made on purpose.
const { family, own, port, hostname, A, METHODS } = require('./kit.js');
const todos = [{ id: 1, title: 'Buy milk', done: false }];
const SHOP = ['https://todo.example', 'https://www.todo.example'];

function ex() {
  const express = require('express'), cors = require('cors');
  const app = express();
  app.get('/health', (req, res) => res.send('ok'));
  const v1 = express.Router();
  v1.get('/todos', (req, res) => res.json(todos));
  v1.post('/todos', (req, res) => res.status(201).json(req.body || {}));
  v1.put('/todos/:id', (req, res) => res.json(todos[0]));
  v1.delete('/todos/:id', (req, res) => res.sendStatus(204));
  v1.get('/stats', () => { throw new Error('Cannot read properties of undefined'); });
  const jwt = (req, res, next) => {
    const header = req.headers.authorization;
    if (!header) return res.status(401).json({ message: 'No token provided' });
    next();
  };
  const session = require('express-session')({ secret: 'x', resave: false, saveUninitialized: false });
  const user = (req, res, next) => req.session.user ? next() : res.status(403).send('Forbidden');
  const page = (req, res, next) => req.session.user ? next() : res.redirect(302, '/auth/login');
  const env = {};
  const cases = {
    good() { app.use(cors({ origin: A })); app.use(express.json()); app.use('/api', v1); },
    bare() { app.use('/api', v1); },
    reflect() { app.use((req, res, next) => { if (req.headers.origin) res.set('Access-Control-Allow-Origin', req.headers.origin); next(); }); app.use('/api', v1); },
    jwt() { app.use(jwt); app.use(cors()); app.use('/api', v1); },
    basic() { app.use(require('express-basic-auth')({ users: { admin: 'x' } })); app.use(cors()); app.use('/api', v1); },
    session() { app.use(session, user); app.use(cors({ origin: A, credentials: true })); app.use('/api', v1); },
    login() { app.use(session, page); app.use(cors({ origin: A, credentials: true })); app.use('/api', v1); },
    limiter() { app.use(require('express-rate-limit').rateLimit({ windowMs: 15 * 60 * 1000, limit: 3, standardHeaders: true, legacyHeaders: false })); app.use(cors()); app.use('/api', v1); },
    list() { app.use(cors({ origin: SHOP, credentials: true })); app.use('/api', v1); },
    other() { app.use(cors({ origin: [A], credentials: true })); app.use('/api', v1); },
    one() { app.use(cors({ origin: 'https://todo.example' })); app.use('/api', v1); },
    regex() { app.use(cors({ origin: /\.todo\.example$/ })); app.use('/api', v1); },
    callback() { app.use(cors({ origin(origin, callback) { if (SHOP.indexOf(origin) !== -1 || !origin) callback(null, true); else callback(new Error('Not allowed by CORS')); } })); app.use('/api', v1); },
    dynamic() { app.use(cors((req, callback) => callback(null, { origin: SHOP.includes(req.header('Origin')) }))); app.use('/api', v1); },
    methods() { app.use(cors({ origin: A, methods: 'GET,HEAD,POST' })); app.use('/api', v1); },
    headers() { app.use(cors({ origin: A, allowedHeaders: 'Content-Type,Accept' })); app.use('/api', v1); },
    forgot() { app.use(express.json()); app.use('/api', v1); },
    scoped() { app.use('/public', cors(), v1); app.use('/api', v1); },
    single() { app.get('/api/todos', cors(), (req, res) => res.json(todos)); app.use('/api', v1); },
    late() { app.use(express.json()); app.use('/api', v1); app.use(cors()); },
    large() { app.use(express.json({ limit: '10kb' })); app.use(cors()); app.use('/api', v1); },
    handler() { app.use('/api/stats', (req, res, next) => req.method === 'GET' ? next(new Error('database is locked')) : next()); app.use(cors()); app.use('/api', v1); app.use((err, req, res, next) => res.status(500).json({ error: err.message })); },
    https() { app.enable('trust proxy'); app.use((req, res, next) => req.secure ? next() : res.redirect(`https://${req.headers.host}${req.url}`)); app.use(cors()); app.use('/api', v1); },
    star() { app.use(cors({ credentials: true })); app.use('/api', v1); },
    nocreds() { app.use(cors({ origin: A })); app.use('/api', v1); },
    slash() { app.use(cors({ origin: `${A}/`, credentials: true })); app.use('/api', v1); },
    comma() { app.use(cors({ origin: `${A}, https://todo.example` })); app.use('/api', v1); },
    unset() { app.use(cors({ origin: `${env.CLIENT_URL}` })); app.use('/api', v1); },
    manual() { app.use((req, res, next) => { res.header('Access-Control-Allow-Origin', '*'); res.header('Access-Control-Allow-Headers', 'Origin, X-Requested-With, Content-Type, Accept'); next(); }); app.use('/api', v1); },
    origin2() { app.use((req, res, next) => { if (SHOP.includes(req.headers.origin)) res.header('Access-Control-Allow-Origin', req.headers.origin); res.header('Access-Control-Allow-Methods', 'GET,PUT,POST,DELETE'); res.header('Access-Control-Allow-Headers', 'Content-Type'); req.method === 'OPTIONS' ? res.sendStatus(200) : next(); }); app.use('/api', v1); },
    scheme() { app.use(cors({ origin: (origin, callback) => callback(null, origin) })); app.use((req, res) => res.redirect(301, `${req.protocol}://${req.headers.host}/v2${req.path}`)); },
  };
  cases[own]();
  app.listen(port, hostname);
}

async function fy() {
  const app = require('fastify')(), cors = require('@fastify/cors');
  app.get('/health', async () => ({ status: 'ok' }));
  async function routes(on) {
    on.get('/api/todos', async () => todos);
    on.post('/api/todos', async (request, reply) => reply.code(201).send({}));
    on.put('/api/todos/:id', async () => ({}));
    on.delete('/api/todos/:id', async (request, reply) => reply.code(204).send());
    on.get('/api/stats', async () => { throw new Error('no such table'); });
  }
  const all = { origin: A, methods: METHODS };
  const cases = {
    async key() { app.addHook('onRequest', async (request, reply) => { if (!request.url.startsWith('/health') && request.headers['x-api-key'] !== 'x') { reply.code(401); throw new Error('Invalid API key'); } }); await app.register(cors, all); await app.register(routes); },
    async list() { await app.register(cors, { ...all, origin: SHOP, credentials: true }); await app.register(routes); },
    async regex() { await app.register(cors, { ...all, origin: /todo\.example$/ }); await app.register(routes); },
    async other() { await app.register(cors, { ...all, origin: [A, 'https://todo.example'] }); await app.register(routes); },
    async verbs() { await app.register(cors, { origin: true }); await app.register(routes); },
    async headers() { await app.register(cors, { ...all, allowedHeaders: ['content-type'] }); await app.register(routes); },
    async forgot() { await app.register(routes); },
    async scoped() { await app.register(async inner => { await inner.register(cors, all); inner.get('/public/todos', async () => todos); }); await app.register(routes); },
    async nocreds() { await app.register(cors, { ...all, origin: true }); await app.register(routes); },
    async star() { await app.register(cors, { ...all, origin: '*', credentials: true }); await app.register(routes); },
    async limiter() { await app.register(require('@fastify/rate-limit'), { max: 3, timeWindow: '1 minute', hook: 'onRequest', global: true }); app.addHook('onSend', async (request, reply) => { if (reply.statusCode !== 429) reply.header('Access-Control-Allow-Origin', '*'); }); await app.register(routes); },
    async https() { app.addHook('onRequest', async (request, reply) => { if (request.headers['x-forwarded-proto'] !== 'https') return reply.redirect(`https://${request.host}${request.url}`, 308); }); await app.register(cors, all); await app.register(routes); },
    async onsend() { app.addHook('onSend', async (request, reply) => { reply.header('Access-Control-Allow-Origin', A); }); await app.register(routes); },
  };
  await cases[own]();
  await app.listen({ port, host: hostname });
}

function ko() {
  const Koa = require('koa'), cors = require('@koa/cors'), { Router } = require('@koa/router');
  const app = new Koa(), router = new Router();
  app.silent = true;
  router.get('/health', ctx => { ctx.body = 'ok'; });
  router.get('/api/todos', ctx => { ctx.body = todos; });
  router.post('/api/todos', ctx => { ctx.status = 201; });
  router.put('/api/todos/:id', ctx => { ctx.body = {}; });
  router.delete('/api/todos/:id', ctx => { ctx.status = 204; });
  router.get('/api/stats', () => { throw new Error('ECONNREFUSED'); });
  const mount = () => { app.use(router.routes()); app.use(router.allowedMethods()); };
  const cases = {
    jwt() { app.use(async (ctx, next) => { if (ctx.path === '/health' || ctx.headers.authorization) return next(); ctx.status = 401; ctx.body = { error: 'Authentication required' }; }); app.use(cors()); mount(); },
    list() { app.use(cors({ origin: ctx => SHOP.includes(ctx.headers.origin) ? ctx.headers.origin : false })); mount(); },
    fixed() { app.use(cors({ origin: 'https://todo.example' })); mount(); },
    forgot() { mount(); },
    late() { mount(); app.use(cors()); },
    verbs() { app.use(cors({ allowMethods: 'GET,POST' })); mount(); },
    headers() { app.use(cors({ allowHeaders: ['Content-Type'] })); mount(); },
    nocreds() { app.use(cors()); mount(); },
    errors() { app.use(async (ctx, next) => { await next(); if (ctx.status < 400) ctx.set('Access-Control-Allow-Origin', '*'); }); mount(); },
    manual() { app.use(async (ctx, next) => { ctx.set('Access-Control-Allow-Origin', '*'); ctx.set('Access-Control-Allow-Headers', 'Content-Type, Authorization'); ctx.set('Access-Control-Allow-Methods', 'POST, GET, OPTIONS'); if (ctx.method === 'OPTIONS') ctx.status = 200; else await next(); }); mount(); },
  };
  cases[own]();
  app.listen(port, hostname);
}

async function ho() {
  const { Hono } = require('hono'), { cors } = require('hono/cors'), { serve } = require('@hono/node-server'), { bearerAuth } = require('hono/bearer-auth');
  const app = new Hono();
  app.get('/health', c => c.text('ok'));
  const cases = {
    bearer() { app.use('/api/*', bearerAuth({ token: 'x' })); app.use('/api/*', cors()); },
    list() { app.use('/api/*', cors({ origin: SHOP })); },
    forgot() {},
    path() { app.use('/api/v2/*', cors()); app.get('/api/v2/todos', c => c.json(todos)); },
    verbs() { app.use('*', cors({ origin: A, allowMethods: ['GET', 'POST'] })); },
    headers() { app.use('*', cors({ origin: A, allowHeaders: ['Content-Type'] })); },
    nocreds() { app.use('*', cors({ origin: A })); },
    star() { app.use('*', cors({ origin: '*', credentials: true })); },
  };
  cases[own]();
  app.get('/api/todos', c => c.json(todos));
  app.post('/api/todos', c => c.json({}, 201));
  app.put('/api/todos/:id', c => c.json({}));
  app.delete('/api/todos/:id', c => c.body(null, 204));
  serve({ fetch: app.fetch, port, hostname });
}

function no() {
  const http = require('http');
  http.createServer((req, res) => {
    const path = req.url.split('?')[0];
    const json = (status, value) => { res.writeHead(status, { 'Content-Type': 'application/json' }); res.end(JSON.stringify(value)); };
    if (path === '/health') return json(200, { status: 'up' });
    if (own === 'token' && !req.headers.authorization) { res.setHeader('WWW-Authenticate', 'Bearer'); return json(401, { error: 'missing token' }); }
    if (own === 'onlist') { if (SHOP.includes(req.headers.origin)) res.setHeader('Access-Control-Allow-Origin', req.headers.origin); } else if (own === 'fixed') res.setHeader('Access-Control-Allow-Origin', 'https://todo.example');
    else if (own === 'nulled') res.setHeader('Access-Control-Allow-Origin', 'null');
    else if (own === 'path') res.setHeader('Access-Control-Allow-Origin', `${A}/index.html`);
    else if (own === 'noscheme') res.setHeader('Access-Control-Allow-Origin', A.slice(7));
    else if (own === 'twice') res.setHeader('Access-Control-Allow-Origin', [A, A]);
    else if (own !== 'forgot') res.setHeader('Access-Control-Allow-Origin', '*');
    if (req.method === 'OPTIONS' && !['forgot', 'get', 'simple'].includes(own)) {
      res.setHeader('Access-Control-Allow-Methods', own === 'verbs' ? 'GET, POST' : 'GET, POST, PUT, DELETE');
      if (own !== 'nofields') res.setHeader('Access-Control-Allow-Headers', 'Content-Type');
      res.writeHead(204);
      return res.end();
    }
    if (own === 'wrote' && req.method !== 'GET') { res.removeHeader('Access-Control-Allow-Origin'); return json(200, {}); }
    if (own === 'destroy') return req.socket.destroy();
    if (own === 'missing' && path === '/api/todos/7') { res.removeHeader('Access-Control-Allow-Origin'); return json(404, { error: 'Todo not found' }); }
    if (own === 'get' && !['GET', 'POST', 'PUT', 'DELETE'].includes(req.method)) { res.removeHeader('Access-Control-Allow-Origin'); return json(405, { error: 'Method not allowed' }); }
    if (path.startsWith('/api/todos')) return json(200, todos);
    json(404, { error: 'Not found' });
  }).listen(port, hostname);
}

({ ex, fy, ko, ho, no })[family]();
