import assert from 'node:assert/strict';
import { test } from 'node:test';
import { observationOf, plainShape } from '../../test/builders/facts.ts';
import { epoch, hostId, instanceId, siteId } from '../core/base/ids.ts';
import type { InstanceObservation } from '../core/health/instance-observation.ts';
import { indexOf } from '../core/topology/topology-index.ts';
import { topologyOf } from '../sim/build-topology.ts';
import type { AgentReport, InstanceReport } from './messages.ts';
import { Vantage } from './vantage.ts';

const topology = topologyOf(plainShape);
const host = hostId('alfa-e1');
const engine = instanceId('alfa-eng1');
const { silenceFloorMs, silenceCeilingMs } = plainShape.timing;

const report = (sequence: number, change: Partial<AgentReport> = {}): AgentReport => ({
  host,
  site: siteId('alfa'),
  boot: 'first',
  start: 1,
  sequence,
  instances: [reportOf({})],
  ...change,
});

function reportOf(change: Partial<InstanceReport>, seen: Partial<InstanceObservation> = {}): InstanceReport {
  return {
    instance: engine,
    component: indexOf(topology).instance.get(engine)!.component,
    observation: { ...observationOf(engine, true), ...seen },
    ageMs: 0,
    exit: null,
    silenced: false,
    silencedBy: 'process-dead',
    leaseCounter: 1,
    leased: true,
    ...change,
  };
}

/** A controller of bravo that runs every 50 ms and hears the host every 100 ms, up to `until`. */
function listening(until: number): Vantage {
  const vantage = new Vantage(topology, siteId('bravo'));
  for (let now = 0; now <= until; now += 50) {
    vantage.ran(now);
    if (now % 100 === 0) vantage.report(report(now + 1), now);
  }
  return vantage;
}

function runs(vantage: Vantage, from: number, until: number): void {
  for (let now = from; now <= until; now += 50) vantage.ran(now);
}

test('a host is heard by its reports, and silent when they stay away for longer than the threshold', () => {
  const vantage = listening(1000);
  runs(vantage, 1050, 1000 + silenceCeilingMs + 50);
  assert.equal(vantage.own(host, 1000 + silenceFloorMs - 1).opinion, 'alive');
  assert.deepEqual(vantage.own(host, 1000 + silenceCeilingMs + 1), {
    opinion: 'silent',
    silentMs: silenceCeilingMs + 1,
  });
});

test('a controller that was away does not take its own absence for the silence of others', () => {
  const vantage = listening(1000);
  vantage.ran(9000);
  assert.equal(vantage.own(host, 9000).opinion, 'alive');
});

test('being away does not bring back a host that had been silent before', () => {
  const vantage = listening(1000);
  runs(vantage, 1050, 3000);
  assert.equal(vantage.own(host, 3000).opinion, 'silent');
  vantage.ran(3400);
  assert.equal(vantage.own(host, 3400).opinion, 'silent');
  vantage.report(report(5000), 3410);
  assert.equal(vantage.own(host, 3411).opinion, 'unknown');
});

test('a late report of the same start of an agent is not heard', () => {
  const vantage = listening(1000);
  assert.equal(vantage.report(report(7, { instances: [] }), 1010), false);
  assert.equal(vantage.own(host, 1010).silentMs, 10);
  assert.equal(vantage.instanceReport(host, engine)?.leased, true);
});

test('a restarted agent begins its numbers anew', () => {
  const vantage = listening(1000);
  assert.equal(vantage.report(report(1, { boot: 'second', start: 2, instances: [] }), 1010), true);
  assert.equal(vantage.instanceReport(host, engine), null);
});

test('what an agent said before it was started anew is not heard after what it said since', () => {
  const vantage = listening(1000);
  vantage.report(report(1, { boot: 'second', start: 2 }), 1010);
  const exit = { instance: engine, code: null, signal: 'SIGKILL', reaped: true, treeEmpty: true } as const;
  assert.equal(vantage.report(report(2000, { instances: [reportOf({ exit })] }), 1020), false);
  assert.equal(vantage.own(host, 1020).silentMs, 10);
  assert.equal(vantage.instanceReport(host, engine)?.exit, null);
});

test('an agent whose memory was restored counts its starts from an earlier one, and is heard once the later one is silent', () => {
  const vantage = listening(1000);
  vantage.report(report(1, { boot: 'third', start: 3 }), 1010);
  const restored = report(1, { boot: 'restored', start: 2 });
  assert.equal(vantage.report(restored, 1010 + silenceCeilingMs), false);
  assert.equal(vantage.report({ ...restored, sequence: 2 }, 1011 + silenceCeilingMs), true);
});

test('a report is news only when it says something else than the last one', () => {
  const vantage = listening(1000);
  assert.equal(vantage.report(report(2000), 1050), false);
  const news: readonly InstanceReport[] = [
    reportOf({ silenced: true }),
    reportOf({ leased: false }),
    reportOf({ exit: { instance: engine, code: 1, signal: null, reaped: true, treeEmpty: true } }),
    reportOf({ observation: null }),
    reportOf({}, { role: 'closed' }),
    reportOf({}, { process: 'frozen' }),
    reportOf({}, { epoch: epoch(8) }),
    reportOf({}, { health: 'bad' }),
    reportOf({}, { releasing: false }),
  ];
  for (const [at, each] of news.entries())
    assert.equal(listening(1000).report(report(2000, { instances: [each] }), 1050), true, `news ${at}`);
  const moved = reportOf({ ageMs: 40, leaseCounter: 9 }, { position: { generation: 7, sequence: 101 } });
  assert.equal(listening(1000).report(report(2000, { instances: [moved] }), 1050), false);
});

test('an unknown host is not heard', () => {
  assert.equal(listening(0).report(report(1, { host: hostId('elsewhere') }), 10), false);
});

test('a controller that was not heard lately has no word on anybody', () => {
  const vantage = listening(1000);
  const opinion = { observer: siteId('wit'), hosts: { [host]: { opinion: 'silent', silentMs: 700 } as const } };
  vantage.peer(opinion, 900);
  vantage.peer(opinion, 1000);
  const word = (now: number) => vantage.observers(host, now).find((each) => each.site === 'wit')?.opinion;
  assert.equal(word(1000 + silenceCeilingMs), 'silent');
  assert.equal(word(1000 + silenceCeilingMs + 1), 'unknown');
});

test('the first word of a controller after a silence is of the past: the next one counts', () => {
  const vantage = listening(1000);
  const says = (opinion: 'silent' | 'alive', now: number) =>
    vantage.peer({ observer: siteId('wit'), hosts: { [host]: { opinion, silentMs: 0 } } }, now);
  const word = (now: number) => vantage.observers(host, now).find((each) => each.site === 'wit')?.opinion;
  says('alive', 1000);
  assert.equal(says('alive', 1100), true, 'it counts from now on');
  assert.equal(word(1100), 'alive');
  const back = 1100 + silenceFloorMs + 1;
  says('silent', back);
  assert.equal(word(back), 'unknown', 'written while we were cut off');
  assert.equal(says('silent', back + silenceFloorMs), true);
  assert.equal(word(back + silenceFloorMs), 'silent');
});

test('what others said before we were away ourselves is forgotten', () => {
  const vantage = listening(1000);
  const opinion = { observer: siteId('wit'), hosts: { [host]: { opinion: 'silent', silentMs: 700 } as const } };
  for (const now of [1000, 1100]) {
    vantage.ran(now);
    vantage.peer(opinion, now);
  }
  const back = 1100 + silenceFloorMs;
  vantage.ran(back);
  vantage.peer(opinion, back);
  const word = vantage.observers(host, back).find((each) => each.site === 'wit')?.opinion;
  assert.equal(word, 'unknown');
});

test('what it tells the others is its own opinion of every host', () => {
  const { observer, hosts } = listening(1000).opinions(1000);
  assert.equal(observer, 'bravo');
  assert.deepEqual(Object.keys(hosts).toSorted(), topology.hosts.map((each) => each.id).toSorted());
  assert.deepEqual([hosts[host]?.opinion, hosts[hostId('bravo-d')]?.opinion], ['alive', 'unknown']);
});

test('the connection to an agent is what was last said of it; a report shows that it is there', () => {
  const vantage = listening(0);
  assert.equal(vantage.connected(host), true);
  vantage.link(host, false);
  assert.equal(vantage.connected(host), false);
  assert.equal(vantage.report(report(500), 20), true);
  assert.equal(vantage.connected(host), true);
});
