import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Facts } from '../decision/facts.ts';
import type { Component } from '../topology/topology.ts';
import { type Attestation, attestedOutlook } from './attestation.ts';
import type { RevokedHolder } from './group-record.ts';

const waitMs = 2000;
const said = {
  instance: 'db-a',
  epoch: 4,
  leaseRevision: 70,
  incarnation: 'one',
  reason: 'PDU off',
  by: 'ada',
  role: 'approver',
  at: 1_000_000,
  until: 1_600_000,
  confirmed: { by: 'ben', role: 'admin', reason: 'seen dark', at: 1_010_000 },
} as unknown as Attestation;

interface Scene {
  readonly attestation?: Partial<Attestation>;
  readonly wallMs?: number;
  readonly lease?: { readonly revision: number; readonly seenMsAgo: number } | null;
  readonly host?: { readonly connected: boolean; readonly state: 'failed' | 'healthy' };
  readonly fresh?: boolean;
  readonly revokedEpoch?: number;
}

function outlook(scene: Scene = {}) {
  const { lease = { revision: 70, seenMsAgo: 5000 }, host = { connected: false, state: 'failed' } } = scene;
  const facts = {
    wallMs: scene.wallMs ?? 1_020_000,
    brakes: { attestations: [{ ...said, ...scene.attestation }] },
    instances: new Map([['db-a', { instance: { id: 'db-a', host: 'host-a' }, fresh: scene.fresh ?? false }]]),
    hosts: new Map([['host-a', { connected: host.connected, verdict: { state: host.state } }]]),
    leases: new Map(lease === null ? [] : [['db', lease]]),
    successorWaitMs: waitMs,
  } as unknown as Facts;
  const revoked = { instance: 'db-a', epoch: scene.revokedEpoch ?? 4 } as unknown as RevokedHolder;
  return attestedOutlook(facts, { id: 'db' } as Component, revoked);
}

test('two people and a lease that has run out are a proof that names both and does not survive a reboot', () => {
  const found = outlook();
  assert.equal(found?.kind, 'proved');
  assert.equal(found.proof.method, 'attested');
  assert.deepEqual(found.proof.sticky, { heal: true, reboot: false });
  assert.match(found.proof.evidence, /ada \(approver\).*"PDU off"; confirmed by ben \(admin\).*"seen dark"/);
});

test('one person is no proof', () => {
  assert.equal(outlook({ attestation: { confirmed: null } }), null);
});

test('it counts only once the whole lease has run out as well', () => {
  assert.deepEqual(outlook({ lease: { revision: 70, seenMsAgo: 1500 } }), { kind: 'in', ms: 500, method: 'attested' });
  assert.equal(outlook({ lease: null, wallMs: 1_011_000 })?.kind, 'in');
  assert.equal(outlook({ lease: null, wallMs: 1_012_000 })?.kind, 'proved');
});

test('it expires', () => {
  assert.equal(outlook({ wallMs: 1_600_000 }), null);
});

test('who renewed afterwards was not off', () => {
  assert.equal(outlook({ lease: { revision: 71, seenMsAgo: 9000 } }), null);
});

test('it says nothing about a later grant', () => {
  assert.equal(outlook({ revokedEpoch: 5 }), null);
});

test('a host that speaks is asked itself', () => {
  assert.equal(outlook({ fresh: true }), null);
  assert.equal(outlook({ host: { connected: true, state: 'healthy' } }), null);
  assert.equal(
    outlook({ host: { connected: true, state: 'failed' } })?.kind,
    'proved',
    'a connection that a quorum calls dead',
  );
});
