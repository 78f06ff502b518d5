// node more.js MISTAKE PORT (bun for elysia_ and bun_): NestJS, Restify, Polka, h3, GraphQL Yoga, tRPC, Apollo, Socket.IO, Vite, http-server,
// Elysia or Bun alone with one mistake of CAUSES.md made on purpose.
const { family, own, port, hostname, A, B, METHODS, hasCookie } = require('./kit.js');

/// What the options of the cors package are in each mistake that is one of its options.
const OPTIONS = {
  origin: { origin: [B] }, fixed: { origin: B }, slash: { origin: [A + '/'] }, methods: { origin: [A, B], methods: ['GET', 'POST'] },
  headers: { origin: [A, B], allowedHeaders: ['Content-Type'] }, credentials: { origin: [A, B] }, star: { origin: '*', credentials: true },
};
const options = OPTIONS[own] || { origin: [A, B], credentials: true };

async function nest() {
  require('reflect-metadata');
  const { Controller, Get, Post, Put, Delete, Module, HttpException } = require('@nestjs/common');
  const { NestFactory } = require('@nestjs/core');
  class Items { get() { return { ok: true }; } post() { return {}; } put() { return {}; } remove() { return {}; } boom() { throw new Error('boom'); } denied() { throw new HttpException('no', 401); } }
  const route = (decorate, name) => decorate(Items.prototype, name, Object.getOwnPropertyDescriptor(Items.prototype, name));
  route(Get(['items', 'other']), 'get'); route(Post(['items', 'other']), 'post'); route(Put(['items', 'other']), 'put'); route(Delete(['items', 'other']), 'remove');
  route(Get('boom'), 'boom'); route(Get('denied'), 'denied');
  Controller()(Items);
  class App {}
  Module({ controllers: [Items] })(App);
  const app = await NestFactory.create(App, { logger: false });
  if (own === 'auth') app.use((req, res, next) => hasCookie(req.headers.cookie) ? next() : res.status(401).json({ statusCode: 401, message: 'Unauthorized' }));
  if (own === 'limiter') app.use(require('express-rate-limit').rateLimit({ windowMs: 60000, limit: 3 }));
  if (own === 'prefix') app.use((req, res, next) => req.path.startsWith('/v1') ? next() : res.redirect(308, '/v1' + req.url));
  if (own !== 'none') app.enableCors(options);
  await app.listen(port, hostname);
}

function restify() {
  const server = require('restify').createServer();
  const allow = (req, res, next) => { res.header('Access-Control-Allow-Origin', A); res.header('Access-Control-Allow-Headers', 'Content-Type'); res.header('Access-Control-Allow-Methods', METHODS.join(', ')); return next(); };
  const login = (req, res, next) => hasCookie(req.headers.cookie) ? next() : (res.send(401, { code: 'Unauthorized' }), next(false));
  if (own === 'auth') server.pre(login);
  if (own === 'pre') server.pre(allow); else server.use(allow);
  if (own === 'options' || own === 'auth') server.opts('/*', (req, res, next) => { res.send(204); next(); });
  for (const verb of ['get', 'post', 'put', 'del']) server[verb]('/items', (req, res, next) => { res.send({ ok: true }); next(); });
  server.listen(port, hostname);
}

function polka() {
  const app = require('polka')();
  const cors = require('cors');
  const ok = (req, res) => { res.setHeader('Content-Type', 'application/json'); res.end('{}'); };
  if (own === 'auth') app.use((req, res, next) => hasCookie(req.headers.cookie) ? next() : (res.statusCode = 401, res.end('login')));
  if (own === 'route') app.get('/items', cors(options), ok); else if (own === 'path') app.use('items', cors(options)); else if (own === 'regexp') app.use(cors({ origin: /app\.three\.test$/ })); else app.use(cors(options));
  for (const path of ['/items', '/other']) for (const verb of ['get', 'post', 'put', 'delete']) if (own !== 'route' || verb !== 'get') app[verb](path, ok);
  app.listen(port, hostname);
}

function h3() {
  const { createApp, createRouter, eventHandler, handleCors, toNodeListener, createError, setResponseHeaders, getCookie } = require('h3');
  const app = createApp();
  const all = { origin: [A, B], methods: METHODS, allowHeaders: ['content-type'], credentials: true };
  const mine = { origin: { ...all, origin: [B] }, methods: { ...all, methods: ['GET', 'POST'] }, headers: all, credentials: { ...all, credentials: false }, star: { origin: '*', methods: '*', allowHeaders: '*' } }[own] || all;
  const cors = eventHandler(event => { if (handleCors(event, mine)) return; });
  const login = eventHandler(event => { if (!getCookie(event, 'session')) throw createError({ statusCode: 401, statusMessage: 'Unauthorized' }); });
  if (own === 'auth') app.use(login);
  if (own === 'rules') app.use(eventHandler(event => setResponseHeaders(event, { 'access-control-allow-origin': '*', 'access-control-allow-methods': '*', 'access-control-allow-headers': '*', 'access-control-max-age': '0' })));
  else if (own === 'path') app.use('/items', cors); else if (own !== 'none') app.use(cors);
  const router = createRouter();
  for (const path of ['/items', '/other']) for (const verb of ['get', 'post', 'put', 'delete']) router[verb](path, eventHandler(() => ({ ok: true })));
  app.use(router);
  require('http').createServer(toNodeListener(app)).listen(port, hostname);
}

async function yoga() {
  const { createYoga, createSchema } = require('graphql-yoga');
  const cors = { origin: { origin: [B] }, two: { origin: [B, 'http://app.four.test'] }, credentials: { origin: [A, B], credentials: false }, headers: { origin: A, allowedHeaders: ['x-app'] }, none: false, methods: { origin: A, methods: ['GET'] } }[own];
  const schema = createSchema({ typeDefs: 'type Query { a: String }', resolvers: { Query: { a: () => 'a' } } });
  require('http').createServer(createYoga({ schema, cors, logging: false })).listen(port, hostname);
}

function trpc() {
  const { initTRPC } = require('@trpc/server');
  const { createHTTPServer } = require('@trpc/server/adapters/standalone');
  const t = initTRPC.create();
  const router = t.router({ items: t.procedure.query(() => 'ok'), save: t.procedure.mutation(() => 'ok') });
  createHTTPServer({ router, middleware: own === 'none' ? undefined : require('cors')(options) }).listen(port, hostname);
}

async function apollo() {
  const { ApolloServer } = require('@apollo/server');
  const server = new ApolloServer({ typeDefs: 'type Query { a: String }', resolvers: { Query: { a: () => 'a' } } });
  if (own === 'alone') return require('@apollo/server/standalone').startStandaloneServer(server, { listen: { port, host: hostname } });
  await server.start();
  const express = require('express');
  const app = express();
  app.use(express.json());
  app.use('/items', own === 'none' ? [] : require('cors')(options), require('@as-integrations/express5').expressMiddleware(server));
  app.listen(port, hostname);
}

function socket() {
  const { Server } = require('socket.io');
  const http = require('http').createServer((req, res) => res.end('ok'));
  new Server(http, own === 'none' ? {} : { cors: own === 'origin' ? { origin: [B] } : own === 'star' ? { origin: '*' } : { origin: [A] } });
  http.listen(port, hostname);
}

async function vite() {
  const { createServer } = require('vite');
  const fs = require('fs');
  fs.writeFileSync('index.html', '<p>x');
  const server = await createServer({ root: process.cwd(), configFile: false, logLevel: 'silent', optimizeDeps: { noDiscovery: true }, server: { host: hostname, port, allowedHosts: own === 'hosts' ? [] : true, cors: own === 'off' ? false : own === 'list' ? { origin: [B] } : undefined, ws: false } });
  await server.listen();
}

function files() {
  require('fs').mkdirSync('dir', { recursive: true });
  require('fs').writeFileSync('items', '{}');
  require('http-server').createServer({ root: '.', cors: own !== 'none', corsHeaders: undefined }).listen(port, hostname);
}

function elysia() {
  const { Elysia } = require('elysia');
  const { cors } = require('@elysiajs/cors');
  const all = { origin: [A, B], methods: METHODS, allowedHeaders: ['content-type'], credentials: true };
  const mine = { origin: { ...all, origin: [B] }, methods: { ...all, methods: ['GET', 'POST'] }, credentials: { ...all, credentials: false }, slash: { ...all, origin: [A + '/'] } }[own] || all;
  const app = new Elysia();
  const login = ({ request, status }) => { if (!hasCookie(request.headers.get('cookie'))) return new Response('{"error":"login"}', { status: 401, headers: { 'content-type': 'application/json' } }); };
  const routes = () => { for (const path of ['/items', '/other']) for (const method of METHODS) app.route(method, path, () => ({ ok: true })); app.get('/boom', () => { throw new Error('boom'); }); };
  if (own === 'auth') app.onRequest(login);
  if (own === 'order') { routes(); app.use(cors(mine)); } else { if (own !== 'none') app.use(cors(mine)); routes(); }
  app.listen({ port, hostname });
}

function bun() {
  const allow = { 'Access-Control-Allow-Origin': A, 'Access-Control-Allow-Methods': METHODS.join(', '), 'Access-Control-Allow-Headers': 'Content-Type' };
  Bun.serve({ port, hostname, fetch(request) {
    const path = new URL(request.url).pathname;
    const options = request.method === 'OPTIONS';
    if (own === 'error' && path === '/boom' && !options) throw new Error('boom');
    if (own === 'json' && options) return new Response(null, { status: 204, headers: allow });
    if (own === 'json') return Response.json({ ok: true });
    if (own === 'origin' && request.headers.get('origin') !== B) return options ? new Response(null, { status: 204 }) : Response.json({});
    if (own === 'origin') return Response.json({}, { headers: { ...allow, 'Access-Control-Allow-Origin': B } });
    if (own === 'none') return options ? new Response('Not Found', { status: 404 }) : Response.json({});
    if (own === 'typo' && options) return new Response(null, { status: 204, headers: { ...allow, 'Access-Control-Allow-Origin': 'app.one.test' } });
    return options ? new Response(null, { status: 204, headers: allow }) : Response.json({}, { headers: allow });
  }, error() { return new Response('error', { status: 500 }); } });
}

({ nest, restify, polka, h3, yoga, trpc, apollo, socket, vite, files, elysia, bun })[family]();
