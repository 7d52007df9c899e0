import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcp, type Server } from 'node:net';
import { afterEach, describe, it } from 'node:test';
import { httpBy } from './http.ts';

describe('one question over HTTP', () => {
  const open: Server[] = [];
  afterEach(() => {
    for (const server of open.splice(0)) server.close();
  });

  async function listening(server: Server): Promise<string> {
    open.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/patroni`;
  }
  const answering = (listener: RequestListener) => listening(createServer(listener));

  it('is answered with status and text, and shows who asks', async () => {
    const url = await answering((request, response) => response.writeHead(412).end(request.headers.authorization));
    const ask = httpBy({ credentials: { user: 'u', password: 'p' } });
    const answer = await ask({ method: 'POST', url, body: {} }, { deadlineMs: 2_000 });
    assert.deepEqual(answer, { kind: 'answer', status: 412, text: `Basic ${Buffer.from('u:p').toString('base64')}` });
  });

  it('to a server that takes the connection and says nothing is unknown by the deadline', async () => {
    const url = await listening(createTcp((socket) => socket.on('error', () => {})));
    const begun = performance.now();
    const answer = await httpBy({})({ method: 'GET', url }, { deadlineMs: 100 });
    assert.equal(answer.kind, 'unknown');
    assert.ok(performance.now() - begun < 1_000);
  });

  it('to a server that stops in the middle of its answer is unknown by the deadline', async () => {
    const url = await answering((_request, response) => response.writeHead(200).write('{"state"'));
    assert.equal((await httpBy({})({ method: 'GET', url }, { deadlineMs: 100 })).kind, 'unknown');
  });

  it('to nobody was not sent', async () => {
    const url = await answering(() => {});
    for (const server of open.splice(0)) await new Promise((resolve) => server.close(resolve));
    assert.equal((await httpBy({})({ method: 'GET', url }, { deadlineMs: 2_000 })).kind, 'not-sent');
  });

  it('without any time left is not sent', async () => {
    assert.equal((await httpBy({})({ method: 'GET', url: 'http://127.0.0.1:9' }, { deadlineMs: 0 })).kind, 'not-sent');
  });
});
