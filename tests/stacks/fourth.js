// node fourth.js MISTAKE PORT [BACKEND]: Sails, tinyhttp, json-server, webpack-dev-server, functions-framework, Fastify's proxy or code by hand, with one
// mistake of CAUSES.md made on purpose.
const { family, own, port, hostname, A, B, METHODS, hasCookie } = require('./kit.js');

/// A package that is for `import` alone, or a file that it does not export.
const inside = path => `${process.env.NODE_PATH}/${path}`;
const ok = (req, res) => { res.statusCode = 200; res.setHeader('Content-Type', 'application/json'); res.end('{"ok":true}'); };

function sails() {
  const cors = {
    allRoutes: own !== 'routes', allowOrigins: own === 'origin' ? [B] : own === 'star' ? '*' : [A, B], allowCredentials: !['credentials', 'star'].includes(own),
    allowRequestMethods: own === 'methods' ? 'GET,POST' : own === 'default' ? undefined : METHODS.join(), allowRequestHeaders: own === 'headers' ? 'accept' : 'content-type',
  };
  const item = (req, res) => res.json({ ok: true });
  const routes = { 'GET /items': item, 'POST /items': item, 'PUT /items': item, 'DELETE /items': item, 'GET /other': item, 'PUT /other': item, 'GET /boom': () => { throw new Error('boom'); }, 'GET /denied': (req, res) => res.forbidden() };
  if (own === 'routes') routes['GET /items'] = { fn: item, cors: { allowOrigins: [A] } };
  const http = { middleware: { order: ['gate', 'cookieParser', 'bodyParser', 'router'], gate: (req, res, next) => (own === 'auth' && !hasCookie(req.headers.cookie) ? res.status(401).json({ message: 'No token' }) : own === 'maintenance' && !req.url.startsWith('/items') ? res.status(503).send('Service Unavailable') : next()) } };
  new (require('sails').constructor)().lift({ port, explicitHost: hostname, environment: 'development', log: { level: 'error' }, appPath: process.cwd(), hooks: { grunt: false, session: false, pubsub: false, i18n: false, views: false, userhooks: false }, loadHooks: ['moduleloader', 'logger', 'request', 'responses', 'helpers', 'http', 'security', 'policies'], security: { cors: own === 'none' ? { allRoutes: false } : cors }, http, routes, globals: false }, error => { if (error) { console.error(error); process.exit(1); } });
}

async function tiny() {
  const { App } = await import(inside('@tinyhttp/app/dist/index.js'));
  const { cors } = await import(inside('@tinyhttp/cors/dist/index.js'));
  const app = new App({ onError: (error, req, res) => { res.statusCode = 500; res.end(error.message); } });
  const all = { origin: [A, B], methods: METHODS, allowedHeaders: ['content-type'], credentials: true };
  const mine = { origin: { ...all, origin: [B] }, fixed: { ...all, origin: B }, methods: { ...all, methods: ['GET', 'POST'] }, headers: { ...all, allowedHeaders: ['accept'] }, credentials: { ...all, credentials: false }, star: { ...all, origin: '*' }, slash: { ...all, origin: A + '/' } }[own] || all;
  const layer = cors(mine);
  if (own === 'auth') app.use((req, res, next) => (req.headers.authorization || hasCookie(req.headers.cookie) ? next() : res.status(403).json({ error: 'Forbidden' })));
  if (own === 'late') for (const path of ['/items', '/other']) app.all(path, (req, res, next) => (req.method === 'OPTIONS' ? next() : ok(req, res)));
  if (own === 'path') app.use('/items', layer);
  else if (own === 'get') { app.get('/items', layer, ok); app.get('/other', layer, ok); }
  else if (own !== 'none') app.use(layer);
  if (own === 'get') for (const verb of ['post', 'put', 'delete']) app[verb]('/items', layer, ok);
  for (const path of ['/items', '/other']) for (const verb of ['get', 'post', 'put', 'delete']) app[verb](path, ok);
  app.get('/boom', () => { throw new Error('boom'); });
  app.listen(port, undefined, hostname);
}

function jsonserver() {
  const json = require('json-server');
  const app = json.create();
  if (own === 'token') app.use((req, res, next) => (req.headers.authorization ? next() : res.status(401).json({ status: 401, message: 'Error in authorization format' })));
  if (own === 'delay') app.use((req, res, next) => (req.path === '/other' ? res.status(500).jsonp({ error: 'simulated' }) : next()));
  app.use(json.defaults({ noCors: own === 'off', logger: false }));
  app.use(json.router({ items: [{ id: 1 }], other: [] }));
  app.listen(port, hostname);
}

async function wds() {
  const webpack = require('webpack');
  const { default: Server } = await import(inside('webpack-dev-server/lib/Server.js'));
  require('fs').writeFileSync('index.js', 'console.log(1)');
  const headers = { star: { 'Access-Control-Allow-Origin': '*' }, fixed: { 'Access-Control-Allow-Origin': B }, lists: { 'Access-Control-Allow-Origin': A, 'Access-Control-Allow-Methods': 'GET', 'Access-Control-Allow-Headers': 'X-Requested-With' } }[own];
  const compiler = webpack({ mode: 'development', context: process.cwd(), entry: './index.js', output: { path: process.cwd() + '/dist' } });
  await new Server({ port, host: hostname, allowedHosts: 'all', headers, hot: false, liveReload: false, client: false, webSocketServer: false }, compiler).start();
}

// as the provider's guide has it: the browser's OPTIONS answered in the function itself
function functions() {
  process.argv.splice(2, 2, '--target=fn', `--port=${port}`);
  require('fs').writeFileSync('index.js', '');
  const framework = require('@google-cloud/functions-framework');
  framework.http('fn', (req, res) => {
    if (own === 'auth' && !req.headers.authorization) return res.status(403).send('Your client does not have permission to get this URL');
    if (own !== 'only') res.set('Access-Control-Allow-Origin', own === 'origin' ? B : own === 'credentials' ? A : '*');
    if (req.method === 'OPTIONS') {
      if (own === 'only') res.set('Access-Control-Allow-Origin', '*');
      res.set('Access-Control-Allow-Methods', own === 'guide' ? 'GET' : 'GET, POST, PUT, DELETE');
      res.set('Access-Control-Allow-Headers', 'Content-Type');
      res.set('Access-Control-Max-Age', '3600');
      return res.status(204).send('');
    }
    if (req.path === '/boom') { const { missing } = undefined; return missing; }
    return res.json({ ok: true });
  });
  require(inside('@google-cloud/functions-framework/build/src/main.js'));
}

function gateway() {
  const app = require('fastify')();
  const cors = { origin: own === 'origin' ? [B] : [A, B], methods: METHODS, credentials: true };
  if (own === 'after') app.addHook('onRequest', async (req, reply) => { if (req.url.startsWith('/other')) reply.code(504).send({ error: 'Gateway Timeout' }); });
  if (own !== 'none') app.register(require('@fastify/cors'), cors);
  app.register(require('@fastify/http-proxy'), { upstream: own === 'down' ? 'http://127.0.0.1:9' : `http://127.0.0.1:${port + 500}`, httpMethods: own === 'none' ? undefined : METHODS });
  app.listen({ port, host: hostname });
}

// what people write where they have no library
function own4() {
  const http = require('http');
  const names = { 'Access-Control-Allow-Methods': 'GET, POST, PUT, DELETE', 'Access-Control-Allow-Headers': 'Content-Type' };
  const origins = { suffix: o => o.endsWith('two.test:18902'), referer: o => o === B };
  http.createServer((req, res) => {
    const { origin = '' } = req.headers;
    const path = req.url.split('?')[0];
    const end = (status, body, headers = {}) => { res.writeHead(status, { 'Content-Type': 'application/json', ...headers }); res.end(body); };
    const allow = (origins[own] || (o => [A, B].includes(o)))(origin) ? { 'Access-Control-Allow-Origin': origin, Vary: 'Origin' } : {};
    if (own === 'suffix') return req.method === 'OPTIONS' ? end(200, '', Object.keys(allow).length ? { ...allow, ...names } : {}) : end(200, '{}', allow);
    if (own === 'referer') return Object.keys(allow).length ? end(req.method === 'OPTIONS' ? 204 : 200, '{}', { ...allow, ...names }) : end(403, '{"error":"CORS: origin not allowed"}');
    if (own === 'csrf') return req.method !== 'GET' && req.headers['x-csrf'] === undefined ? end(403, '{"error":"CSRF token missing"}') : end(200, '{}', allow);
    if (own === 'apikey') return req.headers['x-api-key'] ? end(200, '{}', { ...allow, ...names }) : end(401, '{"message":"No API key found in request"}', { 'WWW-Authenticate': 'Key' });
    if (own === 'method') return req.method === 'GET' ? end(200, '{}', allow) : end(501, '{"error":"Not Implemented"}');
    if (own === 'crash') { if (req.method === 'OPTIONS') return end(204, '', { ...allow, ...names }); if (req.method === 'GET') return end(200, '{}', allow); return end(500, '{"error":"cannot read body"}'); }
    if (own === 'quota') return path === '/items' ? end(200, '{}', allow) : end(429, '{"error":"quota"}', { 'Retry-After': '10' });
    if (own === 'validation') { if (req.method === 'OPTIONS') return end(204, '', { ...allow, ...names }); return path === '/items' ? end(200, '{}', allow) : end(422, '{"errors":["x is required"]}'); }
    if (own === 'body') return req.method === 'OPTIONS' ? end(400, '{"error":"body is required"}') : end(200, '{}', allow);
    if (own === 'wildheader') return end(200, '{}', { 'Access-Control-Allow-Origin': 'http://*.one.test:18901', ...names });
    if (own === 'http') return end(200, '{}', { 'Access-Control-Allow-Origin': 'app.one.test:18901', ...names });
    if (own === 'host') return end(200, '{}', { 'Access-Control-Allow-Origin': `http://${req.headers.host}`, ...names });
    if (own === 'moved') return path === '/items' ? end(302, '', { Location: '/login', ...allow }) : end(200, '<p>', allow);
    if (own === 'joined') return end(200, '{}', { 'Access-Control-Allow-Origin': `${A}, ${B}`, ...names });
    return end(200, '{}', { ...allow, ...names });
  }).listen(port, hostname);
}

({ sails, tiny, jsonserver, wds, functions, gateway, own4 })[family]();
