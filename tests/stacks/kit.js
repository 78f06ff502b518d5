// What the servers in JavaScript share: MISTAKE PORT of the command line, the pages' origins, and how a session is told.
const [mistake, at] = process.argv.slice(2);
const split = mistake.indexOf('_');
module.exports = {
  family: mistake.slice(0, split), own: mistake.slice(split + 1), port: Number(at), hostname: '127.0.0.1',
  A: 'http://app.one.test:18901', B: 'http://app.two.test:18902', METHODS: ['GET', 'POST', 'PUT', 'DELETE'],
  hasCookie: cookie => /session=1/.test(cookie || ''),
};
