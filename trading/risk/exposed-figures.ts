import type { ActDetail } from '../control/recovery-action.ts';
import type { ExposureBook } from './exposure-book.ts';

/** How the exposures of a book stand, summed over all clients, for people. */
export const exposedFigures = (book: ExposureBook): ActDetail => {
  const { through, openOrders, clients, positions } = book;
  const each = clients.map((client) => book.client(client));
  const sum = (name: 'openNotional' | 'heldNotional') => each.reduce((total, figures) => total + figures[name], 0);
  return {
    through,
    positions: positions.size,
    trades: positions.tradeCount,
    openOrders,
    clients: clients.length,
    openNotional: sum('openNotional'),
    heldNotional: sum('heldNotional'),
  };
};
