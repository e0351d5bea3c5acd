import { arrayGenerators } from './arrays.js';
import { attentionGenerators } from './attention.js';
import { earlierGenerators } from './earlier_forms.js';
import { elementwiseGenerators, type Generator } from './elementwise.js';
import { imageGenerators } from './images.js';
import { layerGenerators } from './layers.js';
import { lossGenerators } from './losses.js';
import { machineLearningGenerators } from './machine_learning.js';
import { microsoftGenerators } from './microsoft.js';
import { microsoftQuantisedGenerators } from './microsoft_quantised.js';
import { selectionGenerators } from './selection.js';
import { signalGenerators } from './signal.js';

/** By a name of its own each: the operator's, mostly. */
export const generators: Readonly<Record<string, Generator>> = {
  ...elementwiseGenerators,
  ...arrayGenerators,
  ...layerGenerators,
  ...earlierGenerators,
  ...imageGenerators,
  ...selectionGenerators,
  ...signalGenerators,
  ...lossGenerators,
  ...attentionGenerators,
  ...machineLearningGenerators,
  ...microsoftGenerators,
  ...microsoftQuantisedGenerators,
};
