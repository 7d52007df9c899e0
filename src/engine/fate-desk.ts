import type { Json } from '../core/base/canonical-json.ts';
import type { Facts } from '../core/decision/facts.ts';
import { type OperatorRequest, requestWords } from '../core/operator/operator-request.ts';
import type { Instance } from '../core/topology/topology.ts';
import { indexOf } from '../core/topology/topology-index.ts';
import type { Asked, DeskService } from './desk-service.ts';
import type { GroupControl } from './group-control.ts';
import type { Command, CommandOutcome } from './messages.ts';

type FatesRequest = Extract<OperatorRequest, { kind: 'fates' }>;

/** Less than people wait for an answer of the API. */
const ANSWER_WITHIN_MS = 6000;
const MOST_WAITING = 64;

interface Waiting {
  readonly asked: Asked;
  readonly tried: string;
  readonly instance: string;
}

/**
 * Where people ask what became of every order at a take-over. An engine tells, through its agent, and nothing is kept: the question
 * is of no run and changes nothing. An agent that does not answer leaves the question to the deadline of who asked.
 */
export class FateDesk {
  readonly #service: DeskService;
  readonly #waiting = new Map<string, Waiting>();

  constructor(service: DeskService) {
    this.#service = service;
  }

  receive(request: FatesRequest, group: GroupControl, asked: Asked): void {
    const facts = group.facts(asked.now, asked.wall);
    const tried = requestWords(request);
    const instance = chosen(facts, request.instance);
    if (typeof instance === 'string')
      return this.#service.refuse(asked, {
        code: request.instance === null ? 'HF-4124' : 'HF-4002',
        tried,
        found: instance,
        next: 'holdfast status: who holds the engine',
      });
    const { record } = facts;
    const { controller } = this.#service;
    const key = `fates/${asked.ticket}/${instance.id}`;
    const command: Command = {
      key,
      group: group.group.id,
      term: controller.leadership.term,
      epoch: record?.epoch ?? (0 as never),
      run: 'none' as never,
      step: 'fates' as never,
      attempt: 1,
      deadlineMs: ANSWER_WITHIN_MS,
      order: { kind: 'ask', instance: instance.id, question: 'takeover' },
    };
    const [oldest] = this.#waiting.keys();
    if (oldest !== undefined && this.#waiting.size >= MOST_WAITING) this.#waiting.delete(oldest);
    this.#waiting.set(key, { asked, tried, instance: instance.id });
    controller.emit({ kind: 'command', host: instance.host, command });
  }

  /** False: nobody asked here for what this answers. */
  told({ key, outcome }: CommandOutcome): boolean {
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) return key.startsWith('fates/');
    this.#waiting.delete(key);
    const { asked, tried, instance } = waiting;
    const report = outcome.kind === 'ok' ? reportIn(outcome.detail['answer']) : null;
    if (report !== null) this.#service.answer(asked, { kind: 'ok', result: report });
    else
      this.#service.refuse(asked, {
        code: 'HF-4124',
        tried,
        found: outcome.kind === 'ok' ? `the answer of ${instance} cannot be read` : outcome.reason,
        next: 'holdfast fates INSTANCE: an engine that took over before; every report is in the data directory of who took over',
      });
    return true;
  }
}

/** The engine that is meant, or why there is none. */
function chosen({ topology, group, record }: Facts, named: string | null): Instance | string {
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

function reportIn(answer: unknown): Json | null {
  if (typeof answer !== 'string') return null;
  try {
    return JSON.parse(answer) as Json;
  } catch {
    return null;
  }
}
