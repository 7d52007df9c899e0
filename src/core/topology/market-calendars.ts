/**
 * Markets whose days and hours the trading stack knows, by ISO 10383. The days themselves are in `trading/venue/calendar`; the control
 * plane is told by market data whether an exchange trades.
 */
export const KNOWN_CALENDARS: readonly string[] = ['XLON', 'XNYS'];
