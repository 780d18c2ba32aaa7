#!/bin/bash
# `xcs run` and `xcs engine` as commands: exit statuses, signals, messages, the environment of the program, and what is left
# behind. BUILD_DIR holds xcs and libxcs.so.
set -u
xcs=$BUILD_DIR/xcs
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export TMPDIR=$dir
unset XCS XCS_DEBUG XCS_TRACE XCS_ENGINE LD_PRELOAD
failures=0

same() { # name expected got
    if [ "$2" = "$3" ]; then
        echo "ok - $1"
    else
        failures=$((failures + 1))
        printf 'not ok - %s\n  expected: %s\n  got:      %s\n' "$1" "$2" "$3"
    fi
}

status_of() { # command ...: its exit status; stderr in $dir/err, stdout in $dir/out
    "$@" >"$dir/out" 2>"$dir/err"
    echo $?
}

same "no command" 2 "$(status_of "$xcs")"
same "unknown command" 2 "$(status_of "$xcs" frobnicate)"
same "one line says so" "xcs: unknown command 'frobnicate' (try 'xcs help')" "$(cat "$dir/err")"
same "run without program" 2 "$(status_of "$xcs" run)"
same "run with an unknown option" 2 "$(status_of "$xcs" run --frobnicate true)"
same "trace without a file" 2 "$(status_of "$xcs" run --trace)"
same "engine on no channel" 2 "$(status_of "$xcs" engine --fd 0)"
same "help" 0 "$(status_of "$xcs" help)"
same "version" 0 "$(status_of "$xcs" version)"

for stats in "" --stats; do
    same "exit status $stats" 3 "$(status_of "$xcs" run $stats -- sh -c 'exit 3')"
    same "not found $stats" 127 "$(status_of "$xcs" run $stats /nonexistent/program)"
    same "one line says so $stats" "xcs: cannot run '/nonexistent/program': No such file or directory" "$(cat "$dir/err")"
    same "not executable $stats" 126 "$(status_of "$xcs" run $stats "$dir")"
    same "ended by SIGTERM $stats" 143 "$(status_of "$xcs" run $stats -- sh -c 'kill -TERM $$')"
    same "ended by SIGKILL $stats" 137 "$(status_of "$xcs" run $stats -- sh -c 'kill -KILL $$')"
    same "arguments as they are $stats" "--stats|a b|*" \
        "$("$xcs" run $stats sh -c 'printf "%s|%s|%s" "$@"' sh --stats 'a b' '*' 2>/dev/null)"
    same "stdin is the program's $stats" "text" "$(echo text | "$xcs" run $stats cat 2>/dev/null)"
    same "preloaded $stats" "$(realpath "$BUILD_DIR")/libxcs.so" \
        "$("$xcs" run $stats sh -c 'echo $LD_PRELOAD' 2>/dev/null)"
done

cp "$BUILD_DIR/libxcs.so" "$dir/other.so"
same "what was preloaded stays" "$(realpath "$BUILD_DIR")/libxcs.so:$dir/other.so" \
    "$(XCS=on LD_PRELOAD=$dir/other.so "$xcs" run sh -c 'echo $LD_PRELOAD')"
same "not preloaded twice" "$(realpath "$BUILD_DIR")/libxcs.so" \
    "$(LD_PRELOAD=$(realpath "$BUILD_DIR")/libxcs.so "$xcs" run sh -c 'echo $LD_PRELOAD')"
same "XCS=off changes nothing" "|" "$(XCS=off "$xcs" run --stats sh -c 'echo "$LD_PRELOAD|$XCS_ENGINE"')"
same "the trace's name is absolute" "$dir/t" "$(cd "$dir" && "$xcs" run --trace t sh -c 'echo $XCS_TRACE')"
same "the socket is private" "700 600" \
    "$("$xcs" run --stats sh -c 'stat -c %a "${XCS_ENGINE%/*}" "$XCS_ENGINE"' 2>/dev/null | xargs)"
engine=$("$xcs" run --stats sh -c 'echo "${XCS_ENGINE%/*}"' 2>/dev/null)
same "and removed" "no" "$([ -n "$engine" ] && [ -e "$engine" ] && echo yes || echo no)"
mkdir "$dir/alone" && cp "$xcs" "$dir/alone/"
same "without libxcs.so the program runs" "here" "$("$dir/alone/xcs" run echo here 2>"$dir/err")"

# A signal for xcs is one for the program.
"$xcs" run --stats -- sh -c 'trap "exit 5" TERM; : >"$0"; while :; do sleep 0.05; done' "$dir/ready" 2>"$dir/err" &
pid=$!
for _ in $(seq 200); do [ -e "$dir/ready" ] && break; sleep 0.02; done
kill -TERM $pid
wait $pid
same "SIGTERM is passed on" 5 $?

# A sidecar.
"$xcs" engine --listen "$dir/s" 2>"$dir/err" &
pid=$!
for _ in $(seq 200); do [ -S "$dir/s" ] && break; sleep 0.02; done
same "a sidecar's socket" 600 "$(stat -c %a "$dir/s")"
same "a live one is not replaced" 1 "$(status_of "$xcs" engine --listen "$dir/s")"
kill -KILL $pid
wait $pid 2>/dev/null
"$xcs" engine --listen "$dir/s" 2>"$dir/err" &
pid=$!
sleep 0.3
kill -TERM $pid
wait $pid
same "a dead one's socket is; SIGTERM ends it" 0 $?
same "and its socket is removed" no "$([ -e "$dir/s" ] && echo yes || echo no)"
: >"$dir/file"
same "a file is not replaced" 1 "$(status_of "$xcs" engine --listen "$dir/file")"

[ $failures -eq 0 ]
