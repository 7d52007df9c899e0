import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { componentId, type Epoch, instanceId } from '../../core/base/ids.ts';
import { GuardedEpochs } from '../system/guarded-epochs.ts';
import { formerUsedUntil, nameAgreement } from './agreement.ts';
import { dnsTools } from './dns-tools.ts';
import { DnsDriver } from './driver.ts';
import { parseAnswers } from './parse.ts';
import { ServedNames } from './served-names.ts';

const fixture = (name: string) => readFileSync(join(import.meta.dirname, 'fixtures', `${name}-9.18.txt`), 'utf8');
const epoch = (value: number) => value as Epoch;
const soon = { deadlineMs: 300 };

describe('what dig prints', () => {
  it('a name with its address, how long it is good for, and its mark', () => {
    const [address, mark] = parseAnswers(fixture('dig-set'), 2);
    assert.deepEqual([address?.status, address?.authoritative], ['NOERROR', true]);
    assert.deepEqual(address?.records[0], {
      name: 'trading.holdfast.test.',
      ttlMs: 5_000,
      type: 'A',
      data: '10.6.6.6',
    });
    assert.equal(mark?.records[0]?.data, '6');
  });

  it('a name that is not there, and one that the server has no say in', () => {
    assert.deepEqual(
      parseAnswers(fixture('dig-absent'), 2).map(({ status, authoritative }) => [status, authoritative]),
      Array.from({ length: 2 }, () => ['NXDOMAIN', true]),
    );
    assert.equal(parseAnswers(fixture('dig-foreign'), 2)[0]?.status, 'REFUSED');
  });

  it('fewer answers than questions are none', () => {
    const half = fixture('dig-set').slice(0, fixture('dig-set').lastIndexOf(';; Got answer:'));
    assert.throws(() => parseAnswers(half, 2));
  });
});

/** A server that keeps what it is told, and answers in the words of a real one. */
class RecordedServer {
  readonly updates: string[] = [];
  address = '10.6.6.6';
  mark = 6;
  /** Called before each update: somebody else may be there first. */
  meanwhile: () => void = () => {};
  answers: 'as it should' | 'frozen' | 'gone' | 'wrong key' | 'refusing' | 'foreign' | 'deaf' = 'as it should';
  version = '9.18.49-1~deb12u3-Debian';

  readonly run = async (command: string, args: readonly string[], { input }: { readonly input: string }) => {
    const done = (stdout: string, code = 0, stderr = '') => ({ code, stdout, stderr });
    if (this.answers === 'deaf') return done('', 124);
    if (command === 'dig') {
      if (this.answers === 'frozen') return done(fixture('dig-frozen'), 9);
      if (this.answers === 'foreign') return done(fixture('dig-foreign'));
      if (this.answers === 'wrong key') return done(fixture('dig-badsig'));
      if (args.includes('SOA')) return done(fixture('dig-general').replace(/"9\.18[^"]*"/, `"${this.version}"`));
      if (this.mark === 0) return done(fixture('dig-absent'));
      return done(fixture('dig-set').replace('10.6.6.6', this.address).replace('"6"', `"${this.mark}"`));
    }
    this.meanwhile();
    this.updates.push(input);
    if (this.answers === 'refusing') return done('', 2, fixture('nsupdate-refused'));
    const wanted = /prereq (nx|yx)rrset \S+ TXT ?"?(\d*)/.exec(input)!;
    if (wanted[1] === 'nx' && this.mark !== 0) return done('', 2, fixture('nsupdate-yxrrset'));
    if (wanted[1] === 'yx' && String(this.mark) !== wanted[2]) return done('', 2, fixture('nsupdate-nxrrset'));
    this.address = /update add \S+ \d+ A (\S+)/.exec(input)?.[1] ?? this.address;
    this.mark = Number(/TXT "(\d+)"\nsend/.exec(input)![1]);
    return done('');
  };
}

describe('driver of one server', () => {
  let directory: string;
  let server: RecordedServer;
  let names = 0;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'dns-driver-'));
    server = new RecordedServer();
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const driver = (file = `epochs-${++names}.json`) =>
    new DnsDriver({
      tools: dnsTools({ server: { host: '127.0.0.1', port: 53 }, keyFile: 'update.key', run: server.run }),
      zone: 'holdfast.test',
      epochs: new GuardedEpochs(join(directory, file)),
    });
  const set = (at: number, address: string) =>
    ({ kind: 'set-addresses', epoch: epoch(at), name: 'trading', addresses: [address], ttlSeconds: 5 }) as const;
  const codeOf = (outcome: Awaited<ReturnType<DnsDriver['perform']>>) =>
    outcome.kind === 'failed' ? outcome.code : outcome.kind;

  it('led by an agent each name has the address of an instance, or is elsewhere; frozen it is unknown', async () => {
    const [nyc, chi] = [instanceId('nyc'), instanceId('chi')];
    const lead = { to: componentId('front'), as: { [nyc]: '10.6.6.6', [chi]: '10.7.7.7' }, ttlSeconds: 5 };
    const led = () => new ServedNames(driver(), { trading: lead });
    const leadsTo = async () => {
      const look = await led().look(soon);
      return look.kind === 'seen' ? look.leads['trading'] : look.kind;
    };
    assert.equal(await leadsTo(), nyc);
    const outcome = await led().lead(epoch(7), { trading: chi }, soon);
    assert.deepEqual(outcome, { kind: 'ok', detail: { formerTtlMs: 5_000 } });
    assert.deepEqual([await leadsTo(), server.mark], [chi, 7]);
    assert.equal(codeOf(await led().lead(epoch(6), { trading: nyc }, soon)), 'stale-epoch');
    server.address = '10.9.9.9';
    assert.equal(await leadsTo(), 'elsewhere');
    server.answers = 'deaf';
    assert.equal(await leadsTo(), 'unknown');
  });

  it('names what it found as the prerequisite, changes all in one transaction and reads it back', async () => {
    const outcome = await driver().perform(set(7, '10.1.0.13'), soon);
    assert.deepEqual(outcome, { kind: 'ok', detail: { formerTtlMs: 5_000 } });
    assert.deepEqual(server.updates[0]!.split('\n'), [
      'server 127.0.0.1 53',
      'zone holdfast.test',
      'prereq yxrrset _epoch.trading.holdfast.test. TXT "6"',
      'update delete trading.holdfast.test. A',
      'update add trading.holdfast.test. 5 A 10.1.0.13',
      'update delete _epoch.trading.holdfast.test. TXT',
      'update add _epoch.trading.holdfast.test. 5 TXT "7"',
      'send',
      '',
    ]);
    assert.equal(
      await driver().confirm({ kind: 'has-addresses', name: 'trading', addresses: ['10.1.0.13'] }, soon),
      'holds',
    );
  });

  it('a name that nobody set must still be nobody’s; how long its absence was good for is counted', async () => {
    server.mark = 0;
    assert.deepEqual(await driver().perform(set(1, '10.1.0.13'), soon), { kind: 'ok', detail: { formerTtlMs: 5_000 } });
    assert.match(server.updates[0]!, /^prereq nxrrset _epoch\.trading\.holdfast\.test\. TXT$/m);
  });

  it('doing it twice is doing it once', async () => {
    await driver().perform(set(7, '10.1.0.13'), soon);
    assert.equal(codeOf(await driver().perform(set(7, '10.1.0.13'), soon)), 'ok');
    assert.equal(server.updates.length, 1);
  });

  it('an older epoch is refused by what the driver stored, and by the server’s own mark', async () => {
    await driver('one.json').perform(set(8, '10.1.0.13'), soon);
    server.mark = 0;
    assert.equal(codeOf(await driver('one.json').perform(set(7, '10.2.0.13'), soon)), 'stale-epoch');
    server.mark = 8;
    assert.equal(codeOf(await driver().perform(set(7, '10.2.0.13'), soon)), 'stale-epoch');
    assert.equal(server.updates.length, 1);
  });

  it('somebody newer who comes in between wins, and somebody older is overtaken', async () => {
    server.meanwhile = () => {
      server.mark = 9;
    };
    assert.equal(codeOf(await driver().perform(set(8, '10.2.0.13'), soon)), 'stale-epoch');
    let once = true;
    server.meanwhile = () => {
      if (once) server.mark = 10;
      once = false;
    };
    assert.equal(codeOf(await driver().perform(set(11, '10.2.0.13'), soon)), 'ok');
    assert.equal(server.mark, 11);
  });

  it('a frozen server, a wrong key, one that has no say, and a tool that hangs are unknown in everything', async () => {
    for (const answers of ['frozen', 'wrong key', 'foreign', 'deaf'] as const) {
      server.answers = answers;
      assert.equal(codeOf(await driver().perform(set(7, '10.1.0.13'), soon)), 'unknown', answers);
      const condition = { kind: 'has-addresses', name: 'trading', addresses: ['10.6.6.6'] } as const;
      assert.equal(await driver().confirm(condition, soon), 'unknown', answers);
      const { names: seen, reasons } = await driver().observe({ ...soon, names: ['trading'] });
      assert.equal(seen['trading'], null, answers);
      assert.ok(reasons.length > 0);
    }
    assert.deepEqual(server.updates, []);
  });

  it('a refusal is a failure in the server’s own word', async () => {
    server.answers = 'refusing';
    const outcome = await driver().perform(set(7, '10.1.0.13'), soon);
    assert.deepEqual(outcome, { kind: 'failed', code: 'refused', reason: 'the server answered REFUSED' });
  });

  it('an update that nobody answered is unknown', async () => {
    const tools = dnsTools({
      server: { host: '127.0.0.1', port: 53 },
      keyFile: 'update.key',
      run: async () => ({ code: 2, stdout: '', stderr: fixture('nsupdate-frozen') }),
    });
    assert.equal((await tools.update(['zone holdfast.test'], soon)).kind, 'unknown');
    const gone = dnsTools({
      server: { host: '127.0.0.1', port: 53 },
      keyFile: 'update.key',
      run: async () => ({ code: 2, stdout: '', stderr: fixture('nsupdate-gone') }),
    });
    assert.equal((await gone.update(['zone holdfast.test'], soon)).kind, 'unknown');
    const refused = await dnsTools({
      server: { host: '127.0.0.1', port: 53 },
      keyFile: 'update.key',
      run: async () => ({ code: 2, stdout: '', stderr: fixture('nsupdate-badkey') }),
    }).update(['zone holdfast.test'], soon);
    assert.deepEqual(refused, { kind: 'refused', code: 'NOTAUTH(BADKEY)' });
  });

  it('nothing that is not a name or an address gets into a line', async () => {
    for (const wrong of [
      { ...set(1, '10.0.0.1'), name: 'a b' },
      { ...set(1, '10.0.0.1'), name: '_epoch.trading' },
      set(1, '10.0.0.1\nupdate delete holdfast.test. NS'),
      { ...set(1, '10.0.0.1'), ttlSeconds: -1 },
      set(0, '10.0.0.1'),
    ])
      assert.equal(codeOf(await driver().perform(wrong, soon)), 'bad-value');
    assert.deepEqual(server.updates, []);
  });

  it('another version is named', async () => {
    server.version = '9.20.1';
    const { version, serial, reasons } = await driver().observe({ ...soon, names: [] });
    assert.deepEqual([version, serial], ['9.20.1', 5]);
    assert.deepEqual(reasons, ['version 9.20.1 has not been tried; 9.18 has']);
  });
});

describe('all servers of a zone', () => {
  const view = (address: string, at: number) => ({ addresses: [address], ttlMs: 5_000, epoch: at });
  const agreement = (...views: (ReturnType<typeof view> | null)[]) =>
    nameAgreement(new Map(views.map((each, index) => [`ns${index + 1}`, each])));

  it('agree, or those that are behind are named, whoever was not heard', () => {
    assert.deepEqual(agreement(view('10.0.0.1', 2), view('10.0.0.1', 2)), {
      kind: 'agreed',
      addresses: ['10.0.0.1'],
      epoch: 2,
    });
    assert.deepEqual(agreement(view('10.0.0.1', 1), view('10.0.0.2', 2), null), {
      kind: 'differs',
      newest: ['ns2'],
      behind: ['ns1'],
    });
    assert.deepEqual(agreement(view('10.0.0.1', 2), null), { kind: 'unknown', unheard: ['ns2'] });
    assert.deepEqual(agreement(null, null), { kind: 'unknown', unheard: ['ns1', 'ns2'] });
  });

  it('a former answer is used until the last server was changed and its time has run out', () => {
    const first = { changedAt: 1_000, formerTtlMs: 60_000 };
    assert.equal(formerUsedUntil([first, { changedAt: 9_000, formerTtlMs: 5_000 }]), 61_000);
    assert.equal(formerUsedUntil([first, { changedAt: null, formerTtlMs: 5_000 }]), null);
  });
});
