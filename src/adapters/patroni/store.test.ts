import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AskHttp, HttpAnswer } from './http.ts';
import { readStore, type StoreLocation } from './store.ts';

const location: StoreLocation = {
  api: 'etcd',
  endpoints: ['http://a', 'http://b', 'http://c'],
  namespace: '/service/',
  scope: 'database',
};
const text = '{"node":{"key":"/service/database","nodes":[{"key":"/service/database/leader","value":"first"}]}}';
const answer: HttpAnswer = { kind: 'answer', status: 200, text };

describe('reading Patroni’s store', () => {
  const asked: string[] = [];
  const by =
    (answers: (endpoint: string) => Promise<HttpAnswer> | HttpAnswer): AskHttp =>
    async ({ url }) => {
      const endpoint = url.slice('http://'.length, 'http://a'.length);
      asked.push(endpoint);
      return answers(endpoint);
    };
  const read = (ask: AskHttp, deadlineMs: number) => {
    asked.length = 0;
    return readStore(ask, location, { deadlineMs });
  };
  const never = () => new Promise<HttpAnswer>(() => {});

  it('asks nobody else where the first answers', async () => {
    assert.equal(
      (
        await read(
          by(() => answer),
          200,
        )
      ).kind,
      'view',
    );
    assert.deepEqual(asked, ['a']);
  });

  it('a silent endpoint costs its share of the time and no more', async () => {
    const begun = performance.now();
    const found = await read(
      by((endpoint) => (endpoint === 'a' ? never() : answer)),
      4_000,
    );
    assert.equal(found.kind, 'view');
    assert.ok(performance.now() - begun < 3_000);
  });

  it('one that is only slow is waited for while others are asked', async () => {
    const slow = async () => {
      await new Promise((resolve) => setTimeout(resolve, 1_200));
      return answer;
    };
    const found = await read(
      by((endpoint) => (endpoint === 'a' ? slow() : never())),
      4_000,
    );
    assert.equal(found.kind, 'view');
  });

  it('is unknown by the deadline where all are silent', async () => {
    const begun = performance.now();
    assert.equal((await read(by(never), 100)).kind, 'unknown');
    assert.ok(performance.now() - begun < 1_000);
    assert.deepEqual(asked, ['a', 'b', 'c']);
  });

  it('is unknown at once where all refuse, with what each said', async () => {
    const refused: HttpAnswer = { kind: 'not-sent', reason: 'refused' };
    const found = await read(
      by(() => refused),
      60_000,
    );
    assert.deepEqual(found, { kind: 'unknown', reason: 'http://a: refused; http://b: refused; http://c: refused' });
  });
});
