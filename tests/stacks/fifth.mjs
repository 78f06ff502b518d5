// node fifth.mjs MISTAKE PORT (deno run -A for deno_): Moleculer's gateway, or Deno by hand, with one mistake of CAUSES.md made on purpose.
import { createRequire } from 'node:module';
import process from 'node:process';

const [mistake, at] = process.argv.slice(2);
const split = mistake.indexOf('_');
const [family, own, port] = [mistake.slice(0, split), mistake.slice(split + 1), Number(at)];
const [A, B, METHODS] = ['http://app.one.test:18901', 'http://app.two.test:18902', ['GET', 'POST', 'PUT', 'DELETE']];

function moleculer() {
  const require = createRequire(`${process.env.NODE_PATH}/x.js`);
  const { ServiceBroker } = require('moleculer');
  const gateway = require('moleculer-web');
  const broker = new ServiceBroker({ logger: false });
  const all = { origin: [A, B], methods: METHODS, allowedHeaders: ['content-type'], credentials: true };
  const cors = { origin: { ...all, origin: [B] }, methods: { ...all, methods: ['GET', 'POST'] }, headers: { ...all, allowedHeaders: ['accept'] }, credentials: { ...all, credentials: false }, slash: { ...all, origin: A + '/' } }[own] || all;
  broker.createService({ name: 'items', actions: { any: () => ({ ok: true }), boom: () => { throw new Error('boom'); } } });
  broker.createService({
    mixins: [gateway],
    settings: {
      port, ip: '127.0.0.1', cors: own === 'none' || own === 'route' ? undefined : cors, rateLimit: own === 'limiter' ? { window: 60000, limit: 3, headers: true } : undefined,
      routes: [{ path: '/', cors: own === 'route' ? cors : undefined, aliases: Object.fromEntries(METHODS.flatMap(m => [[`${m} /items`, 'items.any'], [`${m} /boom`, 'items.boom']])), authorization: own === 'auth' }, ...(own === 'route' ? [{ path: '/other', aliases: { 'GET /': 'items.any', 'PUT /': 'items.any' } }] : [])],
    },
    methods: { authorize(ctx, route, req) { if (!req.headers.authorization) throw new gateway.Errors.UnAuthorizedError(gateway.Errors.ERR_NO_TOKEN); } },
  });
  broker.start();
}

function deno() {
  const allow = origin => ({ 'Access-Control-Allow-Origin': origin, 'Access-Control-Allow-Headers': 'content-type', 'Access-Control-Allow-Methods': METHODS.join() });
  const json = (body, status, headers) => new Response(JSON.stringify(body), { status, headers: { ...headers, 'Content-Type': 'application/json' } });
  Deno.serve({ hostname: '127.0.0.1', port }, request => {
    const origin = request.headers.get('origin');
    const { pathname } = new URL(request.url);
    const listed = own === 'list' ? [B] : [A, B];
    // as the guides to edge functions have it: CORS in each answer, by hand
    if (own === 'forgot' && request.method !== 'OPTIONS') return json({}, 200);
    if (own === 'error' && pathname === '/boom' && request.method !== 'OPTIONS') return json({ error: 'x' }, 500);
    if (own === 'throws' && pathname === '/boom' && request.method !== 'OPTIONS') throw new Error('boom');
    if (own === 'jwt' && !request.headers.get('authorization')) return json({ msg: 'Error: Missing authorization header' }, 401);
    if (own === 'says' && !listed.slice(1).includes(origin)) return new Response('Forbidden: origin not allowed', { status: 403 });
    if (request.method === 'OPTIONS') return own === 'options' ? json({ error: 'Method not allowed' }, 405) : new Response('ok', { headers: listed.includes(origin) ? allow(own === 'star' ? '*' : origin) : {} });
    return json({ ok: true }, 200, listed.includes(origin) ? allow(own === 'star' ? '*' : origin) : {});
  });
}

({ moleculer, deno })[family]();
