import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { commandProblems, stopsOf } from '../../lab/evidence-look.ts';
import type { ProcessTarget } from '../../lab/fault.ts';
import type { Component } from '../../src/core/topology/topology.ts';
import { LabUnderTest, quick } from './lab-under-test.ts';
import { WriterProbe } from './writer-probe.ts';

const minute = 60_000;
type Part = 'agent' | 'warden' | 'instance';
const combinations: readonly (readonly Part[])[] = [
  ['agent'],
  ['warden'],
  ['instance'],
  ['agent', 'warden'],
  ['agent', 'instance'],
  ['agent', 'warden', 'instance'],
];
/** What the demo does not do in its own acts: a part alone, and all of a database's host. */
const quickly: Readonly<Record<string, readonly string[]>> = {
  postgres: ['agent', 'agent+warden+instance'],
  'trading-engine': ['warden'],
};
/** Of the lease: whatever depends on it has happened before the thaw. */
const LEASES_FROZEN = 4;

describe('parts of the active host are frozen and thawed later', { timeout: 40 * minute }, () => {
  let lab: LabUnderTest;
  let probe: WriterProbe;
  before(async () => {
    lab = await LabUnderTest.open('suite-frozen', { ratePerSecond: 100 });
    probe = await WriterProbe.open(lab);
  });
  afterEach((context) => lab.noteResult(context));
  after(async () => {
    await probe?.close();
    await lab?.close();
  });

  for (const kind of ['postgres', 'trading-engine'] as const satisfies readonly Component['kind'][])
    for (const parts of combinations.filter((each) => !quick || quickly[kind]?.includes(each.join('+'))))
      it(`${parts.join(' and ')} beside the active ${kind}: never two writers, nothing lost`, async () => {
        await lab.acknowledge();
        const before = await lab.settled();
        const component = lab.component(kind);
        const holder = before.record!.grants[component.id]!.holder!;
        const host = component.instances.find((each) => each.id === holder)!.host;
        const begun = performance.now();
        const frozenMs = LEASES_FROZEN * lab.topology.timing.selfFenceAfterMs;
        const targets = {
          agent: { kind: 'agent', host },
          warden: { kind: 'warden', host },
          instance: { kind: 'instance', instance: holder },
        } as const satisfies Record<Part, ProcessTarget>;
        const mark = `${kind} ${parts.join('+')}`;
        await lab.platform.mark(mark);
        const faults = await Promise.all(
          parts.map((part) => lab.break({ kind: 'freeze', target: targets[part] }, frozenMs)),
        );
        await lab.faultsOver();
        const thawed = await lab.platform.group();
        // The holder may have been replaced while it was frozen, or notices only now that its lease is over; both are fine.
        lab.narrate(
          `${mark}: epoch ${before.record!.epoch} → ${thawed.record?.epoch} at the thaw, held by ${thawed.record?.grants[component.id]?.holder}`,
        );
        await lab.acknowledge();
        const after = await lab.settled();
        const flow = await lab.platform.settledFlow(mark, 30_000);
        const database = lab.component('postgres').id;
        const tenures = probe.tenures(begun);
        lab.narrate(
          `${mark}: epoch ${after.record!.epoch}, orders away for ${flow.outageMs} ms, commits for ${flow.commitOutageMs} ms, writers ${tenures.join(' → ')}`,
        );
        assert.equal(new Set(tenures).size, tenures.length, `two writers took turns: ${tenures.join(', ')}`);
        assert.deepEqual(await probe.lostAt(after.record!.grants[database]!.holder!), []);
        assert.deepEqual(commandProblems(lab.evidence()), []);
        const found = await lab.verified();
        assert.deepEqual(
          { verdict: found.verdict, reasons: found.reasons, stale: found.staleWritesAccepted },
          { verdict: 'met', reasons: [], stale: 0 },
        );
        const [fault] = faults;
        const stops = stopsOf(lab.evidence(), holder).filter(
          ({ wallMs }) => wallMs > fault!.startedAt && wallMs < fault!.expiresAt!,
        );
        if (parts.length === 1 && parts[0] === 'warden')
          assert.deepEqual(stops, [], 'a warden that is away stops nobody who is well');
        else
          assert.notEqual(
            thawed.record!.grants[component.id]!.holder,
            holder,
            'nobody took over although the holder could not serve',
          );
      });
});
