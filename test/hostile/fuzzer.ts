import type { Framing } from './framing.ts';
import { type Address, type Draw, HostilePeer } from './hostile-peer.ts';
import { mutateSession } from './mutation.ts';

/** As much of a session is sent at the most: what comes first decides what is read at all. */
const MOST_MESSAGES = 24;
const MOST_KEPT = 400;

export interface FuzzReport {
  readonly sessions: number;
  readonly recorded: number;
  readonly messages: number;
  readonly bytes: number;
  /** Answers that were unlike all before; what led to them was altered further. */
  readonly newAnswers: number;
  readonly codes: Readonly<Record<string, number>>;
}

/**
 * Sends a port sessions that were real once and are altered: again and again those that brought an answer of a new kind. What code such a
 * session reaches is seen only by what the port says: codes of its refusals, kinds of its messages, how much it says, whether it hangs up.
 */
export class Fuzzer {
  readonly #framing: Framing;
  readonly #draw: Draw;
  readonly #kept: (readonly Buffer[])[];
  readonly #recorded: number;
  readonly #seen = new Set<string>();
  readonly #codes: Record<string, number> = {};
  #sessions = 0;
  #messages = 0;
  #bytes = 0;

  constructor(options: { readonly framing: Framing; readonly sessions: readonly Buffer[]; readonly draw: Draw }) {
    this.#framing = options.framing;
    this.#draw = options.draw;
    this.#kept = options.sessions
      .map((bytes) => options.framing.split(bytes).slice(0, MOST_MESSAGES))
      .filter(({ length }) => length > 0);
    this.#recorded = this.#kept.length;
    if (this.#recorded === 0) throw new Error('nothing was recorded that could be altered');
  }

  get report(): FuzzReport {
    const [sessions, recorded, messages, bytes] = [this.#sessions, this.#recorded, this.#messages, this.#bytes];
    return { sessions, recorded, messages, bytes, newAnswers: this.#seen.size, codes: this.#codes };
  }

  /** One altered session. */
  async send(address: Address): Promise<void> {
    const draw = this.#draw;
    // The newest half of the time: there is where it goes on.
    const from = draw(2) === 0 ? Math.max(0, this.#kept.length - 8) : 0;
    const altered = mutateSession(this.#kept[from + draw(this.#kept.length - from)]!, draw);
    const messages = draw(4) === 0 ? altered : this.#framing.mend(altered);
    const peer = await HostilePeer.open(address);
    try {
      const heard = await peer.deliver(Buffer.concat(messages), { endsAfter: draw(3) === 0 });
      this.#sessions += 1;
      this.#messages += messages.length;
      this.#bytes += messages.reduce((sum, { length }) => sum + length, 0);
      for (const code of heard.codes) this.#codes[code] = (this.#codes[code] ?? 0) + 1;
      const size = Math.ceil(Math.log2(1 + heard.bytes));
      const answer = [heard.kind, [...new Set(heard.codes)].toSorted(), [...heard.kinds].toSorted(), size].join(' ');
      if (this.#seen.has(answer)) return;
      this.#seen.add(answer);
      if (this.#kept.length < MOST_KEPT) this.#kept.push(altered.slice(0, MOST_MESSAGES));
    } finally {
      peer.close();
    }
  }
}
