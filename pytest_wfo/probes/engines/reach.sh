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

# Runs WORKER NUMBER LINE for every line at once, each into a pipe of its own, so no output mixes.
spread() { # WORKER NUMBER LINE...
  if [ $# -gt 3 ]; then
    "$1" "$2" "$3" | {
      worker=$1 number=$(($2 + 1))
      shift 3
      spread "$worker" "$number" "$@"
      cat
    }
  elif [ $# = 3 ]; then
    "$1" "$2" "$3"
  fi
}

lines() { # WORKER TEXT
  worker=$1
  set -f
  IFS=$nl
  # shellcheck disable=SC2086
  set -- $2
  IFS=" $tab$nl"
  set +f
  spread "$worker" 0 "$@"
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
  got=$(timeout 4 bash -c "$WFO_BASH" wfo "$1" "$2" "$3" "$(request "$1" "$3"; echo .)" 2>&1)
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

# nc says nothing when a connection is reset: it looks closed.
attempt_nc() { # ADDRESS PORT TRANSPORT
  patience=9 flags=$nc_flags
  case $3,$nc_kind in
    tcp,openbsd | https,openbsd) flags="$flags -z" ;;
    tcp,* | https,*) patience=5 ;;
  esac
  start=$(date +%s)
  # shellcheck disable=SC2086
  got=$({
    words=$(
      case $3 in tcp | https) ;; *) request "$1" "$3" ;; esac |
        { timeout $patience nc $flags -w 4 "$1" "$2" 2>&4; echo "rc=$?" >&4; } | hex 4096
    )
    echo "words=$words"
  } 4>&1)
  took=$(($(date +%s) - start))
  words=${got##*words=}
  said=${got%words=*}
  case $nc_kind,$said in
    openbsd,*succeeded*) ;;
    busybox,rc=*) ;;
    *)
      words=
      word "$said"
      return
      ;;
  esac
  reach=open detail=
  case $3 in
    tcp | https) end=not-asked words= ;;
    *)
      if [ -n "$words" ]; then
        end=said
      elif [ $took -ge 4 ]; then
        end=silent
      else
        end=closed detail='closed or reset: nc does not tell'
      fi
      ;;
  esac
}

try() { # NUMBER LINE: the second attempt is spaced, for a rate limit must not look like a closed way
  number=$1
  # shellcheck disable=SC2086
  set -- $2
  end=not-asked words= attempts=1
  if [ "$number" -ge 256 ]; then
    printf '%s\tunmeasured\tnot-asked\t0\t0\tnot tried: %s tries at most 256\t\t\n' "$1" "$engine"
    return
  fi
  "attempt_$engine" "$2" "$3" "$4"
  if [ "$reach" = filtered ]; then
    tenths=$((number / 2))
    [ $tenths -gt 20 ] && tenths=20
    sleep $((tenths / 10)).$((tenths % 10))
    attempts=2
    "attempt_$engine" "$2" "$3" "$4"
  fi
  case $reach,$4 in open,https) end=tls-next ;; esac
  printf '%s\t%s\t%s\t%s\t0\t%s\t%s\t\n' "$1" "$reach" "$end" "$attempts" "$detail" "$words"
}

tls() { # NUMBER LINE: the engine's line; the reader takes certificate and words out of openssl's text
  # shellcheck disable=SC2086
  set -- $2
  if ! have openssl || ! have timeout; then
    printf '%s\topen\tunmeasured\t%s\t%s\tTLS needs python3, or openssl and timeout\t\t\n' "$1" "$4" "$5"
    return
  fi
  index=$1 attempts=$4 took=$5
  IFS=$nl
  for target in $WFO_TARGETS; do
    case $target in "$index "*) break ;; esac
  done
  IFS=" $tab$nl"
  # shellcheck disable=SC2086
  set -- $target
  case $2 in *:*) to="[$2]:$3" ;; *) to=$2:$3 ;; esac
  for ciphers in 'ALL:@SECLEVEL=0' ALL; do # old versions know no @SECLEVEL: "no cipher match"
    text=$({
      request "$2" https | OPENSSL_CONF=/dev/null timeout -s KILL 4 \
        openssl s_client -connect "$to" -ign_eof -cipher "$ciphers" 2>&1
      printf '\nended %s\n' "$?"
    } | grep -avE '(PSK|Master-Key|Session-ID|^ +[0-9a-f]{4} - )' | hex 24000)
    case $text in *636970686572206d61746368*) ;; *) break ;; esac
  done
  printf '%s\topen\topenssl\t%s\t%s\t\t%s\t\n' "$index" "$attempts" "$took" "$text"
}

secure() { # the engine's lines on stdin
  case $WFO_TARGETS in *' https'*) ;; *) cat; return ;; esac
  todo=
  while IFS= read -r line; do
    case $line in
      *"${tab}open${tab}tls-next$tab"*) todo=$todo$line$nl ;;
      *) printf '%s\n' "$line" ;;
    esac
  done
  [ -z "$todo" ] || lines tls "$todo"
}

shell_engine() { have timeout && have od && have tr && have head && have cat && have sleep; }

reach() {
  for python in python3 /usr/libexec/platform-python; do
    have $python || continue
    printf 'engine\t%s\n' python3
    printf '%s\n' "$WFO_TARGETS" | "$python" -I -S -W ignore -c "$WFO_PYTHON" && return
  done
  if have perl && [ -n "$(perl -MSocket -MTime::HiRes -MErrno -MFcntl -e 'print 1')" ]; then
    printf 'engine\t%s\n' perl
    printf '%s\n' "$WFO_TARGETS" | perl -e "$WFO_PERL" | secure
    return
  fi
  if shell_engine && have dd && have bash && bash -c 'exec 3<>/dev/tcp/127.0.0.1/0' 2>&1 | grep -q connect; then
    engine=bash
  elif shell_engine && have nc; then
    case $(nc -h 2>&1) in
      *OpenBSD*) engine=nc nc_kind=openbsd nc_flags='-n -v' ;;
      *BusyBox*) engine=nc nc_kind=busybox nc_flags= ;;
    esac
  fi
  printf 'engine\t%s\n' "${engine:-none}"
  [ -z "$engine" ] || lines try "$WFO_TARGETS" | secure
}

engine=
reach
