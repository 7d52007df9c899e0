import { err, ok, type Result } from '../base/result.ts';
import { STEP_KINDS, type StepKind } from '../plan/runbook.ts';
import { parseCondition, parseDuration, type Condition } from './condition.ts';
import { endsByItself, parseFault, parseSite, type ScenarioFault, type SitePhrase } from './fault.ts';

/**
 * A play in plain text, for the simulator, the lab and drills alike: a firm, its steady state, and lines that are done one after
 * the other. No variables, loops or conditions; whoever needs those writes a test. Below a line of dashes stands the story that is
 * expected, word by word; it is written by the player, never by hand.
 */
export interface Scenario {
  readonly title: string;
  readonly firm: Firm;
  readonly policy: Policy;
  readonly lines: readonly ScenarioLine[];
  /** Text above the dashes, as it was read. */
  readonly script: string;
  readonly story: readonly string[];
}

/** What the firm must look like; a lab looks whether its topology does. */
export interface Firm {
  readonly servingSites: number;
  readonly enginesPerSite: number;
  readonly archive: boolean;
}

export interface Policy {
  readonly site: 'automatic' | 'approval' | 'manual' | 'observe';
  readonly instance: 'automatic' | 'approval' | 'manual' | 'observe';
  readonly afterPeerLoss: 'degrade' | 'halt';
}

export type ScenarioLine = { readonly number: number; readonly text: string } & (
  | {
      readonly kind: 'fault';
      readonly fault: ScenarioFault;
      /** Null for what has no end. */
      readonly forMs: number | null;
      /** Done at the moment at which a run begins this step; the play goes on meanwhile. */
      readonly atStep: StepKind | null;
    }
  | { readonly kind: 'person'; readonly request: PersonRequest }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'wait-until'; readonly condition: Condition; readonly withinMs: number }
  | { readonly kind: 'expect'; readonly condition: Condition }
);

export type PersonRequest =
  | { readonly kind: 'freeze' }
  | { readonly kind: 'unfreeze' }
  | { readonly kind: 'approve' }
  | { readonly kind: 'acknowledge' }
  | { readonly kind: 'move'; readonly move: 'switchover' | 'failover'; readonly site: SitePhrase };

export interface ScenarioProblem {
  /** Counted from 1. */
  readonly line: number;
  readonly message: string;
}

export const STORY_BELOW = '----';

const COUNTS: Readonly<Record<string, number>> = { one: 1, two: 2, three: 3, four: 4 };
const DEFAULT_POLICY: Policy = { site: 'automatic', instance: 'automatic', afterPeerLoss: 'degrade' };

/** Every problem is named, with its line. */
export function parseScenario(text: string): Result<Scenario, readonly ScenarioProblem[]> {
  const all = text.split('\n');
  const dashes = all.indexOf(STORY_BELOW);
  const script = dashes < 0 ? all : all.slice(0, dashes);
  const story = dashes < 0 ? [] : all.slice(dashes + 1).filter((line) => line !== '');
  const problems: ScenarioProblem[] = [];
  const lines: ScenarioLine[] = [];
  let title: string | null = null;
  let firm: Firm | null = null;
  let policy = DEFAULT_POLICY;
  for (const [at, raw] of script.entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const colon = line.indexOf(':');
    const verb = colon < 0 ? line : line.slice(0, colon);
    const rest = colon < 0 ? '' : line.slice(colon + 1).trim();
    const problem = (message: string) => void problems.push({ line: at + 1, message });
    const take = <Value>(result: Result<Value, string>, keep: (value: Value) => void) => {
      if (result.ok) keep(result.value);
      else problem(result.error);
    };
    if (verb === 'title') title = rest;
    else if (verb === 'firm') take(parseFirm(rest), (value) => (firm = value));
    else if (verb === 'policy') take(parsePolicy(rest), (value) => (policy = value));
    else take(parseLine(verb, rest, at + 1), (value) => lines.push(value));
  }
  if (!title) problems.push({ line: 1, message: 'a scenario begins with "title: …", one sentence' });
  if (!firm) problems.push({ line: 1, message: 'say what the firm looks like: "firm: two sites, two engines each"' });
  if (lines.length === 0) problems.push({ line: script.length, message: 'nothing is done: a fault or a person is missing' });
  if (problems.length > 0 || !title || !firm) return err(problems);
  return ok({ title, firm, policy, lines, script: script.join('\n'), story });
}

function parseFirm(text: string): Result<Firm, string> {
  const [, sites, engines, archive] = /^(two|three) sites, (one|two) engines? each(, archive)?$/.exec(text) ?? [];
  if (sites === undefined)
    return err(`"${text}" is not a firm; e.g. "two sites, two engines each, archive" (two or three sites, one or two engines)`);
  return ok({ servingSites: COUNTS[sites]!, enginesPerSite: COUNTS[engines!]!, archive: archive !== undefined });
}

function parsePolicy(text: string): Result<Policy, string> {
  let policy = DEFAULT_POLICY;
  for (const part of text.split(', ')) {
    const [, scope, value] = /^(site|instance) (automatic|approval|manual|observe)$/.exec(part) ?? [];
    const [, afterPeerLoss] = /^after peer loss (degrade|halt)$/.exec(part) ?? [];
    if (scope !== undefined) policy = { ...policy, [scope]: value };
    else if (afterPeerLoss !== undefined) policy = { ...policy, afterPeerLoss: afterPeerLoss as Policy['afterPeerLoss'] };
    else return err(`"${part}" is not a policy; e.g. "site approval, instance automatic, after peer loss degrade"`);
  }
  return ok(policy);
}

function parseLine(verb: string, rest: string, number: number): Result<ScenarioLine, string> {
  const base = { number, text: `${verb}: ${rest}` };
  switch (verb) {
    case 'fault':
      return parseFaultLine(rest, base);
    case 'person': {
      const request = parsePerson(rest);
      return request.ok ? ok({ ...base, kind: 'person', request: request.value }) : request;
    }
    case 'wait': {
      const ms = parseDuration(rest);
      return ms === null ? err(`"${rest}" is not a duration; e.g. "3 s"`) : ok({ ...base, kind: 'wait', ms });
    }
    case 'wait until': {
      const [, what, within] = /^(.+), within (.+)$/.exec(rest) ?? [];
      const withinMs = within === undefined ? null : parseDuration(within);
      if (withinMs === null) return err(`say how long: "wait until: ${what ?? rest}, within 5 s"`);
      const condition = parseCondition(what!);
      return condition.ok ? ok({ ...base, kind: 'wait-until', condition: condition.value, withinMs }) : condition;
    }
    case 'expect': {
      const condition = parseCondition(rest);
      return condition.ok ? ok({ ...base, kind: 'expect', condition: condition.value }) : condition;
    }
    default:
      return err(`"${verb}" is none of title, firm, policy, fault, person, wait, wait until, expect`);
  }
}

function parseFaultLine(text: string, base: { readonly number: number; readonly text: string }): Result<ScenarioLine, string> {
  const [, action, duration, step] = /^(.+?)(?: for (\d[\d.]* (?:ms|s|min)))?(?:, at step (\S+))?$/.exec(text) ?? [];
  const fault = parseFault(action ?? text);
  if (!fault.ok) return fault;
  const forMs = duration === undefined ? null : parseDuration(duration);
  if (endsByItself(fault.value) && forMs === null) return err(`every fault ends by itself: "${action} for 5 s"`);
  if (!endsByItself(fault.value) && forMs !== null) return err(`"${action}" has no end: leave out "for ${duration}"`);
  if (step !== undefined && !(step in STEP_KINDS)) return err(`"${step}" is no step; steps: ${Object.keys(STEP_KINDS).join(', ')}`);
  return ok({ ...base, kind: 'fault', fault: fault.value, forMs, atStep: (step ?? null) as StepKind | null });
}

function parsePerson(text: string): Result<PersonRequest, string> {
  if (text === 'freezes automation') return ok({ kind: 'freeze' });
  if (text === 'lifts the freeze') return ok({ kind: 'unfreeze' });
  if (text === 'approves the plan that waits') return ok({ kind: 'approve' });
  if (text === 'acknowledges what happened') return ok({ kind: 'acknowledge' });
  const [, move, where] = /^asks for a (switchover|failover) to (.+)$/.exec(text) ?? [];
  const site = where === undefined ? null : parseSite(where);
  if (site) return ok({ kind: 'move', move: move as 'switchover' | 'failover', site });
  return err(
    `"${text}" is nothing that a person does; use: freezes automation · lifts the freeze · approves the plan that waits · acknowledges what happened · asks for a switchover to SITE · asks for a failover to SITE`,
  );
}
