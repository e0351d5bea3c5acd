// Lets Node's own type stripping run the repository's TypeScript: sources import `x.js` where `x.ts` lies. tsx would bring
// esbuild, a program for the machine's own architecture, into an emulated process.
import { registerHooks } from 'node:module';

registerHooks({
  resolve(specifier, context, next) {
    try {
      return next(specifier, context);
    } catch (error) {
      if (error?.code !== 'ERR_MODULE_NOT_FOUND' || !specifier.endsWith('.js')) throw error;
      return next(specifier.replace(/\.js$/, '.ts'), context);
    }
  },
});
