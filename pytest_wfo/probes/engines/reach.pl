# Tries TCP connections from a target host; runs there as perl -e. Same lines in and out as reach.py;
# core modules only. One process, one select loop. TLS is left to reach.sh ("tls-next"), which reads
# every line as soon as it is there.
use strict;
use warnings;
use Socket qw(:DEFAULT inet_pton pack_sockaddr_in6);
use Fcntl;
use Errno;
use Time::HiRes qw(time);

my ($CONNECT, $ANSWER, $DEADLINE, $IN_FLIGHT, $MOST) = (4, 4, 14, 256, 4096);
my %name = map { Errno->can($_)->() => $_ } qw(ECONNREFUSED ETIMEDOUT ECONNRESET EHOSTUNREACH
  ENETUNREACH EHOSTDOWN ENETDOWN ENOPROTOOPT EACCES EPERM EINVAL EADDRNOTAVAIL EMFILE ENOBUFS);
my %reach = (
  ECONNREFUSED => "refused", ETIMEDOUT => "filtered", ECONNRESET => "reset",
  map { $_ => "unreachable" }
    qw(EHOSTUNREACH ENETUNREACH EHOSTDOWN ENETDOWN ENOPROTOOPT EACCES EPERM EINVAL));
my $LATE = "not tried: the time for all connections was over";
my $ONCE = "once, and no time was left for a second attempt";

$SIG{PIPE} = "IGNORE";
$| = 1;
my $began = time;
my (@waiting, @later, %open);    # %open: tries in flight, by file number

sub left { $DEADLINE - (time - $began) }

sub answer {    # how one attempt ended
  my ($t, $reach, $end, $detail) = @_;
  if ($t->{sock}) {
    delete $open{fileno $t->{sock}};
    close $t->{sock};
    $t->{sock} = undef;
  }
  my $took = int(($t->{took} || time - $t->{start}) * 1000);
  $t->{best} = [$reach, $end, $took, $detail, $t->{words}]
    if $reach eq "open" || !$t->{best} || $t->{best}[0] ne "open";
  my $doubt = $reach =~ /^(?:filtered|reset)$/ ? "connect"
    : $end eq "reset" ? "talk"
    : $end eq "silent" ? ($t->{cut} ? "cut short" : "talk") : "";
  return report($t) if !$doubt || $t->{doubted}{$doubt}++;
  return give_up($t) if left() - $t->{delay} < $CONNECT;
  $t->{at} = time + $t->{delay};
  push @later, $t;
}

sub give_up {    # the time is over, and what was seen once may be chance
  my $t = shift;
  my $best = $t->{best} ||= ["unmeasured", "not-asked", 0, $LATE, ""];
  if ($best->[0] eq "open") {
    @$best[1, 3] = ("unmeasured", "$best->[1] $ONCE");
  } elsif ($t->{tries}) {
    my $word = $best->[0] eq "filtered" ? "timed out" : $best->[0];
    @$best[0, 3] = ("unmeasured", "$word $ONCE");
  }
  report($t);
}

sub report {
  my $t = shift;
  my ($reach, $end, $took, $detail, $words) = @{$t->{best}};
  print join("\t", $t->{index}, $reach, $end, $t->{tries}, $took, $detail,
    unpack("H*", $words), ""), "\n";
}

sub failed {
  my ($t, $code) = @_;
  my $name = $name{$code} || "errno $code";
  answer($t, $reach{$name} || "unmeasured", "not-asked", $name eq "ETIMEDOUT" ? "timeout" : $name);
}

sub begin {
  my $t = shift;
  return give_up($t) if left() < $CONNECT;
  @$t{qw(start took words)} = (time, undef, "");
  $t->{tries}++;
  my $six = $t->{address} =~ /:/;
  socket($t->{sock}, $six ? AF_INET6 : AF_INET, SOCK_STREAM, 0) or do {
    $t->{sock} = undef;
    return failed($t, $! + 0);
  };
  fcntl($t->{sock}, F_SETFL, fcntl($t->{sock}, F_GETFL, 0) | O_NONBLOCK);
  my $to = $six
    ? pack_sockaddr_in6($t->{port}, inet_pton(AF_INET6, $t->{address}))
    : pack_sockaddr_in($t->{port}, inet_aton($t->{address}));
  $t->{until} = time + $CONNECT;
  $t->{talks} = 0;
  $open{fileno $t->{sock}} = $t;
  return connected($t) if connect($t->{sock}, $to);
  failed($t, $! + 0) unless $!{EINPROGRESS};
}

sub connected {
  my $t = shift;
  $t->{took} = time - $t->{start};
  return answer($t, "open", "not-asked", "") if $t->{transport} eq "tcp";
  return answer($t, "open", "tls-next", "") if $t->{transport} eq "https";
  my $host = $t->{address} =~ /:/ ? "[$t->{address}]" : $t->{address};
  my $ask = $t->{transport} eq "silverlight-policy" ? "<policy-file-request/>"
    : "GET / HTTP/1.1\r\nHost: $host\r\nUser-Agent: pytest-wfo\r\nConnection: close\r\n\r\n";
  my $left = left();
  $t->{talks} = 1;
  $t->{cut} = $left < $ANSWER;
  $t->{until} = time + ($t->{cut} ? $left : $ANSWER);
  answer($t, "open", "reset", "") if !defined syswrite($t->{sock}, $ask) && $!{ECONNRESET};
}

sub heard {
  my $t = shift;
  my $got = sysread($t->{sock}, $t->{words}, $MOST - length $t->{words}, length $t->{words});
  return if !defined $got && ($!{EAGAIN} || $!{EINTR});
  my $end = defined $got ? "closed" : $!{ECONNRESET} ? "reset" : "closed";
  $end = "said" if length $t->{words};
  my $enough = $t->{transport} eq "silverlight-policy"
    ? $t->{words} =~ /-policy>.*-policy>|\0\z/s
    : $t->{words} =~ /\n/;
  answer($t, "open", $end, "") if !$got || $enough || length $t->{words} >= $MOST;
}

sub ready {    # what a descriptor's readiness means, or its deadline
  my ($t, $readable, $writable) = @_;
  if ($t->{talks}) {
    return heard($t) if $readable;
    answer($t, "open", length $t->{words} ? "said" : "silent", "") if $t->{until} <= time;
  } elsif ($writable) {
    my $code = unpack("i", getsockopt($t->{sock}, SOL_SOCKET, SO_ERROR));
    $code ? failed($t, $code) : connected($t);
  } elsif ($t->{until} <= time) {
    answer($t, "filtered", "not-asked", "timeout");
  }
}

while (<STDIN>) {
  my %t = (tries => 0);
  @t{qw(index address port transport)} = split;
  push @waiting, \%t if defined $t{transport};
}
my $pace = @waiting > 40 ? 2 / @waiting : 0.05;    # a rate limit must not look like a closed way
$waiting[$_]{delay} = $_ * $pace for 0 .. $#waiting;

while (@waiting || @later || %open) {
  begin(shift @waiting) while @waiting && keys %open < $IN_FLIGHT;
  my $now = time;
  my @due = grep { $_->{at} <= $now } @later;
  @later = grep { $_->{at} > $now } @later;
  begin($_) for @due;
  my ($read, $write) = ("", "");
  my $next = $now + $DEADLINE;
  for my $t (values %open) {
    vec($t->{talks} ? $read : $write, fileno $t->{sock}, 1) = 1;
    $next = $t->{until} if $t->{until} < $next;
  }
  for my $t (@later) { $next = $t->{at} if $t->{at} < $next }
  next unless %open || @later;
  my $wait = $next - time;
  select($read, $write, undef, $wait > 0 ? $wait : 0);
  for my $fd (keys %open) {
    ready($open{$fd}, vec($read, $fd, 1), vec($write, $fd, 1)) if $open{$fd};
  }
}
