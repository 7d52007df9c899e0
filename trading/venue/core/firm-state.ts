/** What the exchange keeps of one firm. */
export class FirmState {
  /** Number of its last report. */
  reports = 0;
  /** Highest epoch that it announced; 0 where sessions have none. */
  epoch = 0;
  orders = 0;
  fills = 0;
  cancels = 0;
  /** Lots by the number of the symbol; nothing there = none. */
  readonly bought: number[] = [];
  readonly sold: number[] = [];
  /** Requests whose id was here before. Counted since the process started. */
  duplicates = 0;
  /** Orders and cancels that took effect although their session's epoch was below the highest at that moment. */
  staleWritesAccepted = 0;
}
