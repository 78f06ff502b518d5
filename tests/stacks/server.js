// node server.js MISTAKE PORT: Express, Fastify, Koa, hapi, Hono or plain Node with one mistake of CAUSES.md made on purpose.
const [mistake, port] = process.argv.slice(2);
const A = 'http://app.one.test:18901';
const B = 'http://app.two.test:18902';

function express() {
  const app = require('express')();
  const cors = require('cors');
  const ok = (req, res) => res.json({ ok: true });
  const routes = (from = app) => {
    from.get('/items', ok); from.post('/items', ok); from.put('/items', ok); from.patch('/items', ok); from.delete('/items', ok);
    from.get('/other', ok); from.put('/other', ok);
    from.get('/boom', () => { throw new Error('boom'); });
  };
  const login = (req, res) => { res.set('Set-Cookie', 'session=1; Path=/'); res.json({ ok: true }); };
  const auth = (req, res, next) => req.path === '/login' || /session=1/.test(req.get('cookie') || '') ? next() : res.status(401).json({ error: 'login' });
  const open = { origin: [A, B], credentials: true };
  const cases = {
    auth_first() { app.use(auth); app.use(cors(open)); app.post('/login', login); routes(); },
    after_router() { routes(); app.use(cors(open)); },
    star_credentials() { app.use(cors({ credentials: true })); routes(); },
    slash() { app.use(cors({ origin: A + '/' })); routes(); },
    methods() { app.use(cors({ origin: [A, B], methods: ['GET', 'POST'] })); routes(); },
    headers() { app.use(cors({ origin: [A, B], allowedHeaders: ['Content-Type'] })); routes(); },
    callback_error() { app.use(cors({ origin: (o, done) => o === A ? done(null, true) : done(new Error('no')) })); routes(); },
    callback_false() { app.use(cors({ origin: (o, done) => done(null, o === A) })); routes(); },
    limiter() { app.use(require('express-rate-limit').rateLimit({ windowMs: 60000, limit: 4 })); app.use(cors(open)); routes(); },
    other_origin() { app.use(cors({ origin: ['https://app.one.test', 'http://else.test'], credentials: true })); routes(); },
    fixed_origin() { app.use(cors({ origin: B })); routes(); },
    one_path() { app.use('/items', cors(open)); routes(); },
    crash_first() { app.use((req, res, next) => { if (req.path === '/boom' && req.method !== 'OPTIONS') throw new Error('early'); next(); }); app.use(cors(open)); routes(); },
    redirect_first() { app.use((req, res, next) => req.path === '/old' ? res.redirect(301, '/items') : next()); app.use(cors(open)); routes(); },
    no_credentials() { app.use(cors({ origin: [A, B] })); routes(); },
    drops() { app.use((req, res, next) => req.path === '/other' ? req.socket.destroy() : next()); app.use(cors(open)); routes(); },
    list_value() { app.use((req, res, next) => { res.set('Access-Control-Allow-Origin', `${A}, ${B}`); next(); }); routes(); },
    twice() { app.use((req, res, next) => { res.append('Access-Control-Allow-Origin', A); next(); }); app.use((req, res, next) => { res.append('Access-Control-Allow-Origin', A); next(); }); routes(); },
    bare() { routes(); app.get('/denied', (req, res) => res.status(401).json({})); app.get('/broken', (req, res) => res.status(500).json({})); },
    good() { app.use(cors({ ...open, methods: 'GET,HEAD,PUT,PATCH,POST,DELETE' })); routes(); },
    slow() { app.use(cors(open)); app.all('/slow', () => {}); routes(); },
    reflects() { app.use((req, res, next) => { if (req.get('origin')) res.set('Access-Control-Allow-Origin', req.get('origin')); res.set('Cache-Control', 'public, max-age=60'); next(); }); routes(); },
  };
  cases[mistake.slice('express_'.length)]();
  app.use((error, req, res, next) => { res.status(500).send('error'); });
  app.listen(port, '127.0.0.1');
}

async function fastify() {
  const app = require('fastify')();
  const cors = require('@fastify/cors');
  const routes = (from, path) => { for (const method of ['GET', 'POST', 'PUT', 'DELETE']) from.route({ method, url: path, handler: async () => ({ ok: true }) }); };
  const all = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];
  const cases = {
    async methods() { await app.register(cors, { origin: [A, B] }); routes(app, '/items'); },
    async scope() { await app.register(async inner => { await inner.register(cors, { origin: [A, B], methods: all }); routes(inner, '/items'); }); routes(app, '/other'); },
    async other_scheme() { await app.register(cors, { origin: ['https://app.one.test'], methods: all, credentials: true }); routes(app, '/items'); },
    async star_credentials() { await app.register(cors, { origin: '*', credentials: true, methods: all }); routes(app, '/items'); },
    async auth_first() { app.addHook('onRequest', async (req, reply) => { if (!/session=1/.test(req.headers.cookie || '')) return reply.code(401).send({ error: 'login' }); }); await app.register(cors, { origin: [A, B], methods: all }); routes(app, '/items'); },
    async headers() { await app.register(cors, { origin: [A, B], allowedHeaders: ['content-type'] }); routes(app, '/items'); },
  };
  await cases[mistake.slice('fastify_'.length)]();
  await app.listen({ port: Number(port), host: '127.0.0.1' });
}

async function koa() {
  const Koa = require('koa');
  const Router = require('@koa/router');
  const cors = require('@koa/cors');
  const app = new Koa();
  const routes = () => {
    const router = new (Router.default || Router)();
    for (const path of ['/items', '/other']) for (const method of ['get', 'post', 'put', 'delete']) router[method](path, ctx => { ctx.body = { ok: true }; });
    app.use(router.routes());
  };
  const listed = { origin: ctx => [A].includes(ctx.get('origin')) ? ctx.get('origin') : '', credentials: true };
  const auth = async (ctx, next) => { if (/session=1/.test(ctx.get('cookie'))) return next(); ctx.status = 401; ctx.body = { error: 'login' }; };
  const cases = {
    auth_first() { app.use(auth); app.use(cors(listed)); routes(); },
    after_router() { routes(); app.use(cors({ origin: '*' })); },
    other_origin() { app.use(cors(listed)); routes(); },
    one_path() { app.use((ctx, next) => ctx.path === '/items' ? cors(listed)(ctx, next) : next()); routes(); },
    methods() { app.use(cors({ ...listed, allowMethods: 'GET,POST' })); routes(); },
  };
  cases[mistake.slice('koa_'.length)]();
  app.listen(port, '127.0.0.1');
}

async function hapi() {
  const own = mistake.slice('hapi_'.length);
  const server = require('@hapi/hapi').server({ port: Number(port), host: '127.0.0.1' });
  const cors = { origin: own === 'other_origin' ? [B] : [A, B], credentials: own !== 'no_credentials' };
  const method = ['GET', 'POST', 'PUT', 'DELETE'];
  server.route({ method, path: '/items', options: { cors }, handler: () => ({ ok: true }) });
  server.route({ method, path: '/other', handler: () => ({ ok: true }) });
  if (own === 'auth_first') server.ext('onRequest', (request, h) => request.headers.cookie ? h.continue : h.response({ error: 'login' }).code(401).takeover());
  await server.start();
}

function hono() {
  const { Hono } = require('hono');
  const { cors } = require('hono/cors');
  const app = new Hono();
  const listed = { origin: [A], credentials: true };
  const routes = () => { for (const path of ['/items', '/other']) app.on(['GET', 'POST', 'PUT', 'DELETE'], path, c => c.json({ ok: true })); };
  const cases = {
    auth_first() { app.use('*', async (c, next) => /session=1/.test(c.req.header('cookie') || '') ? next() : c.json({ error: 'login' }, 401)); app.use('*', cors(listed)); routes(); },
    one_path() { app.use('/items', cors(listed)); routes(); },
    other_origin() { app.use('*', cors(listed)); routes(); },
    fixed_origin() { app.use('*', cors({ origin: B })); routes(); },
    headers() { app.use('*', cors({ ...listed, allowHeaders: ['content-type'] })); routes(); },
    star_credentials() { app.use('*', cors()); routes(); },
  };
  cases[mistake.slice('hono_'.length)]();
  require('@hono/node-server').serve({ fetch: app.fetch, port: Number(port), hostname: '127.0.0.1' });
}

/// Headers written by hand.
function node() {
  const own = mistake.slice('node_'.length);
  require('http').createServer((req, res) => {
    const path = req.url.split('?')[0];
    const allow = { 'Access-Control-Allow-Origin': A, 'Access-Control-Allow-Methods': 'GET, POST, PUT, DELETE', 'Access-Control-Allow-Headers': 'Content-Type' };
    const answer = (status, headers) => { res.writeHead(status, { 'Content-Type': 'application/json', ...headers }); res.end(req.method === 'OPTIONS' ? undefined : '{}'); };
    if (own === 'gets_only') return req.method === 'OPTIONS' ? answer(405, { Allow: 'GET, POST, PUT' }) : answer(200, allow);
    if (own === 'errors_bare') return req.method === 'OPTIONS' ? answer(204, allow) : path === '/items' ? answer(200, allow) : answer(422, {});
    if (own === 'options_only') return req.method === 'OPTIONS' ? answer(204, allow) : answer(200, {});
    if (own === 'true_word') return answer(200, { ...allow, 'Access-Control-Allow-Credentials': 'True' });
    if (own === 'list_semicolons') return answer(200, { ...allow, 'Access-Control-Allow-Methods': 'GET; PUT; DELETE' });
    if (own === 'pattern') return answer(200, { ...allow, 'Access-Control-Allow-Origin': 'http://*.one.test:18901' });
    if (own === 'blocked_by_waf') return req.method === 'OPTIONS' ? answer(403, { 'Content-Type': 'text/html' }) : answer(200, allow);
    if (own === 'options_limited') return req.method === 'OPTIONS' ? answer(429, { 'Retry-After': '1' }) : answer(200, allow);
  }).listen(port, '127.0.0.1');
}

({ express, fastify, koa, hapi, hono, node })[mistake.split('_')[0]]();
