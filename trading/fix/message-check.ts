import {
  FIRST_USER_TAG,
  type FieldSpec,
  type FieldType,
  fieldName,
  fieldSpec,
  LAST_STANDARD_TAG,
} from './field-table.ts';
import type { FieldProblem, FixMessage } from './fix-message.ts';
import { type GroupSpec, type MessageSpec, messageName } from './message-table.ts';
import { isHeaderTag, isTrailerTag, REJECT_REASON } from './tags.ts';

/** Holds a message against the tables. One for each session: it keeps memory between messages so that a check makes nothing. */
export class MessageCheck {
  /** By tag: the number of the check that last saw it. */
  readonly #seenIn = new Uint32Array(100_000);
  #check = 0;

  /** The first thing wrong with a message of a type in use, or null. */
  problemOf(message: FixMessage, spec: MessageSpec): FieldProblem | null {
    if (message.problem !== null) return message.problem;
    this.#begin();
    let inBody = false;
    let inTrailer = false;
    const count = message.fieldCount;
    for (let at = 0; at < count; at++) {
      const tag = message.tagAt(at);
      if (isHeaderTag(tag)) {
        if (inBody) return problem('tagOutOfOrder', tag, 'belongs to the header and stands in the body');
      } else if (isTrailerTag(tag)) inTrailer = true;
      else {
        if (inTrailer) return problem('tagOutOfOrder', tag, 'belongs to the body and stands in the trailer');
        inBody = true;
      }
      if (this.#seenIn[tag] === this.#check) {
        if (tag <= LAST_STANDARD_TAG && fieldSpec(tag) !== undefined)
          return problem('tagRepeated', tag, 'stands twice');
        continue;
      }
      this.#seenIn[tag] = this.#check;
      const wrong = fieldProblem(message, at, spec);
      if (wrong !== null) return wrong;
      const group = groupOf(spec, tag);
      if (group === undefined) continue;
      const end = groupEnd(message, at, group);
      const wrongGroup = groupProblem(message, at, end, { group, spec });
      if (wrongGroup !== null) return wrongGroup;
      for (let member = at + 1; member < end; member++) this.#seenIn[message.tagAt(member)] = this.#check;
      at = end - 1;
    }
    for (const tag of spec.required) {
      if (this.#seenIn[tag] !== this.#check)
        return {
          reason: REJECT_REASON.requiredTagMissing,
          tag,
          text: `${messageName(spec.msgType)} needs ${fieldName(tag)}`,
        };
    }
    return null;
  }

  #begin(): void {
    this.#check += 1;
    if (this.#check < 0xffff_ffff) return;
    this.#seenIn.fill(0);
    this.#check = 1;
  }
}

const problem = (reason: keyof typeof REJECT_REASON, tag: number, found: string): FieldProblem => ({
  reason: REJECT_REASON[reason],
  tag,
  text: `${fieldName(tag)} ${found}`,
});

const fieldProblem = (message: FixMessage, at: number, spec: MessageSpec): FieldProblem | null => {
  const tag = message.tagAt(at);
  const field = fieldSpec(tag);
  if (field === undefined) {
    if (tag <= LAST_STANDARD_TAG || tag >= FIRST_USER_TAG) return null;
    return { reason: REJECT_REASON.undefinedTag, tag, text: `FIX 4.4 has no field ${tag}` };
  }
  if (!spec.allowed.has(tag) && !isHeaderTag(tag) && !isTrailerTag(tag))
    return problem('tagNotForMessage', tag, `does not belong in ${messageName(spec.msgType)}`);
  return valueProblem(message, at, field);
};

const valueProblem = (message: FixMessage, at: number, field: FieldSpec): FieldProblem | null => {
  if (!isWellFormed(message, at, field.type))
    return problem('valueFormat', field.tag, `is no ${field.type}: "${clip(message.textAt(at))}"`);
  if (field.values === null) return null;
  const value = field.type === 'int' ? String(message.intAt(at)) : message.textAt(at);
  if (field.values.has(value)) return null;
  return problem('valueIncorrect', field.tag, `has no value "${clip(value)}"`);
};

const isWellFormed = (message: FixMessage, at: number, type: FieldType): boolean => {
  switch (type) {
    case 'string':
    case 'data':
      return true;
    case 'char':
      return message.valueLengthAt(at) === 1;
    case 'boolean': {
      const code = message.firstCodeAt(at);
      return message.valueLengthAt(at) === 1 && (code === 89 || code === 78);
    }
    case 'int':
      return message.intAt(at) !== null;
    case 'seqnum':
    case 'count':
    case 'length':
      return (message.intAt(at) ?? -1) >= 0;
    case 'decimal':
    case 'qty':
      return isDecimal(message.valueAt(at));
    case 'timestamp':
      return message.utcMsAt(at) !== null;
    case 'date':
      return /^\d{4}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])$/.test(message.textAt(at));
  }
};

const isDecimal = (value: Uint8Array): boolean => {
  let digits = 0;
  let points = 0;
  for (let at = value[0] === 45 ? 1 : 0; at < value.length; at++) {
    const byte = value[at]!;
    if (byte === 46) points += 1;
    else if (byte >= 48 && byte <= 57) digits += 1;
    else return false;
  }
  return digits > 0 && digits <= 30 && points <= 1;
};

const groupOf = (spec: MessageSpec, tag: number): GroupSpec | undefined =>
  spec.groups.length === 0 ? undefined : spec.groups.find((group) => group.countTag === tag);

const groupEnd = (message: FixMessage, at: number, group: GroupSpec): number => {
  let end = at + 1;
  while (end < message.fieldCount && group.members.has(message.tagAt(end))) end += 1;
  return end;
};

const groupProblem = (
  message: FixMessage,
  at: number,
  end: number,
  about: { readonly group: GroupSpec; readonly spec: MessageSpec },
): FieldProblem | null => {
  const { group, spec } = about;
  let entries = 0;
  for (let member = at + 1; member < end; member++) {
    const tag = message.tagAt(member);
    if (tag === group.firstTag) entries += 1;
    else if (entries === 0)
      return problem('groupOutOfOrder', tag, `stands before ${fieldName(group.firstTag)}, which begins each entry`);
    const wrong = fieldProblem(message, member, spec);
    if (wrong !== null) return wrong;
  }
  const stated = message.intAt(at);
  if (stated === entries) return null;
  return problem('groupCount', group.countTag, `says ${stated} and ${entries} entries follow`);
};

const clip = (text: string): string => (text.length > 32 ? `${text.slice(0, 32)}…` : text).replace(/[^ -~…]/g, '?');
