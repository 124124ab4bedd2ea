#!/bin/sh
# Once a day, after the close: fetch new prices, forecast, and grade what has come true.
#
#   daily.sh SYMBOLS_FILE OUTPUT_FOLDER [OPTIONS OF `lstmcast fetch`]
#
# SYMBOLS_FILE has a symbol a line; `#` begins a comment. Prints nothing but errors, so that cron
# sends mail only when something is wrong. A symbol that fails does not stop the others. Ends with:
#   0   all is well
#   12  coverage is too low: look at `lstmcast track score`
#   13  some symbols failed, the others are done
#   any other code of lstmcast: that step failed as a whole, and the steps after it were not run
set -u
if [ $# -lt 2 ]; then
    echo "usage: daily.sh SYMBOLS_FILE OUTPUT_FOLDER [OPTIONS OF lstmcast fetch]" >&2
    exit 2
fi
: "${LSTMCAST:=lstmcast}"                     # another way to call the program
: "${ALARM:=coverage_80<0.7}"                 # an alarm when coverage is below this

symbols_file=$1
output=$2
shift 2
today=$(date -u +%Y-%m-%d)
worst=0

step() {  # go on after partial failures (13), remember them, and end with any other failure
    "$@"
    code=$?
    case $code in
        0) ;;
        13) worst=13 ;;
        *) exit "$code" ;;
    esac
}

mkdir -p "$output" || exit 10
symbols=$(sed 's/#.*//' "$symbols_file") || exit 2

step "$LSTMCAST" --quiet fetch --symbols-file "$symbols_file" "$@"
# shellcheck disable=SC2086  # a word for each symbol
step "$LSTMCAST" --quiet forecast $symbols --summary --parquet "$output/$today.parquet" \
    >"$output/$today.txt"
step "$LSTMCAST" --quiet track score --fail-if "$ALARM" >"$output/score.txt"
exit "$worst"
