import { HoldfastError } from '../../wire/holdfast-error.ts';
import { chooseGroup } from '../choose-group.ts';
import { type CommandContext, say } from '../command-context.ts';
import type { CommandOutcome } from '../command-outcome.ts';
import { confirmTarget } from '../confirm.ts';
import { led } from '../connect/session.ts';
import { exitCodes } from '../exit-code.ts';
import { readKnowledge } from '../read-knowledge.ts';
import { refusalOutcome } from '../view/refusal.ts';
import { holderText, statusScreen } from '../view/status-screen.ts';
import { type GroupView, type InstanceView, parseStatus, type StatusView } from '../view/status-view.ts';

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
  const group = groupOf(before.status, context.group, instance);
  const attempted = `${lift ? 'unfence' : 'fence'} ${instance}`;
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
    await confirmTarget(context, { consent: { yes, digest: null }, target: instance, attempted, hasPlan: false });
  }
  const answer = led(
    await context.session.controllers.ask({ kind: 'fence', group: group.group, instance, attest, lift, reason }),
    attempted,
  );
  if (answer.kind === 'refused') return refusalOutcome(answer);
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
      : `${instance} is silent: ${holderText(seen)}${seen.provedDead ? '; its agent vouches for it' : ''}\nnext    holdfast unfence ${instance}, when it may serve again\n`;
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

const isSilent = ({ observation, provedDead }: InstanceView): boolean =>
  provedDead ||
  (observation !== null &&
    (observation.process === 'exited' ||
      observation.process === 'stopped' ||
      observation.role === 'fenced' ||
      observation.role === 'closed'));

function groupOf(status: StatusView, wanted: string | null, instance: string): GroupView {
  const home = status.groups.find((group) => group.instances.some((each) => each.instance === instance));
  if (home !== undefined && (wanted === null || wanted === home.group)) return home;
  const group = chooseGroup(status, wanted);
  throw new HoldfastError({
    code: 'HF-4002',
    attempted: `fence ${instance}`,
    found: `there is no instance ${instance} in ${group.group}`,
    next: `instances: ${group.instances.map((each) => each.instance).join(', ')}`,
  });
}
