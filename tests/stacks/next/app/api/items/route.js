// A route handler that sets the headers itself; there is an OPTIONS handler only where MISTAKE says so (see proxy.js).
const A = 'http://app.one.test:18901';
export const dynamic = 'force-dynamic';
const own = () => process.env.MISTAKE.split('_').pop();
const answer = () => {
  if (own() === 'boom') throw new Error('boom');
  return Response.json({ ok: true }, { headers: own() === 'handler' ? { 'Access-Control-Allow-Origin': A } : {} });
};
export { answer as GET, answer as POST, answer as PUT, answer as DELETE };
