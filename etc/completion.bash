# bash completion for mega and the programs of Mega-WeChat                                   -*- shell-script -*-
#
# Commands and options are those that the programs themselves list with --help, so they are of the version that is installed. Values
# come from the configuration (accounts, templates of a folder) of mega-task (names of tasks) and mega-listener (names of series); what cannot be read or does not
# answer within a second completes to nothing. Installed once, with a link for each program.

# Asks a program; standard error and whatever it would ask at a terminal are nobody's business while completing.
_mega_ask() {
    command "$@" 2>/dev/null </dev/null
}

# The configuration of the command line as it stands.
_mega_config() {
    local i
    for ((i = 1; i < ${#COMP_WORDS[@]} - 1; i++)); do
        case ${COMP_WORDS[i]} in
        -c | --config)
            printf '%s\n' "${COMP_WORDS[i + 1]}"
            return
            ;;
        esac
    done
    printf '%s\n' /etc/mega-wechat/mega.conf
}

_mega_accounts() {
    sed -n 's/^[[:space:]]*\[wechat:\([A-Za-z0-9._-]*\)\].*/\1/p' "$(_mega_config)" 2>/dev/null
}

# The templates of [templater] source = dir:PATH.
_mega_keys() {
    local config folder file
    config=$(_mega_config)
    folder=$(sed -n 's/^[[:space:]]*source[[:space:]]*=[[:space:]]*["'\'']\{0,1\}dir:\([^;"'\'']*\).*/\1/p' "$config" 2>/dev/null | tail -n 1)
    folder=${folder%"${folder##*[![:space:]]}"}
    [ -n "$folder" ] || return
    [[ $folder == /* ]] || folder=$(dirname "$config")/$folder
    for file in "$folder"/*.json; do
        [ -e "$file" ] && basename "$file" .json
    done
}

_mega_tasks() {
    local config
    config=$(_mega_config)
    [ -r "$config" ] || return
    _mega_ask "${COMP_WORDS[0]}" task list --json --timeout 1s -c "$config" | sed -n 's/.*"name":"\([^"]*\)".*/\1/p'
}

_mega_series() {
    local config
    config=$(_mega_config)
    [ -r "$config" ] || return
    _mega_ask "${COMP_WORDS[0]}" series list --json --timeout 1s -c "$config" | sed -n 's/.*"name":"\([^"]*\)".*/\1/p'
}

# What stands at the beginning of lines "  mega queue WORD …" of a help, or "  mega WORD …, mega WORD …".
_mega_commands() {
    sed '/^  /s/, mega /\n  mega /g' | sed -n "s/^  ${1/[ -]/[ -]} \\([a-z][a-z-]*\\).*/\\1/p" | sort -u
}

_mega_options() {
    grep -oE -e '(^|[^A-Za-z0-9-])(--[a-z][a-z-]*|-[a-z]\>)' | grep -oE -e '-{1,2}[a-z][a-z-]*' | sort -u
}

# Those of them that a value follows.
_mega_options_with_value() {
    grep -oE -e '(^|[^A-Za-z0-9-])(--[a-z][a-z-]*|-[a-z],  *--[a-z][a-z-]*) [A-Z]' | grep -oE -e '-{1,2}[a-z][a-z-]*' | sort -u
}

# Sets COMPREPLY to what may stand for a value; $1 is the option before it, or the place KEY, TASK or SERIES. Fails where that is not known.
_mega_values() {
    local before=
    case $1 in
    -c | --config | --file | --output | --bad | --cert | --curve-key | --server-key | --dir | --clients | --journal | --ready-file) mapfile -t COMPREPLY < <(compgen -f -- "$2") ;;
    --app) mapfile -t COMPREPLY < <(compgen -W "$(_mega_accounts)" -- "$2") ;;
    --key | KEY) mapfile -t COMPREPLY < <(compgen -W "$(_mega_keys)" -- "$2") ;;
    TASK) mapfile -t COMPREPLY < <(compgen -W "$(_mega_tasks)" -- "$2") ;;
    SERIES) mapfile -t COMPREPLY < <(compgen -W "$(_mega_series)" -- "$2") ;;
    --lane) mapfile -t COMPREPLY < <(compgen -W "bulk express" -- "$2") ;;
    --role) mapfile -t COMPREPLY < <(compgen -W "client operator token sender templater stage" -- "$2") ;;
    --callback-mode) mapfile -t COMPREPLY < <(compgen -W "plain compatible encrypted" -- "$2") ;;
    --callback-format) mapfile -t COMPREPLY < <(compgen -W "xml json" -- "$2") ;;
    --format) mapfile -t COMPREPLY < <(compgen -W "csv jsonl" -- "$2") ;;
    --encoding) mapfile -t COMPREPLY < <(compgen -W "auto utf-8 gbk" -- "$2") ;;
    --delimiter) mapfile -t COMPREPLY < <(compgen -W "auto comma semicolon tab" -- "$2") ;;
    --state)
        [[ $2 != *,* ]] || before=${2%,*},
        mapfile -t COMPREPLY < <(compgen -P "$before" -W "ready scheduled parked paused out sent pending refused expired cancelled dead purged delivered
            blocked failed waiting live settled all" -- "${2##*,}")
        ;;
    *) return 1 ;;
    esac
}

# The words before the cursor that are neither options nor their values, the program left out; $1: options that take one.
_mega_words() {
    local i word last=
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ $word != -* ]] && ! grep -qxF -e "${last:-none}" <<<"$1"; then
            printf '%s\n' "$word"
        fi
        last=$word
    done
}

# Of what kind the next word is, if it is the name of something; $@: command and words so far.
_mega_place() {
    case $1/$# in
    push/2 | send/2 | check/2 | tset/1) echo KEY ;;
    task/2) [[ $2 == create || $2 == list ]] || echo TASK ;;
    series/2) [[ $2 == list || $2 == status ]] || echo SERIES ;;
    template/* | wechat/*)
        case ${2-}/$# in
        preview/2 | check/* | send-test/3) echo KEY ;;
        esac
        ;;
    esac
}

_mega() {
    local program=${COMP_WORDS[0]##*/} cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} help of place
    local -a words
    COMPREPLY=()
    of=$program
    [[ $program != mega || $COMP_CWORD -eq 1 || ${COMP_WORDS[1]} == -* ]] || of="mega ${COMP_WORDS[1]}"
    help=$(_mega_ask "${COMP_WORDS[0]}" ${of#"$program"} --help)
    if [[ $cur == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_mega_options <<<"$help")" -- "$cur")
        return
    fi
    if _mega_options_with_value <<<"$help" | grep -qxF -e "$prev"; then
        _mega_values "$prev" "$cur"
        return
    fi
    mapfile -t words < <(_mega_words "$(_mega_options_with_value <<<"$help")")
    [[ $program != mega-* ]] || words=("${program#mega-}" "${words[@]}")
    place=$(_mega_place "${words[@]}")
    if [ -n "$place" ]; then
        _mega_values "$place" "$cur"
    elif [[ ${#words[@]} -eq 0 || (${#words[@]} -eq 1 && $of != mega) ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_mega_commands "$of" <<<"$help")" -- "$cur")
    fi
}

complete -o default -F _mega mega mega-broker mega-console mega-gateway mega-listener mega-restart mega-sender mega-store mega-task mega-template \
    mega-templater mega-token mega-wechat wechat-sim
