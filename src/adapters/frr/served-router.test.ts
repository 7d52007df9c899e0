import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { componentId, type Epoch, type InstanceId, instanceId } from '../../core/base/ids.ts';
import type { Preference } from '../../core/topology/served.ts';
import { GuardedEpochs } from '../system/guarded-epochs.ts';
import { FrrDriver } from './driver.ts';
import { savedAnnouncements } from './parse.ts';
import { ServedRouter } from './served-router.ts';
import type { Vty } from './vty.ts';

const fixture = (name: string) => readFileSync(join(import.meta.dirname, 'fixtures', name), 'utf8');
const prefix = '10.255.0.0/24';
const front = instanceId('front-nyc');
const soon = { deadlineMs: 200 };

describe('a router as its agent leads it', () => {
  let directory: string;
  let configFile: string;
  let announced: string;
  let statics: string;
  let running: string;
  let silent: (line: string) => boolean;
  const said: string[] = [];

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'served-router-'));
    configFile = join(directory, 'bgpd.conf');
    writeFileSync(configFile, fixture('running-bgp-closed-8.4.txt'));
    announced = fixture('bgp-prefix-absent-8.4.json');
    statics = '';
    running = fixture('running-bgp-closed-8.4.txt');
    silent = () => false;
    said.length = 0;
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  function router(preferences: readonly Preference[] = []): ServedRouter {
    const vty: Vty = async (daemon, lines) => {
      const line = [daemon, ...lines].join(' ');
      said.push(line);
      const text = line.includes('show version')
        ? fixture('version-8.4.txt')
        : line.includes('summary')
          ? fixture('bgp-summary-8.4.json')
          : line.includes('bfd peers')
            ? fixture('bfd-peers-8.4.json')
            : line.startsWith('bgpd write terminal')
              ? running
              : line.includes('staticd')
                ? statics
                : announced;
      return silent(line) ? { kind: 'unknown', reason: 'silent' } : { kind: 'ok', text };
    };
    const driver = new FrrDriver({
      vty,
      as: 65_001,
      epochs: new GuardedEpochs(join(directory, 'epochs')),
    });
    const lead = { to: componentId('front'), as: { [front]: '10.1.0.13' }, ttlSeconds: null };
    return new ServedRouter({ driver, leads: { [prefix]: lead }, configFile, preferences });
  }
  const ledTo = async () => {
    const look = await router().look(soon);
    return look.kind === 'seen' ? look.leads[prefix] : look.kind;
  };
  const concerns = async () => {
    const look = await router().look(soon);
    assert.equal(look.kind, 'seen');
    return look.kind === 'seen' ? look.concerns : [];
  };

  it('leads where it announces a way to, and nowhere when it has neither; half of it is elsewhere', async () => {
    assert.equal(await ledTo(), null);
    statics = `ip route ${prefix} 10.1.0.13\n`;
    assert.equal(await ledTo(), 'elsewhere');
    announced = fixture('bgp-prefix-announced-8.4.json');
    assert.equal(await ledTo(), front);
    statics = `ip route ${prefix} 10.1.0.13\nip route ${prefix} 10.1.0.99\n`;
    assert.equal(await ledTo(), 'elsewhere');
    statics = `ip route ${prefix} 10.1.0.99\n`;
    assert.equal(await ledTo(), 'elsewhere');
  });

  it('says how its sessions are, and is well when all are up', async () => {
    const look = await router().look(soon);
    assert.equal(look.kind, 'seen');
    if (look.kind !== 'seen') return;
    assert.deepEqual(look.figures, { bgpSessions: 5, bgpEstablished: 5, bfdSessions: 5, bfdUp: 5 });
    assert.deepEqual(look.concerns, []);
  });

  it('a frozen bgpd or staticd is unknown; without bfdd the rest is known and that is said', async () => {
    silent = (line) => line.startsWith('bgpd');
    assert.equal(await ledTo(), 'unknown');
    silent = (line) => line.startsWith('staticd');
    assert.equal(await ledTo(), 'unknown');
    silent = (line) => line.startsWith('bfdd');
    assert.deepEqual(await concerns(), ['bfdd does not answer']);
  });

  it('a saved configuration that announces by itself is said, before any restart; one that cannot be read is said, too', async () => {
    writeFileSync(configFile, fixture('running-bgp-announced-8.4.txt'));
    assert.match((await concerns()).join(), /announces 10\.255\.0\.0\/24: a router that starts with it/);
    rmSync(configFile);
    assert.match((await concerns()).join(), /cannot be read/);
    assert.deepEqual(savedAnnouncements(` network ${prefix} route-map a\n network 10.255.0.0/25`, [prefix]), [prefix]);
  });

  it('a prefix that somebody else announces as well is named with who does', async () => {
    const own = JSON.parse(fixture('bgp-prefix-announced-8.4.json')) as { paths: unknown[] };
    const other = JSON.parse(fixture('bgp-prefix-elsewhere-8.4.json')) as { paths: unknown[] };
    announced = JSON.stringify({ paths: [...own.paths, ...other.paths] });
    assert.deepEqual(await concerns(), [`${prefix} is announced by 65001 as well`]);
    const sibling = { peer: { peerId: '10.1.0.3' }, aspath: { string: 'Local' } };
    announced = JSON.stringify({ paths: [...own.paths, sibling] });
    assert.deepEqual(await concerns(), [], 'the other router of the site is no other');
  });

  it('who announces withdraws when somebody else announces, or after a while; who does not announce waits for nobody', async () => {
    const own = JSON.parse(fixture('bgp-prefix-announced-8.4.json')) as { paths: unknown[] };
    const other = JSON.parse(fixture('bgp-prefix-elsewhere-8.4.json')) as { paths: unknown[] };
    const asked = () => said.filter((line) => line.includes(`unicast ${prefix} json`)).length;
    const withdraw = async (deadlineMs: number) => {
      said.length = 0;
      const outcome = router().lead(1 as Epoch, { [prefix]: null }, { deadlineMs });
      await new Promise((resolve) => setTimeout(resolve, 150));
      const waited = !said.some((line) => line.includes('no network'));
      announced = fixture('bgp-prefix-elsewhere-8.4.json');
      statics = '';
      return { waited, outcome: (await outcome).kind };
    };
    announced = JSON.stringify(own);
    assert.deepEqual(await withdraw(1_000), { waited: true, outcome: 'ok' });
    assert.ok(asked() > 3);
    announced = JSON.stringify({ paths: [...own.paths, ...other.paths] });
    assert.deepEqual(await withdraw(1_000), { waited: false, outcome: 'ok' });
    announced = fixture('bgp-prefix-absent-8.4.json');
    assert.deepEqual(await withdraw(1_000), { waited: false, outcome: 'ok' });
  });

  it('is held to what it is to prefer, whoever has the traffic; what it prefers otherwise is said, and not as it was told', async () => {
    const rule = (localPreference: number) => [{ routeMap: 'from-172-16-0-2-in', sequence: 10, localPreference }];
    const routes = { [prefix]: null };
    const at = async (localPreference: number) => {
      const look = await router(rule(localPreference)).look(soon);
      assert.equal(look.kind, 'seen');
      return look.kind === 'seen' && { led: router(rule(localPreference)).isLed(look, routes), said: look.concerns };
    };
    assert.deepEqual(await at(300), { led: true, said: [] });
    const other = ['from-172-16-0-2-in 10 does not prefer what it was told'];
    assert.deepEqual(await at(250), { led: false, said: other });
    assert.equal((await router(rule(300)).lead(1 as Epoch, routes, soon)).kind, 'ok');
    assert.ok(said.some((line) => line.includes('set local-preference 300')));
    silent = (line) => line.startsWith('bgpd write terminal');
    assert.equal((await router(rule(300)).look(soon)).kind, 'unknown');
  });

  it('an instance without an address there is refused before anything is said', async () => {
    const routes = { [prefix]: instanceId('front-chi') as InstanceId };
    const outcome = await router().lead(1 as Epoch, routes, soon);
    assert.equal(outcome.kind === 'failed' ? outcome.code : outcome.kind, 'unnamed');
    assert.deepEqual(said, []);
  });
});
