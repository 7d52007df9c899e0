import type { Json } from '../core/base/canonical-json.ts';

/** A person, as their client certificate names them. */
export interface Person {
  readonly name: string;
  readonly role: Role;
}

/** observer reads · operator acts · approver also approves · admin also overrides, attests and activates. */
export type Role = 'observer' | 'operator' | 'approver' | 'admin';

/** What people may ask of a controller. Reads are answered by any; the rest only by the one that leads. */
export type OperatorRequest =
  | { readonly kind: 'status' }
  | { readonly kind: 'runs' }
  | { readonly kind: 'activate'; readonly group: string; readonly site: string }
  /** Dry run: what would be done, every rule's result, digest, predicted loss and duration. */
  | {
      readonly kind: 'plan';
      readonly group: string;
      readonly move: 'failover' | 'switchover';
      readonly toSite: string | null;
    }
  | {
      readonly kind: 'move';
      readonly group: string;
      readonly move: 'failover' | 'switchover';
      readonly toSite: string | null;
      /** Must match the plan that would be run now; null = whatever it is. */
      readonly digest: string | null;
      /** Rule ids that the person overrides; each must allow it. */
      readonly overrides: readonly string[];
      readonly reason: string;
      /** E.g. `orders:12`: accepts that loss. */
      readonly acceptDataLoss: string | null;
    }
  | {
      readonly kind: 'approve';
      readonly group: string;
      readonly digest: string;
      readonly minutes: number;
      readonly acceptDataLoss: string | null;
    }
  | {
      readonly kind: 'freeze';
      readonly group: string;
      readonly lift: boolean;
      readonly reason: string;
      readonly minutes: number | null;
    }
  | {
      readonly kind: 'maintenance';
      readonly group: string;
      readonly end: boolean;
      readonly reason: string;
      readonly minutes: number | null;
    }
  | { readonly kind: 'acknowledge'; readonly group: string }
  | {
      readonly kind: 'fence';
      readonly group: string;
      readonly instance: string;
      readonly attest: boolean;
      readonly lift: boolean;
      readonly reason: string;
    };

export type OperatorAnswer =
  | { readonly kind: 'ok'; readonly result: Json }
  /** `HF-nnnn`, what was tried, what was found, what to do next; every rule's result where rules were asked. */
  | {
      readonly kind: 'refused';
      readonly code: string;
      readonly tried: string;
      readonly found: string;
      readonly next: string;
      readonly result: Json;
    }
  | { readonly kind: 'not-leading'; readonly leader: string | null };

/** Least role for each request. */
export const ROLE_NEEDED: Readonly<Record<OperatorRequest['kind'], Role>> = {
  status: 'observer',
  runs: 'observer',
  plan: 'observer',
  move: 'operator',
  freeze: 'operator',
  maintenance: 'operator',
  acknowledge: 'operator',
  fence: 'operator',
  approve: 'approver',
  activate: 'admin',
};

const RANK: Readonly<Record<Role, number>> = { observer: 0, operator: 1, approver: 2, admin: 3 };

export const mayAsk = (person: Person, request: OperatorRequest): boolean =>
  RANK[person.role] >= RANK[ROLE_NEEDED[request.kind]];
