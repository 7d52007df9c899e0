import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { missingPackages } from './packages.ts';

const none = () => false;
const old = { delayBy: 'queue', wireguard: 'user', controlGroups: null } as const;
const modern = { delayBy: 'netem', wireguard: 'kernel', controlGroups: null } as const;
const missing = (servers: 'all' | 'delegates' | 'authority', facts: typeof old | typeof modern | null) =>
  missingPackages({ servers, facts }, none);

describe('packages of a lab of network namespaces', () => {
  it('are those that this kernel makes necessary, and no others', () => {
    assert.deepEqual(
      missing('all', old).filter((name) => !missing('all', modern).includes(name)),
      ['iptables', 'wireguard-go'],
    );
    assert.deepEqual(missing('all', null), missing('all', modern));
  });

  it('are those of the servers that were asked for', () => {
    const authority = missing('authority', old);
    assert.ok(authority.includes('etcd-server') && authority.includes('frr'));
    assert.ok(!authority.includes('patroni') && !authority.includes('haproxy'));
    assert.ok(missing('all', old).includes('patroni'));
    const delegates = missing('delegates', old).filter((name) => !authority.includes(name));
    assert.deepEqual(delegates, ['postgresql', 'patroni', 'redis-server']);
    const led = (patroni: boolean) => missingPackages({ servers: 'led', facts: old, patroni }, none);
    assert.deepEqual(
      led(true).filter((name) => !led(false).includes(name)),
      ['postgresql', 'patroni'],
    );
  });

  it('are none where every program is there', () => {
    assert.deepEqual(
      missingPackages({ servers: 'all', facts: old }, () => true),
      [],
    );
  });
});
