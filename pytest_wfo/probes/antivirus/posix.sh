# Part of posix.sh: what shows an antivirus, and what ClamAV was told. Only reads.
#
# Of clamd, clamonacc and freshclam, and of no other process, the arguments leave the host: they say
# which configuration counts and how files are handed over. Of a configuration file only the lines with
# the options below do, so that nothing else does if somebody names another file. Of ClamAV's logs only
# the lines that tell of a detection and what became of it; of quarantine folders names and times.

clamav_options='ExcludePath|OnAccess[A-Za-z]*|LocalSocket|TCPSocket|TCPAddr|LogFile|LogTime|User'
clamav_options="$clamav_options|TemporaryDirectory|FollowDirectorySymlinks|FollowFileSymlinks|Example"
clamav_usual='/etc/clamav/clamd.conf /etc/clamd.d/scan.conf /etc/clamd.conf /usr/local/etc/clamd.conf'

watchers() { # who watches files by fanotify: leaves the links in $watching
  as_root fanotify find /proc -maxdepth 3 -ignore_readdir_race \
    -path '/proc/*/fd/*' -lname 'anon_inode:?fanotify?'
  watching=$out
  if [ "$power" = root ] && [ -n "$watching" ]; then
    printf '%s begin fanotify_flags\n\n%s out 0 root\n' "$WFO_MARKER" "$WFO_MARKER"
    for link in $watching; do
      info=${link%/fd/*}/fdinfo/${link##*/}
      grep -sH '^fanotify flags' "$info" </dev/null
    done
    printf '\n%s end fanotify_flags\n' "$WFO_MARKER"
  fi
}

links() { # the links on the way to each folder that is asked about; no name where it was not seen
  IFS='
'
  set -f
  for folder in $WFO_FOLDERS; do
    path=${folder%/}
    while [ -n "$path" ]; do
      [ ! -L "$path" ] || printf '%s\t%s\n' "$folder" "$path"
      path=${path%/*}
      [ ! -d "$path" ] || [ -x "$path" ] || printf '%s\t\n' "$folder"
    done
  done
}

clamav() {
  if hidden; then
    lost clamav 126 "/proc shows only the user's own processes"
    return
  elif ! have grep || ! have tr || ! have stat; then
    lost clamav 127 "grep, tr and stat are not all installed"
    return
  fi
  found=$(grep -sxHE 'clamd|clamonacc|freshclam' /proc/[0-9]*/comm </dev/null)
  set --
  for line in $found; do
    line=${line%/comm:*}
    case $line in /proc/[0-9]*) set -- "$@" "$line" ;; esac
  done
  printf '%s begin clamav\n\n%s out 0 user\n' "$WFO_MARKER" "$WFO_MARKER"
  if [ $# -gt 0 ]; then
    for each in "$@"; do
      grep -saH '' "$each/comm" "$each/stat" "$each/cmdline" </dev/null | tr '\000' '\001'
      grep -saHE '^(NSpid|State|Uid):' "$each/status" </dev/null
    done
    read -r value _ </proc/uptime && printf 'now:%s %s\n' "$value" "$(date '+%s.%N %z')"
  fi
  printf '\n%s end clamav\n' "$WFO_MARKER"
  [ $# -gt 0 ] || return
  named=$(arguments config-file "$@" | awk '!seen[$0]++' | head -n 20)
  section clamav_configs user clamav_configs
  section clamav_paths user clamav_paths "$out" "$@"
  section clamav_history user clamav_history "$@"
  if have clamdscan; then
    section clamav_answers user clamav_answers
  else
    lost clamav_answers 127 "clamdscan is not installed"
  fi
}

arguments() { # NAME PROCESS...: the values of an option, given as "-x VALUE", "--long VALUE" or "--long=VALUE"
  case $1 in
    config-file) short=c ;;
    log) short=l ;;
    *) short=' ' ;;
  esac
  long=$1
  shift
  for each in "$@"; do
    # Root looks into no folder that somebody else's program names.
    [ "$long" != move ] || [ "$power" != root ] || [ -O "$each" ] || continue
    tr '\000' '\n' <"$each/cmdline" | {
      wanted=
      while IFS= read -r word || [ -n "$word" ]; do
        if [ -n "$wanted" ]; then
          printf '%s\n' "$word"
          wanted=
          continue
        fi
        case $word in
          "--$long" | "-$short") wanted=yes ;;
          "--$long="*) printf '%s\n' "${word#*=}" ;;
          "-$short"?*) printf '%s\n' "${word#??}" ;;
        esac
      done
    }
  done
}

clamav_configs() { # the lines that count of all configuration files that may
  printf '%s\n' "$named" $clamav_usual | awk '!seen[$0]++' | while IFS= read -r file; do
    [ -f "$file" ] || continue
    stat -L -c 'file|%Z|%n' -- "$file"
    [ -r "$file" ] && awk -v options="^($clamav_options)\$" '
      length($0) > 1000 || $1 ~ options { printf "%d|%s\n", NR, substr($0, 1, 1100) }
      END { print "end|" NR }' <"$file"
  done
}

clamav_paths() { # CONFIGURATIONS PROCESS...: what lies where the options point, and on the way there
  text=$1
  shift
  {
    printf '%s\n' "$text" | awk '
      sub(/^[0-9]+\|[ \t]*OnAccess(Include|Exclude|Mount)Path[ \t]+/, "") {
        sub(/[ \t]+$/, "")
        gsub(/^"|"$/, "")
        print
      }'
    arguments move "$@"
  } | awk '/^\//' | head -n 200 | {
    set --
    while IFS= read -r path; do
      while [ -n "$path" ]; do
        set -- "$@" "$path"
        path=${path%/*}
      done
    done
    [ $# = 0 ] || stat -c '%F|%W|%m|%n' -- "$@"
  }
}

clamav_history() { # PROCESS...: detections in the logs, and what lies in quarantine
  {
    arguments log "$@"
    printf '%s\n' "$named" $clamav_usual | while IFS= read -r file; do
      [ -r "$file" ] && awk '
        sub(/^[ \t]*LogFile[ \t]+/, "") { sub(/[ \t]+$/, ""); gsub(/^"|"$/, ""); print }' <"$file"
    done
  } | awk '!seen[$0]++' | head -n 20 | while IFS= read -r file; do
    for log in "$file" "$file.1"; do
      [ -e "$log" ] || continue
      if ! [ -r "$log" ]; then printf 'unread-log|%s\n' "$log"; continue; fi
      printf 'log|%s\n' "$log"
      [ "$(stat -c %s -- "$log")" -le 4000000 ] || printf 'short|\n'
      tail -c 4000000 -- "$log" | awk '
        !first && /^[A-Z][a-z][a-z] [A-Z][a-z][a-z] [ 0-9][0-9] / { first = 1; print "first|" substr($0, 1, 24) }
        / FOUND$|: moved to |: Removed\.?$/ { kept[total++ % 300] = substr($0, 1, 1500) }
        END {
          for (i = total > 300 ? total - 300 : 0; i < total; i++) print "line|" kept[i % 300]
          print "total|" total + 0
        }'
    done
  done
  arguments move "$@" | awk '!seen[$0]++' | head -n 20 | while IFS= read -r folder; do
    if ! [ -r "$folder" ] || ! [ -x "$folder" ]; then printf 'unread-folder|%s\n' "$folder"; continue; fi
    printf 'folder|%s\n' "$folder"
    find "$folder" -maxdepth 1 -type f -exec stat -c '%Z|%n' {} + </dev/null | sort -rn | awk '
      NR <= 300 { print "item|" substr($0, 1, 1500) }
      END { print "total|" NR }'
  done
}

clamav_answers() { # whether clamd answers to those who use the configurations that were named
  if have timeout; then limit='timeout 5'; else limit=; fi
  if [ -n "$named" ]; then printf '%s\n' "$named"; else printf '%s\n' $clamav_usual; fi | while IFS= read -r file; do
    [ -r "$file" ] || continue
    grep -q '^[[:space:]]*LocalSocket[[:space:]]' "$file" || continue
    answer=$($limit clamdscan --config-file="$file" --ping 1 2>&1 </dev/null)
    printf '%s|%s|%s\n' "$?" "$file" "$answer"
  done
}

