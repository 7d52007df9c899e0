import type { ServiceOrder } from '../../core/health/service-state.ts';
import { Fields } from '../../wire/fields.ts';
import { parseServiceAnswer, type ServiceAnswer } from '../../wire/service-answer.ts';
import { groupOfInstance } from '../choose-group.ts';
import { askStatus } from '../choosing.ts';
import { type CommandContext, say } from '../command-context.ts';
import type { CommandOutcome } from '../command-outcome.ts';
import { confirmTarget } from '../confirm.ts';
import { led } from '../connect/session.ts';
import { type ExitCode, exitCodes } from '../exit-code.ts';
import { roleWarning } from '../role-warning.ts';
import { refusalOutcome } from '../view/refusal.ts';
import { labelled } from '../view/text.ts';

/** What whoever keeps an instance running says of it. Changes nothing. */
export async function serviceStatusCommand(context: CommandContext, instance: string): Promise<CommandOutcome> {
  const attempted = `look at the service of ${instance}`;
  const { group } = groupOfInstance(await askStatus(context), { wanted: context.group, instance, attempted });
  const answer = led(await context.session.controllers.ask({ kind: 'service', group, instance }), attempted);
  if (answer.kind === 'refused') return refusalOutcome(answer);
  const seen = parseServiceAnswer(answer.result);
  const exitCode =
    seen.state === null || seen.pids === null
      ? exitCodes.unknown
      : seen.bar !== null && (seen.state !== 'stopped' || seen.pids.length > 0)
        ? exitCodes.failed
        : exitCodes.ok;
  return { exitCode, text: `${statusLines(seen).join('\n')}\n`, json: { ...(answer.result as object), exitCode } };
}

const statusLines = ({
  instance,
  service,
  state,
  said,
  bar,
  barsBroken,
  pids,
  hidden,
  masked,
  startsByItself,
}: ServiceAnswer) => [
  ...labelled('SERVICE', `${instance}: ${service}`),
  ...labelled('state', state === null ? `unknown: ${said}` : `${state} (${said})`),
  ...labelled(
    'alive',
    pids === null ? `unknown: ${hidden}` : pids.length === 0 ? 'nothing of it' : `pid ${pids.join(', ')}`,
  ),
  ...labelled(
    'barred',
    bar === null ? 'no' : `since epoch ${bar.epoch}${masked === true ? ', masked by its manager' : ''}`,
  ),
  ...(barsBroken > 0 ? labelled('', `it ran in spite of that ${barsBroken} times, and was stopped again`) : []),
  ...labelled(
    'boot',
    startsByItself === null
      ? 'unknown whether its manager starts it by itself'
      : startsByItself
        ? 'its manager starts it by itself'
        : 'its manager does not start it by itself',
  ),
];

const effects: Readonly<Record<ServiceOrder, string>> = {
  start: 'its manager starts it',
  stop: 'its manager stops it; nothing keeps it from being started again',
  restart: 'it is stopped, and started once that was seen',
  bar: 'it is killed, and kept from starting until it is allowed again, also after a restart of its manager or of the agent',
  allow: 'nothing keeps it from starting any more; it is not started',
};

export interface OrderServiceOptions {
  readonly instance: string;
  readonly order: ServiceOrder;
  readonly reason: string;
  readonly yes: boolean;
}

/** Orders the service of one instance; what was seen of it is the answer. */
export async function orderServiceCommand(
  context: CommandContext,
  { instance, order, reason, yes }: OrderServiceOptions,
): Promise<CommandOutcome> {
  const attempted = `${order} the service of ${instance}`;
  const { group } = groupOfInstance(await askStatus(context), { wanted: context.group, instance, attempted });
  const request = { kind: 'order-service', group, instance, order, reason } as const;
  say(context, [...labelled('SERVICE', `${order} ${instance}: ${effects[order]}`), ...roleWarning(context, request)]);
  await confirmTarget(context, { consent: { yes, digest: null }, target: instance, attempted, hasPlan: false });
  const answer = led(await context.session.controllers.ask(request), attempted);
  if (answer.kind === 'refused') return refusalOutcome(answer);
  const fields = Fields.of(answer.result, 'answer');
  const { exitCode, line } = serviceOutcome(fields, order);
  const next = exitCode === exitCodes.ok ? [] : labelled('next', `holdfast service status ${instance}`);
  const lines = [`${line(instance)}`, ...next];
  return { exitCode, text: `${lines.join('\n')}\n`, json: { ...(answer.result as object), exitCode } };
}

/** What an agent said of an order to a service: `{outcome, code, reason}`. */
export function serviceOutcome(
  fields: Fields,
  order: ServiceOrder,
): { readonly exitCode: ExitCode; readonly line: (instance: string) => string } {
  const reason = fields.words('reason', '');
  switch (fields.oneOf('outcome', ['ok', 'failed', 'refused', 'unknown'])) {
    case 'ok':
      return { exitCode: exitCodes.ok, line: (instance) => `${instance}: ${seenAs[order]}` };
    case 'unknown':
      return { exitCode: exitCodes.unknown, line: (instance) => `UNKNOWN ${order} ${instance}: ${reason}` };
    case 'failed':
    case 'refused':
      return {
        exitCode: exitCodes.failed,
        line: (instance) => `FAILED ${fields.text('code')} ${order} ${instance}: ${reason}`,
      };
  }
}

const seenAs: Readonly<Record<ServiceOrder, string>> = {
  start: 'it runs, its manager says',
  stop: 'it is stopped, and nothing of it is alive',
  restart: 'it was stopped, and runs again',
  bar: 'it is stopped, nothing of it is alive, and it is barred from starting',
  allow: 'nothing keeps it from starting; it was not started',
};
