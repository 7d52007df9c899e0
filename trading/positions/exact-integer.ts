import { CodedError } from '../base/coded-error.ts';

/** The sum, exact; refused with HF-7401 where it would leave the safe integers. */
export const exactSum = (left: number, right: number, what: string): number => {
  const sum = left + right;
  // Two safe integers make less than 2^54: where rounding could have happened the sum is no safe integer.
  if (!Number.isSafeInteger(sum)) throw tooLarge(what, `${left} + ${right}`);
  return sum;
};

/** The product, exact; refused with HF-7401 where it would leave the safe integers. */
export const exactProduct = (left: number, right: number, what: string): number => {
  const product = left * right;
  if (!Number.isSafeInteger(product)) throw tooLarge(what, `${left} × ${right}`);
  return product === 0 ? 0 : product;
};

/**
 * `value × part ÷ whole` to the nearest integer, halves up, for 0 ≤ part ≤ whole, value ≥ 0 and whole > 0. No step of it
 * rounds before the last one, however large the product is; the result is never more than `value`.
 */
export const proportion = (value: number, part: number, whole: number): number => {
  const each = Math.floor(value / whole);
  const rest = value - each * whole;
  const product = rest * part;
  if (Number.isSafeInteger(each * whole) && Number.isSafeInteger(2 * product + whole))
    return each * part + Math.floor((2 * product + whole) / (2 * whole));
  const [wide, divisor] = [2n * BigInt(value) * BigInt(part) + BigInt(whole), 2n * BigInt(whole)];
  return Number(wide / divisor);
};

const tooLarge = (what: string, found: string): CodedError =>
  new CodedError({
    code: 'HF-7401',
    attempted: `compute ${what}`,
    found: `${found} passes 2^53, beyond which integers are no longer exact`,
    next: 'nothing was changed; choose larger lots or a coarser tick for this instrument, or find the trade that is wrong',
  });
