# What a POSIX host says about itself, as one line of JSON. posix.py puts a prelude in front: the
# variables WFO_* used below, and the requested paths as positional parameters. Runs under dash,
# busybox ash and bash, with any awk; needs neither python nor perl nor jq.
#
# Reads: host name, boot id, os-release, kernel, id, clock, addresses, routes, forwarding, listening
# sockets and their owners, packet filter rules, name and program of the processes (never arguments,
# which may hold secrets, but those of ClamAV's daemons: see antivirus/posix.sh, which belongs to this
# script), size and time of the requested files; then tries the TCP connections it was asked to try.
# Changes nothing (the kernel may load its own nf_tables module when nft asks it for rules) and writes no
# file, unless WFO_RUN has engines/files.sh write test files and remove them again.
#
# Rights: any user. As root, or with exactly these commands granted by sudo (NOPASSWD), it also sees
# the packet filter, the owners of sockets and who scans files; without, they are reported as not seen:
#   ss -tlnpe
#   nft -j list ruleset
#   iptables-legacy-save, iptables-nft-save or iptables-save    (without arguments; those installed)
#   cat /proc/net/ip_tables_names                               (only without iptables-legacy-save)
#   find /proc -maxdepth 3 -ignore_readdir_race -path /proc/*/fd/* -lname anon_inode:?fanotify?
#
# awk turns the stream into JSON at the end. A section is: "MARKER begin NAME", the command's stderr,
# "MARKER out RC AS", its stdout, "MARKER end"; AS is "user", "root", "sudo" or "none". "MARKER file
# NAME PATH" makes awk read the file itself, which saves a process. The marker is random and never an
# argument of a process, so nothing on the host can forge a section.

have() { command -v "$1" >/dev/null 2>&1; }

section() { # NAME AS COMMAND...: leaves stdout in $out and the exit code in $rc
  printf '%s begin %s\n' "$WFO_MARKER" "$1"
  name=$1 as=$2
  shift 2
  out=$("$@" 2>&3 </dev/null)
  rc=$?
  printf '\n%s out %s %s\n%s\n%s end %s\n' "$WFO_MARKER" "$rc" "$as" "$out" "$WFO_MARKER" "$name"
}

lost() { # NAME RC WHY: a section whose command could not even be started
  rc=$2 out=
  printf '%s begin %s\n%s\n\n%s out %s none\n\n%s end %s\n' \
    "$WFO_MARKER" "$1" "$3" "$WFO_MARKER" "$2" "$WFO_MARKER" "$1"
}

tool() { # NAME COMMAND...
  if have "$2"; then
    name=$1
    shift
    section "$name" user "$@"
  else
    lost "$1" 127 "$2 is not installed"
  fi
}

as_root() { # NAME COMMAND...
  if ! have "$2"; then
    lost "$1" 127 "$2 is not installed"
    return
  fi
  name=$1
  shift
  case $power in
    root) section "$name" root "$@" ;;
    sudo) section "$name" sudo sudo -n "$@" ;;
    *) lost "$name" 126 "needs root, and sudo is not installed" ;;
  esac
}

file() { printf '%s file %s %s\n' "$WFO_MARKER" "$1" "$2"; }

who() {
  tool id id
  case $out in
    "uid=0("* | "uid=0 "*) power=root ;;
    *) if have sudo; then power=sudo; else power=none; fi ;;
  esac
}

machine() {
  if [ -r /proc/sys/kernel/osrelease ]; then
    file hostname /proc/sys/kernel/hostname
    file ostype /proc/sys/kernel/ostype
    file osrelease /proc/sys/kernel/osrelease
  else
    tool hostname uname -n
    tool ostype uname -s
    tool osrelease uname -r
  fi
  file boot /proc/sys/kernel/random/boot_id
  if [ -f /etc/os-release ]; then
    file os /etc/os-release
  else
    file os /usr/lib/os-release
  fi
}

network() {
  if have ip; then
    section addresses user ip addr
    section routes user ip -4 -o route show table all
    section rules user ip -4 rule
  else
    tool ifconfig ifconfig -a
  fi
  printf '%s begin forwarding\n%s out 0 user\n' "$WFO_MARKER" "$WFO_MARKER"
  for f in /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv4/conf/*/forwarding; do
    # sysctl files end after the first read, and a shell reads byte by byte: one digit, no newline.
    [ -r "$f" ] && { read -r value <"$f"; printf '%s=%s\n' "$f" "$value"; }
  done
  printf '\n%s end forwarding\n' "$WFO_MARKER"
}

listeners() {
  if have ss; then
    as_root ss ss -tlnpe
    [ "$rc" = 0 ] || section ss-user user ss -tlne
  fi
  if ! have ss || [ "$rc" != 0 ]; then
    file tcp /proc/net/tcp
    file tcp6 /proc/net/tcp6
    tool machine uname -m
  fi
}

# Legacy tables are in the kernel only if it names them. Rules that iptables-nft wrote are in nft's
# answer too; its own reading is wanted for the matches that nft cannot show.
packet_filter() {
  as_root nft nft -j list ruleset
  case $rc,$out in
    0,*'"name": "filter"'* | 0,*'"name": "nat"'* | 0,*'"name": "mangle"'* | 0,*'"name": "raw"'* | \
      0,*'"name": "security"'*) compat=yes ;;
    0,*) compat=no ;;
    *)
      compat=yes
      tool nf_tables grep -E ' (nft_do_chain|tcp_v4_rcv)([[:space:]]|$)' /proc/kallsyms
      ;;
  esac
  legacy=yes names=/proc/net/ip_tables_names
  if [ -r $names ]; then
    all=
    while read -r name; do all="$all $name"; done <$names
    printf '%s begin ip_tables_names\n\n%s out 0 user\n%s\n%s end ip_tables_names\n' \
      "$WFO_MARKER" "$WFO_MARKER" "$all" "$WFO_MARKER"
    [ -n "$all" ] || legacy=no
  elif [ -e $names ]; then
    have iptables-legacy-save || as_root ip_tables_names cat $names
  elif [ -r /proc/net/dev ]; then
    lost ip_tables_names 127 "the kernel has no ip_tables"
    legacy=no
  fi
  both=no
  if [ $legacy = yes ]; then
    if have iptables-legacy-save; then as_root iptables_legacy iptables-legacy-save; else both=yes; fi
  fi
  if [ $compat = yes ] && have iptables-nft-save; then
    as_root iptables_nft iptables-nft-save
  elif [ $compat = yes ]; then
    both=yes
  fi
  if [ $both = yes ] && have iptables-save; then as_root iptables iptables-save; fi
}

hidden() { # the mount option hidepid: process 1 is not seen, unless it is the user's own
  ! [ -r /proc/1/comm ] ||
    { [ "$power" != root ] && [ -O /proc/1 ] && grep -q 'hidepid=[^0o]' /proc/mounts; }
}

# One process for all: each line of a file comes with its path, whatever it holds. (A name of 15
# characters has at most 16 lines.) Of a command line awk keeps the program alone: what stands before
# the first NUL, here \001, in the first line. A process that writes a title over its arguments, often
# with arguments in it, leaves no NUL between words; of such a text the first word stays.
processes() {
  if hidden; then
    lost processes 126 "/proc shows only the user's own processes"
  elif ! have grep || ! have tr; then
    lost processes 127 "grep and tr are not both installed"
  else
    printf '%s begin processes\n\n%s out 0 user\n' "$WFO_MARKER" "$WFO_MARKER"
    grep -saH -m 16 '' /proc/[0-9]*/comm /proc/[0-9]*/cmdline </dev/null 2>/dev/null |
      tr '\000' '\001'
    printf '\n%s end processes\n' "$WFO_MARKER"
  fi
}

probes() {
  printf '%s begin probes\n\n%s out 0 user\n%s\n' "$WFO_MARKER" "$WFO_MARKER" "$WFO_TARGETS"
  eval "$WFO_REACH" 2>/dev/null
  printf '\n%s end probes\n' "$WFO_MARKER"
}

tests_start() { # What was asked stands in the answer, as its reader knows nothing else.
  [ -n "$WFO_ASKED" ] || return
  section asked_antivirus user printf '%s\n' "$WFO_ASKED"
  section links user links
  if [ -n "$WFO_CONCERNS" ]; then
    eval "$WFO_CONCERNS"
    concerns_start
  fi
  if [ -n "$WFO_RUN" ]; then
    eval "$WFO_FILES"
    files_start
  fi
}

tests_end() {
  [ -z "$WFO_CONCERNS" ] || concerns_end
  [ -z "$WFO_RUN" ] || files_end
}

collect() {
  exec 3>&1
  tool clock date +%s.%N
  who
  watchers
  tests_start
  machine
  network
  listeners
  packet_filter
  processes
  clamav
  if [ $# -gt 0 ]; then
    section asked user printf '%s\n' "$@"
    tool files stat -L -c '%F|%s|%Y|%n' -- "$@"
  fi
  if [ -n "$WFO_TARGETS" ]; then
    probes
  fi
  tests_end
  if [ -n "$WFO_TARGETS$WFO_ASKED" ]; then tool clock_end date +%s.%N; fi
}

# Out comes ASCII only: every other byte as \u00XX, which the reader turns back into the byte. Strings
# rather than patterns name the bytes, since not every awk's patterns take them in every locale.
encode() {
  awk '
  function program(s, path, n) {
    path = substr(s, 1, index(s, ":"))
    if (path == last) return ""
    last = path
    n = index(s, "\001")
    if (n && substr(s, n) ~ /[^\001]/) s = substr(s, 1, n - 1)
    else sub(/[ \001].*/, "", s)
    return substr(s, 1, 1100)
  }
  function text(s, c) {
    if (name == "fanotify" && ++lines > 1000) return
    if (name == "processes" && s ~ /^\/proc\/[0-9]+\/cmdline:/ && (s = program(s)) == "") return
    gsub(/[\\"]/, "\\\\&", s)
    if (s ~ /[^ -~]/) for (c in escape) if (index(s, c)) gsub(c, escape[c], s)
    printf "%s%s", newline, s
    newline = "\\n"
  }
  function read(path, line, got) {
    printf "{\"as\":\"user\",\"err\":\"\",\"out\":\""
    newline = ""
    while ((got = (getline line < path)) > 0) text(line)
    close(path)
    printf "\",\"rc\":%d}", (got < 0)
  }
  BEGIN {
    marker = ENVIRON["WFO_MARKER"]
    for (i = 1; i < 256; i++) if (i < 32 || i > 126) escape[sprintf("%c", i)] = sprintf("\\u%04x", i)
    printf "{\"v\":1,\"sections\":{"
  }
  index($0, marker " ") != 1 { if (open) text($0); next }
  $2 == "begin" { printf "%s\"%s\":{\"err\":\"", comma, $3; comma = ","; newline = ""; name = $3; open = 1; lines = 0 }
  $2 == "out" { lines = 0; printf "\",\"rc\":%d,\"as\":\"%s\",\"out\":\"", $3, $4; newline = "" }
  $2 == "end" { printf "\"}"; open = 0 }
  $2 == "file" { printf "%s\"%s\":", comma, $3; comma = ","; read($4) }
  END { print "},\"complete\":true}" }'
}

main() {
  LC_ALL=C PATH=$PATH:/usr/sbin:/sbin
  export LC_ALL PATH WFO_MARKER
  if have awk; then
    collect "$@" 2>/dev/null | encode
  else
    echo '{"v":1,"error":"awk is not installed"}'
  fi
}

main "$@"
exit
