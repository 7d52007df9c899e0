import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, describe, it } from 'node:test';
import { hostId, instanceId, siteId } from '../src/core/base/ids.ts';
import { chooseBlock } from './choose-block.ts';
import {
  type LabName,
  type LabUpOptions,
  labBreak,
  labDown,
  labDownOwn,
  labGround,
  labHeal,
  labRestart,
  labStart,
  labStatus,
  labUp,
} from './cli.ts';
import type { LabContext, ProcessPlanner } from './configs.ts';
import { LabDirectory } from './lab-directory.ts';
import { eventually, threeSites } from './lab-fixtures.ts';
import { findLabProcesses, type LabProcess } from './lab-processes.ts';
import { agentEndpoint, instanceEndpoint, siteEndpoint } from './layout.ts';
import { agentKey, controllerKey, type ProcessSpec, type ReadyCheck } from './process-spec.ts';
import { isAlive } from './process-table.ts';
import { readSharedMemory } from './shared-memory.ts';

const topology = threeSites();
const base = mkdtempSync(join(tmpdir(), 'holdfast-lab-'));
const root = join(base, 'hold fast é');
mkdirSync(root);

const script = join(import.meta.dirname, 'fixtures', 'stand-in.ts');
const up: ReadyCheck = { kind: 'output', text: 'up', deadlineMs: 60_000 };

const environments = ['inherited', 'none', 'other'] as const;

/** An agent per host, with one instance that has a child of its own, and a controller per site. */
const plan: ProcessPlanner = ({ book, directory }: LabContext) => [
  ...topology.hosts.map((host, index): ProcessSpec => {
    const instance = topology.components.flatMap((c) => c.instances).find((candidate) => candidate.host === host.id);
    const children =
      instance === undefined
        ? []
        : [
            {
              instance: instance.id,
              directory: directory.instance(host.id, instance.id),
              environment: environments[index % 3]!,
            },
          ];
    return {
      key: agentKey(host.id),
      site: host.site,
      host: host.id,
      script,
      config: {
        file: join(directory.host(host.id), 'agent.json'),
        content: { listen: book.realAddress(agentEndpoint(host.id)), children },
      },
      ready: up,
      stage: 1,
    };
  }),
  ...topology.sites.map(
    (site): ProcessSpec => ({
      key: controllerKey(site.id),
      site: site.id,
      host: null,
      script,
      config: {
        file: join(directory.site(site.id), 'controller.json'),
        content: { listen: book.realAddress(siteEndpoint(site.id, 'controller-api')) },
      },
      ready: { kind: 'tcp', address: book.realAddress(siteEndpoint(site.id, 'controller-api')), deadlineMs: 60_000 },
      stage: 2,
    }),
  ),
];

const lab = (name: string): LabName => ({ root, name });
/** Up, and every stand-in has started its children. */
const bring = async (
  name: string,
  planner: ProcessPlanner = plan,
  wish: Partial<LabUpOptions> = {},
  said: string[] = [],
): Promise<LabContext> => {
  const context = await labUp({ ...lab(name), topology, topologyFile: null, plan: planner, ...wish }, (event) => {
    if (event.kind === 'step') said.push(event.text);
  });
  const wanted = 1 + topology.hosts.length + topology.sites.length + 2 * (topology.hosts.length - 1);
  await eventually('every instance and its child', () => alive(name).length === wanted);
  return context;
};
const alive = (name: string): readonly LabProcess[] => {
  const directory = new LabDirectory(root, name);
  return findLabProcesses({ id: directory.id, directory: directory.path });
};
/** As `bring` with an agent on each host, by a process of its own that is gone afterwards. */
const elsewhere = async (name: string, wish: Partial<LabUpOptions>, until = 'ready'): Promise<void> => {
  const program = `
    import { labUp } from ${JSON.stringify(join(import.meta.dirname, 'cli.ts'))};
    import { threeSites } from ${JSON.stringify(join(import.meta.dirname, 'lab-fixtures.ts'))};
    const topology = threeSites();
    const plan = () => topology.hosts.map((host) => ({ key: 'agent/' + host.id, site: host.site, host: host.id,
      script: ${JSON.stringify(script)}, config: { file: 'hosts/' + host.id + '/agent.json', content: {} },
      ready: { kind: 'output', text: 'up', deadlineMs: 60000 }, stage: 1 }));
    await labUp({ root: process.argv[1], name: ${JSON.stringify(name)}, topology, topologyFile: null, plan, ...${JSON.stringify(wish)} },
      (event) => { if (event.text === ${JSON.stringify(until)} || event.kind === 'starting') console.log(event.text ?? 'starting'); });`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, root], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_TEST_CONTEXT: undefined },
  });
  const exited = new Promise((resolve) => child.on('exit', resolve));
  await new Promise<void>((resolve) => child.stdout.on('data', (text) => String(text).includes(until) && resolve()));
  child.kill('SIGKILL');
  await exited;
};
const onHost = (name: string, host: string) => alive(name).filter((process_) => process_.host === host);
const stopped = (processes: readonly LabProcess[]) =>
  processes.length > 0 && processes.every(({ state }) => state === 'T');
const minute = 60_000;

describe('the loopback lab', { timeout: 15 * minute }, () => {
  afterEach(async () => {
    for (const name of ['one', 'two']) await labDown(lab(name));
  });
  after(() => rmSync(base, { recursive: true, force: true }));

  it('starts everything, knows every process and its memory, and leaves nothing behind', async () => {
    await bring('one');
    const { state, usage, measured } = await labStatus(lab('one'), { measure: true });
    assert.equal(state.processes.length, 1 + topology.hosts.length + topology.sites.length);
    assert.ok(state.processes.every((process_) => process_.alive));
    assert.ok(usage.memoryBytes > 10_000_000 && usage.processes.some(({ name }) => name.startsWith('instance/')));
    assert.ok(measured!.every(({ rttMs }) => rttMs !== null));
    const ended = await labDown(lab('one'));
    assert.ok(ended.processesEnded >= state.processes.length + 2 * (topology.hosts.length - 1));
    assert.deepEqual(alive('one'), []);
    assert.equal(existsSync(new LabDirectory(root, 'one').path), false);
  });

  it('comes up twice in a row and beside another one, keeping evidence and report', async () => {
    const first = await bring('one');
    const second = await bring('two');
    assert.notEqual(first.book.layout.block, second.book.layout.block);
    writeFileSync(join(first.directory.evidence, 'chain'), 'kept');
    const { kept } = await labDown(lab('one'));
    assert.deepEqual(kept, [first.directory.evidence]);
    assert.ok((await labStatus(lab('two'), { measure: false })).state.processes.every((process_) => process_.alive));
    await bring('one');
    assert.equal(readFileSync(join(first.directory.evidence, 'chain'), 'utf8'), 'kept');
    rmSync(first.directory.evidence, { recursive: true });
  });

  it('refuses a name that is in use', async () => {
    await bring('one');
    await assert.rejects(bring('one'), /HF-7002/);
    assert.ok((await labStatus(lab('one'), { measure: false })).state.processes.every((process_) => process_.alive));
  });

  it('says which process holds an address that it needs', async () => {
    const block = chooseBlock(topology, { wanted: null, seed: 'a block for this test', tried: [] });
    const server = createServer();
    await new Promise<void>((resolve) => server.listen({ host: `127.${block}.0.2`, port: 21_000 }, resolve));
    const wish = { ...lab('one'), topology, topologyFile: null, plan, block };
    try {
      await assert.rejects(
        labUp(wish, () => {}),
        new RegExp(`HF-7001[\\s\\S]*:21000 for authority[\\s\\S]*process ${process.pid} `),
      );
    } finally {
      server.close();
    }
  });

  it('takes everything down again when a process ends before it is ready, and shows its last words', async () => {
    const broken: ProcessPlanner = (context) => [
      ...plan(context),
      {
        key: 'venue/broken',
        site: null,
        host: null,
        script,
        config: { file: 'outside/broken.json', content: { exit: 3 } },
        ready: up,
        stage: 3,
      },
    ];
    await assert.rejects(bring('one', broken), /HF-7005[\s\S]*exit 3[\s\S]*cannot go on/);
    assert.deepEqual(alive('one'), []);
  });

  it('leaves nothing when the ground was killed, whole hosts were frozen and agents had died', async () => {
    await bring('one');
    await labBreak(lab('one'), { kind: 'freeze', target: { kind: 'host', host: hostId('east-h1') } }, minute);
    for (const host of ['east-h2', 'west-h1'])
      await labBreak(lab('one'), { kind: 'kill', target: { kind: 'agent', host: hostId(host) } }, null);
    const [ground] = (await labStatus(lab('one'), { measure: false })).state.processes.filter(
      ({ key }) => key === 'ground',
    );
    process.kill(ground!.pid!, 'SIGKILL');
    await eventually('the ground is gone', () => alive('one').every(({ pid }) => pid !== ground!.pid));
    const orphans = ['east-h2', 'west-h1'].flatMap((host) => onHost('one', host));
    assert.equal(orphans.length, 4, 'instances and their children outlive their agents');
    await assert.rejects(labStatus(lab('one'), { measure: false }), /HF-7008/);
    await labDown(lab('one'));
    assert.deepEqual(alive('one'), []);
    assert.deepEqual(orphans.filter(isAlive), []);
  });

  it('leaves nothing when whoever brought it up was killed in the middle', async () => {
    for (const until of ['addresses', 'certificates and secrets', 'processes']) {
      await elsewhere('one', {}, until);
      await labDown(lab('one'));
      assert.deepEqual(alive('one'), [], until);
      assert.equal(existsSync(new LabDirectory(root, 'one').path), false, until);
    }
  });

  it('is ended by one of several who want that at once; the others wait, are told for whom, and find nothing left', async () => {
    const { directory } = await bring('one');
    writeFileSync(join(directory.evidence, 'chain'), 'kept');
    const waited: (number | null)[] = [];
    const downs = await Promise.all(
      [1, 2, 3].map(() => labDown(lab('one'), (holder) => void waited.push(holder?.pid ?? null))),
    );
    assert.equal(downs.filter(({ processesEnded }) => processesEnded > 0).length, 1);
    assert.deepEqual(waited, [process.pid, process.pid]);
    assert.deepEqual(alive('one'), []);
    for (const { kept } of downs) assert.deepEqual(kept, [directory.evidence]);
    rmSync(directory.evidence, { recursive: true });
  });

  it('that was left up is not replaced unasked: who would is told what runs, since when, by whom, and how to go on', async () => {
    const command = 'holdfast demo --keep';
    await bring('one', plan, { startedBy: { command, attended: false } });
    const before = alive('one').map(({ pid }) => pid);
    await assert.rejects(
      bring('one', plan, { ifThere: 'clear-leftover' }),
      /HF-7002[\s\S]*lab one \(firm\) is up since 20.*"holdfast demo --keep" of .*processes[\s\S]*lab down --name one.*--name.*--replace/,
    );
    await assert.rejects(bring('one'), /HF-7002(?![\s\S]*--replace)/);
    assert.deepEqual(
      alive('one').map(({ pid }) => pid),
      before,
    );
    const said: string[] = [];
    await bring('one', plan, { ifThere: 'replace' }, said);
    assert.match(said.join('\n'), /ending first: lab one \(firm\)/);
    assert.ok(alive('one').every(({ pid }) => !before.includes(pid)));
  });

  it('whose attendant was killed is a leftover: the next one says so and clears it', async () => {
    await elsewhere('one', { startedBy: { command: 'holdfast demo', attended: true } });
    await assert.rejects(bring('one'), /HF-7002[\s\S]*are left: "holdfast demo" of .* is gone itself/);
    const before = alive('one').map(({ pid }) => pid);
    assert.ok(before.length > topology.hosts.length);
    const said: string[] = [];
    await bring('one', plan, { ifThere: 'clear-leftover' }, said);
    assert.match(said.join('\n'), /ending what is left of an earlier lab one, \d+ processes: "holdfast demo" of /);
    assert.ok(alive('one').every(({ pid }) => !before.includes(pid)));
  });

  it('that another process brought up after one’s own was replaced is not taken down with it', async () => {
    await bring('one');
    await elsewhere('one', { ifThere: 'replace' });
    const before = alive('one').map(({ pid }) => pid);
    assert.equal(await labDownOwn(lab('one')), null);
    assert.deepEqual(
      alive('one').map(({ pid }) => pid),
      before,
    );
    await labDown(lab('one'));
    assert.notEqual(await labDownOwn(lab('one')), null, 'what nobody has is nobody else’s');
  });

  it('finds its processes also when its files are gone', async () => {
    const { directory } = await bring('one');
    rmSync(directory.path, { recursive: true });
    const { processesEnded } = await labDown(lab('one'));
    assert.ok(processesEnded > topology.hosts.length);
    assert.deepEqual(alive('one'), []);
  });

  it('freezes a host whole and thaws it at expiry although nobody is connected any more', async () => {
    await bring('one');
    const target = { kind: 'host', host: hostId('east-h2') } as const;
    const report = await labBreak(lab('one'), { kind: 'freeze', target }, 3000);
    assert.ok(report.pids.length >= 3, 'agent, instance and its child');
    assert.ok(stopped(onHost('one', 'east-h2')));
    await eventually('it runs again', () => onHost('one', 'east-h2').every(({ state }) => state !== 'T'));
    assert.ok(Date.now() >= report.expiresAt! - 5);
    assert.deepEqual((await labStatus(lab('one'), { measure: false })).state.faults, []);
  });

  it('does not thaw what another fault still holds', async () => {
    await bring('one');
    const host = hostId('east-h1');
    const whole = await labBreak(lab('one'), { kind: 'freeze', target: { kind: 'host', host } }, minute);
    const [instance] = topology.components.flatMap((c) => c.instances).filter((each) => each.host === host);
    const inner = { kind: 'instance', instance: instance!.id } as const;
    await assert.rejects(labBreak(lab('one'), { kind: 'freeze', target: inner }, minute), /HF-7007/);
    const agent = await labBreak(
      lab('one'),
      { kind: 'freeze', target: { kind: 'agent', host: hostId('east-h2') } },
      minute,
    );
    await labHeal(lab('one'), agent.id);
    assert.ok(stopped(onHost('one', host)));
    await labHeal(lab('one'), whole.id);
    assert.ok(onHost('one', host).every(({ state }) => state !== 'T'));
  });

  it('aims at one agent or one instance and leaves the rest of the host alone', async () => {
    await bring('one');
    const host = hostId('east-h1');
    const instance = instanceId('engine-east-h1');
    const killed = await labBreak(lab('one'), { kind: 'kill', target: { kind: 'instance', instance } }, null);
    assert.equal(killed.pids.length, 2, 'the instance and its child');
    await eventually('only the agent is left', () => onHost('one', host).length === 1);
    const frozen = await labBreak(lab('one'), { kind: 'freeze', target: { kind: 'agent', host } }, minute);
    assert.deepEqual(
      frozen.pids,
      onHost('one', host).map(({ pid }) => pid),
    );
  });

  it('takes the power of a whole site at once and starts it again closed when the power returns', async () => {
    await bring('one');
    const events: string[] = [];
    const client = await labGround(lab('one'), (event) => events.push(event.kind));
    const east = () => alive('one').filter(({ site, host }) => site === 'east' || host?.startsWith('east'));
    const before = east().map(({ pid }) => pid);
    const report = await client.request(
      'break',
      { fault: { kind: 'site-power-off', site: siteId('east') }, expiresInMs: minute },
      30_000,
    );
    assert.deepEqual([...report.pids].sort(), [...before].sort());
    assert.deepEqual(east(), []);
    const { paths, authorityReachableFrom } = await client.request('state', null, 30_000);
    assert.ok(paths.filter(({ from, to }) => from === 'east' || to === 'east').every(({ open }) => !open));
    assert.deepEqual(authorityReachableFrom, ['west', 'far']);
    await labHeal(lab('one'), report.id);
    await eventually('the power returned', () => events.includes('healed'));
    await eventually('agents and controller run again', () => east().length === before.length);
    assert.ok(east().every(({ pid }) => !before.includes(pid)));
    client.close();
  });

  it('does not start a host again while its site has no power', async () => {
    await bring('one');
    await labBreak(lab('one'), { kind: 'host-power-off', host: hostId('east-h1') }, minute);
    await labBreak(lab('one'), { kind: 'site-power-off', site: siteId('east') }, minute);
    const [host] = (await labStatus(lab('one'), { measure: false })).state.faults;
    await labHeal(lab('one'), host!.id);
    assert.deepEqual(onHost('one', 'east-h1'), []);
    await labHeal(lab('one'), 'all');
    await eventually('it runs', () => onHost('one', 'east-h1').length > 0);
  });

  const asRoot = process.getuid?.() === 0 ? 'PostgreSQL does not run as root' : false;
  it('leaves no backend and no shared memory of a database whose server died', { skip: asRoot }, async () => {
    const postgres: ProcessPlanner = ({ book, directory }) => [
      {
        key: agentKey(hostId('west-h2')),
        site: siteId('west'),
        host: hostId('west-h2'),
        script: join(import.meta.dirname, 'fixtures', 'postgres-agent.ts'),
        config: {
          file: 'hosts/west-h2/agent.json',
          content: {
            data: join(directory.instance('west-h2', 'database-west-h2'), 'data'),
            listen: book.realAddress(instanceEndpoint(instanceId('database-west-h2'), 'sql')),
          },
        },
        ready: { kind: 'output', text: 'ready to accept connections', deadlineMs: 60_000 },
        stage: 1,
      },
    ];
    const before = readSharedMemory().map(({ id }) => id);
    await labUp({ ...lab('one'), topology, topologyFile: null, plan: postgres }, () => {});
    const target = { kind: 'instance', instance: instanceId('database-west-h2') } as const;
    const { pids, id } = await labBreak(lab('one'), { kind: 'freeze', target }, minute);
    assert.ok(pids.length > 5, 'postmaster and backends');
    await labBreak(lab('one'), { kind: 'kill', target: { kind: 'agent', host: hostId('west-h2') } }, null);
    assert.ok(onHost('one', 'west-h2').length >= pids.length - 1, 'stopped servers stay');
    await labHeal(lab('one'), id);
    await labBreak(lab('one'), { kind: 'freeze', target }, minute);
    await labDown(lab('one'));
    assert.deepEqual(alive('one'), []);
    assert.deepEqual(
      readSharedMemory().filter((segment) => !before.includes(segment.id) && pids.includes(segment.creator)),
      [],
    );
  });

  it('refuses to start what runs, and to restart what it does not have; what runs is left alone', async () => {
    const { topology: firm_, directory } = await bring('one');
    const before = alive('one').map(({ pid }) => pid);
    const again: ProcessPlanner = (context) => plan(context).slice(0, 1);
    await assert.rejects(labStart(lab('one'), firm_, again), /HF-7002[\s\S]*runs already/);
    await assert.rejects(labRestart(lab('one'), 'controller/mars'), /HF-7007[\s\S]*controller\/west/);
    await labRestart(lab('one'), controllerKey(siteId('west')));
    assert.deepEqual(
      alive('one').map(({ pid }) => pid),
      before,
    );
    assert.ok(existsSync(directory.path));
  });

  it('refuses a fault without an expiry, and one that names nothing it has', async () => {
    await bring('one');
    await assert.rejects(
      labBreak(lab('one'), { kind: 'kill', target: { kind: 'instance', instance: instanceId('nobody') } }, null),
      /HF-7007 break kill instance nobody/,
    );
    await assert.rejects(
      labBreak(lab('one'), { kind: 'site-isolated', site: siteId('east') }, null),
      /HF-7007[\s\S]*expiry/,
    );
    await assert.rejects(labBreak(lab('one'), { kind: 'site-isolated', site: siteId('eest') }, 10), /no site "eest"/);
    await assert.rejects(labHeal(lab('one'), 'fault-77'), /HF-7007/);
  });
});
