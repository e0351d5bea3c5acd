/** What native/bindings/container.cc offers. Low-level; most users want `sealModel` and `unsealModel`. */
import type { SegmentEntry } from './manifest.js';

/** An opaque plan of the addon. */
export type NativeSealPlan = object & { readonly __nativeSealPlan?: never };

export interface SealPlanFacts {
  /** In the order of the file; the graph first. */
  readonly segmentLengths: number[];
  readonly tensors: number;
  readonly sealedTensors: number;
  readonly tensorBytes: number;
  /** Why the native engine cannot run this model, so that no weight was blocked for it; empty otherwise. */
  readonly unsupported: string;
}

export interface UnsealReport {
  readonly tensors: number;
  readonly sealedTensors: number;
  readonly modelBytes: number;
}

export interface CompareReport {
  /** Compared, and all equal. */
  readonly tensors: number;
  readonly tensorBytes: number;
}

export interface NativeContainer {
  planSeal(path: string): Promise<NativeSealPlan>;
  sealPlanFacts(plan: NativeSealPlan): SealPlanFacts;
  writeSegments(
    plan: NativeSealPlan,
    fd: number,
    dataOffset: number,
    contentKey: Uint8Array,
    threads: number,
  ): Promise<SegmentEntry[]>;
  sealProgress(plan: NativeSealPlan): number;
  cancelSeal(plan: NativeSealPlan): void;
  /** fd -1: check only. */
  unsealFile(path: string, keyPayload: Uint8Array, fd: number): Promise<UnsealReport>;
  compareModels(path: string, originalPath: string): Promise<CompareReport>;
}
