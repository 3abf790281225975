"""The healthy packet filters: each grants what edition 16.1 asks for and nothing more.

They use what real rulesets use: named interval sets, jumps, verdict maps, connection tracking,
several base chains with priorities. Faults go into the empty ``*_faults`` chains.
"""

from __future__ import annotations

from tests.lab.topology import CLIENT_PORTS, CLOUD_RANGES, EDGE_LAN, LAN, PREMISES, PUBLIC, Names

_PORTS = ", ".join(str(port) for port in sorted(CLIENT_PORTS))
_CLOUD = ", ".join(CLOUD_RANGES)

_PREMISES = f"""
table inet host {{
  set cloud {{ type ipv4_addr; flags interval; elements = {{ {_CLOUD} }}; }}
  set client_ports {{ type inet_service; elements = {{ {_PORTS} }}; }}

  chain early {{
    type filter hook prerouting priority mangle; policy accept;
    ct state invalid counter drop
  }}
  chain input_faults {{ }}
  chain output_faults {{ }}
  chain from_lan {{
    tcp dport @client_ports ct state new accept
    icmp type echo-request accept
  }}
  chain input {{
    type filter hook input priority filter; policy drop;
    iifname "lo" accept
    ct state established,related accept
    jump input_faults
    iifname "mgmt" tcp dport 22 accept
    iifname "lan" ip saddr {LAN} jump from_lan
    iifname "lan" ip saddr @cloud tcp dport 2010 ct state new counter accept
  }}
  chain late {{
    type filter hook input priority 10; policy accept;
    iifname "mgmt" tcp dport != 22 ct state new drop
  }}
  chain output {{
    type filter hook output priority filter; policy drop;
    oifname "lo" accept
    ct state established,related accept
    jump output_faults
    ip daddr @cloud tcp dport 2010 accept
    ip daddr {LAN} accept
  }}
}}
"""

_CLIENT = f"""
table inet host {{
  set client_ports {{ type inet_service; elements = {{ {_PORTS} }}; }}

  chain input_faults {{ }}
  chain output_faults {{ }}
  chain input {{
    type filter hook input priority filter; policy drop;
    iifname "lo" accept
    ct state vmap {{ established : accept, related : accept, invalid : drop }}
    jump input_faults
    iifname "mgmt" tcp dport 22 accept
    ip saddr {PREMISES} tcp dport @client_ports accept
  }}
  chain output {{
    type filter hook output priority filter; policy drop;
    oifname "lo" accept
    ct state established,related accept
    jump output_faults
    ip daddr {PREMISES} tcp dport @client_ports accept
  }}
}}
"""

_EDGE = f"""
table inet edge {{
  set cloud {{ type ipv4_addr; flags interval; elements = {{ {_CLOUD} }}; }}

  chain forward_faults {{ }}
  chain to_cloud {{
    ip saddr {PREMISES} ip daddr @cloud tcp dport 2010 counter accept
  }}
  chain from_cloud {{
    ip saddr @cloud ip daddr {PREMISES} tcp dport 2010 counter accept
  }}
  chain input {{
    type filter hook input priority filter; policy drop;
    iifname "lo" accept
    ct state established,related accept
    iifname "mgmt" tcp dport 22 accept
    iifname "lan" ip daddr {EDGE_LAN} icmp type echo-request accept
  }}
  chain forward {{
    type filter hook forward priority filter; policy drop;
    ct state vmap {{ established : accept, related : accept, invalid : drop }}
    jump forward_faults
    iifname "lan" oifname "wan" jump to_cloud
    iifname "wan" oifname "lan" jump from_cloud
  }}
}}
table ip nat {{
  chain prerouting {{
    type nat hook prerouting priority dstnat; policy accept;
    iifname "wan" ip daddr {PUBLIC} tcp dport 2010 dnat to {PREMISES}
  }}
  chain postrouting {{
    type nat hook postrouting priority srcnat; policy accept;
    oifname "wan" ip saddr {LAN} masquerade
  }}
}}
"""

_CLOUD_SIDE = """
table inet host {
  chain input {
    type filter hook input priority filter; policy drop;
    iifname "lo" accept
    ct state established,related accept
    iifname "mgmt" tcp dport 22 accept
    iifname "wan" tcp dport 2010 accept
  }
}
"""

HEALTHY = {
    "premises": _PREMISES,
    "client1": _CLIENT,
    "client2": _CLIENT,
    "edge": _EDGE,
    "cloud": _CLOUD_SIDE,
}


def guard(names: Names, outward: tuple[str, ...]) -> str:
    """The root namespace's own rules while the lab is up: what is for the cloud stays here.

    ``outward`` are the interfaces that lead off this machine. The lab's machines may not open
    connections to the root namespace either.
    """
    cloud = f"{{ {_CLOUD} }}"
    egress = "".join(
        f"""
  chain {f"out{number}"} {{
    type filter hook egress device "{device}" priority 0; policy accept;
    ip daddr {cloud} counter drop
    ip saddr {cloud} counter drop
  }}"""
        for number, device in enumerate(outward)
    )
    return f"""
table netdev {names.table} {{{egress}
}}
table inet {names.table} {{
  chain forward {{
    type filter hook forward priority -300; policy accept;
    ip daddr {cloud} counter drop
    ip saddr {cloud} counter drop
  }}
  chain output {{
    type filter hook output priority -300; policy accept;
    ip daddr {cloud} counter drop
  }}
  chain input {{
    type filter hook input priority -300; policy accept;
    iifname "{names.tag}" ct state new drop
  }}
}}
"""
