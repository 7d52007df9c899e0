import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { evidenceProblems, verifyEvidence } from '../../src/core/evidence/verify-evidence.ts';
import type { HoldfastClient } from '../../src/wire/client.ts';
import { chainCopy, readChains } from '../../src/wire/evidence-bundle/chain-directory.ts';
import { sha256, signatureCheck } from '../../src/wire/evidence-bundle/evidence-crypto.ts';
import { eventually, FirmUnderTest } from './firm-under-test.ts';

interface Group {
  readonly record: {
    readonly run: string | null;
    readonly activeSite: string;
    readonly tradingEnabled: boolean;
    readonly epoch: number;
    readonly grants: Readonly<Record<string, { readonly promotable: readonly string[] }>>;
  } | null;
  readonly decision: unknown;
  readonly hosts: readonly { readonly state: string }[];
  readonly instances: readonly {
    readonly instance: string;
    readonly observation: { readonly process: string; readonly role: string; readonly releasing: boolean } | null;
  }[];
}

let firm: FirmUnderTest;
let ada: HoldfastClient;

const group = async (): Promise<Group> => {
  const status = (await ada.status()) as unknown as { readonly groups: readonly Group[] };
  const found = status.groups[0];
  assert.ok(found);
  return found;
};
const active = (site: string) => async () => {
  const { record } = await group();
  return record?.run === null && record.activeSite === site && record.tradingEnabled;
};
const instanceIs =
  (name: string, check: (seen: NonNullable<Group['instances'][number]['observation']>) => boolean) => async () => {
    const observation = (await group()).instances.find((each) => each.instance === name)?.observation;
    return observation != null && check(observation);
  };

before(async () => {
  firm = await FirmUnderTest.open();
  await firm.start();
  ada = firm.client('ada');
});
after(() => firm.close());

test('controllers and agents find each other, and a person activates the first site', {
  timeout: 120_000,
}, async () => {
  await eventually(
    'every host is healthy',
    async () => (await group()).hosts.every((host) => host.state === 'healthy'),
    15_000,
  );
  // On a busy machine a host may just have counted as silent again, and then activation is refused, rightly.
  let answer = JSON.stringify(null);
  await eventually(
    'activation is not refused',
    async () => {
      const found = await ada.ask({ kind: 'activate', group: 'trading', site: 'east' });
      answer = JSON.stringify(found);
      return found.kind === 'ok';
    },
    30_000,
  ).catch((cause) => assert.fail(`${cause}\n${answer}`));
  await eventually('east is active', active('east'), 40_000);
  await eventually(
    'its engine releases',
    instanceIs('engine-east', (seen) => seen.role === 'primary' && seen.releasing),
  );
});

test('an agent that is killed and started again adopts what runs and keeps its lease', {
  timeout: 60_000,
}, async () => {
  const pid = firm.pidOf('engine-east');
  await firm.process('agent east').kill();
  await firm.startAgent('east').said('"event":"ready"');
  await eventually(
    'its engine still releases',
    instanceIs('engine-east', (seen) => seen.role === 'primary' && seen.releasing),
  );
  assert.equal(firm.pidOf('engine-east'), pid);
  assert.equal((await group()).record?.epoch, 1);
});

test('the loss of the active site moves everything to the other one', { timeout: 120_000 }, async () => {
  await eventually(
    'the standby has everything',
    async () => (await group()).record?.grants.engine?.promotable.includes('engine-west') === true,
    30_000,
  );
  for (const name of ['controller east', 'agent east']) firm.process(name).child.kill('SIGKILL');
  for (const instance of ['engine-east', 'front-east']) process.kill(firm.pidOf(instance), 'SIGKILL');
  await eventually('west is active', active('west'), 40_000).catch(async (cause) => {
    const { record, decision, hosts } = await group();
    const ended = [...firm.processes.values()].filter((each) => each.child.exitCode !== null);
    assert.fail(
      `${cause}: ${JSON.stringify({ decision, run: record?.run, ended: ended.map((each) => `${each.name}: ${each.output.slice(-500)}`), hosts, record })}`,
    );
  });
  assert.equal((await group()).record?.epoch, 2);
});

test('what comes back follows, and does not become primary by itself', { timeout: 120_000 }, async () => {
  for (const started of [firm.startAgent('east'), firm.startController('east')]) await started.said('"event":"ready"');
  await eventually(
    'the old engine follows',
    instanceIs('engine-east', (seen) => seen.role === 'standby'),
    20_000,
  );
  assert.equal((await group()).record?.activeSite, 'west');
});

test('anchors cover the chains of controllers and agents', { timeout: 120_000 }, async () => {
  await eventually('an anchor covers both agents', async () => {
    const entries = await ada.history({ controller: 'west', prefix: 'anchor/', limit: 5000 });
    const heads = (entries.at(-1)?.value as { heads?: Record<string, unknown> } | undefined)?.heads ?? {};
    return ['agent-east-1', 'agent-west-1', 'controller-north', 'controller-west'].every((chain) => chain in heads);
  });
});

test('a first signal closes in good order and leaves the instances running; then all evidence verifies', {
  timeout: 60_000,
}, async () => {
  const pid = firm.pidOf('engine-west');
  const parts = [...firm.processes.values()].filter(
    (each) => /^(agent|controller)/.test(each.name) && each.child.exitCode === null,
  );
  for (const part of parts) part.child.kill('SIGTERM');
  for (const part of parts) assert.equal(await part.ended, 0, part.output);
  process.kill(pid, 0);
  const verdict = verifyEvidence((await readChains(firm.directory)).map(chainCopy), {
    digest: sha256,
    verifySignature: signatureCheck(),
  });
  assert.deepEqual(evidenceProblems(verdict), []);
  assert.equal(verdict.completeness.verdict, 'complete');
  assert.ok(verdict.chains.length >= 5);
});

test('a configuration that does not hold is refused with what is wrong', { timeout: 60_000 }, async () => {
  const refused = firm.run('agent without a configuration', ['src/agent/main.ts', 'no-such-file.json']);
  assert.equal(await refused.ended, 2);
  assert.match(refused.output, /HF-3301 read the agent's configuration/);
});
