import type { Book, ExchangeRecord } from './book.ts';

export interface ReadOptions {
  readonly deadlineMs: number;
  /** The book must have got at least this far in the engine's journal; null = as it is. */
  readonly atLeast: number | null;
}

/** A book of the firm. Throws, saying why, when not all of it could be read by the deadline: never answers with a part. */
export interface BookSource {
  readonly name: string;
  read(options: ReadOptions): Promise<Book>;
}

/** The engine's own book, which also says how far its journal has got: what the other books are waited for. */
export interface EngineSource {
  readonly name: string;
  read(options: Omit<ReadOptions, 'atLeast'>): Promise<{ readonly book: Book; readonly end: number }>;
}

/** All exchanges that the firm trades at, as one record. */
export interface ExchangeSource {
  readonly name: string;
  read(options: Omit<ReadOptions, 'atLeast'>): Promise<ExchangeRecord>;
}

export interface BookSources {
  readonly engine: EngineSource | null;
  readonly books: readonly BookSource[];
  readonly exchange: ExchangeSource;
}
