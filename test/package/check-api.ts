/**
 * Compares the public surface of the compiled package with the reports in api/, one for each entry point, and fails where they differ.
 * `--update` writes the reports anew. What an entry point speaks of must be exported, by it or by another one.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  CompilerState,
  Extractor,
  ExtractorConfig,
  ExtractorLogLevel,
  type ExtractorMessage,
} from '@microsoft/api-extractor';

const root = fileURLToPath(new URL('../../', import.meta.url));
const api = fileURLToPath(new URL('api/', import.meta.url));
const update = process.argv.includes('--update');
const temporary = mkdtempSync(join(tmpdir(), 'virt64-api-'));
mkdirSync(api, { recursive: true });
const packageFile = join(root, 'package.json');

/** `virt64-devices`, and its declarations. */
const entries = Object.entries(JSON.parse(readFileSync(packageFile, 'utf8')).exports as Record<string, string>)
  .filter(([, path]) => path.startsWith('./dist/'))
  .map(([name, path]) => ({
    name: name.replace('.', 'virt64').replace('/', '-'),
    declarations: join(root, path.replace(/\.js$/, '.d.ts')),
  }));

/** What all reports are made with: they differ in their entry point alone. */
const configurationOf = ({ name, declarations }: (typeof entries)[number]): ExtractorConfig =>
  ExtractorConfig.prepare({
    packageJsonFullPath: packageFile,
    configObjectFullPath: undefined,
    configObject: {
      projectFolder: root,
      mainEntryPointFilePath: declarations,
      newlineKind: 'lf',
      compiler: {
        overrideTsconfig: {
          compilerOptions: {
            target: 'ES2022',
            module: 'NodeNext',
            lib: ['ES2024', 'ESNext.Disposable', 'DOM'],
            types: ['node'],
            strict: true,
            skipLibCheck: true,
          },
          files: entries.map(entry => entry.declarations),
        },
      },
      apiReport: { enabled: true, reportFileName: `${name}.api.md`, reportFolder: api, reportTempFolder: temporary },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: {
        compilerMessageReporting: { default: { logLevel: ExtractorLogLevel.Error } },
        extractorMessageReporting: {
          default: { logLevel: ExtractorLogLevel.None },
          'ae-forgotten-export': { logLevel: ExtractorLogLevel.Warning },
        },
        tsdocMessageReporting: { default: { logLevel: ExtractorLogLevel.None } },
      },
    },
  });

const configurations = entries.map(configurationOf);
const compilerState = CompilerState.create(configurations[0], {
  additionalEntryPoints: entries.map(({ declarations }) => declarations),
});
/**
 * What need not be exported, though it is spoken of: buses, of which accelerators are given a part, and fields of a saved state, which nobody but
 * a machine reads.
 */
const inner = new Set(['PortBus', 'MmioBus', 'MsrBus', 'Activity', 'Turn']);
/** By name: the entry points that speak of it, and do not export it. */
const spokenOf = new Map<string, string[]>();
const wrong: string[] = [];

for (const [index, { name }] of entries.entries()) {
  const messageCallback = (message: ExtractorMessage): void => {
    message.handled = true;
    const { messageId, logLevel, text } = message;
    if (messageId === 'ae-forgotten-export') {
      const symbol = /"(\w+?)(_\d+)?"/.exec(text)![1];
      spokenOf.set(symbol, [...(spokenOf.get(symbol) ?? []), name]);
    } else if (logLevel === ExtractorLogLevel.Error) wrong.push(`${name}: ${text}`);
  };
  const { apiReportChanged } = Extractor.invoke(configurations[index], {
    localBuild: update,
    compilerState,
    messageCallback,
  });
  if (apiReportChanged && !update) wrong.push(`${name} has changed; see it with: npm run check:api -- --update`);
}
rmSync(temporary, { recursive: true });

const exported = new Set(
  entries.flatMap(({ name }) =>
    [
      ...readFileSync(join(api, `${name}.api.md`), 'utf8').matchAll(
        /^export (?:abstract )?(?:class|interface|type|const|function|namespace) (\w+)/gm,
      ),
    ].map(([, symbol]) => symbol!),
  ),
);
for (const [symbol, names] of spokenOf) {
  if (!exported.has(symbol) && !inner.has(symbol))
    wrong.push(`${names.join(', ')}: ${symbol} is not exported, but spoken of`);
}
for (const each of wrong) process.stderr.write(`${each}\n`);
process.exitCode = wrong.length > 0 ? 1 : 0;
