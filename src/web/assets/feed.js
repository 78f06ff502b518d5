// Talks to the daemon: single answers, and the stream of events. The token, where one is needed, stays in this tab.

const TOKEN = 'corstap-token';

function headers() {
  const token = sessionStorage.getItem(TOKEN);
  return token ? { Authorization: `Bearer ${token}` } : {};
}

export function setToken(token) {
  if (token) sessionStorage.setItem(TOKEN, token);
  else sessionStorage.removeItem(TOKEN);
}

/** What went wrong, with the status where there was an answer. */
export class Refused extends Error {
  constructor(status, text) {
    super(text.trim() || `the daemon answered ${status}`);
    this.status = status;
  }
}

/** The answer to `GET path?query` as data. */
export async function ask(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== '');
  const parameters = new URLSearchParams(given).toString();
  const answer = await fetch(parameters ? `${path}?${parameters}` : path, { headers: headers(), cache: 'no-store' });
  if (!answer.ok) throw new Refused(answer.status, await answer.text());
  return answer.json();
}

/**
 * Server-sent events (HTML § 9.2) by fetch, since EventSource cannot send a token. Calls `on(event, data)` for each, and
 * `on('lost', why)` when the stream ends; then tries again, a little later each time.
 */
export async function listen(on) {
  let wait = 1000;
  for (;;) {
    try {
      const answer = await fetch('/api/live', { headers: headers(), cache: 'no-store' });
      if (!answer.ok) throw new Refused(answer.status, await answer.text());
      wait = 1000;
      await read(answer.body.pipeThrough(new TextDecoderStream()).getReader(), on);
      on('lost', new Error('the stream ended'));
    } catch (error) {
      on('lost', error);
      if (error.status === 401 || error.status === 403) return;
    }
    await new Promise((resume) => setTimeout(resume, wait));
    wait = Math.min(wait * 2, 15000);
  }
}

async function read(reader, on) {
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split('\n\n');
    rest = blocks.pop();
    for (const block of blocks) {
      let event = 'message';
      const data = [];
      for (const line of block.split('\n')) {
        if (line.startsWith('event:')) event = line.slice(6).trim();
        else if (line.startsWith('data:')) data.push(line.slice(5).trimStart());
      }
      if (data.length) on(event, JSON.parse(data.join('\n')));
    }
  }
}
