/**
 * What shells are told: each asks the program itself (`fnflow __complete -- <words>`), so that completions are those of the version that is called. Words of
 * the line are handed over as they are, and never evaluated: completing `$(rm -r .)` must not run it.
 *
 * The answer is lines of a value, a tab and a description, and a last one that says what paths fit: `:files`, `:folders` or `:none`.
 */
export const SHELLS = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof SHELLS)[number]

// for bash 3.2 of macOS, too, which has no compopt: there, file names are offered also where none is wanted
const BASH = `# Completion of fnflow for bash. In ~/.bashrc:  eval "$(fnflow completion bash)"
_fnflow() {
  local line paths=files
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :*) paths=\${line#:} ;;
      *) COMPREPLY+=("\${line%%$'\\t'*}") ;;
    esac
  done < <("\${1/#\\~/$HOME}" __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  case $paths in
    folders) compopt -o dirnames +o default +o bashdefault 2>/dev/null || : ;;
    none) compopt +o default +o bashdefault 2>/dev/null || : ;;
  esac
  return 0
}
complete -o default -o bashdefault -F _fnflow fnflow`

const ZSH = `#compdef fnflow
# Completion of fnflow for zsh. In ~/.zshrc, behind compinit:  eval "$(fnflow completion zsh)"
_fnflow() {
  local line paths=files
  local -a found
  for line in "\${(@f)$("\${(@Q)words[1]}" __complete -- "\${(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
    case $line in
      :*) paths=\${line#:} ;;
      *$'\\t'*) found+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}") ;;
    esac
  done
  if (( $#found )); then
    _describe fnflow found
  elif [[ $paths = files ]]; then
    compset -P '--*='
    _files
  elif [[ $paths = folders ]]; then
    compset -P '--*='
    _files -/
  fi
}
if [[ \${funcstack[1]-} = _fnflow ]]; then _fnflow "$@"; else compdef _fnflow fnflow; fi`

const FISH = `# Completion of fnflow for fish. In ~/.config/fish/config.fish:  fnflow completion fish | source
function __fnflow_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l prefix (string match -r -- '^--[^=]*=' "$current"; or echo '')
    set -l path (string replace -r -- '^--[^=]*=' '' "$current")
    for line in ($words[1] __complete -- $words[2..-1] "$current" 2>/dev/null)
        switch $line
            case ':files'
                printf '%s\\n' $prefix(__fish_complete_path "$path")
            case ':folders'
                printf '%s\\n' $prefix(__fish_complete_directories "$path" '')
            case ':*'
            case '*'
                echo $line
        end
    end
end
complete -c fnflow -f -a '(__fnflow_complete)'`

export const SCRIPTS: { readonly [shell in Shell]: string } = { bash: BASH, zsh: ZSH, fish: FISH }
