// What takes many minutes goes in stages: each is announced, timed and counted by itself, and can be run alone.
import { ScriptError, say } from './process.mjs';
import { counted } from './tests.mjs';

/**
 * @typedef {{ passed: number, failed: number, skipped: number }} Count
 * @typedef {{ name: string, title: string, run: (results: string, total: Count) => Promise<void> }} Stage
 */

/**
 * `--only A,B`: these stages; `--from A`: this one and those after it; `--list`: none, their names are printed. What else is in `args`
 * is handed back in `others`, and nothing is chosen then. Throws what {@link readCommandLine} tells.
 * @param {Stage[]} stages
 * @param {string[]} args
 * @returns {{ chosen: Stage[], others: string[] }}
 */
export function chooseStages(stages, args) {
  const [option, value, ...more] = args;
  if (option === '--list') {
    if (args.length > 1) throw new Error('--list stands alone');
    for (const { name, title } of stages) process.stdout.write(`${name.padEnd(widest(stages))}  ${title}\n`);
    return { chosen: [], others: [] };
  }
  if (option === '--only' || option === '--from') {
    if (value === undefined || more.length > 0) throw new Error(`${option} takes one value, and stands alone`);
    const places = value.split(',').map((name) => placeOf(stages, name));
    if (option === '--only') return { chosen: stages.filter((_, place) => places.includes(place)), others: [] };
    if (places.length > 1) throw new Error(`--from takes one stage, got ${value}`);
    return { chosen: stages.slice(places[0]), others: [] };
  }
  return { chosen: args.length === 0 ? stages : [], others: args };
}

function placeOf(stages, name) {
  const place = stages.findIndex((stage) => stage.name === name);
  if (place < 0) {
    throw new Error(`there is no stage ${name}, expected one of ${stages.map((s) => s.name).join(', ')}`);
  }
  return place;
}

/**
 * Runs the stages, then says in a table how each went and how to repeat what failed. Ctrl-C ends after the stage that it stopped.
 * @param {string} command - as npm knows it
 * @param {Stage[]} stages
 */
export function runStages(command, stages) {
  const rows = [];
  let interrupted = false;
  const interrupt = () => {
    interrupted = true;
  };
  return counted(async (results, total) => {
    process.on('SIGINT', interrupt);
    try {
      for (const [i, stage] of stages.entries()) {
        say(`stage ${i + 1} of ${stages.length}, ${stage.name}: ${stage.title}`);
        const count = { passed: 0, failed: 0, skipped: 0 };
        const began = Date.now();
        await stage.run(results, count).catch((error) => {
          if (!(error instanceof ScriptError)) throw error;
          say(`sealedge: ${error.message}`);
          count.failed += 1;
        });
        // A stage in which nothing ran has shown nothing.
        if (interrupted || count.passed + count.failed + count.skipped === 0) count.failed += 1;
        for (const key of Object.keys(total)) total[key] += count[key];
        const row = { ...count, name: stage.name, seconds: (Date.now() - began) / 1000 };
        rows.push(row);
        say(`stage ${stage.name}: ${row.passed} passed, ${row.failed} failed, ${row.skipped} skipped, ${timeOf(row)}`);
        if (interrupted) break;
      }
    } finally {
      process.off('SIGINT', interrupt);
    }
    summarise(command, stages, rows, interrupted);
  });
}

function summarise(command, stages, rows, interrupted) {
  const width = widest(stages);
  say(`${'stage'.padEnd(width)}  passed  failed  skipped  time`);
  for (const row of rows) {
    const numbers = `${pad(row.passed, 6)}  ${pad(row.failed, 6)}  ${pad(row.skipped, 7)}`;
    say(`${row.name.padEnd(width)}  ${numbers}  ${timeOf(row)}`);
  }
  if (interrupted) {
    say(`stopped: npm run ${command} -- --from ${rows.at(-1).name} goes on from there`);
    return;
  }
  const failed = rows.filter((row) => row.failed > 0).map(({ name }) => name);
  if (failed.length > 0) say(`to repeat what failed: npm run ${command} -- --only ${failed.join(',')}`);
}

function widest(stages) {
  return Math.max('stage'.length, ...stages.map(({ name }) => name.length));
}

function pad(number, width) {
  return String(number).padStart(width);
}

function timeOf({ seconds }) {
  return seconds < 60 ? `${seconds.toFixed(1)} s` : `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}
