import { type ActParams, type ActResult, ContractError, type Position } from './contract.ts';

export type ActDetail = ActResult['detail'];

/**
 * A recovery action as the contract's server takes it. `subject` throws `not-ready` where there is nothing that could act; whatever else
 * goes wrong is answered `not-ready` with the reason, so that a plan asks again until its deadline.
 */
export const recoveryAction =
  <Subject extends { readonly position: Position }>(
    subject: () => Subject,
    act: (subject: Subject, params: ActParams) => Promise<ActDetail> | ActDetail,
  ) =>
  async (params: ActParams): Promise<ActResult> => {
    const found = subject();
    try {
      const detail = await act(found, params);
      return { action: params.action, position: found.position, detail };
    } catch (error) {
      if (error instanceof ContractError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      throw new ContractError('not-ready', `${params.action}: ${reason}`);
    }
  };
