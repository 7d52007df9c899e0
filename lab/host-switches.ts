/** Switches of whole hosts, where the machine gives more than signals to processes one after another. */
export interface HostSwitches {
  /** Everything of the host stands still when it resolves; null where only signals can do it. */
  freeze(host: string): Promise<readonly number[] | null>;
  /** Goes on where it was; false where it was not frozen in this way. */
  thaw(host: string): boolean;
  /** Everything of the host gets SIGKILL at once, also what is being started; what is left is found by its marks. */
  powerOff(host: string): void;
}
