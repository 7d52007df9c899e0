import type { Block } from '../journal/block.ts';
import type { PrimaryMessage, StandbyMessage } from './messages.ts';

export type Frame =
  | { readonly to: 'primary'; readonly message: StandbyMessage }
  | { readonly to: 'standby'; readonly message: PrimaryMessage }
  | { readonly to: 'standby'; readonly senderEpoch: number; readonly block: Block }
  | { readonly to: 'primary' | 'standby'; readonly closed: true };

/** Who takes frames off a wire while it is alive and not frozen. */
interface WireEnd {
  readonly alive: boolean;
  readonly frozen: boolean;
}

/** One connection between a standby and the primary it dialled; frames in order each way until one side is cut. */
export interface Wire<End extends WireEnd> {
  readonly id: number;
  readonly standby: End;
  readonly primary: End;
  readonly standbyConnection: number;
  readonly toPrimary: Frame[];
  readonly toStandby: Frame[];
  open: boolean;
}

/** The connections of a simulated world: those that are open, and those that still bring what was sent before their end. */
export class SimulatedWires<End extends WireEnd> {
  readonly #random: () => number;
  #wires: Wire<End>[] = [];
  #nextId = 1;

  constructor(random: () => number) {
    this.#random = random;
  }

  get open(): readonly Wire<End>[] {
    return this.#wires.filter((wire) => wire.open);
  }

  /** Where a frame waits for somebody who could take it. */
  get ready(): readonly { readonly wire: Wire<End>; readonly queue: Frame[] }[] {
    return this.#wires.flatMap((wire) => [
      ...(wire.toPrimary.length > 0 && takesFrames(wire.primary) ? [{ wire, queue: wire.toPrimary }] : []),
      ...(wire.toStandby.length > 0 && takesFrames(wire.standby) ? [{ wire, queue: wire.toStandby }] : []),
    ]);
  }

  dial(standby: End, primary: End, standbyConnection: number): Wire<End> {
    const wire = {
      id: this.#nextId++,
      standby,
      primary,
      standbyConnection,
      toPrimary: [],
      toStandby: [],
      open: true,
    };
    this.#wires = this.#wires.filter((other) => other.open || other.toPrimary.length + other.toStandby.length > 0);
    this.#wires.push(wire);
    return wire;
  }

  /** An open one by the number that its primary knows it by. */
  byId(id: number): Wire<End> | null {
    return this.#wires.find((wire) => wire.id === id && wire.open) ?? null;
  }

  /** The newest one by the number that its standby gave it, open or not. */
  dialledBy(standby: End, connection: number): Wire<End> | null {
    return this.#wires.findLast((wire) => wire.standby === standby && wire.standbyConnection === connection) ?? null;
  }

  /** What was sent before still arrives, as far as the wire lets it; then both sides see the end. */
  cut(wire: Wire<End>, options: { readonly loseFrames: boolean }): void {
    if (!wire.open) return;
    wire.open = false;
    if (options.loseFrames) {
      wire.toPrimary.splice(Math.floor(this.#random() * (wire.toPrimary.length + 1)));
      wire.toStandby.splice(Math.floor(this.#random() * (wire.toStandby.length + 1)));
    }
    wire.toPrimary.push({ to: 'primary', closed: true });
    wire.toStandby.push({ to: 'standby', closed: true });
  }

  cutAllOf(end: End): void {
    for (const wire of this.#wires)
      if (wire.primary === end || wire.standby === end) this.cut(wire, { loseFrames: true });
  }
}

const takesFrames = ({ alive, frozen }: WireEnd): boolean => alive && !frozen;
