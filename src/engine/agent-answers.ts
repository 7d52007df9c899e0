import type { HostId } from '../core/base/ids.ts';
import type { CommandOutcome } from './messages.ts';

export interface AnswerCounts {
  /** Orders that were not carried out, and never will be under their term and epoch. */
  readonly refused: number;
  /** Proofs that an instance writes no more. */
  readonly proofs: number;
}

const none: AnswerCounts = { refused: 0, proofs: 0 };

/** What agents answered to orders, which they tell every controller, as far as this one has heard since it started. What is only repeated counts once. */
export class AgentAnswers {
  readonly #counts = new Map<HostId, AnswerCounts>();

  add({ host, outcome, proof, repeated }: CommandOutcome): void {
    if (repeated) return;
    const { refused, proofs } = this.of(host);
    this.#counts.set(host, {
      refused: refused + Number(outcome.kind === 'refused'),
      proofs: proofs + Number(proof !== null),
    });
  }

  of(host: HostId): AnswerCounts {
    return this.#counts.get(host) ?? none;
  }
}
