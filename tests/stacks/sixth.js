// node sixth.js MISTAKE PORT: Express 4 and 5, Fastify, Koa, hapi, Nest on Fastify, Feathers, connect, itty-router or a gateway of their own, with one mistake of CAUSES.md made on purpose.
const { family, own, port, hostname, A, B, METHODS, hasCookie } = require('./kit.js');
const fs = require('fs'), os = require('os'), path = require('path');

/// A folder with one file, as a build leaves it.
function files() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sixth-'));
  fs.mkdirSync(path.join(folder, 'docs'));
  fs.writeFileSync(path.join(folder, 'data.json'), '{"ok":true}');
  fs.writeFileSync(path.join(folder, 'docs/index.html'), '<!doctype html><p>docs');
  process.on('SIGTERM', () => { fs.rmSync(folder, { recursive: true, force: true }); process.exit(0); });
  return folder;
}

function express(version) {
  const express = require(version);
  const cors = require('cors');
  const app = express();
  const ok = (req, res) => res.json({ ok: true, items: [1, 2, 3] });
  const open = cors({ origin: [A, B], credentials: true });
  const routes = (on = app, paths = ['/items', '/other', '/me']) => { for (const p of paths) for (const m of METHODS) on[m.toLowerCase()](p, ok); };
  const cases = {
    jwt() { app.use(require('express-jwt').expressjwt({ secret: 'x', algorithms: ['HS256'] })); app.use(open); routes(); app.use((error, req, res, next) => { res.status(error.status || 500).json({ message: error.message }); }); },
    basic() { app.use('/items', require('express-basic-auth')({ users: { x: 'y' } })); app.use(open); routes(); },
    forbids() { app.use((req, res, next) => req.path === '/items' && !req.get('x-api-key') ? res.status(403).json({ error: 'Forbidden' }) : next()); app.use(open); routes(); },
    login() { app.use((req, res, next) => req.path === '/items' && !hasCookie(req.get('cookie')) ? res.redirect('/login') : next()); app.use(open); routes(); app.get('/login', (req, res) => res.send('<form>')); },
    body() { app.use(express.json({ limit: '1kb' })); app.use(open); routes(); },
    missing() { const api = express.Router(); api.use(open); routes(api, ['/items', '/me']); app.use('/items', open, ok); app.get('/me', open, ok); },
    route() { app.get('/items', open, ok); app.put('/items', open, ok); app.delete('/items', open, ok); app.get('/me', open, ok); },
    csrf() { app.use(require('cookie-parser')()); app.use(require('csrf-csrf').doubleCsrf({ getSecret: () => 'x', getSessionIdentifier: () => 's', cookieName: 'c', cookieOptions: { secure: false } }).doubleCsrfProtection); app.use(open); routes(); },
    env() { app.use(cors({ origin: `${A},${B}` })); routes(); },
    portless() { app.use(cors({ origin: 'http://app.one.test' })); routes(); },
    https() { app.use(cors({ origin: ['https://app.one.test:18901', B] })); routes(); },
    www() { app.use(cors({ origin: 'http://www.app.one.test:18901', credentials: true })); routes(); },
    localhost() { app.use(cors({ origin: [/^http:\/\/localhost(:\d+)?$/, B], credentials: true })); routes(); },
    upper() { app.use(cors({ origin: 'http://App.One.Test:18901' })); routes(); },
    unset() { app.use(cors({ origin: process.env.NO_SUCH_ORIGIN, credentials: true })); routes(); },
    lower() { app.use(cors({ origin: [A, B], methods: ['get', 'patch'] })); app.patch('/items', ok); routes(); },
    verbs() { app.use(cors({ origin: [A, B], methods: 'GET,HEAD,POST' })); routes(); },
    names() { app.use(cors({ origin: [A, B], allowedHeaders: ['Content-Type', 'Accept'] })); routes(); },
    limiter() { app.use('/items', require('express-rate-limit').rateLimit({ windowMs: 60000, limit: 2, standardHeaders: 'draft-7', legacyHeaders: false })); app.use(open); routes(); },
    files() { app.use(express.static(files())); app.use(open); routes(); },
    secure() { app.use((req, res, next) => req.get('x-forwarded-proto') === 'https' ? next() : res.redirect(301, `https://${req.headers.host}${req.originalUrl}`)); app.use(open); routes(); },
    crash() { app.use((req, res, next) => req.path === '/other' ? process.nextTick(() => req.socket.end()) : next()); app.use(open); routes(); },
    halfway() { for (const m of ['get', 'put', 'delete']) app[m]('/items', ok); app.use(open); routes(app, ['/other', '/me']); },
    proxy() { app.use(open); app.use('/', require('http-proxy-middleware').createProxyMiddleware({ target: 'http://127.0.0.1:9' })); },
    noncors() { routes(); },
    thrown() { app.use((req, res, next) => { if (req.path === '/other') throw new Error('config'); next(); }); app.use(open); routes(); },
    whitelist() { app.use((req, res, next) => { if ([B].includes(req.headers.origin)) res.header('Access-Control-Allow-Origin', req.headers.origin); res.header('Access-Control-Allow-Headers', 'Origin, X-Requested-With, Content-Type, Accept'); res.header('Access-Control-Allow-Methods', 'GET,PUT,POST,DELETE'); next(); }); routes(); },
    snippet() { app.use((req, res, next) => { res.header('Access-Control-Allow-Origin', '*'); res.header('Access-Control-Allow-Headers', 'Origin, X-Requested-With, Content-Type, Accept'); next(); }); routes(); },
    dynamic() { app.use(cors({ origin: (o, done) => [B].includes(o) ? done(null, true) : done(new Error('Not allowed by CORS')) })); routes(); },
    silent() { app.use(cors((req, done) => done(null, { origin: [B].includes(req.get('origin')) }))); routes(); },
    stale() { app.use(cors({ origin: 'https://old-app.one.test' })); routes(); },
    appended() { app.use(open); app.use((req, res, next) => { res.append('Access-Control-Allow-Origin', '*'); next(); }); routes(); },
    nocreds() { app.use(cors({ origin: A })); app.use((req, res, next) => { if (req.path === '/me') res.cookie('session', '1'); next(); }); routes(); },
    expired() { app.use((req, res, next) => hasCookie(req.get('cookie')) ? next() : res.sendStatus(401)); app.use(open); routes(); },
  };
  cases[own]();
  app.use((error, req, res, next) => { if (!res.headersSent) res.status(error.status || 500).json({ error: 'oops' }); });
  app.listen(port, hostname);
}

async function fast() {
  const app = require('fastify')({ bodyLimit: 1024 });
  const cors = require('@fastify/cors');
  const open = { origin: [A, B], methods: METHODS, credentials: true };
  const routes = (on = app, urls = ['/items', '/other', '/me']) => { for (const url of urls) for (const method of METHODS) on.route({ method, url, handler: async () => ({ ok: true }) }); };
  const cases = {
    async limit() { await app.register(require('@fastify/rate-limit'), { max: 2, timeWindow: 60000, hook: 'onRequest' }); await app.register(cors, open); routes(); },
    async jwt() { await app.register(require('@fastify/jwt'), { secret: 'x' }); app.addHook('onRequest', async (req, reply) => { await req.jwtVerify(); }); await app.register(cors, open); routes(); },
    async jwtAfter() { await app.register(cors, open); await app.register(require('@fastify/jwt'), { secret: 'x' }); app.addHook('onRequest', async (req, reply) => { await req.jwtVerify(); }); routes(); },
    async basic() { await app.register(require('@fastify/basic-auth'), { validate: async () => { throw new Error('no'); }, authenticate: true }); await app.register(async inner => { inner.addHook('onRequest', app.basicAuth); inner.options('/items', async () => ''); routes(inner, ['/items']); }); await app.register(async inner => { await inner.register(cors, open); routes(inner, ['/other', '/me']); }); },
    async origin() { await app.register(cors, { ...open, origin: async o => o === B }); routes(); },
    async regexp() { await app.register(cors, { ...open, origin: /\.two\.test(:\d+)?$/ }); routes(); },
    async text() { await app.register(cors, { ...open, origin: 'http://app.one.test:18901/' }); routes(); },
    async defaults() { await app.register(cors, { origin: true, credentials: true }); routes(); },
    async files() { await app.register(async inner => { await inner.register(cors, open); routes(inner, ['/items', '/me']); }); await app.register(require('@fastify/static'), { root: files(), prefix: '/files/' }); },
    async none() { routes(); },
    async decides() { await app.register(cors, { delegator: (req, done) => done(null, req.url.startsWith('/items') ? { ...open, credentials: false } : open) }); routes(); },
  };
  await cases[own]();
  await app.listen({ port, host: hostname });
}

async function koa6() {
  const Koa = require('koa'), Router = require('@koa/router'), cors = require('@koa/cors');
  const app = new Koa();
  app.silent = true;
  const router = new (Router.default || Router)();
  for (const p of ['/items', '/other', '/me']) for (const m of METHODS) router[m.toLowerCase()](p, ctx => { ctx.body = { ok: true }; });
  router.get('/boom', () => { throw new Error('boom'); });
  router.put('/boom', ctx => { ctx.throw(422, 'no'); });
  const open = cors({ origin: ctx => [A, B].includes(ctx.get('origin')) ? ctx.get('origin') : '', credentials: true });
  const cases = {
    allowed() { app.use(router.routes()).use(router.allowedMethods()).use(open); },
    bare() { app.use(cors({ origin: () => A, keepHeadersOnError: false })).use(router.routes()); },
    files() { app.use(require('koa-static')(files())).use(open).use(router.routes()); },
    function() { app.use(cors({ origin: () => B, credentials: true })).use(router.routes()); },
    verbs() { app.use(cors({ origin: '*', allowMethods: ['GET', 'HEAD', 'POST'] })).use(router.routes()); },
    names() { app.use(cors({ allowHeaders: ['Content-Type'], allowMethods: METHODS })).use(router.routes()); },
    guard() { app.use(async (ctx, next) => { if (ctx.path === '/items' && !ctx.get('authorization').startsWith('Bearer ')) ctx.throw(401); await next(); }).use(open).use(router.routes()); },
    none() { app.use(router.routes()).use(router.allowedMethods()); },
  };
  cases[own]();
  app.listen(port, hostname);
}

async function hapi6() {
  const cors = { origin: own === 'origin' ? [B] : own === 'pattern' ? ['http://*.two.test'] : [A, B], credentials: own !== 'credentials', headers: own === 'names' ? ['Accept'] : undefined };
  if (!cors.headers) delete cors.headers;
  const server = require('@hapi/hapi').server({ port, host: hostname, routes: own === 'none' ? {} : { cors: own === 'somewhere' ? false : cors, payload: { maxBytes: 1024 } } });
  const paths = ['/items', '/other', '/me'];
  for (const p of paths) server.route({ method: METHODS, path: p, options: own === 'somewhere' && p !== '/items' ? { cors } : {}, handler: () => ({ ok: true }) });
  if (own === 'redirects') server.ext('onRequest', (request, h) => request.path === '/items' && !request.headers.cookie ? h.redirect('/login').takeover() : h.continue);
  await server.start();
}

async function nestfast() {
  require('reflect-metadata');
  const { NestFactory } = require('@nestjs/core');
  const { Module, Controller, RequestMapping, RequestMethod, UnauthorizedException } = require('@nestjs/common');
  const { FastifyAdapter } = require('@nestjs/platform-fastify');
  class Items { all() { return { ok: true }; } boom() { throw new Error('boom'); } }
  const put = (method, p, verb) => RequestMapping({ path: p, method: verb })(Items.prototype, method, Object.getOwnPropertyDescriptor(Items.prototype, method));
  put('all', ['items', 'other', 'me'], RequestMethod.ALL === undefined ? 5 : RequestMethod.GET);
  for (const verb of ['POST', 'PUT', 'DELETE']) {
    const name = verb.toLowerCase();
    Items.prototype[name] = function () { return { ok: true }; };
    put(name, ['items', 'other', 'me'], RequestMethod[verb]);
  }
  Controller()(Items);
  class Root {}
  Module({ controllers: [Items] })(Root);
  const app = await NestFactory.create(Root, new FastifyAdapter(), { logger: false });
  if (own === 'guard') app.getHttpAdapter().getInstance().addHook('onRequest', async (req, reply) => { if (!req.headers.cookie) return reply.code(401).send({ statusCode: 401, message: 'Unauthorized' }); });
  if (own !== 'none') app.enableCors({ origin: own === 'origin' ? [B] : [A, B], credentials: own !== 'credentials', ...(own === 'defaults' ? {} : { methods: METHODS }), ...(own === 'names' ? { allowedHeaders: 'Content-Type' } : {}) });
  await app.listen(port, hostname);
}

function feathers() {
  const { feathers } = require('@feathersjs/feathers');
  const express = require('@feathersjs/express');
  const app = express.default(feathers());
  app.use(express.json());
  if (own === 'origin') app.use(express.cors({ origin: [B] }));
  if (own === 'headers') app.use(express.cors({ origin: A, allowedHeaders: 'content-type' }));
  app.configure(express.rest());
  app.use('/items', { async find() { return []; }, async create(data) { return data; }, async update(id, data) { return data; }, async remove() { return {}; } }, { methods: ['find', 'create', 'update', 'remove'] });
  if (own === 'late') app.use(express.cors());
  app.use(express.notFound());
  app.use(express.errorHandler({ logger: false }));
  app.listen(port, hostname);
}

function connect() {
  const app = require('connect')();
  const cors = require('cors');
  const open = cors({ origin: own === 'origin' ? [B] : [A, B], credentials: own !== 'star', ...(own === 'star' ? { origin: '*' } : {}) });
  if (own === 'auth') app.use((req, res, next) => { if (hasCookie(req.headers.cookie)) return next(); res.statusCode = 401; res.setHeader('WWW-Authenticate', 'Basic realm="x"'); res.end('Unauthorized'); });
  if (own === 'path') app.use('/api', open); else if (own !== 'none') app.use(open);
  app.use((req, res, next) => { if (!/^\/(api\/)?(items|me)/.test(req.originalUrl)) return next(); if (req.method === 'OPTIONS') { res.statusCode = 405; return res.end('Method Not Allowed'); } res.setHeader('Content-Type', 'application/json'); res.end('{}'); });
  app.listen(port, hostname);
}

function itty() {
  const { AutoRouter, cors, error } = require('itty-router');
  const { preflight, corsify } = cors({ origin: own === 'origin' ? [B] : [A, B], credentials: true, allowMethods: own === 'verbs' ? 'GET, POST' : undefined });
  const router = AutoRouter({ before: own === 'auth' ? [r => r.headers.get('cookie') ? undefined : error(401), preflight] : [preflight], finally: own === 'forgets' ? [] : [corsify] });
  router.get('/boom', () => { throw new Error('boom'); });
  router.all('/:any', () => ({ ok: true }));
  require('@hono/node-server').serve({ fetch: request => router.fetch(request), port, hostname });
}

/// Code by hand on Node's own server, as gateways and lambdas have it.
function lambda() {
  const allow = { 'Access-Control-Allow-Origin': A };
  const lists = { 'Access-Control-Allow-Methods': 'OPTIONS,GET,PUT', 'Access-Control-Allow-Headers': 'Content-Type,X-Amz-Date,Authorization,X-Api-Key,X-Amz-Security-Token' };
  require('http').createServer((req, res) => {
    const at = req.url.split('?')[0], options = req.method === 'OPTIONS';
    const answer = (status, headers, body = '') => { res.writeHead(status, headers); res.end(body); };
    const json = { 'Content-Type': 'application/json', 'x-amzn-RequestId': 'ffb8e1e2', 'x-amz-apigw-id': 'AAAA' };
    const said = (status, word, more = {}) => answer(status, { ...json, 'x-amzn-ErrorType': `${word}Exception`, ...more }, JSON.stringify({ message: word }));
    if (own === 'mock') return options ? answer(200, { ...json, ...allow, ...lists }) : answer(200, json, '{}');
    if (own === 'token') return options ? said(403, 'MissingAuthenticationToken') : answer(200, { ...json, ...allow }, '{}');
    if (own === 'authorizer') return options ? answer(200, { ...json, ...allow, ...lists }) : req.headers.authorization === 'Bearer good' ? answer(200, { ...json, ...allow }, '{}') : said(401, 'Unauthorized');
    if (own === 'timeout') return options ? answer(200, { ...json, ...allow, ...lists }) : at === '/other' ? said(504, 'InternalServerError') : answer(200, { ...json, ...allow }, '{}');
    if (own === 'throttle') return options ? answer(200, { ...json, ...allow, ...lists }) : at === '/other' ? said(429, 'TooManyRequests') : answer(200, { ...json, ...allow }, '{}');
    if (own === 'proxy') return options ? answer(200, { ...json, ...allow, ...lists }) : at === '/other' ? said(502, 'InternalServerError') : answer(200, { ...json, ...allow }, '{}');
    if (own === 'keys') return options ? answer(200, { ...json, ...allow, 'Access-Control-Allow-Methods': 'OPTIONS,GET,PUT', 'Access-Control-Allow-Headers': 'Content-Type' }) : answer(200, { ...json, ...allow }, '{}');
    if (own === 'quotes') return answer(200, { ...json, 'Access-Control-Allow-Origin': `'${A}'`, ...lists }, options ? '' : '{}');
    if (own === 'empty') return answer(200, { ...json, 'Access-Control-Allow-Origin': '', ...lists }, options ? '' : '{}');
    if (own === 'waf') return at === '/other' ? answer(403, { Server: 'cloudflare', 'CF-RAY': '8a1b2c3d4e5f-FRA', 'Content-Type': 'text/html; charset=UTF-8' }, '<!DOCTYPE html><html><head><title>Attention Required! | Cloudflare</title></head></html>') : answer(200, { ...json, ...allow, ...lists, Server: 'cloudflare' }, options ? '' : '{}');
    if (own === 'edge') return at === '/other' ? answer(522, { Server: 'cloudflare', 'Content-Type': 'text/html' }, '<html>522') : answer(200, { ...json, ...allow, ...lists, Server: 'cloudflare' }, options ? '' : '{}');
    if (own === 'bucket') return options ? answer(403, { 'Content-Type': 'application/xml', Server: 'AmazonS3', 'x-amz-request-id': 'A' }, '<?xml version="1.0"?><Error><Code>AccessForbidden</Code><Message>CORSResponse: This CORS request is not allowed.</Message></Error>') : answer(200, { 'Content-Type': 'application/json', Server: 'AmazonS3', 'x-amz-request-id': 'A', ...(req.headers.origin === B ? { 'Access-Control-Allow-Origin': B, Vary: 'Origin' } : {}) }, '{}');
    if (own === 'cdn') { const hit = at === '/data'; return answer(200, { ...json, 'Access-Control-Allow-Origin': hit ? B : req.headers.origin, 'Access-Control-Allow-Methods': 'GET', ...(hit ? { Age: '37', 'X-Cache': 'Hit from cloudfront', Via: '1.1 x.cloudfront.net (CloudFront)' } : { 'X-Cache': 'Miss from cloudfront', Via: '1.1 x.cloudfront.net (CloudFront)' }) }, '{}'); }
  }).listen(port, hostname);
}

({ ex4: () => express('express4'), ex5: () => express('express'), fast, koa6, hapi6, nestfast, feathers, connect, itty, lambda })[family]();
