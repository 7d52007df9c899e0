import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { type Epoch, instanceId } from '../../core/base/ids.ts';
import { GuardedEpochs } from '../system/guarded-epochs.ts';
import { KeepalivedDriver } from './driver.ts';
import { ServedGateway } from './served-gateway.ts';

const fixture = (name: string) => readFileSync(join(import.meta.dirname, 'fixtures', name), 'utf8');
const proxy = instanceId('proxy-nyc-1');
const soon = { deadlineMs: 200 };
const epoch = (value: number) => value as Epoch;

describe('a shared address as an agent sees it', () => {
  let directory: string;
  let state: string;
  let holds: boolean;
  let silent: boolean;
  const weightFile = () => join(directory, 'agent.weight');

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'served-gateway-'));
    writeFileSync(join(directory, 'keepalived.conf'), fixture('keepalived-2.2.7.conf'));
    writeFileSync(weightFile(), '0\n');
    state = 'S (sleeping)';
    holds = true;
    silent = false;
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  function gateway(): ServedGateway {
    const driver = new KeepalivedDriver({
      run: async (command) => {
        if (silent) return { code: 124, stdout: '', stderr: '' };
        const addresses = fixture(holds ? 'address-owner-iproute2-6.1.json' : 'address-backup-iproute2-6.1.json');
        if (command === 'ip') return { code: 0, stdout: addresses, stderr: '' };
        return { code: state === '' ? 3 : 0, stdout: state, stderr: '' };
      },
      configFile: join(directory, 'keepalived.conf'),
      pidFile: '/run/keepalived.pid',
      instance: 'gateway',
      interface: 'lan',
      address: '10.1.0.1/24',
      weightFile: weightFile(),
      epochs: new GuardedEpochs(join(directory, 'epochs')),
    });
    return new ServedGateway({ driver, name: 'gateway', beside: proxy });
  }
  const look = async () => {
    const seen = await gateway().look(soon);
    return seen.kind === 'seen' ? seen : assert.fail(seen.reason);
  };

  it('leads to the proxy beside it where the machine has the address, and nowhere else', async () => {
    const owner = await look();
    assert.deepEqual([owner.leads, owner.concerns], [{ gateway: proxy }, []]);
    assert.deepEqual(owner.figures, { holds: 1, runs: 1, priority: 254, weight: 0 });
    holds = false;
    assert.deepEqual((await look()).leads, { gateway: null });
  });

  it('weighs the machine down while the proxy does not work, and no longer when it does; an older epoch weighs nothing', async () => {
    assert.equal((await gateway().lead(epoch(4), { gateway: null }, soon)).kind, 'ok');
    assert.equal(readFileSync(weightFile(), 'utf8'), '-100\n');
    assert.ok(gateway().isLed(await look(), { gateway: null }));
    assert.ok(!gateway().isLed(await look(), { gateway: proxy }));
    const stale = await gateway().lead(epoch(3), { gateway: proxy }, soon);
    assert.equal(stale.kind === 'failed' ? stale.code : stale.kind, 'stale-epoch');
    assert.equal((await gateway().lead(epoch(4), { gateway: proxy }, soon)).kind, 'ok');
    assert.ok(gateway().isLed(await look(), { gateway: proxy }));
  });

  it('an address that a killed keepalived left is said, and is not as it was told', async () => {
    state = '';
    const seen = await look();
    assert.match(seen.concerns.join(), /left the address here: the other machine takes it as well/);
    assert.ok(!gateway().isLed(seen, { gateway: proxy }));
    const outcome = await gateway().lead(epoch(1), { gateway: proxy }, soon);
    assert.equal(outcome.kind === 'failed' ? outcome.code : outcome.kind, 'not-running');
  });

  it('a keepalived that stands still, one that is gone, and a machine that does not answer are unknown', async () => {
    for (const [how, set] of [
      [
        'stands still',
        () => {
          state = 'T (stopped)';
        },
      ],
      [
        'does not run',
        () => {
          state = '';
          holds = false;
        },
      ],
      [
        'no answer',
        () => {
          silent = true;
        },
      ],
    ] as const) {
      set();
      const seen = await gateway().look(soon);
      assert.match(seen.kind === 'unknown' ? seen.reason : seen.kind, new RegExp(how));
    }
  });
});
