import { cleanText } from './body-writer.ts';
import { fieldName } from './field-table.ts';
import type { FieldProblem, FixMessage } from './fix-message.ts';
import type { MessageCheck } from './message-check.ts';
import { isDefinedMsgType, messageSpec } from './message-table.ts';
import { MSG, REJECT_REASON, TAG } from './tags.ts';

/** Why a message that is next in order has to be rejected, or null. Types that FIX defines and nobody here uses are no problem yet. */
export const messageProblem = (message: FixMessage, check: MessageCheck): FieldProblem | null => {
  const { msgType } = message;
  const spec = messageSpec(msgType);
  if (spec === undefined && !isDefinedMsgType(msgType))
    return {
      reason: REJECT_REASON.invalidMsgType,
      tag: TAG.MsgType,
      text: `FIX 4.4 has no message type "${cleanText(msgType, 16)}"`,
    };
  const sendingMs = message.utcMs(TAG.SendingTime);
  if (sendingMs === null) return unreadable(message, TAG.SendingTime);
  if (message.flag(TAG.PossDupFlag) && msgType !== MSG.SequenceReset) {
    const origMs = message.utcMs(TAG.OrigSendingTime);
    if (origMs === null) return unreadable(message, TAG.OrigSendingTime);
    if (origMs >= sendingMs + 1000)
      return {
        reason: REJECT_REASON.sendingTimeAccuracy,
        tag: TAG.OrigSendingTime,
        text: 'OrigSendingTime (122) is later than SendingTime (52)',
      };
  }
  return spec === undefined ? message.problem : check.problemOf(message, spec);
};

/** A field that has to be there and is not, or is not what it should be. */
export const unreadable = (message: FixMessage, tag: number): FieldProblem =>
  message.has(tag)
    ? { reason: REJECT_REASON.valueFormat, tag, text: `${fieldName(tag)} cannot be read` }
    : { reason: REJECT_REASON.requiredTagMissing, tag, text: `${fieldName(tag)} is missing` };

export const notForward = (next: number, expected: number): FieldProblem => ({
  reason: REJECT_REASON.valueIncorrect,
  tag: TAG.NewSeqNo,
  text: `NewSeqNo (36) is ${next}; ${expected} is expected, and numbers only go forward`,
});

/** Why a ResendRequest cannot be answered when `last` is the last number there is, or null. */
export const resendProblem = (from: number | null, to: number | null, last: number): FieldProblem | null =>
  from !== null && to !== null && from >= 1 && from <= last && (to === 0 || to >= from)
    ? null
    : {
        reason: REJECT_REASON.valueIncorrect,
        tag: TAG.BeginSeqNo,
        text: `a resend from ${from} to ${to} cannot be given; ${last} is the last number`,
      };
