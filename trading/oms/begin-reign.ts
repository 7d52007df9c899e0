import { ContractError } from '../control/contract.ts';
import { StaleWriterError } from './order-store.ts';

/** Opens what a reign writes to; what goes wrong is answered as the contract has it. */
export const beginReign = async <Reign>(open: () => Promise<Reign>): Promise<Reign> => {
  try {
    return await open();
  } catch (error) {
    if (error instanceof StaleWriterError) throw new ContractError('stale-epoch', error.message, error.epoch);
    const found = error instanceof Error ? error.message : String(error);
    throw new ContractError('not-ready', `the database cannot be written yet: ${found}`);
  }
};
