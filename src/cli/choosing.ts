import { chooseGroup } from './choose-group.ts';
import type { CommandContext } from './command-context.ts';
import { resultOf } from './connect/session.ts';
import { type GroupView, parseStatus, type StatusView } from './view/status-view.ts';

/** @throws HoldfastError HF-3102 */
export async function askStatus({ session }: CommandContext): Promise<StatusView> {
  return parseStatus(resultOf(await session.controllers.ask({ kind: 'status' }), 'read the status'));
}

/** The group that a command is about, as some controller knows it now. @throws HoldfastError HF-8007 */
export async function choosing(context: CommandContext): Promise<GroupView> {
  return chooseGroup(await askStatus(context), context.group);
}
