/** Completion for bash: a function that looks at the command, the word before and the word under the cursor. */
import { choicesOf, completed, isFile, spellings } from './candidates.ts';

export function bashScript(): string {
  const all = completed();
  const values = all.flatMap(({ name, options }) =>
    Object.entries(options).flatMap(([option, row]) => {
      if (row.type === 'boolean') return [];
      const pattern = spellings(option, row).map(spelling => `'${name} ${spelling}'`);
      return `    ${pattern.join(' | ')}) ${completedBy(choicesOf(row), isFile(row))} ;;`;
    }),
  );
  const words = all.map(({ name, options, words }) => {
    const typed = [...words, ...Object.entries(options).flatMap(([option, row]) => spellings(option, row))];
    return `    ${name}) _virt64_words '${typed.join(' ')}' ;;`;
  });
  return `# Completion of virt64 for bash: source <(virt64 completion bash)
_virt64_words() { COMPREPLY=($(compgen -W "$1" -- "$word")); }
_virt64_files() {
  local IFS=$'\\n'
  compopt -o filenames 2> /dev/null
  COMPREPLY=($(compgen -f -- "$word"))
}
_virt64() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD - 1]}" command="\${COMP_WORDS[1]}"
  COMPREPLY=()
  # Bash takes --option=value apart: the option, "=", the value.
  if [[ $word == = ]]; then
    word=
  elif [[ $before == = ]]; then
    before="\${COMP_WORDS[COMP_CWORD - 2]}"
  fi
  if ((COMP_CWORD == 1)); then
    _virt64_words '${all.map(({ name }) => name).join(' ')} --help --version'
    return
  fi
  case "$command $before" in
${values.join('\n')}
    *) case "$command" in
${words.map(line => `  ${line}`).join('\n')}
    esac ;;
  esac
}
complete -F _virt64 virt64
`;
}

function completedBy(choices: readonly string[] | undefined, isFile: boolean): string {
  if (choices) return `_virt64_words '${choices.join(' ')}'`;
  return isFile ? '_virt64_files' : ':';
}
