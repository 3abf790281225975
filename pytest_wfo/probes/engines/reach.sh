# Tries the connections of $WFO_TARGETS (lines "INDEX ADDRESS PORT TRANSPORT") with the best means the
# host has: python3, perl, bash, OpenBSD or busybox nc. Prints what reach.py prints. An engine that
# prints nothing is broken, and the next one is asked. posix.sh evaluates this; TLS outside of python3
# is spoken by openssl.

nl='
'
tab=$(printf '\t')

request() { # ADDRESS TRANSPORT
  case $2,$1 in
    silverlight-policy,*) printf '<policy-file-request/>' ;;
    *:*) printf 'GET / HTTP/1.1\r\nHost: [%s]\r\nUser-Agent: pytest-wfo\r\nConnection: close\r\n\r\n' "$1" ;;
    *) printf 'GET / HTTP/1.1\r\nHost: %s\r\nUser-Agent: pytest-wfo\r\nConnection: close\r\n\r\n' "$1" ;;
  esac
}

hex() { head -c "$1" | od -An -v -tx1 | tr -d ' \n'; }

# Tries every line at once, each into a pipe of its own, so no output mixes.
spread() { # LINE...
  if [ $# -gt 1 ]; then
    try "$1" | {
      shift
      spread "$@"
      cat
    }
  else
    try "$1"
  fi
}

clock() { # leaves in $now hundredths of a second; where there is no /proc, they pass by the second
  now=
  { read -r now _ </proc/uptime; } 2>/dev/null
  case $now in
    *.??) now=$((${now%.*} * 100 + 1${now#*.} - 100)) ;;
    *) now=$(date +%s)00 ;;
  esac
  left=$((began + 1400 - now))
}

again() { # INDEX: waits as the second pass does; false if no time (4 s) would be left after that
  tenths=$(($1 / 2))
  [ $tenths -gt 20 ] && tenths=20
  clock
  [ $left -ge $((400 + tenths * 10)) ] && sleep $((tenths / 10)).$((tenths % 10))
}

# The words of the C library, as bash and nc repeat them.
word() { # TEXT
  case $1 in
    *refused*) reach=refused detail=ECONNREFUSED ;;
    *'o route to host'*) reach=unreachable detail=EHOSTUNREACH ;;
    *'etwork is unreachable'*) reach=unreachable detail=ENETUNREACH ;;
    *'ermission denied'*) reach=unreachable detail=EACCES ;;
    *'nvalid argument'*) reach=unreachable detail=EINVAL ;;
    *'peration not permitted'*) reach=unreachable detail=EPERM ;;
    *'timed out'*) reach=filtered detail=timeout ;;
    *'reset by peer'*) reach=reset detail=ECONNRESET ;;
    *)
      reach=unmeasured
      detail=$(printf '%s' "$1" | tr '\t\n' '  ' | head -c 200)
      ;;
  esac
}

# One connection in bash. Until it stands, "timeout" may end the shell; afterwards TERM is ignored.
WFO_BASH='
exec 3<>"/dev/tcp/$1/$2" || exit
exec 2>/dev/null
trap "" TERM PIPE
echo up
case $3 in tcp | https) exit ;; esac
printf %s "${4%.}" >&3
set -o pipefail
data= end=silent until=$((SECONDS + 4))
[ $until -gt $5 ] && until=$5 end=cut
while rest=$((until - SECONDS)) && [ $rest -gt 0 ] && [ ${#data} -lt 8192 ]; do
  chunk=$(timeout -s KILL $rest dd bs=4096 count=1 <&3 | od -An -v -tx1 | tr -d " \n")
  rc=$?
  data=$data$chunk
  case $rc,$chunk in 0,) end=closed; break ;; 0,*) ;; 1,*) end=reset; break ;; *) break ;; esac
  case $3,$data in
    http,*0a* | *,*2d706f6c6963793e*2d706f6c6963793e* | silverlight-policy,*00) break ;;
  esac
done
[ -n "$data" ] && end=said
echo "$end ${data:0:8192}"'

attempt_bash() { # ADDRESS PORT TRANSPORT
  got=$(timeout 4 bash -c "$WFO_BASH" wfo "$1" "$2" "$3" "$(request "$1" "$3"; echo .)" \
    $((left / 100)) 2>&1)
  case $got in
    up | up"$nl"*)
      reach=open end=not-asked detail=
      got=${got#up}
      case $got in "$nl"*) end=${got#"$nl"} words=${end#* } end=${end%% *} ;; esac
      ;;
    '') reach=filtered detail=timeout ;;
    *) word "$got" ;;
  esac
}

# Nothing is said of a reset: it looks closed. nc waits 4 s for the connection and 4 s for words.
attempt_nc() { # ADDRESS PORT TRANSPORT
  patience=$((left / 100 + 1)) flags='-n -v'
  [ $patience -gt 9 ] && patience=9
  case $3 in tcp | https) flags="$flags -z" ;; esac
  start=$now
  # shellcheck disable=SC2086
  got=$({
    words=$(
      case $3 in tcp | https) ;; *) request "$1" "$3" ;; esac |
        { timeout $patience nc $flags -w 4 "$1" "$2" 2>&4; echo >&4; } | hex 4096
    )
    echo "words=$words"
  } 4>&1)
  clock
  took=$((now - start)) said=${got%words=*}
  case $said in
    *succeeded*) ;;
    *)
      word "$said"
      return
      ;;
  esac
  reach=open detail=
  case $3 in tcp | https) return ;; esac
  words=${got##*words=}
  if [ -n "$words" ]; then
    end=said
  elif [ $patience -lt 9 ] && [ $took -ge $((patience * 100)) ]; then
    end=cut
  elif [ $took -ge 400 ]; then
    end=silent
  else
    end=closed detail='closed or reset: nc does not tell'
  fi
}

# busybox nc runs this when it is connected, as stdin and stdout; 4 leads to us and 5 to the words.
WFO_BUSYBOX='
echo up >&4
case $1 in tcp | https) exit ;; esac
trap "" PIPE
printf %s "${2%.}"
patience=$(($3 - $(date +%s)))
[ $patience -gt 4 ] && patience=4
[ $patience -lt 1 ] && patience=1
timeout $patience cat >&5 2>&4
echo "cat $? $patience" >&4'

attempt_busybox() { # ADDRESS PORT TRANSPORT
  got=$({
    words=$(
      nc -w 4 "$1" "$2" -e /bin/sh -c "$WFO_BUSYBOX" wfo "$3" "$(request "$1" "$3"; echo .)" \
        $(($(date +%s) + left / 100)) 5>&1 >&4 2>&4 </dev/null | hex 4096
    )
    echo "words=$words"
  } 4>&1)
  case $got in
    up*) ;;
    *)
      word "${got%words=*}"
      return
      ;;
  esac
  reach=open detail=
  case $3 in tcp | https) return ;; esac
  words=${got##*words=}
  case $words,$got in
    ?*,*) end=said ;;
    *'reset by peer'*) end=reset ;;
    *'cat 124 4'* | *'cat 143 4'*) end=silent ;;
    *'cat 124 '* | *'cat 143 '*) end=cut ;;
    *) end=closed ;;
  esac
}

# What loss or chance explains (no connection, no word, a reset) counts when it was seen twice; told is
# the outcome that came furthest, and of equals the later.
try() { # LINE
  # shellcheck disable=SC2086
  set -- $1
  if [ "$1" -ge 256 ]; then
    printf '%s\tunmeasured\tnot-asked\t0\t0\tnot tried: %s tries at most 256\t\t\n' "$1" "$engine"
    return
  fi
  attempts=0 doubted= best=
  while clock; do
    attempts=$((attempts + 1)) end=not-asked words=
    "attempt_$way" "$2" "$3" "$4"
    if [ "$reach" = open ] || [ "$best" != open ]; then
      best=$reach best_end=$end told=$detail$tab$words
    fi
    case $way,$reach,$end in
      *,filtered,* | *,reset,*) doubt=connect ;;
      *,open,silent | *,open,reset | nc,open,closed) doubt=talk ;;
      *,open,cut) doubt=cut ;;
      *) doubt= ;;
    esac
    case $doubted in *"$doubt"*) break ;; esac # none, or the same once more
    doubted=$doubted$doubt
    if ! again "$1"; then
      case $best,$best_end in
        open,cut) word=silent ;;
        open,*) word=$best_end ;;
        filtered,*) word='timed out' ;;
        *) word=$best ;;
      esac
      if [ "$best" = open ]; then best_end=unmeasured; else best=unmeasured; fi
      told="$word once, and no time was left for a second attempt$tab"
      break
    fi
  done
  case $best,$4 in
    open,https) tls "$1" "$2" "$3" "$attempts" 0 ;;
    *) printf '%s\t%s\t%s\t%s\t0\t%s\t\n' "$1" "$best" "$best_end" "$attempts" "$told" ;;
  esac
}

# openssl does not tell when it is connected: 7 s are for connection, handshake and words; 4 s must do.
talk_tls() { # ADDRESS PORT: leaves in $text what openssl printed and how it ended, in hex
  case $1 in *:*) to="[$1]:$2" ;; *) to=$1:$2 ;; esac
  clock
  patience=$((left / 100))
  [ $patience -gt 7 ] && patience=7
  [ $patience -lt 1 ] && patience=1
  for ciphers in 'ALL:@SECLEVEL=0' ALL; do # old versions know no @SECLEVEL: "no cipher match"
    text=$({
      request "$1" https | OPENSSL_CONF=/dev/null timeout -s KILL $patience \
        openssl s_client -connect "$to" -ign_eof -cipher "$ciphers" 2>&1
      printf '\nended %s\n' "$?"
    } | grep -avE '(PSK|Master-Key|Session-ID|^ +[0-9a-f]{4} - )' | hex 24000)
    case $text in *636970686572206d61746368*) ;; *) break ;; esac
  done
}

# What the peer said stands among openssl's own words, which the reader knows. Here it is enough to see
# no HTTP, and that openssl was stopped (ended 124, 137, 143), was reset (errno=104) or not connected.
unheard() { # TEXT
  case $1 in
    *0a485454502f*) return 1 ;;
    *0a656e64656420313234* | *0a656e64656420313337* | *0a656e64656420313433*) ;;
    *6572726e6f3d313034* | *636f6e6e6563743a6572726e6f3d*) ;;
    *) return 1 ;;
  esac
}

tls() { # INDEX ADDRESS PORT ATTEMPTS MILLISECONDS
  attempts=$4 end=openssl
  if ! have openssl || ! have timeout; then
    printf '%s\topen\tunmeasured\t%s\t%s\tTLS needs python3, or openssl and timeout\t\t\n' "$1" "$4" "$5"
    return
  fi
  talk_tls "$2" "$3"
  best=$text
  if unheard "$best" && again "$1"; then
    attempts=$((attempts + 1))
    talk_tls "$2" "$3"
    case $text,$best in # BEGIN CERT; connect:errno=
      *424547494e2043455254*,*) best=$text ;;
      *,*424547494e2043455254* | *636f6e6e6563743a6572726e6f3d*,*) ;;
      *) best=$text ;;
    esac
    [ $patience -ge 4 ] || end=openssl-once
  elif unheard "$best"; then
    end=openssl-once
  fi
  printf '%s\topen\t%s\t%s\t%s\t\t%s\t\n' "$1" "$end" "$attempts" "$5" "$best"
}

secure() { # the engine's lines on descriptor 5; a TLS talk begins as soon as its line is there
  while IFS= read -r line <&5; do
    case $line in
      *"${tab}open${tab}tls-next$tab"*) ;;
      *)
        printf '%s\n' "$line"
        continue
        ;;
    esac
    # shellcheck disable=SC2086
    set -- $line
    IFS=$nl
    for target in $WFO_TARGETS; do
      case $target in "$1 "*) break ;; esac
    done
    IFS=" $tab$nl"
    # shellcheck disable=SC2086
    set -- "$4" "$5" $target
    tls "$3" "$4" "$5" "$1" "$2" | {
      secure
      cat
    }
    return
  done
}

shell_engine() { have timeout && have od && have tr && have head && have cat && have sleep; }

reach() {
  began=0
  clock
  began=$now
  for python in python3 /usr/libexec/platform-python; do
    have $python || continue
    printf 'engine\t%s\n' python3
    printf '%s\n' "$WFO_TARGETS" | "$python" -I -S -W ignore -c "$WFO_PYTHON" && return
  done
  if have perl && [ -n "$(perl -MSocket -MTime::HiRes -MErrno -MFcntl -e 'print 1')" ]; then
    printf 'engine\t%s\n' perl
    printf '%s\n' "$WFO_TARGETS" | perl -e "$WFO_PERL" | secure 5<&0
    return
  fi
  if shell_engine && have dd && have bash && bash -c 'exec 3<>/dev/tcp/127.0.0.1/0' 2>&1 | grep -q connect; then
    engine=bash way=bash
  elif shell_engine && have nc; then
    case $(nc -h 2>&1) in
      *OpenBSD*) engine=nc way=nc ;;
      *BusyBox*) engine=nc way=busybox ;;
    esac
  fi
  printf 'engine\t%s\n' "${engine:-none}"
  [ -n "$engine" ] || return
  set -f
  IFS=$nl
  # shellcheck disable=SC2086
  set -- $WFO_TARGETS
  IFS=" $tab$nl"
  set +f
  spread "$@"
}

engine=
reach
