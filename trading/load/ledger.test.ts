import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { LedgerReader } from './ledger-reader.ts';
import type { LedgerRecord } from './ledger-record.ts';
import { LedgerWriter } from './ledger-writer.ts';

const ledgerFile = (context: TestContext): string => {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-ledger é '));
  context.after(() => rmSync(directory, { recursive: true, force: true }));
  return join(directory, 'orders.ledger');
};

const readAll = async (file: string): Promise<LedgerRecord[]> => {
  const records: LedgerRecord[] = [];
  await new LedgerReader(file).read((record) => records.push(record));
  return records;
};

const intent = (id: string): LedgerRecord => ({
  k: 'new',
  id,
  client: 'c1',
  symbol: 'ABC',
  side: 'B',
  price: 1,
  qty: 2,
  at: 3,
});

test('what was appended is on disk once durable resolves', async (context) => {
  const file = ledgerFile(context);
  const ledger = LedgerWriter.open(file);
  for (let index = 0; index < 100; index += 1) ledger.append(intent(`o${index}`));
  await ledger.durable();
  assert.equal((await readAll(file)).length, 100);
  await ledger.close();
});

test('a tail torn at any byte is cut when the ledger is opened again, and nothing before it is lost', async (context) => {
  const file = ledgerFile(context);
  const ledger = LedgerWriter.open(file);
  ledger.append(intent('first'));
  await ledger.durable();
  const kept = readFileSync(file).length;
  ledger.append(intent('second'));
  await ledger.close();
  const whole = readFileSync(file);
  for (let length = kept; length < whole.length; length += 1) {
    writeFileSync(file, whole);
    truncateSync(file, length);
    const again = LedgerWriter.open(file);
    again.append(intent('third'));
    await again.close();
    const ids = (await readAll(file)).map((record) => ('id' in record ? record.id : null));
    assert.deepEqual(ids, ['first', 'third']);
  }
});

test('space set aside is not read, and is given back by a close or by the next opening', async (context) => {
  const file = ledgerFile(context);
  const ledger = LedgerWriter.open(file, { preallocateBytes: 3_000_000 });
  ledger.append(intent('first'));
  await ledger.durable();
  assert.equal((await readAll(file)).length, 1);
  const crashed = readFileSync(file);
  assert.equal(crashed.length, 3_000_000);
  const torn = crashed.indexOf(0) + 10;
  crashed.write('0badcafe {"k', torn);
  writeFileSync(file, crashed);
  const again = LedgerWriter.open(file, { preallocateBytes: 1000 });
  again.append(intent('second'));
  await again.close();
  assert.deepEqual(
    (await readAll(file)).map((record) => 'id' in record && record.id),
    ['first', 'second'],
  );
  assert.equal(readFileSync(file).includes(0), false);
  await ledger.close();
});

test('an edited line is refused rather than skipped', async (context) => {
  const file = ledgerFile(context);
  const ledger = LedgerWriter.open(file);
  ledger.append(intent('first'));
  ledger.append(intent('second'));
  await ledger.close();
  writeFileSync(file, readFileSync(file, 'utf8').replace('"price":1', '"price":9'));
  await assert.rejects(readAll(file), /HF-7202.*line 1 is damaged/);
});

test('a reader delivers only what was added since, and leaves an unfinished line for later', async (context) => {
  const file = ledgerFile(context);
  const ledger = LedgerWriter.open(file);
  ledger.append(intent('first'));
  await ledger.close();
  const line = readFileSync(file, 'utf8');
  const reader = new LedgerReader(file);
  const counts: number[] = [];
  const count = async (): Promise<void> => {
    let seen = 0;
    await reader.read(() => {
      seen += 1;
    });
    counts.push(seen);
  };
  await count();
  appendFileSync(file, line.slice(0, 20));
  await count();
  appendFileSync(file, line.slice(20));
  await count();
  await count();
  assert.deepEqual(counts, [1, 0, 1, 0]);
});
