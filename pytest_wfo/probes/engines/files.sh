# Writes small harmless files, and looks at them again at the end: has an antivirus changed, removed or
# locked one? posix.py sends it where a run may write; posix.sh calls files_start and files_end.
#
# It creates files wfo-probe-RUN-*.EXT in the folders that are asked for and exist, and one folder
# wfo-probe-RUN below the temporary one; it removes exactly these, also when it is interrupted.
# `set -C` makes a file only where nothing has its name. As that does not hold for devices, to which
# a link could lead, part of each name is random: nobody can lay a link there before.
#
# A file is kept in mind as the octal codes of its bytes, so that any od is enough to compare.

files=0 folders= remains= probe_neutral= canary_neutral= TAB=$(printf '\t')

centiseconds() { # since boot, or since 1970 where the kernel has no /proc
  if read -r now rest 2>/dev/null </proc/uptime; then
    now=1${now%.*}${now#*.}
  else
    now=1$(date +%s)00
  fi
}

sleep_until() { # START CENTISECONDS. In the background, as a signal is heard only between commands.
  while centiseconds && rest=$(($1 + $2 - now)) && [ $rest -gt 0 ]; do
    pause=1
    [ $rest -ge 100 ] || pause=0.$(printf %02d $rest)
    sleep $pause </dev/null >/dev/null 2>&1 3>&- &
    wait $! || sleep 1 # no fractions there
  done
}

noise() { dd if=/dev/urandom bs="$1" count=1 2>/dev/null; }

content() { # EXT: what a file of the type may look like, with the run's name in it
  case $1 in
    .log) printf '2026-01-01 00:00:00 INFO  wfo-probe-%s: test file, may be removed\n' "$WFO_RUN" ;;
    .xml) printf '<?xml version="1.0"?>\n<test run="wfo-probe-%s"/>\n' "$WFO_RUN" ;;
    .wav) # one channel, 8 bits, 8 kHz, 1024 samples
      printf 'RIFF\044\004\000\000WAVEfmt \020\000\000\000\001\000\001\000@\037\000\000@\037\000\000'
      printf '\001\000\010\000data\000\004\000\000'
      noise $((1024 - ${#WFO_RUN}))
      printf %s "$WFO_RUN"
      ;;
    *) noise 1000; printf 'wfo-probe-%s' "$WFO_RUN" ;;
  esac
}

compose() { # COMMAND...: leaves its output as $codes
  codes=$("$@" | od -An -v -to1)
  escaped=$(printf %s "$codes" | sed 's/ \{1,\}/\\0/g' | tr -d '\n')
}

mark() { # PATH: mode, links, owner and size
  set -f
  set -- $(ls -lnd -- "$1" 2>/dev/null)
  set +f
  printf %s "$1 $2 $3 $4 $5"
}

plant() { # KIND PATH EXT: a file of $codes
  files=$((files + 1))
  centiseconds
  made=no why=
  eval "kind_$files=\$1 path_$files=\$2 ext_$files=\$3 codes_$files=\$codes at_$files=\$now made_$files=no"
  if [ -e "$2" ] || [ -L "$2" ]; then
    why='the name is taken'
  else
    made=yes
    eval "made_$files=yes" # first, as a signal may come in between
    if why=$( (umask 022 && set -C && printf %b "$escaped" >"$2") 2>&1); then
      why=
    else
      why=${why##*: }
      why=${why:-it could not be written}
      [ -e "$2" ] || made=no
    fi
  fi
  eval "made_$files=\$made why_$files=\$why"
  marked=
  [ -n "$why" ] || marked=$(mark "$2")
  eval "mark_$files=\$marked"
}

fate() { # N: leaves what became of it in $state and $detail
  eval "path=\$path_$1 was=\$codes_$1 marked=\$mark_$1 at=\$at_$1 detail=\$why_$1"
  centiseconds
  took=$((now - at))
  if [ -n "$detail" ]; then
    state=unwritten
  elif [ ! -e "$path" ] && [ ! -L "$path" ]; then
    state=gone
  elif [ -L "$path" ] || [ ! -f "$path" ]; then
    state=changed detail='something else has its name'
  elif ! is=$(od -An -v -to1 -- "$path" 2>&1); then
    state=refused detail=${is##*: }
    [ -e "$path" ] || state=gone detail=
  elif [ "$is" != "$was" ]; then
    state=changed detail=content
  elif is=$(mark "$path") && [ "$is" != "$marked" ]; then
    state=changed detail="mode, links, owner, group, size were $marked, are $is"
  else
    state=unchanged
  fi
}

report() { # N
  eval "kind=\$kind_$1 ext=\$ext_$1"
  printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$kind" "$ext" "$state" "$took" "$detail" "$path"
}

each_file() { # KIND COMMAND...: with the number of each such file
  want=$1 n=0
  shift
  while [ $n -lt $files ]; do
    n=$((n + 1))
    eval "kind=\$kind_$n"
    [ "$kind" != "$want" ] || "$@" $n
  done
}

each_folder() { # COMMAND...: with each folder that is asked for and exists
  saved=$IFS IFS='
'
  set -f
  for folder in $WFO_FOLDERS; do
    IFS=$saved
    set +f
    [ ! -d "$folder" ] || "$@" "${folder%/}"
  done
  IFS=$saved
  set +f
}

in_folder() { # FOLDER: plants a file of $ext there
  random=$(od -An -N 4 -tx1 /dev/urandom | tr -d ' \n')
  plant survival "$1/wfo-probe-$WFO_RUN-$random$ext" "$ext"
}

older() { # FOLDER: what an earlier run could not remove
  for path in "$1"/wfo-probe-* "$1"/wfo-canary-*; do
    [ ! -e "$path" ] || remains="$remains$path
"
  done
}

neutral_folder() { # NAME: a new folder, left in $neutral; empty if there can be none
  neutral=${TMPDIR:-/tmp}/$1
  if [ -e "$neutral" ] || [ -L "$neutral" ]; then
    neutral=
    return
  fi
  folders="$folders$neutral
" # first, as a signal may come in between
  (umask 022 && mkdir -- "$neutral") 2>/dev/null || neutral=
}

fates() { fate "$1"; report "$1"; }

# Whether an antivirus may be here: not all processes are seen, or one is by its name or, to root, by
# what it watches.
scanner() {
  ! [ -r /proc/self/comm ] || hidden || [ -n "$watching" ] ||
    grep -sqixF -e "$WFO_SCANNERS" /proc/[0-9]*/comm
}

files_start() {
  trap files_clean EXIT
  trap 'exit 1' HUP INT TERM PIPE
  started=no scanned=no
  scanner || return
  scanned=yes
  have od && have sed && have tr && have dd && have ls && have mkdir || return
  started=yes
  each_folder older
  neutral_folder "wfo-probe-$WFO_RUN"
  probe_neutral=$neutral
  for ext in $WFO_TYPES; do
    compose content "$ext"
    each_folder in_folder
    [ -z "$probe_neutral" ] || in_folder "$probe_neutral"
  done
  last=0
  [ $files = 0 ] || last=$now
  [ -z "$WFO_CANARY" ] || canary_start
}

remove() { # N
  eval "path=\$path_$1 made=\$made_$1"
  [ "$made" = yes ] || return
  rm -f -- "$path" 2>/dev/null
  if [ -e "$path" ] || [ -L "$path" ]; then
    remains="$remains$path
"
  else
    eval "made_$1=no"
  fi
}

files_clean() {
  n=0
  while [ $n -lt $files ]; do
    n=$((n + 1))
    remove $n
  done
  saved=$IFS IFS='
'
  set -f
  for folder in $folders; do
    [ ! -d "$folder" ] || rmdir -- "$folder" 2>/dev/null || remains="$remains$folder
"
  done
  IFS=$saved
  set +f
  trap - EXIT
}

absent() { # RC WHY: nothing was written
  lost survival "$@"
  [ -z "$WFO_CANARY" ] || lost canary "$@"
}

files_end() {
  if [ $started = no ] && [ $scanned = yes ]; then
    absent 127 "od, sed, tr, dd, ls and mkdir are not all installed"
    return
  elif [ $started = no ]; then
    absent 3 "no antivirus process was seen on the host"
    return
  fi
  sleep_until "$last" "$WFO_WAIT"
  printf '%s begin survival\n\n%s out 0 user\n' "$WFO_MARKER" "$WFO_MARKER"
  each_file survival fates
  printf '\n%s end survival\n' "$WFO_MARKER"
  [ -z "$WFO_CANARY" ] || canary_end
  files_clean
  printf '%s begin leftovers\n\n%s out 0 user\n%s\n' "$WFO_MARKER" "$WFO_MARKER" "$remains"
  printf '%s end leftovers\n' "$WFO_MARKER"
}
