import { BodyWriter, cleanText } from './body-writer.ts';
import type { FieldProblem, FixMessage } from './fix-message.ts';
import { TAG } from './tags.ts';

const ALL_LATER = 0;

/** The fields of the messages that a session sends on its own account. What a method answers is valid until the next one is called. */
export class OwnFields {
  readonly #writer = new BodyWriter();

  none(): Buffer {
    return this.#writer.begin().body();
  }

  text(text: string): Buffer {
    return this.#writer.begin().text(TAG.Text, cleanText(text)).body();
  }

  /** The answer to a TestRequest: its id, whatever it is made of. */
  heartbeatFor(testRequest: FixMessage): Buffer {
    const id = testRequest.valueAt(testRequest.find(TAG.TestReqID));
    return this.#writer.begin().value(TAG.TestReqID, id).body();
  }

  testRequestId(id: string): Buffer {
    return this.#writer.begin().text(TAG.TestReqID, id).body();
  }

  resendFrom(expected: number): Buffer {
    return this.#writer.begin().int(TAG.BeginSeqNo, expected).int(TAG.EndSeqNo, ALL_LATER).body();
  }

  logon(options: {
    readonly heartBtIntS: number;
    readonly reset: boolean;
    readonly nextExpected: number | null;
    readonly more: Uint8Array | undefined;
  }): Buffer {
    const writer = this.#writer.begin().int(TAG.EncryptMethod, 0).int(TAG.HeartBtInt, options.heartBtIntS);
    if (options.reset) writer.flag(TAG.ResetSeqNumFlag, true);
    if (options.nextExpected !== null) writer.int(TAG.NextExpectedMsgSeqNum, options.nextExpected);
    if (options.more !== undefined) writer.fields(options.more);
    return writer.body();
  }

  reject(message: FixMessage, seq: number, problem: FieldProblem): Buffer {
    const writer = this.#writer.begin().int(TAG.RefSeqNum, seq);
    if (problem.tag > 0) writer.int(TAG.RefTagID, problem.tag);
    writer.text(TAG.RefMsgType, cleanText(message.msgType, 16)).int(TAG.SessionRejectReason, problem.reason);
    return writer.text(TAG.Text, cleanText(problem.text)).body();
  }

  businessReject(message: FixMessage, reason: number, text: string): Buffer {
    const writer = this.#writer.begin();
    const seq = message.int(TAG.MsgSeqNum);
    const reference = message.text(TAG.ClOrdID);
    if (seq !== null) writer.int(TAG.RefSeqNum, seq);
    writer.text(TAG.RefMsgType, cleanText(message.msgType, 16));
    if (reference !== null) writer.text(TAG.BusinessRejectRefID, cleanText(reference));
    return writer.int(TAG.BusinessRejectReason, reason).text(TAG.Text, cleanText(text)).body();
  }
}
