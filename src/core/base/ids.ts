/**
 * Names of things, branded so that one cannot be passed for another. At run time each is the plain string of the
 * topology file.
 */
declare const brand: unique symbol;
type Brand<Base, Name extends string> = Base & { readonly [brand]: Name };

export type SiteId = Brand<string, 'SiteId'>;
export type HostId = Brand<string, 'HostId'>;
export type LinkId = Brand<string, 'LinkId'>;
export type ComponentId = Brand<string, 'ComponentId'>;
export type InstanceId = Brand<string, 'InstanceId'>;
export type GroupId = Brand<string, 'GroupId'>;
/** A controller is named after its site. */
export type ControllerId = Brand<string, 'ControllerId'>;
export type RunId = Brand<string, 'RunId'>;
export type StepId = Brand<string, 'StepId'>;
/** Hex digest of a plan's steps, targets and loss bounds; what an approval names. */
export type PlanDigest = Brand<string, 'PlanDigest'>;

/** Generation of a group's authority; only ever grows, also over a restore of the authority (see Incarnation). */
export type Epoch = Brand<number, 'Epoch'>;
/** Generation of controller leadership; another word, another number. */
export type Term = Brand<number, 'Term'>;
/** Modification revision of a key in the authority. 0 = the key does not exist. */
export type Revision = Brand<number, 'Revision'>;

/** Milliseconds on the local monotonic clock of one machine; comparable only on that machine. */
export type MonoMs = Brand<number, 'MonoMs'>;
/** UTC wall clock, milliseconds since 1970; for people and evidence, never for safety. */
export type WallMs = Brand<number, 'WallMs'>;

export const siteId = (text: string) => text as SiteId;
export const hostId = (text: string) => text as HostId;
export const linkId = (text: string) => text as LinkId;
export const componentId = (text: string) => text as ComponentId;
export const instanceId = (text: string) => text as InstanceId;
export const groupId = (text: string) => text as GroupId;
export const controllerId = (text: string) => text as ControllerId;
export const runId = (text: string) => text as RunId;
export const stepId = (text: string) => text as StepId;
export const planDigest = (text: string) => text as PlanDigest;
export const epoch = (value: number) => value as Epoch;
export const term = (value: number) => value as Term;
export const revision = (value: number) => value as Revision;
export const monoMs = (value: number) => value as MonoMs;
export const wallMs = (value: number) => value as WallMs;
