import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { firstSite } from '../../lab/agent-config.ts';
import { countCanaries, planCanary } from '../../lab/canary.ts';
import {
  type LabName,
  type LabProgress,
  type LabUpOptions,
  labBreak,
  labContext,
  labCopyAuthority,
  labDown,
  labHeal,
  labLoad,
  labRestart,
  labServers,
  labStart,
  labStatus,
  labUp,
} from '../../lab/cli.ts';
import { isOverAtOnce } from '../../lab/fault.ts';
import type { FaultReport } from '../../lab/ground.ts';
import { LabDirectory } from '../../lab/lab-directory.ts';
import { LabError } from '../../lab/lab-error.ts';
import type { GroundConfig } from '../../lab/net/main.ts';
import type { NamespaceLabOptions } from '../../lab/netns/namespace-lab-up.ts';
import type { CommandOutcome } from '../../src/cli/command-outcome.ts';
import { exitCodes } from '../../src/cli/exit-code.ts';
import { table } from '../../src/cli/view/text.ts';
import { elapsedText } from '../../src/cli/view/time-text.ts';
import type { Json } from '../../src/core/base/canonical-json.ts';
import type { Topology } from '../../src/core/topology/topology.ts';
import { HoldfastError } from '../../src/wire/holdfast-error.ts';
import { readTopologyFile } from '../../src/wire/topology-file/read-topology-file.ts';
import { problemText } from '../../src/wire/topology-file/topology-problem.ts';
import { writeConnectFile } from './lab-connect.ts';
import { type FaultWords, parseFault } from './parse-fault.ts';

const ok = (text: string, json: Json): CommandOutcome => ({ exitCode: exitCodes.ok, text: `${text}\n`, json });

export interface UpOptions extends LabName {
  /** Null = the shipped three-site firm. */
  readonly topologyFile: string | null;
  readonly overlays: readonly string[];
  readonly block: number | null;
  readonly relayed: boolean;
  /** Loopback only: the netns ground has no trading stack. */
  readonly canary: boolean;
  readonly ground: 'loopback' | 'netns';
  /** Of the netns ground. */
  readonly servers: 'all' | 'led' | 'authority';
}

export async function up(options: UpOptions, say: (line: string) => void): Promise<CommandOutcome> {
  const { root, name, overlays, block, relayed } = options;
  if (options.canary && options.ground === 'netns')
    throw new HoldfastError({
      code: 'HF-8003',
      attempted: 'lab up --ground netns --canary',
      found: 'no trading stack runs on that ground yet, so no canary could be written',
      next: 'holdfast lab up --canary',
    });
  const topologyFile = options.topologyFile ?? join(root, 'examples', 'three-site.yaml');
  const parsed = readTopologyFile(topologyFile, { overlays });
  if (!parsed.ok) {
    const problems = parsed.error.map((problem) => ({ ...problem })) as unknown as Json;
    return {
      exitCode: exitCodes.usage,
      text: `${parsed.error.map(problemText).join('\n')}\n`,
      json: { ok: false, problems },
      toStderr: true,
    };
  }
  const { topology, planning } = parsed.value;
  const wish: LabUpOptions = {
    root,
    name,
    topology,
    topologyFile,
    dataClasses: planning.dataClasses,
    block,
    insideSite: relayed ? 'relayed' : 'direct',
    startedBy: { command: `holdfast lab up${options.ground === 'netns' ? ' --ground netns' : ''}`, attended: false },
  };
  const progress = (event: LabProgress) => {
    if (event.kind === 'step') say(`${elapsedText(event.elapsedMs).padStart(7)}  ${event.text}`);
  };
  if (options.ground === 'netns') return upInNamespaces({ ...wish, servers: options.servers }, progress);
  const context = await labUp(wish, progress);
  if (options.canary) {
    progress({ kind: 'step', text: 'the canary client', elapsedMs: 0 });
    await labStart({ root, name }, topology, (lab) => [planCanary(lab)]);
  }
  const connect = relative(root, writeConnectFile(context));
  const site = firstSite(topology.sites).id;
  const other = name === 'lab' ? '' : ` --name ${name}`;
  const text = [
    `${topology.name} is up as lab ${name}: ${topology.sites.length} sites, ${topology.hosts.length} hosts. Nothing is active yet.`,
    `next    holdfast activate ${site}, then holdfast status, holdfast lab load start${other}`,
    `        holdfast lab down${other} ends it`,
  ].join('\n');
  return ok(text, { ok: true, lab: name, firm: topology.name, connect, next: `holdfast activate ${site}` });
}

async function upInNamespaces(
  wish: NamespaceLabOptions,
  progress: (event: LabProgress) => void,
): Promise<CommandOutcome> {
  const { namespaceLabUp } = await import('../../lab/netns/namespace-lab-up.ts');
  const { machines, routers, servers, links, platform } = await namespaceLabUp(wish, progress);
  const { topology, name } = wish;
  if (platform !== null) writeConnectFile(platform);
  const other = name === 'lab' ? '' : ` --name ${name}`;
  const rows = topology.links.map((link) => {
    const rtt = links.find((each) => each.link === link.id)?.rttMs ?? null;
    const ms = (value: number | undefined) => (value === undefined ? '? unknown' : value.toFixed(1));
    return [link.id, link.rttMs.toFixed(1), ms(rtt?.min), ms(rtt?.median), ms(rtt?.p95), ms(rtt?.max)];
  });
  const right = (title: string) => ({ title, align: 'right' as const });
  const heads = [{ title: 'LINK' }, ...['WANTED ms', 'LEAST', 'MEDIAN', 'P95', 'WORST'].map(right)];
  const text = [
    ...table(heads, rows, 100),
    `The network of ${topology.name} is up as lab ${name}: ${topology.sites.length} sites, ${machines} machines, ${routers} of them routers, ${servers} servers; every session is up, and every server closed.`,
    ...(platform === null
      ? []
      : [
          `The platform runs on it, nothing of it active yet: holdfast activate ${firstSite(topology.sites).id}, then holdfast status, holdfast lab load start${other}`,
        ]),
    `next    holdfast lab status --measure${other}, holdfast lab break link-down ${topology.links[0]?.id ?? 'LINK'}${other}`,
    `        holdfast lab down${other} ends it`,
  ].join('\n');
  return ok(text, { ok: true, lab: name, firm: topology.name, machines, routers, servers, links } as unknown as Json);
}

export async function status(lab: LabName, measure: boolean): Promise<CommandOutcome> {
  const { record, state, usage, measured } = await labStatus(lab, { measure });
  const servers = await labServers(lab, state);
  const rows = state.processes.map(({ key, pid, alive }) => {
    const used = usage.processes.find((each) => each.name === key);
    return [
      `${alive ? '●' : '✕'} ${key}`,
      alive ? (servers?.find((each) => each.key === key)?.state ?? 'running') : 'not running',
      pid === null ? '–' : String(pid),
      megabytes(used?.memoryBytes ?? null),
      used === undefined ? '? unknown' : elapsedText(used.cpuMs),
    ];
  });
  const heads = [
    { title: '  PROCESS' },
    { title: 'STATE' },
    { title: 'PID', align: 'right' as const },
    { title: 'MEMORY', align: 'right' as const },
    { title: 'CPU', align: 'right' as const },
  ];
  const lacking = (servers ?? []).flatMap(({ key, state: is, lacks }) =>
    lacks === null ? [] : [`${is === 'unknown' ? '?' : '✕'} ${key}: ${lacks}`],
  );
  const others = usage.processes.filter(({ name }) => !state.processes.some(({ key }) => key === name));
  const links = (measured ?? []).map(
    ({ link, rttMs }) =>
      `${link}: ${rttMs === null ? '? no answer in time' : `${rttMs.median.toFixed(1)} ms median, ${rttMs.max.toFixed(1)} ms worst`}`,
  );
  const text = [
    `LAB ${lab.name}: ${record.firm}, ${record.complete ? 'up' : 'NOT COMPLETELY UP'} since ${record.createdAt}; ${megabytes(usage.memoryBytes)}, ${state.connections} connections`,
    ...faultLines(state.faults),
    ...table(heads, rows, 100),
    ...others.map(
      ({ name, count, memoryBytes, cpuMs }) => `  ${name} (${count}): ${megabytes(memoryBytes)}, ${elapsedText(cpuMs)}`,
    ),
    ...lacking,
    ...(links.length > 0 ? ['LINKS as measured now:', ...links.map((line) => `  ${line}`)] : []),
  ].join('\n');
  return ok(text, { record, state, usage, measured, servers } as unknown as Json);
}

const megabytes = (bytes: number | null): string => (bytes === null ? '? unknown' : `${Math.round(bytes / 1e6)} MB`);

const faultLines = (faults: readonly FaultReport[]): readonly string[] =>
  faults.length === 0 ? ['FAULTS  none in force'] : faults.map((fault) => `FAULT   ${faultText(fault)}`);

function faultText({ id, fault, expiresAt, pids }: FaultReport): string {
  const { kind, ...what } = fault;
  const until = expiresAt === null ? 'over at once' : `ends by itself at ${new Date(expiresAt).toISOString()}`;
  return `${id} ${kind} ${JSON.stringify(what)}, ${until}${pids.length === 0 ? '' : `, ${pids.length} processes`}`;
}

export async function breakIt(lab: LabName, words: FaultWords, forMs: number): Promise<CommandOutcome> {
  const fault = parseFault(words);
  const report = await labBreak(lab, fault, isOverAtOnce(fault) ? null : forMs);
  const heal =
    fault.kind === 'kill'
      ? 'holdfast lab status shows what has started again by itself'
      : fault.kind === 'authority-restored'
        ? 'holdfast status says what is blocked; holdfast authority adopt --reason TEXT'
        : `holdfast lab heal ${report.id}`;
  return ok(`in force: ${faultText(report)}\nnext    ${heal}`, report as unknown as Json);
}

export async function heal(lab: LabName, fault: string): Promise<CommandOutcome> {
  const ended = await labHeal(lab, fault);
  const text =
    ended.length === 0 ? 'no fault was in force' : ended.map((each) => `ended: ${faultText(each)}`).join('\n');
  return ok(text, { ended } as unknown as Json);
}

export async function copyAuthority(lab: LabName): Promise<CommandOutcome> {
  const { bytes } = await labCopyAuthority(lab);
  return ok(
    `the authority was copied: ${bytes} bytes\nnext    holdfast lab break authority-restored, later, brings it back to now`,
    { ok: true, bytes },
  );
}

export async function restart(lab: LabName, key: string): Promise<CommandOutcome> {
  await labRestart(lab, key);
  return ok(`${key} runs again`, { ok: true, key });
}

const defaultRate = 1000;

export async function load(lab: LabName, action: string, rate: number | null): Promise<CommandOutcome> {
  const topology = topologyOf(lab);
  if (action === 'start') {
    const { Platform } = await import('../../lab/demo/platform.ts');
    await new Platform(lab, topology).startFlow(rate ?? defaultRate);
    return ok(`the order flow runs: ${rate ?? defaultRate} orders/s\nnext    holdfast lab load status`, {
      ok: true,
      ratePerSecond: rate ?? defaultRate,
    });
  }
  if (action === 'rate' && rate === null)
    throw new HoldfastError({
      code: 'HF-8003',
      attempted: 'lab load rate',
      found: 'no rate is given',
      next: 'holdfast lab load rate 500',
    });
  const params = action === 'rate' ? { ordersPerSecond: rate } : {};
  const result = await labLoad(lab, topology, { method: action, params, deadlineMs: 15_000 });
  return ok(JSON.stringify(result, null, 2), result as Json);
}

/** Counts what was acknowledged to the canary client and is gone. 0 none · 1 some · 5 not all could be looked for. */
export async function canary(lab: LabName): Promise<CommandOutcome> {
  const count = await countCanaries(labContext(lab, topologyOf(lab)));
  const { ordersAcked, ordersMissing, commitsAcked, commitsMissing, unanswered, reasons } = count;
  const known = [...(ordersMissing ?? []), ...(commitsMissing ?? [])];
  const nothing = ordersAcked === null || commitsAcked === null || ordersAcked + commitsAcked === 0;
  const whole = ordersMissing !== null && commitsMissing !== null && !nothing;
  const exitCode = known.length > 0 ? exitCodes.failed : whole ? exitCodes.ok : exitCodes.unknown;
  const row = (what: string, acked: number | null, missing: readonly string[] | null) =>
    `${missing === null ? '?' : missing.length === 0 ? '●' : '✕'} ${what.padEnd(8)}${acked ?? '?'} acknowledged, ${missing === null ? '? not counted' : `${missing.length} missing`}`;
  const text = [
    row('orders', ordersAcked, ordersMissing),
    row('rows', commitsAcked, commitsMissing),
    `  ${unanswered ?? '?'} never answered, which are no loss`,
    ...(nothing ? ['note    nothing was acknowledged yet: there is nothing to look for'] : []),
    ...known.slice(0, 20).map((id) => `missing ${id}`),
    ...reasons.map((reason) => `note    ${reason}`),
  ].join('\n');
  return { exitCode, text: `${text}\n`, json: { ...count, exitCode } as unknown as Json };
}

export async function down(lab: LabName, say: (line: string) => void): Promise<CommandOutcome> {
  let others = false;
  const { processesEnded, kept, after } = await labDown(lab, (holder) => {
    others = true;
    say(
      holder === null
        ? `another process is at lab ${lab.name}: waiting for it`
        : `process ${holder.pid} is ${holder.doing}: waiting for it`,
    );
  });
  const stays = kept.map((path) => relative(lab.root, path));
  const ended =
    others && processesEnded === 0
      ? `ended by ${after === null ? 'another process' : `process ${after.pid}`}`
      : `${processesEnded} processes ended`;
  const text = `lab ${lab.name} is down: ${ended}${stays.length === 0 ? '' : `; kept ${stays.join(', ')}`}`;
  return ok(text, { ok: true, processesEnded, endedByAnother: others && processesEnded === 0, kept: stays });
}

/** The topology that a lab was brought up with, overlays included. */
function topologyOf(lab: LabName): Topology {
  const directory = new LabDirectory(lab.root, lab.name);
  if (directory.readRecord() === null)
    throw new LabError({
      code: 'HF-7003',
      attempted: `find lab ${lab.name}`,
      found: 'it is not up',
      next: `holdfast lab up --name ${lab.name}`,
    });
  return (JSON.parse(readFileSync(directory.groundFile, 'utf8')) as GroundConfig).topology;
}
