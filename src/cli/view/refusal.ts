import type { Json } from '../../core/base/canonical-json.ts';
import type { OperatorAnswer } from '../../wire/operator-api.ts';
import type { CommandOutcome } from '../command-outcome.ts';
import { type ExitCode, exitCodes } from '../exit-code.ts';
import { prerequisiteLines, prerequisiteWay } from './prerequisite-lines.ts';
import { receiptIn, stopping, unmet } from './receipt-view.ts';
import { isRuleId, ruleLines, ruleSentence, ruleWords, wayOn } from './rule-words.ts';
import { labelled, spread } from './text.ts';

type Refused = Extract<OperatorAnswer, { kind: 'refused' }>;

/** What each refusal that no rule speaks is called and how it ends; by the controllers' code. */
const plainRefusals: Readonly<Record<string, { readonly title: string; readonly exitCode: ExitCode }>> = {
  'HF-4001': { title: 'your role does not allow it', exitCode: exitCodes.failed },
  'HF-4002': { title: 'there is nothing of that name', exitCode: exitCodes.usage },
  'HF-4003': { title: 'it was activated before', exitCode: exitCodes.failed },
  'HF-4104': { title: 'the plan is another one now', exitCode: exitCodes.failed },
  'HF-4105': { title: 'the change was not written', exitCode: exitCodes.failed },
  'HF-4106': { title: 'the loss was not accepted by name', exitCode: exitCodes.refused },
  'HF-4109': { title: 'a reason is needed', exitCode: exitCodes.usage },
  'HF-4107': { title: 'it cannot be fenced from here', exitCode: exitCodes.refused },
  'HF-4108': { title: 'there is nothing to move', exitCode: exitCodes.failed },
  'HF-4118': { title: 'the authority cannot be adopted now', exitCode: exitCodes.refused },
  'HF-4123': { title: 'there is no such recovery plan', exitCode: exitCodes.usage },
  'HF-4124': { title: 'no engine tells of its take-over', exitCode: exitCodes.failed },
  'HF-4125': { title: 'this path cannot be measured', exitCode: exitCodes.usage },
  'HF-4126': { title: 'no divergent tail is told', exitCode: exitCodes.failed },
  'HF-4127': { title: 'it has no service that can be asked', exitCode: exitCodes.failed },
  'HF-4122': { title: 'a prerequisite of the planned move is not met', exitCode: exitCodes.refused },
  'HF-4119': { title: 'a second person is needed', exitCode: exitCodes.needsApproval },
};

/** A refusal with the rule that speaks it, what was found, what would follow, what to do, and every rule's result. */
export function refusalOutcome(answer: Refused): CommandOutcome {
  const { code, tried, found, next, result } = answer;
  const receipt = receiptIn(result);
  const stops = receipt === null ? [] : stopping(receipt);
  const speaks = code.startsWith('HF-41') && !['HF-4104', 'HF-4105', 'HF-4108'].includes(code) ? stops[0] : undefined;
  const words = speaks && isRuleId(speaks.rule) ? ruleWords[speaks.rule] : null;
  const plain = plainRefusals[code];
  const exitCode = endOf(answer, words !== null);
  const title = words?.title ?? plain?.title ?? 'it was refused';
  const plan = receipt === null ? '' : `, plan ${receipt.digest}`;
  const findings = words === null ? [found] : stops.map(ruleSentence);
  const missing = receipt === null || code !== 'HF-4122' ? [] : unmet(receipt);
  const advice =
    speaks !== undefined
      ? wayOn(speaks, next)
      : missing.length > 0
        ? missing.flatMap((each) => prerequisiteWay(each))
        : [next];
  const lines = [
    spread(`${exitCode === exitCodes.usage ? 'USAGE' : 'REFUSED'} ${code} ${title}`, `exit ${exitCode}`),
    ...labelled('tried', `${tried}${plan}`),
    ...findings.flatMap((finding, index) => labelled(index === 0 ? 'found' : '', finding)),
    ...(words === null ? [] : labelled('so', words.so)),
    ...advice.filter((line) => line !== '').flatMap((line, index) => labelled(index === 0 ? 'next' : '', line)),
    ...(receipt === null ? [] : ruleLines(receipt.rules, receipt.overridden)),
    ...(receipt === null ? [] : prerequisiteLines(receipt.prerequisites, receipt.overridden)),
  ];
  const json: Json = {
    refused: { code, title, tried, found, so: words?.so ?? null, next: [...advice], rule: speaks?.rule ?? null },
    decision: result,
    exitCode,
  };
  return { exitCode, text: `${lines.join('\n')}\n`, json, toStderr: true };
}

function endOf({ code, result }: Refused, byRule: boolean): ExitCode {
  if (receiptIn(result)?.verdict === 'ask-approval' && code !== 'HF-4104') return exitCodes.needsApproval;
  if (byRule) return exitCodes.refused;
  return plainRefusals[code]?.exitCode ?? (code.startsWith('HF-41') ? exitCodes.refused : exitCodes.failed);
}
