import { emptyIdView, hashId, IdScratch, type IdView, idText } from '../../base/id-view.ts';
import { IdIndex } from './id-index.ts';

/** Names by number, and back. A name gets its number when it is first given; numbers differ from run to run, names do not. */
export class Names {
  readonly #index = new IdIndex();
  readonly #texts: string[] = [];
  readonly #hashes: number[] = [];
  readonly #views: IdView[] = [];
  readonly #scratch = new IdScratch();

  get count(): number {
    return this.#texts.length;
  }

  /** The number of a name; -1 when it cannot be a name at all. */
  number(text: string): number {
    const view = this.#scratch.hold(text);
    return view === null ? -1 : this.numberOf(view);
  }

  numberOf(view: IdView): number {
    const known = this.#index.find(0, view);
    if (known >= 0) return known;
    this.#texts.push(idText(view));
    this.#hashes.push(hashId(view, 0));
    this.#views.push({ bytes: view.bytes.slice(view.at, view.at + view.length), at: 0, length: view.length });
    return this.#index.add(0, view);
  }

  /** Without giving it one: -1 when it has none. */
  known(view: IdView): number {
    return this.#index.find(0, view);
  }

  text(number: number): string {
    return this.#texts[number] ?? '';
  }

  /** A hash of the name, the same in every run. */
  hash(number: number): number {
    return this.#hashes[number] ?? 0;
  }

  /** The name's bytes; empty for a number that no name has. */
  view(number: number): IdView {
    return this.#views[number] ?? NOTHING;
  }
}

const NOTHING = emptyIdView();
