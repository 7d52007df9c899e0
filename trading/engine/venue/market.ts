/** Where symbols are traded, and whether new risk may go there at this moment. Asked for every order: it makes no object. */
export interface Market {
  /** Number of the exchange of a symbol by its number among the texts; −1 = it is traded nowhere. */
  venueOf(symbol: number): number;
  /** The same for a symbol that has no number yet. */
  venueOfName(symbol: string): number;
  /** Why no new risk may go there in this symbol (−1: one that has no number yet); null = it may. */
  refusal(venue: number, symbol: number): 'venue-unavailable' | 'not-settled' | null;
  /** Longest id and symbol that the exchange's protocol can carry. */
  idBytes(venue: number): number;
  symbolBytes(venue: number): number;
}
