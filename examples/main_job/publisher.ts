import { readFileSync } from 'node:fs';
import { MOTOR_MODEL } from './motor.js';
import { succeed } from './processes.js';
import type { Workshop } from './workshop.js';

export interface SealedModel {
  model: string;
  version: number;
  file: string;
  keyFile: string;
  keyId: string;
}

/** Who trained the model: seals it, and hands file and key to the operator by different ways. */
export class Publisher {
  readonly #workshop: Workshop;

  constructor(workshop: Workshop) {
    this.#workshop = workshop;
  }

  get #signingKey(): string {
    return this.#workshop.path('publisher.pem');
  }

  async makeKey(): Promise<void> {
    await succeed(['keygen', '-o', this.#signingKey]);
  }

  async seal(version: number): Promise<SealedModel> {
    const model = 'motor';
    const file = this.#workshop.path(`motor-${version}.sealed`);
    const keyFile = this.#workshop.path(`motor-${version}.key`);
    const label = ['--name', model, '--version', String(version)];
    await succeed(['seal', MOTOR_MODEL, '-o', file, '--key-out', keyFile, '--sign', this.#signingKey, ...label]);
    const { keyId } = JSON.parse(readFileSync(keyFile, 'utf8'));
    return { model, version, file, keyFile, keyId };
  }
}
