import { cleanText } from './body-writer.ts';
import { fieldName } from './field-table.ts';
import type { FieldProblem, FixMessage } from './fix-message.ts';
import type { MessageCheck } from './message-check.ts';
import { messageSpec } from './message-table.ts';
import type { SessionNumbers, SessionOptions } from './session-types.ts';
import { MSG, REJECT_REASON, TAG } from './tags.ts';

/** Whether a message is from whom and for whom this session is, and from about now. What is wrong ends the session. */
export const identityProblem = (message: FixMessage, options: SessionOptions, wallMs: number): FieldProblem | null => {
  if (!message.equals(TAG.SenderCompID, options.targetCompId))
    return compIdProblem(message, TAG.SenderCompID, options.targetCompId);
  if (!message.equals(TAG.TargetCompID, options.senderCompId))
    return compIdProblem(message, TAG.TargetCompID, options.senderCompId);
  const maxSkewMs = options.maxClockSkewMs === undefined ? 120_000 : options.maxClockSkewMs;
  const sendingMs = message.utcMs(TAG.SendingTime);
  if (maxSkewMs === null || sendingMs === null || Math.abs(sendingMs - wallMs) <= maxSkewMs) return null;
  return {
    reason: REJECT_REASON.sendingTimeAccuracy,
    tag: TAG.SendingTime,
    text: `SendingTime (52) is ${Math.round(Math.abs(sendingMs - wallMs) / 1000)} s from the clock here; ${maxSkewMs / 1000} s are allowed`,
  };
};

const compIdProblem = (message: FixMessage, tag: number, expected: string): FieldProblem => ({
  reason: REJECT_REASON.compIdProblem,
  tag,
  text: `${fieldName(tag)} is ${cleanText(message.text(tag) ?? 'missing', 32)}; this session is with ${expected}`,
});

/** Why a Logon cannot be accepted, in words for the other side's people, or null. */
export const logonRefusal = (
  message: FixMessage,
  about: {
    readonly seq: number;
    readonly options: SessionOptions;
    readonly numbers: SessionNumbers;
    readonly check: MessageCheck;
  },
): string | null => {
  const { seq, options, numbers, check } = about;
  const problem = check.problemOf(message, messageSpec(MSG.Logon)!);
  if (problem !== null) return problem.text;
  if (message.utcMs(TAG.SendingTime) === null) return 'SendingTime (52) is missing or is no time';
  if (message.int(TAG.EncryptMethod) !== 0) return 'EncryptMethod (98) is not 0: nothing is encrypted here';
  const heartBtIntS = message.int(TAG.HeartBtInt)!;
  const { min, max } = options.heartBtIntRangeS ?? { min: 0, max: 300 };
  if (heartBtIntS < 0 || (options.role === 'acceptor' && (heartBtIntS < min || heartBtIntS > max)))
    return `HeartBtInt (108) is ${heartBtIntS}; from ${min} to ${max} is granted`;
  if (message.flag(TAG.ResetSeqNumFlag)) {
    if (options.acceptReset === false) return 'ResetSeqNumFlag (141) is Y: this session does not begin again at 1';
    if (seq !== 1) return `ResetSeqNumFlag (141) is Y and MsgSeqNum (34) is ${seq}; it has to be 1`;
    return options.admit?.(message) ?? null;
  }
  if (seq < numbers.nextIn) return tooLowText(seq, numbers.nextIn);
  const nextExpected = message.int(TAG.NextExpectedMsgSeqNum);
  if (nextExpected !== null && nextExpected > numbers.nextOut)
    return `NextExpectedMsgSeqNum (789) is ${nextExpected}, and ${numbers.nextOut} is the next here: messages were forgotten`;
  return options.admit?.(message) ?? null;
};

export const tooLowText = (seq: number, expected: number): string =>
  `MsgSeqNum too low, expecting ${expected} but received ${seq}`;
