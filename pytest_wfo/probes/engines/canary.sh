# The canary test: files with a text that every scanner must detect, in places where the site wants
# nothing detected, and one, the control, where nothing is excluded. posix.py sends it after files.sh,
# which calls canary_start and canary_end, and only at level canary.
#
# $WFO_CANARY is that text turned by 47 places; it is put together on the host alone, and no file, no
# argument of a process and no answer ever holds it. A folder is tried with .com, which nobody excludes;
# an extension in a new folder below the temporary one, which nobody excludes either.

canary_text() { printf %s "$WFO_CANARY" | tr '!-~' 'P-~!-O'; }

instant() { date -u +%Y-%m-%dT%H:%M:%SZ; }

canary_in() { plant subject "$1/wfo-canary-$WFO_RUN$ext" "$ext"; }

look_at_control() { # Leaves in $detected after how many centiseconds it was, empty if it is not.
  [ -z "$detected" ] || return 0
  fate "$control"
  case $state in gone | refused | changed) detected=$took ;; esac
  return 0
}

canary_start() {
  detected= control= begun=$(instant)
  neutral_folder "wfo-canary-$WFO_RUN"
  canary_neutral=$neutral
  [ -n "$canary_neutral" ] || return
  compose canary_text
  plant control "$canary_neutral/wfo-canary-$WFO_RUN.com" .com
  control=$files
  for ext in $WFO_EXTENSIONS; do canary_in "$canary_neutral"; done
  ext=.com
  each_folder canary_in
  planted=$now
  each_file subject fate # which opens it
  # How soon the scanner acts decides how long the others are left alone.
  while look_at_control && [ -z "$detected" ] && [ "$took" -lt 200 ]; do sleep_until "$now" 20; done
}

# The scanner's own configuration, where its daemon was started with another than the usual one. A daemon
# in a container, which has a number there as well, sees other files.
clamd_config() {
  for process in $(grep -slxF clamd /proc/[0-9]*/comm); do
    process=${process%comm}
    ! grep -sq '^NSpid:.*[0-9][[:space:]][[:space:]]*[0-9]' "${process}status" || continue
    tr '\000' '\n' 2>/dev/null <"${process}cmdline" | awk '
      next_one { print; exit }
      /^--config-file=/ { sub(/^[^=]*=/, ""); print; exit }
      $0 == "-c" || $0 == "--config-file" { next_one = 1 }'
  done | head -n 1
}

on_demand() { # N: what clamdscan says of it; clean is also what is excluded
  eval "path=\$path_$1 ext=\$ext_$1 kind=\$kind_$1"
  [ -e "$path" ] || return
  for way in "" --fdpass; do
    said=$(timeout 15 clamdscan ${config:+"--config-file=$config"} --no-summary $way "$path" 2>&1)
    case $? in
      0) state=clean ;;
      1) state=found ;;
      *) state=error ;;
    esac
    [ $state = error ] || break
  done
  took=0 detail="clamdscan: ${said##*: }"
  detail=$(printf %s "$detail" | tr '\n\t' '  ')
  printf 'scan-%s\t%s\t%s\t%s\t%s\t%s\n' "$kind" "$ext" "$state" "$took" "$detail" "$path"
}

canary_end() {
  if [ -z "$control" ]; then
    lost canary 1 "no new folder could be made below the temporary one, so nothing was written"
    return
  fi
  while look_at_control && [ -z "$detected" ] && [ "$took" -lt "$WFO_LIMIT" ]; do
    sleep_until "$now" 50
  done
  if [ -n "$detected" ]; then
    pause=$((detected * 3))
    [ $pause -ge $((WFO_LIMIT / 3)) ] || pause=$((WFO_LIMIT / 3))
    [ $pause -le "$WFO_LIMIT" ] || pause=$WFO_LIMIT
    sleep_until "$planted" $pause
  fi
  printf '%s begin canary\n\n%s out 0 user\n' "$WFO_MARKER" "$WFO_MARKER"
  each_file control fates
  each_file subject fates
  if have clamdscan && have timeout; then
    config=$(clamd_config)
    each_file control on_demand
    each_file subject on_demand
  fi
  printf 'from\t\t%s\t%s\t\t\n' "$begun" "${detected:-0}"
  printf 'to\t\t%s\t0\t\t\n' "$(instant)"
  printf '\n%s end canary\n' "$WFO_MARKER"
}
