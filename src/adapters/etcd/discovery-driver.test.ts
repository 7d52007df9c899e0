import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { status as grpcStatus } from '@grpc/grpc-js';
import { componentId, type Epoch, instanceId } from '../../core/base/ids.ts';
import { GuardedEpochs } from '../system/guarded-epochs.ts';
import { DiscoveryDriver, type Transact } from './discovery-driver.ts';
import type { TxnResponse } from './etcd-messages.ts';
import { ServedDiscovery } from './served-discovery.ts';
import { parseService } from './service-record.ts';

const soon = { deadlineMs: 200 };
const epoch = (value: number) => value as Epoch;
const here = '10.1.0.10:7001';
const there = '10.2.0.10:7001';
const recorded = JSON.parse(
  readFileSync(join(import.meta.dirname, 'fixtures', 'services-3.4.23.json'), 'utf8'),
) as Readonly<Record<'set' | 'absent', { readonly value: string; readonly mod_revision: string } | null>>;

/** Keys with revisions, as etcd changes them: a transaction is compared with the last change of its key. */
class Store {
  readonly keys = new Map<string, { readonly value: string; readonly revision: number }>();
  revision = 10;
  /** Runs before the next write is compared. */
  meanwhile: (() => void) | null = null;
  fails: 'frozen' | 'refuses' | 'lost-reply' | null = null;
  writes = 0;

  put(key: string, value: string): void {
    this.revision += 1;
    this.keys.set(key, { value, revision: this.revision });
  }

  readonly transact: Transact = async ({ compare, success }, { deadlineMs }) => {
    const failed = (code: number, details: string) => ({ kind: 'failed' as const, failure: { code, details } });
    if (this.fails === 'frozen') return failed(grpcStatus.DEADLINE_EXCEEDED, `no answer within ${deadlineMs} ms`);
    if (compare.length > 0) {
      if (this.fails === 'refuses') return failed(grpcStatus.PERMISSION_DENIED, 'permission denied');
      this.meanwhile?.();
      this.meanwhile = null;
      this.writes += 1;
    }
    const succeeded = compare.every(
      ({ key, mod_revision: wanted }) => (this.keys.get(key.toString())?.revision ?? 0) === wanted,
    );
    const responses: TxnResponse['responses'][number][] = [];
    for (const op of succeeded ? success : []) {
      if ('request_put' in op) this.put(op.request_put.key.toString(), op.request_put.value.toString());
      if (!('request_range' in op)) continue;
      const found = this.keys.get(op.request_range.key.toString());
      const kvs =
        found === undefined
          ? []
          : [{ key: op.request_range.key, mod_revision: String(found.revision), value: Buffer.from(found.value) }];
      responses.push({ response_range: { kvs } });
    }
    if (compare.length > 0 && this.fails === 'lost-reply') return failed(grpcStatus.UNAVAILABLE, 'connection lost');
    return { kind: 'answer', value: { header: {} as never, succeeded, responses } };
  };
}

describe('records of services in etcd', () => {
  let directory: string;
  let store: Store;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'discovery-'));
    store = new Store();
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const driver = (agent = 'a') =>
    new DiscoveryDriver({
      transact: store.transact,
      keyPrefix: 'services/',
      epochs: new GuardedEpochs(join(directory, agent)),
    });
  const set = (at: number, address: string | null, agent = 'a') =>
    driver(agent).perform({ kind: 'set-service', epoch: epoch(at), service: 'orders', address }, soon);
  const code = (outcome: Awaited<ReturnType<typeof set>>) => (outcome.kind === 'failed' ? outcome.code : outcome.kind);
  const stored = () => store.keys.get('services/orders')?.value;

  it('what a real store gave is read: a record, and none', () => {
    assert.deepEqual(parseService(recorded.set!.value), { address: '10.255.0.1:7001', epoch: 7 });
    assert.ok(Number(recorded.set!.mod_revision) > 0);
    assert.equal(recorded.absent, null);
    for (const wrong of ['', '7', '{"address":"nobody","epoch":1}', '{"address":"a:1"}'])
      assert.throws(() => parseService(wrong), wrong);
  });

  it('sets with the epoch inside, reads it back, and writes nothing when it is so already', async () => {
    assert.equal((await set(7, here)).kind, 'ok');
    assert.equal(stored(), `{"address":"${here}","epoch":7}`);
    assert.equal((await set(7, here, 'another')).kind, 'ok');
    assert.equal(store.writes, 1);
    assert.equal((await set(8, null)).kind, 'ok');
    assert.equal(stored(), '{"address":null,"epoch":8}');
  });

  it('an older epoch is refused by what is stored, also for an agent that never heard of the newer one', async () => {
    await set(8, there);
    assert.equal(code(await set(7, here, 'late')), 'stale-epoch');
    assert.equal(code(await set(7, here)), 'stale-epoch');
    assert.equal(stored(), `{"address":"${there}","epoch":8}`);
  });

  it('who is overtaken between reading and writing changes nothing, reads again, and is refused', async () => {
    await set(6, here);
    store.meanwhile = () => store.put('services/orders', `{"address":"${there}","epoch":8}`);
    assert.equal(code(await set(7, here)), 'stale-epoch');
    assert.equal(stored(), `{"address":"${there}","epoch":8}`);
  });

  it('a reply that is lost after the write is unknown, and doing it again finds it done', async () => {
    store.fails = 'lost-reply';
    assert.equal((await set(7, here)).kind, 'unknown');
    store.fails = null;
    assert.equal((await set(7, here)).kind, 'ok');
    assert.equal(store.writes, 1);
  });

  it('a frozen store is unknown in everything; one that refuses says so; what others wrote is left alone', async () => {
    store.fails = 'frozen';
    assert.equal((await set(7, here)).kind, 'unknown');
    assert.equal((await driver().observe({ ...soon, services: ['orders'] })).services, null);
    store.fails = 'refuses';
    assert.equal(code(await set(7, here)), 'refused');
    store.fails = null;
    store.put('services/orders', 'upstream 10.0.0.1');
    assert.equal(code(await set(7, here)), 'foreign-value');
    assert.equal(stored(), 'upstream 10.0.0.1');
    assert.equal(code(await set(7, 'nowhere')), 'bad-value');
  });

  it('as an agent keeps them: named after instances, nowhere for nobody, and led under the told epoch or a newer one', async () => {
    const as = { [instanceId('front-nyc')]: here, [instanceId('front-chi')]: there };
    const leads = { orders: { to: componentId('front'), as, ttlSeconds: null } };
    const served = new ServedDiscovery(driver(), leads);
    const look = async () => {
      const seen = await served.look(soon);
      assert.equal(seen.kind, 'seen');
      return seen as Extract<typeof seen, { kind: 'seen' }>;
    };
    const routes = { orders: instanceId('front-nyc') };
    assert.deepEqual((await look()).leads, { orders: null });
    assert.equal(served.isLed(await look(), { orders: null }, epoch(1)), false, 'nobody said so under this epoch');
    assert.equal((await served.lead(epoch(7), routes, soon)).kind, 'ok');
    assert.deepEqual([(await look()).leads, (await look()).figures], [{ orders: 'front-nyc' }, { epoch: 7 }]);
    assert.equal(served.isLed(await look(), routes, epoch(7)), true);
    assert.equal(served.isLed(await look(), routes, epoch(8)), false);
    store.put('services/orders', '{"address":"10.9.9.9:1","epoch":7}');
    assert.deepEqual((await look()).leads, { orders: 'elsewhere' });
    const outcome = await served.lead(epoch(9), { orders: instanceId('front-ldn') }, soon);
    assert.equal(code(outcome), 'unnamed');
  });
});
