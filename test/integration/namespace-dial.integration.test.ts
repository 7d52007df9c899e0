import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { it } from 'node:test';
import { mustRun } from '../../lab/netns/run-command.ts';
import { reasonToSkipNamespaces } from './netns-lab.under-test.ts';
import { NamespaceDial } from './netns-servers/namespace-dial.ts';

const skip = await reasonToSkipNamespaces();
const port = 45_999;
const greeter = `require('node:net').createServer((socket) => socket.on('error', () => {}).write('hello'))
  .listen(${port}, '127.0.0.1', () => console.log('ready'))`;

it('what a server says first is heard by whoever is handed the connection', {
  skip,
  timeout: 60_000,
}, async (context) => {
  const namespace = `hf-dial-${process.pid}`;
  await mustRun('make a namespace', 'ip', ['netns', 'add', namespace]);
  context.after(() => mustRun('remove it', 'ip', ['netns', 'del', namespace]));
  await mustRun('set up its loopback', 'ip', ['-n', namespace, 'link', 'set', 'lo', 'up']);
  const server = spawn('ip', ['netns', 'exec', namespace, process.execPath, '-e', greeter]);
  context.after(() => server.kill());
  await once(server.stdout, 'data');
  const dial = new NamespaceDial(namespace);
  context.after(() => dial.close());
  const heard = Array.from({ length: 20 }, async () => {
    const socket = await dial.dial({ host: '127.0.0.1', port }, { deadlineMs: 5_000 });
    const [said] = await once(socket, 'data', { signal: AbortSignal.timeout(5_000) });
    socket.destroy();
    return String(said);
  });
  assert.deepEqual([...new Set(await Promise.all(heard))], ['hello']);
});
