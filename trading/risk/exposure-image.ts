import { createHash } from 'node:crypto';
import { asRecord, countField, textField } from '../base/json-record.ts';
import type { BookedPosition } from '../positions/position-book.ts';
import { ExposureBook } from './exposure-book.ts';

/** An open order with what was asked for it and not answered. */
export interface OrderImage {
  readonly id: string;
  readonly client: string;
  readonly symbol: string;
  readonly side: 'B' | 'S';
  readonly price: number;
  readonly qty: number;
  readonly filled: number;
  /** Id, price and total of replaces that the exchange has not answered. */
  readonly asked: readonly (readonly [string, number, number])[];
}

/** All that an exposure book is after one entry. */
export interface ExposureImage {
  readonly through: number;
  /** Of that entry. */
  readonly epoch: number;
  readonly trades: number;
  readonly orders: readonly OrderImage[];
  readonly positions: readonly BookedPosition[];
  readonly marks: readonly (readonly [string, number])[];
}

/** An image as it is kept: the same book gives the same text. */
export interface KeptImage {
  readonly through: number;
  readonly epoch: number;
  readonly text: string;
  /** SHA-256 of the text, in hexadecimal. */
  readonly sha256: string;
}

const format = 'holdfast-exposures/1';

/** Null when the book has entries that fit nothing, or cannot be restored from its image exactly as it is: that is tried. */
export const keptImageOf = (book: ExposureBook): KeptImage | null => {
  if (book.unbooked.length > 0) return null;
  const text = textOf(book);
  const { through, epoch } = book;
  const kept = { through, epoch, text, sha256: sha256Of(text) };
  const restored = restoredFrom(kept);
  return restored !== null && textOf(restored) === text ? kept : null;
};

/** The book that an image was taken of; null when it is not as it was written, or written by another version. */
export const restoredFrom = ({ through, epoch, text, sha256 }: KeptImage): ExposureBook | null => {
  if (sha256Of(text) !== sha256) return null;
  const record = asRecord(JSON.parse(text));
  if (record === null || textField(record, 'format') !== format) return null;
  if (countField(record, 'through') !== through || countField(record, 'epoch') !== epoch) return null;
  // Its checksum says that this version, or one of the same format, wrote it.
  return ExposureBook.restored(record as unknown as ExposureImage);
};

const textOf = (book: ExposureBook): string => JSON.stringify({ format, ...book.image() });

const sha256Of = (text: string): string => createHash('sha256').update(text).digest('hex');
