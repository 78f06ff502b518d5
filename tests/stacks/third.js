// node third.js MISTAKE PORT: micro with micro-cors, or code by hand, with one mistake of CAUSES.md made on purpose.
const { family, own, port, hostname, A, B, METHODS, hasCookie } = require('./kit.js');

function micro() {
  const { serve, send } = require('micro');
  const cors = require('micro-cors')({ origin: own === 'origin' ? B : A, allowMethods: own === 'methods' ? ['GET', 'POST'] : METHODS, allowHeaders: own === 'headers' ? ['Accept'] : ['Content-Type'], allowCredentials: own !== 'credentials' });
  const handler = (req, res) => { if (req.url.startsWith('/boom') && req.method !== 'OPTIONS') throw Object.assign(new Error('boom'), { statusCode: 500 }); send(res, 200, {}); };
  const inner = own === 'none' ? handler : cors(handler);
  require('http').createServer(serve((req, res) => own === 'auth' && !hasCookie(req.headers.cookie) ? send(res, 403, 'Forbidden') : inner(req, res))).listen(port, hostname);
}

function hand() {
  const app = require('express')();
  app.disable('x-powered-by');
  app.disable('etag');
  const listed = own === 'origin' || own === 'refuses' ? [B] : [A, B];
  if (own === 'auth') app.use((req, res, next) => { if (hasCookie(req.headers.cookie)) return next(); res.statusCode = 401; res.setHeader('WWW-Authenticate', 'Bearer'); res.end(); });
  if (own === 'maintenance') app.use((req, res) => { res.statusCode = 503; res.setHeader('Retry-After', '60'); res.end('maintenance'); });
  app.use((req, res, next) => {
    if (own === 'api' && !req.url.startsWith('/api')) return next();
    if (own === 'null') res.setHeader('Access-Control-Allow-Origin', [B].find(o => o === req.headers.origin) || 'null');
    else if (own === 'undefined') res.setHeader('Access-Control-Allow-Origin', String(process.env.CORS_ORIGIN));
    else if (own === 'port') res.setHeader('Access-Control-Allow-Origin', 'http://app.one.test');
    else if (own === 'star') res.setHeader('Access-Control-Allow-Origin', '*');
    else if (listed.includes(req.headers.origin)) res.setHeader('Access-Control-Allow-Origin', req.headers.origin);
    if (own === 'refuses' && req.headers.origin !== B) { res.statusCode = 403; return res.end(JSON.stringify({ error: 'Origin not allowed' })); }
    if (req.method !== 'OPTIONS') return next();
    res.setHeader('Access-Control-Allow-Methods', own === 'methods' ? 'GET, POST' : 'GET,POST,PUT,DELETE');
    res.setHeader('Access-Control-Allow-Headers', 'content-type');
    res.statusCode = own === 'status' ? 500 : 204;
    res.end();
  });
  app.use((req, res) => { if (req.url.startsWith('/boom')) { for (const name of res.getHeaderNames()) res.removeHeader(name); res.statusCode = 500; return res.end('{}'); } res.setHeader('Content-Type', 'application/json'); res.end('{}'); });
  app.listen(port, hostname);
}

({ micro, hand })[family]();
