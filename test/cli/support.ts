/** Runs the program in this process and catches what it says. */
import { main } from '../../cli/main.ts';

export interface Said {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Not to be run twice at a time: the streams are the process's. */
export async function virt64(...args: string[]): Promise<Said> {
  let stdout = '';
  let stderr = '';
  const catchStream = (stream: NodeJS.WriteStream, take: (text: string) => void): (() => void) => {
    const original = stream.write;
    stream.write = ((text: string | Uint8Array) => {
      take(typeof text === 'string' ? text : Buffer.from(text).toString());
      return true;
    }) as typeof stream.write;
    return () => {
      stream.write = original;
    };
  };
  const restore = [
    catchStream(process.stdout, text => (stdout += text)),
    catchStream(process.stderr, text => (stderr += text)),
  ];
  try {
    return { status: await main(args), stdout, stderr };
  } finally {
    for (const each of restore) each();
  }
}
