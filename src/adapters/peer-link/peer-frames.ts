import type { HostId, SiteId } from '../../core/base/ids.ts';
import type { HostReport } from '../../core/health/host-report.ts';
import type { PeerOpinion } from '../../core/health/verdict.ts';
import type { NetworkReport } from '../../core/network/network-report.ts';
import type { NetworkTest, NetworkTestResult } from '../../core/network/throughput.ts';
import { schedulingClasses } from '../../core/topology/topology.ts';
import type { AgentReport, Command, CommandOutcome, InstanceReport, ProcessScheduling } from '../../engine/messages.ts';
import { Fields, ShapeError } from '../../wire/fields.ts';
import type { PeerIdentity } from '../../wire/peer-identity.ts';
import { parseCommand, parseCommandOutcome } from './command-frames.ts';
import { type ClockFrame, parseClockFrame, parseHostReport } from './host-frames.ts';
import { parseNetworkReport, parseNetworkTest, parseNetworkTestResult } from './network-frames.ts';
import { parseObservation, parseProcessExit } from './observation-frames.ts';

/**
 * What peers say to each other, version 1: newline-delimited JSON over mutual TLS. The side that dialled says `hello` first and
 * the other answers `welcome` or `refused`; everything else follows.
 */
export const peerProtocol = { versions: [1], maxFrameLength: 1024 * 1024 } as const;

/** Newest durable entry of a peer's own evidence chain. */
export interface ChainHeadNotice {
  readonly chain: string;
  readonly sequence: number;
  readonly hash: string;
}

/** After the greeting. */
export type PeerFrame =
  | { readonly t: 'report'; readonly report: AgentReport }
  | { readonly t: 'outcome'; readonly outcome: CommandOutcome }
  | { readonly t: 'command'; readonly command: Command }
  | { readonly t: 'opinion'; readonly opinion: PeerOpinion }
  | { readonly t: 'head'; readonly head: ChainHeadNotice }
  | { readonly t: 'network'; readonly report: NetworkReport }
  | { readonly t: 'network-test'; readonly test: NetworkTest }
  | { readonly t: 'network-result'; readonly result: NetworkTestResult }
  | { readonly t: 'host'; readonly report: HostReport }
  | { readonly t: 'clock'; readonly clock: ClockFrame }
  /** Only shows that the sender lives. */
  | { readonly t: 'ping' };

export type Greeting =
  | { readonly t: 'hello'; readonly versions: readonly number[]; readonly name: string; readonly boot: string }
  | { readonly t: 'welcome'; readonly version: number; readonly name: string; readonly boot: string }
  | { readonly t: 'refused'; readonly code: string; readonly reason: string };

const kinds = [
  'report',
  'outcome',
  'command',
  'opinion',
  'head',
  'network',
  'network-test',
  'network-result',
  'host',
  'clock',
  'ping',
] as const;

/** @throws ShapeError */
export function parsePeerFrame(line: string): PeerFrame {
  if (line === '{"t":"ping"}') return { t: 'ping' };
  const fields = Fields.parse(line, 'frame');
  const t = fields.oneOf('t', kinds);
  switch (t) {
    case 'ping':
      return { t };
    case 'report':
      return { t, report: parseReport(fields.fields('report')) };
    case 'outcome':
      return { t, outcome: parseCommandOutcome(fields.fields('outcome')) };
    case 'command':
      return { t, command: parseCommand(fields.fields('command')) };
    case 'opinion':
      return { t, opinion: parseOpinion(fields.fields('opinion')) };
    case 'network':
      return { t, report: parseNetworkReport(fields.fields('report')) };
    case 'network-test':
      return { t, test: parseNetworkTest(fields.fields('test')) };
    case 'network-result':
      return { t, result: parseNetworkTestResult(fields.fields('result')) };
    case 'host':
      return { t, report: parseHostReport(fields.fields('report')) };
    case 'clock':
      return { t, clock: parseClockFrame(fields.fields('clock')) };
    case 'head':
      return { t, head: parseHead(fields.fields('head')) };
  }
}

/** @throws ShapeError */
export function parseGreeting(line: string): Greeting {
  const fields = Fields.parse(line, 'frame');
  const t = fields.oneOf('t', ['hello', 'welcome', 'refused']);
  if (t === 'refused') return { t, code: fields.text('code'), reason: fields.words('reason', '') };
  const name = fields.text('name');
  const boot = fields.text('boot');
  if (t === 'welcome') return { t, version: fields.count('version'), name, boot };
  return { t, versions: fields.list('versions', version), name, boot };
}

/**
 * Why this peer may not say this; null when it may. An agent speaks for its own host and its own chain, a controller for its
 * own site and its own chain, and only a controller commands.
 */
export function notYours(peer: PeerIdentity, frame: PeerFrame): string | null {
  const { name, role } = peer;
  switch (frame.t) {
    case 'ping':
      return null;
    case 'network':
    case 'host':
    case 'report':
      return role === 'agent' && frame.report.host === name
        ? null
        : `${role} ${name} reported for the host ${frame.report.host}`;
    case 'outcome':
      return role === 'agent' && frame.outcome.host === name
        ? null
        : `${role} ${name} answered for the host ${frame.outcome.host}`;
    case 'opinion':
      return role === 'controller' && frame.opinion.observer === name
        ? null
        : `${role} ${name} gave an opinion as ${frame.opinion.observer}`;
    case 'network-result':
      return role === 'agent' && frame.result.host === name
        ? null
        : `${role} ${name} measured for the host ${frame.result.host}`;
    case 'network-test':
      return role === 'controller' ? null : `${role} ${name} asked for a measurement`;
    case 'clock':
      return role === 'controller' ? null : `${role} ${name} answered for a controller’s clock`;
    case 'command':
      return role === 'controller' ? null : `${role} ${name} sent a command`;
    case 'head':
      return frame.head.chain === chainOf(peer)
        ? null
        : `${role} ${name} gave the head of the chain ${frame.head.chain}`;
  }
}

/** Name of a peer's evidence chain. */
export const chainOf = (peer: PeerIdentity): string => `${peer.role}-${peer.name}`;

function parseReport(fields: Fields): AgentReport {
  return {
    host: fields.text<HostId>('host'),
    site: fields.text<SiteId>('site'),
    boot: fields.text('boot'),
    start: fields.count('start'),
    sequence: fields.count('sequence'),
    instances: fields.list('instances', (value, at) => parseInstanceReport(Fields.of(value, at))),
    ...(fields.has('scheduling') ? { scheduling: fields.list('scheduling', parseScheduling) } : {}),
  };
}

function parseScheduling(value: unknown, at: string): ProcessScheduling {
  const fields = Fields.of(value, at);
  return { process: fields.text('process'), class: fields.oneOf('class', schedulingClasses) };
}

function parseInstanceReport(fields: Fields): InstanceReport {
  const observation = fields.fieldsOrNull('observation');
  const exit = fields.fieldsOrNull('exit');
  return {
    instance: fields.text('instance'),
    component: fields.text('component'),
    observation: observation === null ? null : parseObservation(observation),
    ageMs: fields.number('ageMs'),
    exit: exit === null ? null : parseProcessExit(exit),
    silenced: fields.flag('silenced'),
    silencedBy: fields.oneOf('silencedBy', ['process-dead', 'demoted']),
    leaseCounter: fields.count('leaseCounter'),
    leased: fields.flag('leased'),
  };
}

function parseOpinion(fields: Fields): PeerOpinion {
  const hosts = fields.map('hosts', (value, at) => {
    const host = Fields.of(value, at);
    return {
      opinion: host.oneOf('opinion', opinions),
      silentMs: host.numberOrNull('silentMs') ?? Number.POSITIVE_INFINITY,
    };
  });
  return { observer: fields.text<SiteId>('observer'), hosts };
}

function parseHead(fields: Fields): ChainHeadNotice {
  return { chain: fields.text('chain'), sequence: fields.count('sequence'), hash: fields.text('hash') };
}

function version(value: unknown, at: string): number {
  if (!Number.isSafeInteger(value)) throw new ShapeError(at, 'must be a whole number');
  return value as number;
}

const opinions = ['alive', 'silent', 'unknown'] as const;
