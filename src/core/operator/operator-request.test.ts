import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mayAsk, type OperatorRequest, ROLES, type Role, riskIn, roleNeeded } from './operator-request.ts';

const move: OperatorRequest = {
  kind: 'move',
  group: 'trading',
  move: 'failover',
  toSite: null,
  digest: null,
  overrides: [],
  reason: 'r',
  acceptDataLoss: null,
};
const approve: OperatorRequest = { kind: 'approve', group: 'trading', digest: 'd', minutes: 5, acceptDataLoss: null };
const fence: OperatorRequest = {
  kind: 'fence',
  group: 'trading',
  instance: 'e',
  attest: false,
  lift: false,
  reason: 'r',
};

test('each request needs the least role that its risk asks for, and no weaker one will do', () => {
  const needs: readonly (readonly [OperatorRequest, Role])[] = [
    [{ kind: 'status' }, 'observer'],
    [{ ...move, kind: 'plan', acceptDataLoss: 'orders:12', overrides: ['R-VERDICT'] }, 'observer'],
    [move, 'operator'],
    [{ ...move, acceptDataLoss: 'orders:12' }, 'risk-officer'],
    [{ ...move, overrides: ['R-VERDICT'] }, 'risk-officer'],
    [approve, 'approver'],
    [{ ...approve, acceptDataLoss: 'orders:12' }, 'risk-officer'],
    [fence, 'operator'],
    [{ ...fence, attest: true }, 'approver'],
    [{ kind: 'activate', group: 'trading', site: 'ny4' }, 'admin'],
    [{ kind: 'adopt', group: 'trading', reason: 'r' }, 'admin'],
  ];
  for (const [request, role] of needs) {
    assert.equal(roleNeeded(request), role, riskIn(request));
    for (const each of ROLES)
      assert.equal(mayAsk({ name: 'p', role: each }, request), ROLES.indexOf(each) >= ROLES.indexOf(role), each);
  }
});
