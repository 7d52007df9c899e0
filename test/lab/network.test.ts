import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { get } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, afterEach, before, describe, it } from 'node:test';
import { writeConnectFile } from '../../bin/commands/lab-connect.ts';
import { readConnection } from '../../src/cli/connect/connect-file.ts';
import { bandwidthScreen } from '../../src/cli/view/bandwidth-screen.ts';
import { type NetworkView, type PathView, parseNetwork } from '../../src/cli/view/network-view.ts';
import { parseStatus } from '../../src/cli/view/status-view.ts';
import { siteId } from '../../src/core/base/ids.ts';
import type { HostCheck } from '../../src/core/health/host-checks.ts';
import { readTlsFiles } from '../../src/wire/peer-identity.ts';
import { LabUnderTest } from './lab-under-test.ts';

const minute = 60_000;

describe('a firm that measures its network', { timeout: 8 * minute }, () => {
  let lab: LabUnderTest;
  before(async () => {
    lab = await LabUnderTest.open('net-suite', { overlays: [join(import.meta.dirname, 'network.yaml')] });
  });
  after(() => lab?.close());
  afterEach((context) => lab?.noteResult(context));

  const network = async (): Promise<NetworkView> =>
    parseNetwork((await lab.platform.demand('Omar Operator', { kind: 'network' }, 20_000)) as never);
  const path = async (from: string, to: string): Promise<PathView> =>
    (await network()).paths.find((each) => each.from === from && each.to === to)!;
  const medianOf = async (from: string, to: string) => (await path(from, to)).trips?.p50Ms ?? 0;

  it('every path is measured from both ends, as long as its link and not much longer', async () => {
    await lab.eventually('every path is known', minute, async () =>
      (await network()).paths.every(({ unknown, trips }) => unknown === null && trips?.p50Ms != null),
    );
    for (const { from, to, trips } of (await network()).paths) {
      const links = lab.topology.links.filter(
        ({ between }) => between.includes(siteId(from)) && between.includes(siteId(to)),
      );
      const rttMs = Math.min(...links.map((link) => link.rttMs));
      assert.ok(
        trips!.p50Ms! >= rttMs && trips!.p50Ms! < rttMs + 15,
        `${from} to ${to}: ${trips!.p50Ms} ms, ${rttMs} of link`,
      );
    }
  });

  it('a slow path is seen from both ends and becomes an alert, which ends after it is over', async () => {
    const between = [siteId('nyc'), siteId('chi')] as const;
    const alerted = async (from: string, to: string) =>
      (await path(from, to)).budgets.some(({ alert }) => alert !== null);
    const anyAlert = async () => (await alerted('nyc', 'chi')) || (await alerted('chi', 'nyc'));
    await lab.eventually('no alert from the start is left', 40_000, async () => !(await anyAlert()));
    const fault = await lab.break({ kind: 'extra-latency', between, addRttMs: 40 }, minute);
    await lab.eventually(
      'both ends see it and are alerted',
      40_000,
      async () =>
        (await alerted('nyc', 'chi')) &&
        (await alerted('chi', 'nyc')) &&
        (await medianOf('nyc', 'chi')) >= 48 &&
        (await medianOf('chi', 'nyc')) >= 48,
    );
    await lab.heal(fault);
    await lab.eventually('the alerts have ended', 40_000, async () => !(await anyAlert()));
  });

  it('a path is measured on demand: twenty round trips, then every byte, and the result is kept', async () => {
    const asked = { kind: 'network-test', from: 'nyc', to: 'chi', bytes: 1024 * 1024 } as const;
    const { id } = (await lab.platform.demand('Omar Operator', asked, 20_000)) as { readonly id: string };
    await lab.eventually('the result is there', 20_000, async () =>
      (await network()).tests.some((each) => each.id === id),
    );
    const result = (await network()).tests.find((each) => each.id === id)!;
    lab.narrate(bandwidthScreen(await network(), [result], 100).join('\n'));
    assert.equal(result.problem, null);
    assert.equal(result.trips?.answered, 20);
    assert.ok(result.trips.p50Ms! >= 8 && result.tookMs! >= 8, JSON.stringify(result));
  });

  const allChecksOf = async (host: string): Promise<readonly HostCheck[]> => {
    const { groups } = parseStatus((await lab.platform.demand('Omar Operator', { kind: 'status' }, 20_000)) as never);
    return groups.flatMap(({ hosts }) => hosts).find((each) => each.host === host)?.checks ?? [];
  };

  it('every host says what it has left; its clock is where it is, within the uncertainty, for every controller', async () => {
    const checksOf = async (host: string, check: string) =>
      (await allChecksOf(host)).filter((each) => each.check === check);
    for (const { id } of lab.topology.hosts) {
      await lab.eventually(`${id} has heard every controller`, minute, async () => {
        const clocks = await checksOf(id, 'clock');
        return clocks.length === 3 && clocks.every(({ of }) => of !== '');
      });
      for (const { of, found } of await checksOf(id, 'clock')) {
        const [, offset, uncertainty] = /^([+-][\d.]+) ms ± ([\d.]+)$/.exec(found) ?? [];
        // All of them stand on one machine and have one clock.
        assert.ok(Math.abs(Number(offset)) <= Number(uncertainty) + 1, `${id} and ${of}: ${found}`);
      }
      const disks = await checksOf(id, 'disk');
      assert.ok(disks.length > 0 && disks.every(({ found }) => / % free$/.test(found)), JSON.stringify(disks));
      assert.deepEqual(
        (await checksOf(id, 'certificate')).map(({ of, state }) => [of, state]),
        [
          ['own', 'ok'],
          ['authority of the platform', 'ok'],
        ],
      );
    }
    const host = lab.topology.hosts.at(-1)!.id;
    const fault = await lab.break({ kind: 'freeze', target: { kind: 'agent', host } }, minute);
    await lab.eventually('what a frozen agent said is no longer taken for known', 20_000, async () => {
      const checks = await allChecksOf(host);
      return checks.length === 1 && checks[0]?.check === 'report' && checks[0].state === 'inconclusive';
    });
    await lab.heal(fault);
    await lab.eventually('it is known again', 20_000, async () => (await checksOf(host, 'disk')).length > 0);
  });

  it('every controller tells its figures, and they say what the status says', async () => {
    const { controllers, tls } = readConnection(writeConnectFile(lab.platform.context), null);
    const { ca, cert, key } = readTlsFiles(tls);
    const told = async ({ host, port }: { readonly host: string; readonly port: number }): Promise<string> => {
      const outgoing = get({ host, port, path: '/metrics', ca, cert, key, agent: false });
      const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
      assert.equal(response.statusCode, 200);
      return await text(response);
    };
    const { record } = await lab.settled();
    const { id: engine } = lab.component('trading-engine');
    const { holder } = record!.grants[engine]!;
    const wanted = [
      `holdfast_group_epoch{group="${lab.topology.groups[0]!.id}"} ${record!.epoch}`,
      `site="${record!.activeSite}"} 1`,
      `component="${engine}",instance="${holder}"} 1`,
    ];
    for (const controller of controllers)
      await lab.eventually(`${controller.id} tells the same`, 20_000, async () => {
        const figures = await told(controller);
        return wanted.every((each) => figures.includes(each)) && /^holdfast_replication_lag_seconds\{/m.test(figures);
      });
    const leading = await Promise.all(controllers.map(told));
    assert.equal(leading.filter((figures) => /^holdfast_controller_leading\{.*\} 1$/m.test(figures)).length, 1);
  });

  it('who is asked in every site names the same writer', async () => {
    await lab.eventually('all agree', minute, async () => (await lab.notAgreed()).length === 0);
  });
});
