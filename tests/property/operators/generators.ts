import { arrayGenerators } from './arrays.js';
import { earlierGenerators } from './earlier_forms.js';
import { elementwiseGenerators, type Generator } from './elementwise.js';
import { layerGenerators } from './layers.js';
import { lossGenerators } from './losses.js';
import { selectionGenerators } from './selection.js';
import { signalGenerators } from './signal.js';

/** By a name of its own each: the operator's, mostly. */
export const generators: Readonly<Record<string, Generator>> = {
  ...elementwiseGenerators,
  ...arrayGenerators,
  ...layerGenerators,
  ...earlierGenerators,
  ...selectionGenerators,
  ...signalGenerators,
  ...lossGenerators,
};
