import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parseTopology } from './parse-topology.ts';
import { problemText } from './topology-problem.ts';

const firm = readFileSync(new URL('./fixtures/small-firm.yaml', import.meta.url), 'utf8');
const parsed = (section: string) => parseTopology(`${firm}hostChecks: ${section}\n`, 'firm.yaml');
const problems = (section: string): string => {
  const found = parsed(section);
  return found.ok ? '' : found.error.map(problemText).join('\n');
};

test('a topology that says nothing of host checks asks agents for no look at their hosts', () => {
  const found = parseTopology(firm, 'firm.yaml');
  assert.ok(found.ok);
  assert.equal('hostChecks' in found.value.topology, false);
});

test('an empty section has the documented thresholds, and a stated one goes before its default', () => {
  const usual = parsed('{}');
  assert.ok(usual.ok, problems('{}'));
  assert.deepEqual(usual.value.topology.hostChecks?.diskFreePercent, { warn: 15, bad: 5 });
  assert.deepEqual(usual.value.topology.hostChecks?.certificateMs, { warn: 2_592_000_000, bad: 604_800_000 });
  const stated = parsed('{every: 5s, clock: {bad: 90ms}, load: {warn: 2}}');
  assert.ok(stated.ok, problems('{every: 5s, clock: {bad: 90ms}, load: {warn: 2}}'));
  const { everyMs, clockMs, loadPerProcessor } = stated.value.topology.hostChecks!;
  assert.deepEqual(
    { everyMs, clockMs, loadPerProcessor },
    {
      everyMs: 5000,
      clockMs: { warn: 50, bad: 90 },
      loadPerProcessor: { warn: 2, bad: 16 },
    },
  );
});

test('thresholds in the wrong order and looks that follow too soon are problems', () => {
  assert.match(problems('{diskFree: {warn: 5%, bad: 10%}}'), /"bad" of diskFree \(10\) is no worse than "warn" \(5\)/);
  assert.match(problems('{clock: {bad: 10ms}}'), /"bad" of clock/);
  assert.match(problems('{every: 100ms}'), /at least 1000 ms/);
});

test('programs of a host are named with who keeps them running, and only where somebody looks', () => {
  const host = /^hosts:\n( {2}[\w-]+): *\{/m;
  const withServices = (services: string, section: string) =>
    parseTopology(firm.replace(host, (all) => `${all}services: ${services}, `) + section, 'firm.yaml');
  const said = (services: string, section = 'hostChecks: {}\n') => {
    const found = withServices(services, section);
    return found.ok ? '' : found.error.map(problemText).join('\n');
  };
  const kept = withServices('["systemd:haproxy.service", "supervisord:db:redis"]', 'hostChecks: {}\n');
  assert.ok(kept.ok, said('["systemd:haproxy.service", "supervisord:db:redis"]'));
  assert.deepEqual(kept.value.topology.hosts[0]?.services, ['systemd:haproxy.service', 'supervisord:db:redis']);
  for (const wrong of ['haproxy', 'upstart:haproxy', 'systemd:', 'systemd:--root', 'supervisord:a b'])
    assert.match(said(`["${wrong}"]`), /systemd:UNIT or supervisord:PROGRAM/, wrong);
  assert.match(said('["systemd:haproxy.service"]', ''), /HF-2012[\s\S]*hostChecks/);
});
