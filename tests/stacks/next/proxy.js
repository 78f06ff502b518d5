// Next.js with one mistake of CAUSES.md made on purpose, told by MISTAKE: as the guide has it, the middleware answers preflights itself.
import { NextResponse } from 'next/server';

const [A, B] = ['http://app.one.test:18901', 'http://app.two.test:18902'];

export function proxy(request) {
  const own = process.env.MISTAKE.split('_').pop();
  if (own === 'handler' || own === 'none') return NextResponse.next();
  if (own === 'login' && !request.cookies.get('session')) return NextResponse.redirect(new URL('/login', request.url));
  if (own === 'guard' && !request.headers.get('authorization')) return NextResponse.json({ error: 'Unauthorized' }, { status: 401 });
  const listed = own === 'origin' ? [B] : [A, B];
  const origin = request.headers.get('origin') ?? '';
  const allowed = listed.includes(origin);
  const options = { 'Access-Control-Allow-Methods': own === 'methods' ? 'GET, POST' : 'GET, POST, PUT, DELETE, OPTIONS', 'Access-Control-Allow-Headers': own === 'headers' ? 'Authorization' : 'Content-Type, Authorization' };
  if (request.method === 'OPTIONS') return NextResponse.json({}, { headers: { ...(allowed && { 'Access-Control-Allow-Origin': origin }), ...options } });
  const response = NextResponse.next();
  if (allowed) response.headers.set('Access-Control-Allow-Origin', origin);
  Object.entries(options).forEach(([key, value]) => response.headers.set(key, value));
  return response;
}

export const config = { matcher: '/api/items' };
