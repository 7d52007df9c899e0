import type { Attestation } from '../../core/authority/attestation.ts';
import type { Json } from '../../core/base/canonical-json.ts';
import { Fields } from '../../wire/fields.ts';
import { HoldfastError } from '../../wire/holdfast-error.ts';
import { groupOfInstance } from '../choose-group.ts';
import { type CommandContext, say } from '../command-context.ts';
import type { CommandOutcome } from '../command-outcome.ts';
import { confirmTarget } from '../confirm.ts';
import { led } from '../connect/session.ts';
import { exitCodes } from '../exit-code.ts';
import { readKnowledge } from '../read-knowledge.ts';
import { roleWarning } from '../role-warning.ts';
import type { Knowledge } from '../view/knowledge.ts';
import { refusalOutcome } from '../view/refusal.ts';
import { holderText, statusScreen } from '../view/status-screen.ts';
import { type GroupView, type InstanceView, parseStatus } from '../view/status-view.ts';
import { labelled } from '../view/text.ts';
import { momentText } from '../view/time-text.ts';
import { serviceOutcome } from './service.ts';

export interface FenceOptions {
  readonly instance: string;
  /** Unfence: it may be a candidate again. */
  readonly lift: boolean;
  /** A person says that it is off. */
  readonly attest: boolean;
  readonly reason: string;
  readonly yes: boolean;
}

const confirmWithinMs = 10_000;

/** Stops one instance through its agent and waits until it is seen to be silent; unknown is said as unknown. */
export async function fenceCommand(context: CommandContext, options: FenceOptions): Promise<CommandOutcome> {
  const { instance, lift, attest, reason, yes } = options;
  const before = await readKnowledge(context.session.controllers);
  const attempted = `${lift ? 'unfence' : 'fence'} ${instance}`;
  const group = groupOfInstance(before.status, { wanted: context.group, instance, attempted });
  if (attest && !lift) return attestCommand(context, { before, group, instance, reason, yes });
  const request = { kind: 'fence', group: group.group, instance, attest: false, lift, reason } as const;
  if (!lift) {
    const known = group.instances.find((each) => each.instance === instance);
    const holds = Object.values(group.record?.grants ?? {}).some((grant) => grant.holder === instance);
    say(context, [
      ...statusScreen(before),
      '',
      `fence ${instance}: its process is stopped at once, and it is no candidate until it is unfenced`,
      known === undefined
        ? ''
        : `now     ${holderText(known)}${holds ? '. It HOLDS a grant: a take-over follows under the usual rules' : ''}`,
    ]);
    say(context, roleWarning(context, request));
    await confirmTarget(context, { consent: { yes, digest: null }, target: instance, attempted, hasPlan: false });
  }
  const answer = led(await context.session.controllers.ask(request), attempted);
  if (answer.kind === 'refused') return refusalOutcome(answer);
  const service = Fields.of(answer.result, 'answer').fieldsOrNull('service');
  if (service !== null) return byService(instance, service, lift);
  if (lift)
    return {
      exitCode: exitCodes.ok,
      text: `${instance} may be a candidate again\n`,
      json: { ok: true, unfenced: instance, exitCode: exitCodes.ok },
    };
  const seen = await seenSilent(context, group.group, instance);
  const exitCode = seen === null ? exitCodes.unknown : exitCodes.ok;
  const text =
    seen === null
      ? `UNKNOWN HF-8010 ${instance} was told to stop; it was not seen to be silent within ${confirmWithinMs / 1000} s\nnext    holdfast health; what follows is decided by the usual rules\n`
      : `${instance} is silent: ${silenceText(seen)}\nnext    holdfast unfence ${instance}, when it may serve again\n`;
  return {
    exitCode,
    text,
    json: {
      ok: seen !== null,
      fenced: instance,
      silent: seen !== null,
      provedDead: seen?.provedDead ?? null,
      exitCode,
    },
  };
}

/** Where the topology fences it by its service: what its manager and its processes say. */
function byService(instance: string, service: Fields, lift: boolean): CommandOutcome {
  const { exitCode, line } = serviceOutcome(service, lift ? 'start' : 'bar');
  const words = lift ? `${instance} may be a candidate again` : `${instance} is no candidate until it is unfenced`;
  const result = lift ? { unfenced: instance } : { fenced: instance, silent: exitCode === exitCodes.ok };
  return {
    exitCode,
    text: `${words}\n${line(instance)}\n`,
    json: { ok: exitCode === exitCodes.ok, ...result, service: service.raw() as Json, exitCode },
  };
}

/** One of two people says that the host is off for good. Nothing is stopped; it counts once the second one has said so. */
async function attestCommand(
  context: CommandContext,
  about: {
    readonly before: Knowledge;
    readonly group: GroupView;
    readonly instance: string;
    readonly reason: string;
    readonly yes: boolean;
  },
): Promise<CommandOutcome> {
  const { before, group, instance, reason, yes } = about;
  const attempted = `attest that the host of ${instance} is off`;
  if (reason.trim() === '')
    throw new HoldfastError({
      code: 'HF-8003',
      attempted,
      found: 'no --reason. Nothing was done',
      next: 'say how you know that it is off with --reason TEXT',
    });
  const known = group.instances.find((each) => each.instance === instance);
  const first = group.brakes.attestations.find((each) => each.instance === instance && each.confirmed === null);
  say(context, [
    ...statusScreen(before),
    '',
    ...labelled('ATTEST', `${instance}: its host is powered off or destroyed, and stays so`),
    ...labelled('now', known === undefined ? 'unknown' : holderText(known)),
    ...(first === undefined
      ? labelled('', 'you are the first: it counts once a second person has said so')
      : labelled('said', `${first.by} (${first.role}): "${first.reason}". You are the second: it counts from now on`)),
    ...labelled('so', 'if it is not true, two writers are possible, and nothing will notice in time'),
  ]);
  const request = { kind: 'fence', group: group.group, instance, attest: true, lift: false, reason } as const;
  say(context, roleWarning(context, request));
  await confirmTarget(context, { consent: { yes, digest: null }, target: instance, attempted, hasPlan: false });
  const answer = led(await context.session.controllers.ask(request), attempted);
  if (answer.kind === 'refused') return refusalOutcome(answer);
  const said = Fields.of(answer.result, 'attested');
  const { until } = said.fields('attestation').raw() as unknown as Attestation;
  const counts = said.flag('counts');
  const exitCode = counts ? exitCodes.ok : exitCodes.needsApproval;
  const lines = counts
    ? [
        ...labelled('ATTESTED', `${instance} by two people, until ${momentText(until, context.nowMs())}`),
        ...labelled('next', 'once its lease has run out too R-FENCE passes: holdfast plan failover'),
      ]
    : [
        ...labelled('WAITS', `for a second person, until ${momentText(until, context.nowMs())}`),
        ...labelled(
          'next',
          `somebody else with the role approver or above: holdfast fence ${instance} --attest --reason TEXT`,
        ),
      ];
  return {
    exitCode,
    text: `${lines.join('\n')}\n`,
    json: { ok: counts, instance, counts, attestation: answer.result, exitCode },
  };
}

/** Null when it was not seen in time: whether it stopped is not known. */
async function seenSilent(
  { session, signal }: CommandContext,
  group: string,
  instance: string,
): Promise<InstanceView | null> {
  const stop = new AbortController();
  const { promise, resolve } = Promise.withResolvers<InstanceView | null>();
  const timer = setTimeout(() => resolve(null), confirmWithinMs);
  const onAbort = () => resolve(null);
  signal.addEventListener('abort', onAbort, { once: true });
  const following = session.controllers.follow({
    signal: AbortSignal.any([stop.signal, signal]),
    onEvent: (event) => {
      if (event.event !== 'status') return;
      const known = parseStatus(event.status).groups.find((each) => each.group === group)?.instances ?? [];
      const seen = known.find((each) => each.instance === instance);
      if (seen?.fresh && isSilent(seen)) resolve(seen);
    },
  });
  try {
    return await Promise.race([promise, following.then(() => null)]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
    stop.abort();
  }
}

/** A standby goes on following: it acknowledges nothing by itself, and is not chosen. */
const silenceText = (seen: InstanceView): string =>
  seen.observation?.process === 'running' && seen.observation.role === 'standby'
    ? 'it follows as a standby, acknowledges nothing by itself, and is no candidate until it is unfenced'
    : `${holderText(seen)}${seen.provedDead ? '; its agent vouches for it' : ''}`;

const isSilent = ({ observation, provedDead }: InstanceView): boolean =>
  provedDead ||
  (observation !== null &&
    (observation.process === 'exited' ||
      observation.process === 'stopped' ||
      observation.role === 'fenced' ||
      observation.role === 'closed'));
