import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PatroniFounding } from './patroni-founding.ts';
import type { AskMachine } from './server.ts';

describe('a Patroni cluster that was claimed', () => {
  const claim = (value: string, modifiedIndex: number) =>
    JSON.stringify({ action: 'get', node: { value, modifiedIndex } });

  function founding(is: { key: string | null; data: boolean }) {
    const asked: string[] = [];
    let nowMs = 1000;
    const ask: AskMachine = async (command) => {
      if (command[0] === 'test') return is.data ? '' : null;
      const line = command.slice(command.findIndex((word) => word === 'rm' || word === '-o')).join(' ');
      asked.push(line);
      return line.startsWith('rm') ? '' : is.key;
    };
    const of = new PatroniFounding({
      server: 'patroni-db',
      stores: ['10.1.0.1:2379'],
      scope: 'db',
      nowMs: () => nowMs,
    });
    const looks = async (times: number): Promise<readonly (string | null)[]> => {
      const said: (string | null)[] = [];
      for (let look = 0; look < times; look++) {
        said.push(await of.look(ask));
        nowMs += 1000;
      }
      return said;
    };
    return { looks, removed: () => asked.filter((line) => line.startsWith('rm')) };
  }

  it('and has stood for long with nothing behind it is taken away, as it was read', async () => {
    const { looks, removed } = founding({ key: claim('', 17), data: false });
    assert.deepEqual(
      await looks(15),
      Array.from({ length: 15 }, () => null),
    );
    assert.deepEqual(removed(), []);
    assert.match(String((await looks(1))[0]), /claimed and not founded/);
    assert.deepEqual(removed(), ['rm --with-index=17 /service/db/initialize']);
  });

  it('anew meanwhile has its whole time again', async () => {
    const is = { key: claim('', 17), data: false };
    const { looks, removed } = founding(is);
    await looks(14);
    is.key = claim('', 23);
    await looks(14);
    assert.deepEqual(removed(), []);
  });

  it('and is founded, or being founded, or not there, or not known, is left alone', async () => {
    for (const is of [
      { key: claim('7710766784036270121', 17), data: false },
      { key: claim('', 17), data: true },
      { key: null, data: false },
      { key: 'Error: 100: Key not found', data: false },
    ]) {
      const { looks, removed } = founding(is);
      await looks(40);
      assert.deepEqual(removed(), []);
    }
  });
});
