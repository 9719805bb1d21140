/** Completion for zsh: specifications as _arguments takes them. */
import { summaryOf } from '../option-help.ts';
import type { Option } from '../options.ts';
import { type Completed, choicesOf, completed, isFile } from './candidates.ts';

export function zshScript(): string {
  const all = completed();
  const described = all.map(({ name, summary }) => `    ${quoted(`${name}:${summary}`)}`);
  return `#compdef virt64
# Completion of virt64 for zsh: source <(virt64 completion zsh), or a file _virt64 in a folder of $fpath.
_virt64() {
  local -a commands
  commands=(
${described.join('\n')}
  )
  if ((CURRENT == 2)); then
    _describe command commands
    _arguments '--help[explain all]' '--version[print the version]'
    return
  fi
  local command=$words[2]
  shift words
  ((CURRENT--))
  case $command in
${all.map(argumentsOf).join('\n')}
  esac
}
if [[ $funcstack[1] == _virt64 ]]; then
  _virt64 "$@"
else
  compdef _virt64 virt64
fi
`;
}

function argumentsOf({ name, options, words }: Completed): string {
  const specs = Object.entries(options).map(([option, row]) => specOf(option, row));
  if (words.length > 0) specs.unshift(`'1:word:(${words.join(' ')})'`);
  return `    ${name}) ${['_arguments', ...specs].join(' \\\n      ')} ;;`;
}

/** `'(-M --machine)'{-M+,--machine=}'[machine profile]:NAME:(pc microvm)'` */
function specOf(name: string, option: Option): string {
  const takes = option.type === 'string';
  const long = `--${name}${takes ? '=' : ''}`;
  const rest = quoted(
    `[${summaryOf(option)}]${takes ? `:${option.value.replace(/\W.*/, '')}:${actionOf(option)}` : ''}`,
  );
  if (takes && option.multiple) return `'*${long}'${rest}`;
  return option.short === undefined
    ? `'${long}'${rest}`
    : `'(-${option.short} --${name})'{-${option.short}${takes ? '+' : ''},${long}}${rest}`;
}

function actionOf(option: Option): string {
  const choices = choicesOf(option);
  if (choices) return `(${choices.join(' ')})`;
  return isFile(option) ? '_files' : ' ';
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
