import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { Epoch } from '../../core/base/ids.ts';
import { type AddressHolding, addressOwners } from '../../core/network/address-owners.ts';
import { runCommand } from '../gate/nftables-gate.ts';
import { GuardedEpochs } from '../system/guarded-epochs.ts';
import { KeepalivedDriver } from './driver.ts';
import { parseAddresses, parsePriority, withPriority } from './parse.ts';

const fixture = (name: string) => readFileSync(join(import.meta.dirname, 'fixtures', name), 'utf8');
const owner = fixture('address-owner-iproute2-6.1.json');
const backup = fixture('address-backup-iproute2-6.1.json');
const configuration = fixture('keepalived-2.2.7.conf');
const epoch = (value: number) => value as Epoch;
const soon = { deadlineMs: 200 };

describe('who has a shared address', () => {
  const holding = (daemon: AddressHolding['daemon'], holds: boolean | null): AddressHolding => ({ daemon, holds });
  const owners = (left: AddressHolding, right: AddressHolding) =>
    addressOwners(
      new Map([
        ['left', left],
        ['right', right],
      ]),
    );

  it('one of two, or neither', () => {
    assert.deepEqual(owners(holding('running', true), holding('running', false)), { kind: 'one', owner: 'left' });
    assert.deepEqual(owners(holding('running', false), holding('gone', false)), { kind: 'none' });
  });

  it('two, as when keepalived was killed on the first and the second took over', () => {
    const seen = owners(holding('gone', true), holding('running', true));
    assert.deepEqual(seen, { kind: 'two', owners: ['left', 'right'] });
  });

  it('one that nothing will move any more is named so', () => {
    assert.equal(owners(holding('gone', true), holding('running', false)).kind, 'orphaned');
    assert.equal(owners(holding('frozen', true), holding('running', false)).kind, 'orphaned');
  });

  it('a machine that was not heard may have it: unknown, never one', () => {
    assert.deepEqual(owners(holding('running', true), holding('unknown', null)), {
      kind: 'unknown',
      unheard: ['right'],
    });
  });
});

describe('what is read', () => {
  it('the addresses of an interface, the shared one among them where it is', () => {
    assert.deepEqual(parseAddresses(owner), ['10.1.0.2', '10.1.0.1']);
    assert.deepEqual(parseAddresses(backup), ['10.1.0.3']);
    assert.throws(() => parseAddresses('[]'));
  });

  it('the priority of one instance, and nothing else of the configuration changes with it', () => {
    assert.equal(parsePriority(configuration, 'gateway'), 254);
    assert.equal(parsePriority(configuration, 'other'), null);
    const changed = withPriority(configuration, 'gateway', 100)!;
    assert.equal(parsePriority(changed, 'gateway'), 100);
    assert.equal(changed, configuration.replace('priority 254', 'priority 100'));
  });

  it('of two instances only the one that is meant', () => {
    const two = `${configuration}${configuration.replace('vrrp_instance gateway', 'vrrp_instance second')}`;
    const changed = withPriority(two, 'second', 10)!;
    assert.deepEqual([parsePriority(changed, 'gateway'), parsePriority(changed, 'second')], [254, 10]);
  });
});

describe('driver of one machine of a pair', () => {
  let directory: string;
  let state: string;
  let addresses: string;
  const ran: string[] = [];
  const silent = new Set<string>();

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'keepalived-driver-'));
    writeFileSync(join(directory, 'keepalived.conf'), configuration);
    writeFileSync(join(directory, 'weight'), '0\n');
    state = 'S (sleeping)';
    addresses = owner;
    ran.length = 0;
    silent.clear();
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const driver = () =>
    new KeepalivedDriver({
      run: async (command, args) => {
        const line = [command, ...args].join(' ');
        ran.push(line);
        if (silent.has(command)) return { code: 124, stdout: '', stderr: '' };
        if (line.includes('addr del')) addresses = backup;
        if (command === 'ip') return { code: 0, stdout: addresses, stderr: '' };
        if (line.includes('kill -HUP')) return { code: state === '' ? 1 : 0, stdout: '', stderr: 'No such process' };
        return { code: state === '' ? 3 : 0, stdout: `${state}\n`, stderr: '' };
      },
      configFile: join(directory, 'keepalived.conf'),
      pidFile: '/run/keepalived.pid',
      instance: 'gateway',
      interface: 'lan',
      address: '10.1.0.1/24',
      weightFile: join(directory, 'weight'),
      epochs: new GuardedEpochs(join(directory, 'epochs.json')),
    });

  it('sees who runs, who has the address and how much it weighs', async () => {
    assert.deepEqual(await driver().observe(soon), {
      daemon: 'running',
      holds: true,
      priority: 254,
      weight: 0,
      reasons: [],
    });
    state = 'T (stopped)';
    addresses = backup;
    const frozen = await driver().observe(soon);
    assert.deepEqual([frozen.daemon, frozen.holds], ['frozen', false]);
    state = '';
    assert.equal((await driver().observe(soon)).daemon, 'gone');
  });

  it('a process that is there, one that has ended, and none that was ever named are told apart by a real shell', async () => {
    const pidFile = join(directory, 'keepalived.pid');
    const real = () =>
      new KeepalivedDriver({
        run: async (command, args, options) =>
          command === 'ip' ? { code: 0, stdout: backup, stderr: '' } : runCommand(command, args, options),
        configFile: join(directory, 'keepalived.conf'),
        pidFile,
        instance: 'gateway',
        interface: 'lan',
        address: '10.1.0.1/24',
        weightFile: null,
        epochs: new GuardedEpochs(join(directory, 'epochs.json')),
      }).observe({ deadlineMs: 5_000 });
    assert.equal((await real()).daemon, 'gone');
    for (const [text, daemon] of [
      [`${process.pid}\n`, 'running'],
      [`${process.pid}`, 'running'],
      ['99999999\n', 'gone'],
      ['', 'gone'],
    ] as const) {
      writeFileSync(pidFile, text);
      assert.equal((await real()).daemon, daemon, JSON.stringify(text));
    }
  });

  it('changes the priority in the configuration and has it read', async () => {
    const outcome = await driver().perform({ kind: 'set-priority', epoch: epoch(2), priority: 100 }, soon);
    assert.equal(outcome.kind, 'ok');
    assert.equal(parsePriority(readFileSync(join(directory, 'keepalived.conf'), 'utf8'), 'gateway'), 100);
    assert.ok(ran.some((line) => line.includes('kill -HUP')));
  });

  it('writes a weight into the file that keepalived watches, reloads nothing, and reads it back', async () => {
    assert.equal((await driver().perform({ kind: 'set-weight', epoch: epoch(2), weight: -100 }, soon)).kind, 'ok');
    assert.equal((await driver().observe(soon)).weight, -100);
    assert.ok(!ran.some((line) => line.includes('kill')));
    for (const weight of [-254, 0.5]) {
      const outcome = await driver().perform({ kind: 'set-weight', epoch: epoch(2), weight }, soon);
      assert.equal(outcome.kind === 'failed' ? outcome.code : outcome.kind, 'bad-value');
    }
    writeFileSync(join(directory, 'weight'), 'heavy');
    assert.equal((await driver().observe(soon)).weight, null);
  });

  it('refuses an older epoch, also after a restart, and changes nothing', async () => {
    await driver().perform({ kind: 'set-priority', epoch: epoch(5), priority: 100 }, soon);
    ran.length = 0;
    const outcome = await driver().perform({ kind: 'set-priority', epoch: epoch(4), priority: 200 }, soon);
    assert.equal(outcome.kind === 'failed' ? outcome.code : outcome.kind, 'stale-epoch');
    assert.deepEqual(ran, []);
    assert.equal(parsePriority(readFileSync(join(directory, 'keepalived.conf'), 'utf8'), 'gateway'), 100);
  });

  it('drops an address only where nobody runs who decides about it', async () => {
    const drop = () => driver().perform({ kind: 'drop-address', epoch: epoch(1) }, soon);
    const refused = await drop();
    assert.equal(refused.kind === 'failed' ? refused.code : refused.kind, 'runs');
    state = '';
    assert.equal((await drop()).kind, 'ok');
    assert.equal(await driver().confirm({ kind: 'lacks-address' }, soon), 'holds');
  });

  it('leaves the address to a keepalived that stands still and may go on', async () => {
    state = 'T (stopped)';
    const outcome = await driver().perform({ kind: 'drop-address', epoch: epoch(1) }, soon);
    assert.equal(outcome.kind === 'failed' ? outcome.code : outcome.kind, 'frozen');
  });

  it('a machine that does not answer is unknown in everything', async () => {
    silent.add('ip').add('sh');
    const seen = await driver().observe(soon);
    assert.deepEqual([seen.daemon, seen.holds, seen.reasons.length], ['unknown', null, 2]);
    assert.equal(await driver().confirm({ kind: 'has-address' }, soon), 'unknown');
    for (const action of [
      { kind: 'drop-address', epoch: epoch(1) },
      { kind: 'set-priority', epoch: epoch(1), priority: 7 },
    ] as const)
      assert.equal((await driver().perform(action, soon)).kind, 'unknown');
  });
});
