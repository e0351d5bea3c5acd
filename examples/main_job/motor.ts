import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const MOTOR_MODEL = fileURLToPath(new URL('../motor/motor.onnx', import.meta.url));
export const MOTOR_CLASSES = ['healthy', 'inner_race', 'outer_race', 'ball', 'imbalance'] as const;

/** A vibration window as examples/motor writes it: one sample a line, `#` starts a comment. */
export function readWindow(label: (typeof MOTOR_CLASSES)[number]): number[] {
  const path = fileURLToPath(new URL(`../motor/windows/${label}.csv`, import.meta.url));
  const lines = readFileSync(path, 'utf8').split('\n');
  return lines.filter((line) => line !== '' && !line.startsWith('#')).map(Number);
}

export function answerOf(probabilities: readonly number[]): { label: string; probability: number } {
  const best = probabilities.indexOf(Math.max(...probabilities));
  return { label: MOTOR_CLASSES[best] ?? 'unknown', probability: probabilities[best] ?? 0 };
}
