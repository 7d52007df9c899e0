import type { Json } from '../core/base/canonical-json.ts';
import type { Facts } from '../core/decision/facts.ts';
import { type OperatorRequest, requestWords } from '../core/operator/operator-request.ts';
import type { Instance } from '../core/topology/topology.ts';
import { indexOf } from '../core/topology/topology-index.ts';
import type { Asked, DeskService } from './desk-service.ts';
import type { Question } from './driver-port.ts';
import type { GroupControl } from './group-control.ts';
import type { Command, CommandOutcome } from './messages.ts';
import { keptByManager, NO_SERVICE } from './service-desk.ts';

type Asking = Extract<OperatorRequest, { kind: 'fates' | 'tail' | 'service' }>;

interface Kind {
  readonly question: Question;
  readonly code: string;
  /** The instance that is meant where none was named, or why there is none. */
  readonly chosen: (facts: Facts, named: string | null) => Instance | string;
  readonly nextWithoutOne: string;
  readonly nextWithoutAnswer: string;
}

const KINDS: Readonly<Record<Asking['kind'], Kind>> = {
  fates: {
    question: 'takeover',
    code: 'HF-4124',
    chosen: engineOf,
    nextWithoutOne: 'holdfast status: who holds the engine',
    nextWithoutAnswer:
      'holdfast fates INSTANCE: an engine that took over before; every report is in the data directory of who took over',
  },
  tail: {
    question: 'tail',
    code: 'HF-4126',
    chosen: divergedOf,
    nextWithoutOne: 'holdfast status: which instances keep a tail',
    nextWithoutAnswer:
      'the files that were kept are on the host of the instance; rejoinPolicy: listed has them decoded',
  },
  service: {
    question: 'service',
    code: NO_SERVICE,
    chosen: (facts, named) => (named === null ? 'no instance was named' : keptByManager(facts, named)),
    nextWithoutOne: 'name an instance whose "server.service" says who keeps it running',
    nextWithoutAnswer: 'holdfast health: whether its agent is linked',
  },
};

/** Less than people wait for an answer of the API. */
const ANSWER_WITHIN_MS = 6000;
const MOST_WAITING = 64;
const PREFIX = 'question/';

interface Waiting {
  readonly kind: Kind;
  readonly asked: Asked;
  readonly tried: string;
  readonly instance: string;
}

/**
 * Where people ask what one instance knows: what became of every order at its take-over, what its divergent tail was decoded to, what its service manager says. It tells
 * through its agent, and nothing is kept: the question is of no run and changes nothing. An agent that does not answer leaves the question to
 * the deadline of who asked.
 */
export class QuestionDesk {
  readonly #service: DeskService;
  readonly #waiting = new Map<string, Waiting>();

  constructor(service: DeskService) {
    this.#service = service;
  }

  receive(request: Asking, group: GroupControl, asked: Asked): void {
    const facts = group.facts(asked.now, asked.wall);
    const tried = requestWords(request);
    const kind = KINDS[request.kind];
    const instance = kind.chosen(facts, request.instance);
    if (typeof instance === 'string')
      return this.#service.refuse(asked, {
        code: request.instance === null ? kind.code : 'HF-4002',
        tried,
        found: instance,
        next: kind.nextWithoutOne,
      });
    const { record } = facts;
    const { controller } = this.#service;
    const key = `${PREFIX}${request.kind}/${asked.ticket}/${instance.id}`;
    const command: Command = {
      key,
      group: group.group.id,
      term: controller.leadership.term,
      epoch: record?.epoch ?? (0 as never),
      run: 'none' as never,
      step: request.kind as never,
      attempt: 1,
      deadlineMs: ANSWER_WITHIN_MS,
      order: { kind: 'ask', instance: instance.id, question: kind.question },
    };
    const [oldest] = this.#waiting.keys();
    if (oldest !== undefined && this.#waiting.size >= MOST_WAITING) this.#waiting.delete(oldest);
    this.#waiting.set(key, { kind, asked, tried, instance: instance.id });
    controller.emit({ kind: 'command', host: instance.host, command });
  }

  /** False: nobody asked here for what this answers. */
  told({ key, outcome }: CommandOutcome): boolean {
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) return key.startsWith(PREFIX);
    this.#waiting.delete(key);
    const { kind, asked, tried, instance } = waiting;
    const report = outcome.kind === 'ok' ? reportIn(outcome.detail['answer']) : null;
    if (report !== null) this.#service.answer(asked, { kind: 'ok', result: report });
    else
      this.#service.refuse(asked, {
        code: kind.code,
        tried,
        found: outcome.kind === 'ok' ? `the answer of ${instance} cannot be read` : outcome.reason,
        next: kind.nextWithoutAnswer,
      });
    return true;
  }
}

/** The engine that is meant, or why there is none. */
function engineOf({ topology, group, record }: Facts, named: string | null): Instance | string {
  const engines = topology.components.filter(
    ({ id, kind }) => kind === 'trading-engine' && group.components.includes(id),
  );
  if (named !== null) {
    const instance = engines.flatMap(({ instances }) => instances).find(({ id }) => id === named);
    return instance ?? `${group.id} has no engine ${named}`;
  }
  for (const { id } of engines) {
    const holder = record?.grants[id]?.holder ?? null;
    if (holder !== null) return indexOf(topology).instance.get(holder)!;
  }
  return `nobody holds an engine of ${group.id}`;
}

/** The instance that is meant, or why there is none: one that keeps a tail of its own. */
function divergedOf({ topology, group, instances }: Facts, named: string | null): Instance | string {
  const all = topology.components
    .filter(({ id }) => group.components.includes(id))
    .flatMap((component) => component.instances);
  if (named !== null) return all.find(({ id }) => id === named) ?? `${group.id} has no instance ${named}`;
  const diverged = all.filter(({ id }) => instances.get(id)?.observation?.divergence != null);
  const [only, ...others] = diverged;
  if (only === undefined) return `nobody of ${group.id} reports a divergent tail`;
  return others.length === 0 ? only : `several keep one, name which: ${diverged.map(({ id }) => id).join(', ')}`;
}

function reportIn(answer: unknown): Json | null {
  if (typeof answer !== 'string') return null;
  try {
    return JSON.parse(answer) as Json;
  } catch {
    return null;
  }
}
