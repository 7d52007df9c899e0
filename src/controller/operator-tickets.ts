import type { OperatorAnswer, OperatorRequest, Person } from '../core/operator/operator-request.ts';
import { byDeadline, type ShellClock } from '../engine/shell.ts';

type Give = (event: {
  readonly kind: 'operator';
  readonly request: OperatorRequest;
  readonly person: Person;
  readonly ticket: number;
}) => void;

/** People's requests on their way through the core: a ticket out, an answer back. */
export class OperatorTickets {
  readonly #clock: ShellClock;
  readonly #give: Give;
  readonly #waiting = new Map<number, (answer: OperatorAnswer) => void>();
  #last = 0;

  constructor(clock: ShellClock, give: Give) {
    this.#clock = clock;
    this.#give = give;
  }

  /** Null: no answer by the deadline; whether it was done is not known. */
  async ask(request: OperatorRequest, person: Person, deadlineMs: number): Promise<OperatorAnswer | null> {
    this.#last += 1;
    const ticket = this.#last;
    const { promise, resolve } = Promise.withResolvers<OperatorAnswer>();
    this.#waiting.set(ticket, resolve);
    this.#give({ kind: 'operator', request, person, ticket });
    const answer = await byDeadline<OperatorAnswer | null>(
      this.#clock,
      { deadlineMs, late: () => null },
      () => promise,
    );
    this.#waiting.delete(ticket);
    return answer;
  }

  answer(ticket: number, answer: OperatorAnswer): void {
    this.#waiting.get(ticket)?.(answer);
  }
}
