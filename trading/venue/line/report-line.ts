import { type IdView, idText } from '../../base/id-view.ts';
import type { Report } from '../core/report.ts';
import { DAY, LIMIT, ORDER_TYPES, SIDES, TIMES_IN_FORCE } from '../core/terms.ts';

/** A report as the line protocol has it. Fields that say what is usual (a limit order for the day) are left out. */
export const reportLine = (report: Report, firm: string, symbol: IdView): string => {
  const { n, kind, epoch } = report;
  const head = { t: 'report', n, kind, id: idText(report.id) };
  const target = idText(report.target);
  switch (kind) {
    case 'accepted':
      return line({
        ...head,
        symbol: idText(symbol),
        side: SIDES[report.side],
        price: report.price,
        qty: report.quantity,
        ...(report.type === LIMIT ? {} : { type: ORDER_TYPES[report.type] }),
        ...(report.timeInForce === DAY ? {} : { tif: TIMES_IN_FORCE[report.timeInForce] }),
        epoch,
      });
    case 'rejected':
      return line({ ...head, code: report.reason, epoch });
    case 'fill':
      return line({ ...head, exec: `${firm}-${n}`, price: report.price, qty: report.quantity });
    case 'cancelled':
      return line({ ...head, target, ...(report.reason === '' ? {} : { code: report.reason }), epoch });
    case 'replaced':
      return line({ ...head, target, price: report.price, qty: report.quantity, open: report.open, epoch });
    case 'cancel-rejected':
    case 'replace-rejected':
      return line({ ...head, target, code: report.reason });
  }
};

const line = (record: object): string => `${JSON.stringify(record)}\n`;
