import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HostCheck } from '../../core/health/host-checks.ts';
import { hostTroubles } from './host-checks-view.ts';
import type { GroupView } from './status-view.ts';

const troubles = (...hosts: readonly { readonly host: string; readonly checks?: readonly HostCheck[] }[]) =>
  hostTroubles({ hosts } as unknown as GroupView);

test('what is not ok is said, the worst first, and what is not known is not taken for well', () => {
  const checks: readonly HostCheck[] = [
    { check: 'load', of: '', state: 'warn', found: '5.00 for each processor' },
    { check: 'disk', of: '/data', state: 'ok', found: '40.0 % free' },
    { check: 'clock', of: '', state: 'inconclusive', found: 'no controller has answered' },
    { check: 'disk', of: '/var', state: 'bad', found: '3.2 % free' },
  ];
  assert.deepEqual(troubles({ host: 'h1', checks }), [
    '✕ h1: disk /var 3.2 % free',
    '? h1: clock no controller has answered',
    '▲ h1: load 5.00 for each processor',
  ]);
});

test('where nobody looks nothing is said', () => {
  assert.deepEqual(troubles({ host: 'h1' }, { host: 'h2' }), []);
});
