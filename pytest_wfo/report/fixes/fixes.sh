#!/bin/sh
# <HEADING>
#
#   sh THIS.sh                    shows what it would do, changes nothing
#   sh THIS.sh --apply            does it (as root)
#   sh THIS.sh --undo             takes back what it has made, nothing else
#   sh THIS.sh --undo --dry-run   shows what --undo would do
#
# --apply and --undo can be repeated. Exit code 1: a step failed.
# The rules hold until the ruleset is loaded again: once they have proved right, write them where
# this host keeps its ruleset (/etc/nftables.conf, /etc/iptables/rules.v4, ...).

set -u
LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin
export LC_ALL PATH

do='' dry_run='' failed=0
for word in "$@"; do
  case $word in
    --apply) do=${do}apply ;;
    --undo) do=${do}undo ;;
    --dry-run) dry_run=yes ;;
    *) do=unknown ;;
  esac
done
case $do in
  '') do=apply dry_run=yes ;;
  apply | undo) ;;
  *) printf 'usage: %s [--apply | --undo] [--dry-run]\n' "$0" >&2; exit 2 ;;
esac

say() { printf '%s: %s\n' "$1" "$2"; }

fail() {
  failed=1
  printf 'FAILED: %s: %s\n' "$1" "$2" >&2
}

# change NAME WHAT COMMAND...: do it, or in a dry run show it
change() {
  name=$1 what=$2
  shift 2
  if [ -n "$dry_run" ]; then
    say "would be $what" "$name"
    printf '  %s\n' "$*"
  elif answer=$("$@" 2>&1); then
    say "$what" "$name"
  else
    fail "$name" "$answer"
  fi
}

# bare: rules on standard input, as they are written and as nft lists them, in the same words
bare() {
  awk '{
    sub(/ comment ".*/, "")
    gsub(/counter packets [0-9]+ bytes [0-9]+/, "counter")
    gsub(/[{},]/, " ")
    sub(/new established/, "established new")
    $1 = $1
    print
  }'
}

# nft_rule NAME FAMILY TABLE CHAIN RULE: at the head of the chain; found again by its comment, NAME
nft_rule() {
  if ! listing=$(nft -a list chain "$2" "$3" "$4" 2>&1); then
    fail "$1" "$listing"
    return
  fi
  rules=$(printf '%s\n' "$listing" | awk -v "wanted= comment \"$1\" " \
    'index($0, wanted) && $(NF - 1) == "handle"')
  handles=$(printf '%s\n' "$rules" | awk '{ print $NF }')
  if [ "$do" = undo ]; then
    [ -n "$handles" ] || say 'not there' "$1"
    for handle in $handles; do
      change "$1" removed nft delete rule "$2" "$3" "$4" handle "$handle"
    done
  elif printf '%s\n' "$rules" | bare | grep -Fqx -e "$(printf '%s\n' "$5" | bare)"; then
    say 'there already, left as it is' "$1"
  elif [ -n "$handles" ]; then
    fail "$1" "a rule of this name is there that permits something else: --undo first, then --apply.
$rules"
  else
    change "$1" added nft insert rule "$2" "$3" "$4" "$5 comment \"$1\""
  fi
}

# iptables_rule NAME TOOL TABLE CHAIN CONDITIONS...: at the head of the chain, with NAME as comment
iptables_rule() {
  name=$1 tool=$2 table=$3 chain=$4
  shift 4
  set -- "$@" -m comment --comment "$name" -j ACCEPT
  if ! command -v "$tool" >/dev/null; then
    case "$tool $(iptables -V 2>&1)" in
      iptables-nft*nf_tables* | iptables-legacy*legacy* | iptables-legacy*v1.[0-7].*) tool=iptables ;;
      *) fail "$name" "$tool is not installed"; return ;;
    esac
  fi
  if ! answer=$("$tool" -w -t "$table" -S "$chain" 2>&1); then
    fail "$name" "$answer"
    return
  fi
  there=
  if "$tool" -w -t "$table" -C "$chain" "$@" 2>/dev/null; then there=yes; fi
  if [ "$do" = undo ] && [ -n "$there" ]; then
    change "$name" removed "$tool" -w -t "$table" -D "$chain" "$@"
  elif [ "$do" = undo ]; then
    say 'not there' "$name"
  elif [ -n "$there" ]; then
    say 'there already, left as it is' "$name"
  else
    change "$name" added "$tool" -w -t "$table" -I "$chain" 1 "$@"
  fi
}
# <STEPS>

exit "$failed"
