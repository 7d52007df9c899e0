import { err, ok, type Result } from '../base/result.ts';
import type { AutomationPolicy } from '../topology/topology.ts';
import { readSite, SITE_WORDS } from './cast.ts';
import { parseCondition, parseDuration, parseStep } from './condition.ts';
import { FAULT_PHRASES, isOverAtOnce, parseFault } from './fault.ts';
import { type Misread, misread } from './misread.ts';
import type { Firm, PersonRequest, Scenario, ScenarioLine, ScenarioPolicy } from './scenario.ts';

export interface ScenarioProblem extends Misread {
  /** Counted from 1. */
  readonly line: number;
}

/** The story stands below this line. */
export const STORY_BELOW = '----';

export const PERSON_PHRASES: readonly string[] = [
  'freezes automation',
  'lifts the freeze',
  'approves the plan that waits',
  'accepts the loss and approves the plan that may have it',
  'acknowledges what happened',
  'accepts the exposure and ends the halt',
  'adopts the restored authority',
  'asks for a switchover to SITE',
  'asks for a failover to SITE',
  'asks for a recovery of COMPONENT',
];

const VERBS = ['title', 'firm', 'policy', 'fault', 'person', 'wait', 'wait until', 'expect'];
const COUNTS: Readonly<Record<string, number>> = { one: 1, two: 2, three: 3 };
const DEFAULT_POLICY: ScenarioPolicy = { site: 'automatic', instance: 'automatic', afterPeerLoss: 'degrade' };

/** Either all of it is understood, or every problem is named with its line. */
export function parseScenario(text: string): Result<Scenario, readonly ScenarioProblem[]> {
  const all = text.split(/\r?\n/);
  const dashes = all.findIndex((line) => line.trimEnd() === STORY_BELOW);
  const script = dashes < 0 ? all : all.slice(0, dashes);
  const story = dashes < 0 ? [] : all.slice(dashes + 1).filter((line) => line !== '');
  const problems: ScenarioProblem[] = [];
  const lines: ScenarioLine[] = [];
  const head = new Map<string, { readonly line: number; readonly text: string }>();
  for (const [at, raw] of script.entries()) {
    const trimmed = raw.trim();
    if (trimmed === '' || trimmed.startsWith('#')) continue;
    const line = at + 1;
    const colon = trimmed.indexOf(':');
    const verb = colon < 0 ? trimmed : trimmed.slice(0, colon);
    const rest = colon < 0 ? '' : trimmed.slice(colon + 1).trim();
    const said = head.get(verb);
    if (said) problems.push({ line, found: `"${verb}" is said twice`, next: `it stands in line ${said.line} already` });
    else if (HEAD.includes(verb)) head.set(verb, { line, text: rest });
    else {
      const read = parseLine(verb, rest, { number: line, text: `${verb}: ${rest}` });
      if (read.ok) lines.push(read.value);
      else problems.push({ line, ...read.error });
    }
  }
  const take = <Value>(verb: string, parse: (text: string) => Result<Value, Misread>, otherwise: Value): Value => {
    const said = head.get(verb);
    const read = said ? parse(said.text) : ok(otherwise);
    if (read.ok) return read.value;
    problems.push({ line: said?.line ?? 1, ...read.error });
    return otherwise;
  };
  const title = take('title', parseTitle, '');
  const firm = take('firm', parseFirm, { servingSites: 2, enginesPerSite: 1, archive: false, services: false });
  const policy = take('policy', parsePolicy, DEFAULT_POLICY);
  for (const [verb, example] of MUST_SAY)
    if (!head.has(verb)) problems.push({ line: 1, found: `"${verb}" is missing`, next: `add "${verb}: ${example}"` });
  if (lines.length === 0 && problems.length === 0)
    problems.push({ line: script.length, found: 'nothing is done', next: `add a fault: ${FAULT_PHRASES.join(' · ')}` });
  if (problems.length > 0) return err(problems.toSorted((a, b) => a.line - b.line));
  return ok({ title, firm, policy, lines, script: script.join('\n'), story });
}

const HEAD: readonly string[] = ['title', 'firm', 'policy'];
const MUST_SAY = [
  ['title', 'one sentence that says what it shows'],
  ['firm', 'two sites, two engines each'],
] as const;

const parseTitle = (text: string): Result<string, Misread> =>
  text === '' ? misread('the title is empty', 'one sentence that says what it shows') : ok(text);

function parseFirm(text: string): Result<Firm, Misread> {
  const form =
    /^(two|three) sites, (one|two) engines? each(, archive)?(, services)?(, servers)?(, delegated database)?( behind gates)?$/;
  const [, sites, engines, archive, services, servers, delegated, gated] = form.exec(text) ?? [];
  if (sites === undefined || (gated !== undefined && delegated === undefined))
    return misread(
      `"${text}" is not a firm`,
      '"two|three sites, one|two engines each", and ", archive", ", services", ", servers" or ", delegated database" (and " behind gates") if there are any',
    );
  if (sites === 'three' && archive !== undefined)
    return misread('three serving sites have no archive', 'leave out ", archive", or take two sites');
  return ok({
    servingSites: COUNTS[sites]!,
    enginesPerSite: COUNTS[engines!]!,
    archive: archive !== undefined,
    services: services !== undefined,
    ...(servers === undefined ? {} : { servers: true }),
    ...(delegated === undefined ? {} : { delegatedDatabase: true }),
    ...(gated === undefined ? {} : { gatedDatabase: true }),
  });
}

function parsePolicy(text: string): Result<ScenarioPolicy, Misread> {
  let policy = DEFAULT_POLICY;
  for (const part of text.split(', ')) {
    const [, scope, value] = /^(site|instance) (automatic|approval|manual|observe)$/.exec(part) ?? [];
    const [, afterPeerLoss] = /^after peer loss (degrade|halt)$/.exec(part) ?? [];
    if (scope !== undefined) policy = { ...policy, [scope]: value as AutomationPolicy };
    else if (afterPeerLoss !== undefined)
      policy = { ...policy, afterPeerLoss: afterPeerLoss as ScenarioPolicy['afterPeerLoss'] };
    else
      return misread(
        `"${part}" is not a policy`,
        '"site automatic|approval|manual|observe", "instance …" with the same words, "after peer loss degrade|halt"; between them ", "',
      );
  }
  return ok(policy);
}

type Base = { readonly number: number; readonly text: string };

function parseLine(verb: string, rest: string, base: Base): Result<ScenarioLine, Misread> {
  switch (verb) {
    case 'fault':
      return parseFaultLine(rest, base);
    case 'person': {
      const request = parsePerson(rest);
      return request.ok ? ok({ ...base, kind: 'person', request: request.value }) : request;
    }
    case 'wait': {
      const ms = parseDuration(rest);
      return ms.ok ? ok({ ...base, kind: 'wait', ms: ms.value }) : ms;
    }
    case 'wait until':
      return parseWait(rest, base);
    case 'expect': {
      const condition = parseCondition(rest);
      return condition.ok ? ok({ ...base, kind: 'expect', condition: condition.value }) : condition;
    }
    default:
      return misread(
        `"${verb}" begins no line`,
        `a line begins with one of: ${VERBS.map((each) => `${each}:`).join(' ')}`,
      );
  }
}

function parseWait(text: string, base: Base): Result<ScenarioLine, Misread> {
  const [, what, within] = /^(.+), within (.+)$/.exec(text) ?? [];
  if (within === undefined) return misread('it does not say how long', `"wait until: ${text}, within 5 s"`);
  const withinMs = parseDuration(within);
  if (!withinMs.ok) return withinMs;
  const condition = parseCondition(what!);
  return condition.ok
    ? ok({ ...base, kind: 'wait-until', condition: condition.value, withinMs: withinMs.value })
    : condition;
}

function parseFaultLine(text: string, base: Base): Result<ScenarioLine, Misread> {
  const [, words, stepWord] = /^(.+?)(?:, at step (.+))?$/.exec(text) ?? [];
  const [, action, time] = /^(.+?)(?: for (.+))?$/.exec(words ?? '') ?? [];
  const fault = parseFault(action ?? '');
  if (!fault.ok) return fault;
  const step = stepWord === undefined ? ok(null) : parseStep(stepWord);
  if (!step.ok) return step;
  const forMs = time === undefined ? ok(null) : parseDuration(time);
  if (!forMs.ok) return forMs;
  const atOnce = isOverAtOnce(fault.value);
  if (!atOnce && forMs.value === null)
    return misread('the fault does not say when it ends', `every fault ends by itself: "${action} for 5 s"`);
  if (atOnce && forMs.value !== null) return misread(`"${action}" is over at once`, `leave out "for ${time}"`);
  return ok({ ...base, kind: 'fault', fault: fault.value, forMs: forMs.value, atStep: step.value });
}

function parsePerson(text: string): Result<PersonRequest, Misread> {
  const simple = PERSON_WORDS.get(text);
  if (simple) return ok(simple);
  const [, component] = /^asks for a recovery of (\S+)$/.exec(text) ?? [];
  if (component !== undefined) return ok({ kind: 'recover', component });
  const [, move, where] = /^asks for a (switchover|failover) to (.+)$/.exec(text) ?? [];
  if (where === undefined)
    return misread(`"${text}" is nothing that a person does`, `one of: ${PERSON_PHRASES.join(' · ')}`);
  const site = readSite(where);
  return site
    ? ok({ kind: 'move', move: move as 'switchover' | 'failover', site })
    : misread(`"${where}" is not a site`, SITE_WORDS);
}

const PERSON_WORDS: ReadonlyMap<string, PersonRequest> = new Map<string, PersonRequest>([
  ['freezes automation', { kind: 'freeze' }],
  ['lifts the freeze', { kind: 'unfreeze' }],
  ['approves the plan that waits', { kind: 'approve' }],
  ['accepts the loss and approves the plan that may have it', { kind: 'approve-loss' }],
  ['acknowledges what happened', { kind: 'acknowledge' }],
  ['accepts the exposure and ends the halt', { kind: 'resume' }],
  ['adopts the restored authority', { kind: 'adopt' }],
]);
