export const dynamic = 'force-dynamic';
const answer = () => Response.json({ ok: true });
export { answer as GET, answer as PUT };
