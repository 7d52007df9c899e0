import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { decodeBlock } from '../journal/block.ts';
import { waitUntil } from '../testing/wait-until.ts';
import { openSessionFile } from './file-entry-log.ts';

const MESSAGES = 5;

const open = (directory: string, sync: 'group' | 'none') =>
  openSessionFile('s', {
    directory,
    sync,
    onFailure: (error) => {
      throw error;
    },
  });

const sent = (seq: number) => ({
  seq,
  msgType: 'D',
  sendingMs: 1_767_603_600_000 + seq,
  possResend: false,
  fields: Buffer.from(`11=id-${seq}\u000154=1\u0001`, 'latin1'),
});

const usedBytes = (bytes: Buffer): number => {
  let end = 0;
  for (let block = decodeBlock(bytes, 0); block !== null; block = decodeBlock(bytes, end)) end += block.bytes.length;
  return end;
};

test('a session whose files were altered at any byte, or cut off at any length, is what it was, or stops with HF-7201', async (context) => {
  const root = mkdtempSync(join(tmpdir(), 'holdfast fïx damage-'));
  const [good, bad] = [join(root, 'good'), join(root, 'bad')];
  try {
    const { store, log } = await open(good, 'group');
    for (let seq = 1; seq <= MESSAGES; seq++) {
      store.keepSent(sent(seq));
      store.keepReceived(10 + seq);
      store.settle();
      let safe = false;
      store.whenSafe(() => {
        safe = true;
      });
      await waitUntil('it is on disk', () => safe);
    }
    log.close();
    const seen: { [outcome: string]: number } = {};
    const look = async (name: string, bytes: Uint8Array, what: string): Promise<void> => {
      cpSync(good, bad, { recursive: true });
      writeFileSync(join(bad, name), bytes);
      const of = `${name.startsWith('segment') ? 'segment' : 'marker'} ${what.split(' ')[0]}`;
      let outcome = `${of}: whole`;
      try {
        const again = await open(bad, 'none');
        assert.deepEqual(again.store.numbers, { nextOut: MESSAGES + 1, nextIn: 10 + MESSAGES }, `${name} ${what}`);
        for (let seq = 1; seq <= MESSAGES; seq++)
          assert.deepEqual(Buffer.from(again.store.get(seq)!.fields), sent(seq).fields, `${name} ${what}: ${seq}`);
        again.log.close();
      } catch (error) {
        assert.match(String(error), /HF-7201/, `${name} ${what}`);
        outcome = `${of}: HF-7201`;
      }
      seen[outcome] = (seen[outcome] ?? 0) + 1;
      rmSync(bad, { recursive: true });
    };
    for (const name of readdirSync(good)) {
      const bytes = readFileSync(join(good, name));
      const used = name.startsWith('segment') ? usedBytes(bytes) : bytes.length;
      for (let at = 0; at < used; at++) {
        const altered = Buffer.from(bytes);
        altered[at]! ^= 1 << (at % 8);
        await look(name, altered, `altered at ${at}`);
      }
      for (let length = 0; length < used; length++) await look(name, bytes.subarray(0, length), `cut to ${length}`);
    }
    context.diagnostic(JSON.stringify(seen));
    assert.ok(seen['segment altered: HF-7201']! > 400 && seen['segment cut: HF-7201']! > 400, JSON.stringify(seen));
  } finally {
    rmSync(root, { recursive: true });
  }
});
