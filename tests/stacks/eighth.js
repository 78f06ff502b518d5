// node eighth.js MISTAKE PORT: stacks of Node that no other set has, each with one mistake of CAUSES.md made on purpose.
const { family, own, port, hostname, A, B, METHODS } = require('./kit.js');
const PATHS = ['/items', '/other', '/me'];
const items = [{ id: 1 }, { id: 2 }];

async function hono8() {
  const { Hono } = require('hono');
  const { cors } = require('hono/cors');
  const app = new Hono();
  const open = cors({ origin: [A, B], credentials: true });
  const routes = (on = app, paths = PATHS) => { for (const p of paths) on.on(METHODS, p, c => c.json(items)); };
  const cases = {
    bearer() { app.use('/items', require('hono/bearer-auth').bearerAuth({ token: 'x' })); app.use(open); routes(); },
    basic() { app.use('/items', require('hono/basic-auth').basicAuth({ username: 'x', password: 'x' })); app.use(open); routes(); },
    late() { routes(app, ['/items', '/me']); app.use(open); routes(app, ['/other']); },
    sub() { app.use('/api/*', open); routes(app, [...PATHS, '/api/items']); },
    verbs() { app.use(cors({ origin: [A, B], allowMethods: ['GET', 'POST'] })); routes(); },
    names() { app.use(cors({ origin: [A, B], allowHeaders: ['X-Client'] })); routes(); },
    fn() { app.use(cors({ origin: o => o.endsWith('two.test:18902') ? o : null })); routes(); },
    csrf() { app.use(require('hono/csrf').csrf()); app.use(open); routes(); },
    body() { app.use(require('hono/body-limit').bodyLimit({ maxSize: 1024 })); app.use(open); routes(); },
    timeout() { app.use(require('hono/timeout').timeout(300)); app.use(open); routes(); app.get('/slow', async c => { await new Promise(r => setTimeout(r, 1500)); return c.json({}); }); },
    quota() { let left = 3; app.use(async (c, next) => --left < 0 ? c.text('Too many requests', 429) : next()); app.use(open); routes(); },
    creds() { app.use(cors({ origin: A })); routes(); },
    slash() { app.use(cors({ origin: A + '/' })); routes(); },
    none() { routes(); },
    thrown() { app.use(async (c, next) => { if (c.req.path === '/other' && c.req.method === 'GET') throw new Error('no database'); await next(); }); app.use(open); routes(); },
  };
  cases[own]();
  require('@hono/node-server').serve({ fetch: app.fetch, port, hostname });
}

async function loop() {
  const { RestApplication } = require('@loopback/rest');
  const cors = {
    default: undefined, origin: { origin: B }, list: { origin: [B] }, verbs: { origin: [A, B], methods: 'GET,POST' }, names: { origin: [A, B], allowedHeaders: 'Content-Type' }, off: { origin: false },
  }[own];
  const app = new RestApplication({ rest: { port, host: hostname, ...(cors ? { cors } : {}), gracePeriodForClose: 0 } });
  for (const p of PATHS) for (const m of METHODS) app.route(m.toLowerCase(), p, { responses: { 200: { description: 'ok' } } }, () => items);
  await app.start();
}

function rc() {
  require('reflect-metadata');
  const { createExpressServer, JsonController, Get, Put, Delete } = require('routing-controllers');
  class Items { get() { return items; } put() { return items; } remove() { return items; } me() { return {}; } }
  Get('/items')(Items.prototype, 'get'); Put('/items')(Items.prototype, 'put'); Delete('/items')(Items.prototype, 'remove'); Get('/me')(Items.prototype, 'me');
  JsonController()(Items);
  const cors = { origin: { origin: [B] }, none: false, verbs: { origin: [A, B], methods: ['GET'] }, star: { origin: '*', credentials: true } }[own];
  createExpressServer({ cors, controllers: [Items] }).listen(port, hostname);
}

// a function behind a gateway that hands everything on
function lambda8() {
  const load = Promise.all(['core', 'http-cors'].map(part => import(`${process.env.NODE_PATH}/@middy/${part}/index.js`)));
  const options = {
    origins: { origins: [B] }, single: { origin: B }, simple: { origin: A }, throws: { origin: A, headers: 'content-type', methods: 'PUT' }, many: { origins: ['https://app.one.test:18901', B], credentials: true },
  }[own];
  require('http').createServer(async (req, res) => {
    const [{ default: middy }, { default: httpCors }] = await load;
    const handler = middy().use(httpCors(options)).handler(async event => { if (own === 'throws' && event.path === '/other' && event.httpMethod !== 'OPTIONS') throw new Error('x'); return { statusCode: 200, headers: { 'Content-Type': 'application/json' }, body: '{}' }; });
    try {
      const out = await handler({ httpMethod: req.method, path: req.url.split('?')[0], headers: req.headers }, {});
      res.writeHead(out.statusCode, out.headers); res.end(out.body);
    } catch {
      res.writeHead(502, { 'Content-Type': 'application/json', 'x-amzn-ErrorType': 'InternalServerErrorException' }); res.end('{"message": "Internal server error"}');
    }
  }).listen(port, hostname);
}

// Cloudflare's runtime, as its guide has it
function worker() {
  const fs = require('fs');
  const script = `
const A = '${A}', B = '${B}';
const lists = { 'Access-Control-Allow-Methods': 'GET,HEAD,POST,PUT,OPTIONS', 'Access-Control-Max-Age': '86400' };
const handlers = {
  none: r => Response.json({ ok: true }),
  forgets: r => r.method === 'OPTIONS' ? new Response(null, { headers: { 'Access-Control-Allow-Origin': '*', ...lists, 'Access-Control-Allow-Headers': 'content-type' } }) : Response.json({ ok: true }),
  list: r => { const o = r.headers.get('Origin'), h = o === B ? { 'Access-Control-Allow-Origin': B, ...lists, 'Access-Control-Allow-Headers': 'content-type' } : {}; return r.method === 'OPTIONS' ? new Response(null, { status: 204, headers: h }) : Response.json({ ok: true }, { headers: h }); },
  guide: r => r.method === 'OPTIONS' ? new Response(null, { headers: { Allow: 'GET, HEAD, POST, OPTIONS' } }) : Response.json({ ok: true }, { headers: { 'Access-Control-Allow-Origin': A } }),
  gets: r => r.method === 'GET' ? Response.json({ ok: true }, { headers: { 'Access-Control-Allow-Origin': A } }) : new Response('Method Not Allowed', { status: 405 }),
  crash: r => { const at = new URL(r.url).pathname; if (r.method !== 'OPTIONS' && at === '/other') throw new Error('boom'); return r.method === 'OPTIONS' ? new Response(null, { headers: { 'Access-Control-Allow-Origin': A, ...lists, 'Access-Control-Allow-Headers': 'content-type' } }) : Response.json({ ok: true }, { headers: { 'Access-Control-Allow-Origin': A } }); },
  key: r => r.headers.get('x-api-key') ? Response.json({}) : new Response('Unauthorized', { status: 401 }),
};
export default { fetch: request => handlers['${own}'](request) };`;
  fs.writeFileSync('worker.js', script);
  fs.writeFileSync('worker.capnp', `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (services = [(name = "main", worker = .main)], sockets = [(name = "http", address = "${hostname}:${port}", http = (), service = "main")]);
const main :Workerd.Worker = (modules = [(name = "worker", esModule = embed "worker.js")], compatibilityDate = "2025-01-01");`);
  const child = require('child_process').spawn(require.resolve('workerd/bin/workerd'), ['serve', 'worker.capnp'], { stdio: 'inherit' });
  child.on('exit', () => process.exit(1));
  process.on('SIGTERM', () => child.kill());
}

async function merc() {
  const app = require('fastify')();
  const options = { origin: { origin: [B] }, names: { origin: [A, B], allowedHeaders: ['content-type'] }, creds: { origin: A } }[own];
  if (options) await app.register(require('@fastify/cors'), options);
  app.register(require('mercurius'), { schema: 'type Query { items: Int }', resolvers: { Query: { items: () => 1 } } });
  await app.listen({ port, host: hostname });
}

async function fast8() {
  const app = require('fastify4')();
  const cors = require('fastifycors8');
  const open = { origin: [A, B], credentials: true };
  const routes = (on = app, paths = PATHS) => { for (const url of paths) on.route({ method: METHODS, url, handler: async () => items }); };
  const cases = {
    async list() { await app.register(cors, { origin: [B], credentials: true }); routes(); },
    async error() { await app.register(cors, { origin: (o, done) => o === B ? done(null, true) : done(new Error('Not allowed'), false) }); routes(); },
    async bearer() { app.addHook('onRequest', async (req, reply) => { if (req.url.startsWith('/items') && !req.headers.authorization) return reply.code(401).send({ error: 'missing authorization header' }); }); await app.register(cors, open); routes(); },
    async handler() { app.addHook('onRequest', async (req, reply) => { if (req.url.startsWith('/items') && !req.headers['x-api-key']) return reply.code(403).send({ error: 'key' }); }); await app.register(cors, { ...open, hook: 'preHandler' }); routes(); },
    async scope() { await app.register(async on => { await on.register(cors, open); routes(on, ['/me']); }); routes(app, ['/items', '/other']); },
    async verbs() { await app.register(cors, { ...open, methods: ['GET', 'POST'] }); routes(); },
    async none() { routes(); },
  };
  await cases[own]();
  await app.listen({ port, host: hostname });
}

function koa8() {
  const Koa = require('koa2'), cors = require('koa2-cors');
  const app = new Koa();
  app.silent = true;
  const ok = ctx => {
    if (ctx.path === '/boom') throw new Error('boom');
    if (ctx.path === '/denied') ctx.throw(403, 'no');
    if (ctx.path === '/invalid') ctx.throw(422, 'name is missing');
    if (ctx.method === 'OPTIONS') return;
    ctx.body = items;
  };
  const options = { fn: { origin: ctx => ctx.get('origin') === B ? B : false }, fixed: { origin: B }, verbs: { origin: A, allowMethods: ['GET', 'POST'] }, names: { origin: A, allowHeaders: ['X-Client'] }, star: { origin: '*', credentials: true } }[own] || { origin: ctx => ctx.get('origin'), credentials: true };
  if (own === 'guard') app.use((ctx, next) => ctx.path === '/items' && !ctx.get('authorization') ? ctx.throw(401) : next());
  if (own === 'late') app.use((ctx, next) => ctx.path === '/items' && ctx.method !== 'OPTIONS' ? ok(ctx) : next());
  app.use(cors(options));
  app.use(ok);
  app.listen(port, hostname);
}

function ex8() {
  const express = require('express'), cors = require('cors');
  const app = express();
  const open = cors({ origin: [A, B], credentials: true });
  const routes = (on = app, paths = PATHS) => { for (const p of paths) for (const m of METHODS) on[m.toLowerCase()](p, (req, res) => res.json(items)); };
  const cases = {
    passport() { const passport = require('passport'), Bearer = require('passport-http-bearer').Strategy; passport.use(new Bearer((token, done) => done(null, {}))); app.use('/items', passport.authenticate('bearer', { session: false })); app.use(open); routes(); },
    reset() { app.use(open); routes(app, ['/items', '/me']); app.all('/other', (req, res, next) => next(new Error('x'))); app.use((error, req, res, next) => { for (const name of res.getHeaderNames()) res.removeHeader(name); res.writeHead(500, { 'Content-Type': 'application/json' }); res.end('{"error":"internal"}'); }); },
    answers() { app.options('/{*any}', (req, res) => res.sendStatus(200)); app.use(open); routes(); },
    comma() { app.use(cors({ origin: `${A},${B}`, credentials: true })); routes(); },
    pattern() { app.use(cors({ origin: '/\\.one\\.test$/' })); routes(); },
    subdomains() { app.use(cors({ origin: 'http://*.one.test:18901' })); routes(); },
    ends() { app.use(cors({ origin: /one\.test$/ })); routes(); },
    perhandler() { app.get('/items', open, (req, res) => res.json(items)); app.put('/items', open, (req, res) => res.json(items)); app.delete('/items', open, (req, res) => res.json(items)); app.get('/me', open, (req, res) => res.json(items)); },
    validates() { app.use((req, res, next) => req.path === '/other' && !req.get('x-tenant') ? res.status(400).json({ error: 'x-tenant is required' }) : next()); app.use(open); routes(); },
    session() { const session = require('express-session'); app.use(session({ secret: 'x', resave: false, saveUninitialized: false })); app.use((req, res, next) => req.path === '/items' && !req.session.user ? res.redirect('/login') : next()); app.use(open); routes(); app.get('/login', (req, res) => res.send('<form>')); },
    gateway() { app.use(open); const { createProxyMiddleware } = require('http-proxy-middleware'); app.use('/other', createProxyMiddleware({ target: 'http://127.0.0.1:9' })); routes(app, ['/items', '/me']); },
    inner() { const { createProxyMiddleware } = require('http-proxy-middleware'); app.use('/other', createProxyMiddleware({ target: 'http://127.0.0.1:9' })); app.use(open); routes(app, ['/items', '/me']); },
  };
  cases[own]();
  app.listen(port, hostname);
}

function restana8() {
  const app = require('restana')();
  if (own === 'auth') app.use((req, res, next) => req.url.startsWith('/items') && !req.headers.authorization ? res.send({ error: 'login' }, 401) : next());
  if (own === 'auth' || own === 'list') app.use(require('cors')({ origin: own === 'list' ? [B] : [A, B] }));
  for (const p of PATHS) for (const m of ['get', 'post', 'put', 'delete']) app[m](p, (req, res) => res.send(items));
  app.start(port, hostname);
}

function peer8() {
  const { PeerServer } = require('peer');
  PeerServer({ port, host: hostname, path: '/items', corsOptions: { origin: [B] } });
}

({ hono8, loop, rc, lambda8, worker, merc, fast8, koa8, ex8, restana8, peer8 })[family]();
