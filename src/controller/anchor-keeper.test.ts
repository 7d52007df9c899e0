import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json } from '../core/base/canonical-json.ts';
import { revision } from '../core/base/ids.ts';
import { type Anchor, readAnchor } from '../core/evidence/anchor.ts';
import type { StoredValue, Transaction, TransactionOutcome } from '../engine/authority-port.ts';
import { sha256 } from '../wire/evidence-bundle/evidence-crypto.ts';
import { AnchorKeeper, latestAnchorKey } from './anchor-keeper.ts';

/** One key space that several keepers share. */
class Store {
  readonly entries = new Map<string, StoredValue>();
  readonly keepers: AnchorKeeper[] = [];
  at = 0;

  put(key: string, value: Json): void {
    this.at += 1;
    this.entries.set(key, { value, revision: revision(this.at) });
    for (const keeper of this.keepers)
      keeper.see({ kind: 'authority-changed', revision: revision(this.at), changes: [{ key, value }] });
  }

  transact = async (body: Transaction): Promise<TransactionOutcome> => {
    const current = Object.fromEntries(body.compare.map(({ key }) => [key, this.entries.get(key) ?? null]));
    if (body.compare.some((each) => (current[each.key]?.revision ?? 0) !== each.revision))
      return { kind: 'conflict', current };
    for (const { key, value } of body.put) this.put(key, value);
    return { kind: 'committed', revision: revision(this.at) };
  };
}

function controllerOf(store: Store, name: string) {
  const time = { now: 0 };
  const recorded: { kind: string; anchor: Anchor }[] = [];
  const own = { chain: `controller-${name}`, sequence: 1, hash: `${name}1` };
  const keeper = new AnchorKeeper({
    controller: name,
    chain: own.chain,
    everyMs: 100,
    authority: store,
    clock: { monoMs: () => time.now, wallMs: () => time.now, after: () => () => {} },
    digest: sha256,
    ownHead: () => own,
    record: (kind, data) => {
      own.sequence += 1;
      own.hash = `${name}${own.sequence}`;
      recorded.push({ kind, anchor: (data as unknown as { anchor: Anchor }).anchor });
    },
  });
  store.keepers.push(keeper);
  keeper.see({
    kind: 'authority-snapshot',
    revision: revision(store.at),
    incarnation: 'one',
    entries: Object.fromEntries(store.entries),
  });
  const later = async (ms: number) => {
    time.now += ms;
    await keeper.work();
  };
  return { keeper, recorded, own, later };
}

test('the leader sequences the heads of all chains; the others countersign what they see', async () => {
  const store = new Store();
  store.put('leader', { controller: 'east', term: 1 });
  const east = controllerOf(store, 'east');
  const west = controllerOf(store, 'west');
  east.keeper.head({ chain: 'agent-a', sequence: 5, hash: 'a5' });
  await east.later(100);
  await west.later(100);
  assert.deepEqual(
    [east.recorded.map(({ kind }) => kind), west.recorded.map(({ kind }) => kind)],
    [['anchor'], ['countersign']],
  );
  const anchor = readAnchor(store.entries.get(latestAnchorKey)?.value, sha256);
  assert.deepEqual([anchor?.number, anchor?.by, anchor?.heads['agent-a']?.sequence], [1, 'controller-east', 5]);
});

test('anchors make a chain of their own, also over a change of leader', async () => {
  const store = new Store();
  store.put('leader', { controller: 'east', term: 1 });
  const east = controllerOf(store, 'east');
  const west = controllerOf(store, 'west');
  east.keeper.head({ chain: 'agent-a', sequence: 5, hash: 'a5' });
  await east.later(100);
  store.put('leader', { controller: 'west', term: 2 });
  west.keeper.head({ chain: 'agent-b', sequence: 2, hash: 'b2' });
  await west.later(100);
  const [first, second] = east.recorded.map(({ anchor }) => anchor);
  assert.deepEqual([second?.number, second?.previousHash, second?.by], [2, first?.hash, 'controller-west']);
  assert.equal(second?.heads['agent-a']?.sequence, 5, 'what an earlier anchor saw stays covered');
});

test('a controller that does not lead any more makes none', async () => {
  const store = new Store();
  store.put('leader', { controller: 'east', term: 1 });
  const east = controllerOf(store, 'east');
  store.keepers.length = 0;
  store.put('leader', { controller: 'west', term: 2 });
  await east.later(100);
  assert.equal(store.entries.has(latestAnchorKey), false);
});

test('what anchors themselves leave behind does not make more of them', async () => {
  const store = new Store();
  store.put('leader', { controller: 'east', term: 1 });
  const east = controllerOf(store, 'east');
  const west = controllerOf(store, 'west');
  east.keeper.head({ chain: 'agent-a', sequence: 5, hash: 'a5' });
  east.keeper.head({ ...west.own });
  await east.later(100);
  east.keeper.head({ ...west.own });
  for (let i = 0; i < 20; i += 1) await east.later(100);
  assert.equal(east.recorded.length, 1);
  east.keeper.head({ chain: 'agent-a', sequence: 6, hash: 'a6' });
  await east.later(100);
  assert.equal(east.recorded.length, 2);
});
