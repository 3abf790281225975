# Files below the folders of WFO that the document advises to exclude: held open by a process, large,
# many new ones. posix.py sends it where the site has such folders; posix.sh calls concerns_start and
# concerns_end. Reads only; at most 8 s for each of two searches; lists end after 50 entries.

listed=20000

names() { # the names in each folder, without our own
  saved=$IFS IFS='
'
  set -f
  for folder in $WFO_FOLDERS; do
    [ ! -d "$folder" ] || printf '/%s\n%s\n' "$folder" "$(ls -Af -- "$folder" 2>/dev/null |
      grep -v '^wfo-' | head -n $((listed + 1)))"
  done
  IFS=$saved
  set +f
}

concerns_start() {
  before=$(names)
  looked=$(date +%s)
}

new_names() { # the number of new names in each folder, -1 where there are too many to count
  printf '%s\n/\n%s\n' "$before" "$(names)" | awk -v most=$listed '
    $0 == "/" { second = 1; next }
    /^\// { folder = substr($0, 2); if (second) order[++folders] = folder; next }
    $0 == "" || $0 == "." || $0 == ".." { next }
    ++count[second, folder] > most { many[folder] = 1 }
    !second { seen[folder, $0] = 1 }
    second && !((folder, $0) in seen) { fresh[folder]++ }
    END { for (i = 1; i <= folders; i++) {
      f = order[i]; print "new\t" ((f in many) ? -1 : fresh[f] + 0) "\t" f } }'
}

large_files() { # as ls says it, and how the search of each folder ended
  saved=$IFS IFS='
'
  set -f
  for folder in $WFO_FOLDERS; do
    [ -d "$folder" ] || continue
    timeout 8 find "${folder%/}/" -xdev -type f ! -name '*
*' \( -size +2097152 -o -name '*.[iI][sS][oO]' -o -name '*.[vV][hH][dD]' -o -name '*.[vV][hH][dD][xX]' \
      -o -name '*.[aA][vV][hH][dD][xX]' \) -exec ls -ln -- {} +
    printf 'searched\t%s\t%s\n' $? "$folder"
  done | awk '/^searched\t/ || ++n <= 51'
  IFS=$saved
  set +f
}

# The right of a link in /proc/PID/fd is that with which the file was opened.
open_files() {
  {
    timeout 8 ls -l /proc/[0-9]*/fd 2>&1
    printf 'searched\t%s\n' $?
  } | awk '
    BEGIN { n = split(ENVIRON["WFO_FOLDERS"], root, "\n") }
    /^ls: / { if ($0 !~ /: No such (file or directory|process)$/) closed = 1; next }
    /^searched\t/ { last = $0; next }
    /^\/proc\/[0-9]+\/fd:$/ { pid = $0; gsub(/[^0-9]/, "", pid); next }
    /^l.w/ && (at = index($0, " -> ")) {
      path = substr($0, at + 4)
      for (i = 1; i <= n; i++) {
        folder = root[i]
        sub(/\/+$/, "", folder)
        if (index(path, folder "/") == 1 && !((pid, path) in told)) {
          told[pid, path] = 1
          if (++shown <= 51) print "open\t" pid "\t" path
        }
      }
    }
    END { print last; if (closed) print "closed\t" }'
}

concerns_end() {
  export WFO_FOLDERS
  if have timeout && have find; then
    section large user large_files
  else
    lost large 127 "timeout and find are not both installed"
  fi
  if [ "$power" != root ]; then
    lost open 126 "needs root"
  elif have timeout; then
    section open root open_files
  else
    lost open 127 "timeout is not installed"
  fi
  section new user new_names
  printf '%s begin looked\n\n%s out 0 user\n%s %s\n%s end looked\n' \
    "$WFO_MARKER" "$WFO_MARKER" "$looked" "$(date +%s)" "$WFO_MARKER"
}
